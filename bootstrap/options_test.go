package bootstrap

import (
	"io"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"ostiary/adapters/web"
)

// TestOptions_AreComplete needs the modules themselves, which nobody outside
// has use for.
func TestOptions_AreComplete(t *testing.T) {
	t.Parallel()
	for name, engine := range map[string]Engine{"sqlite": SQLite, "mongo": MongoDB} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NoError(t, validate(engine))
		})
	}
}

func TestOptions_RefuseAnEngineThatIsNone(t *testing.T) {
	t.Parallel()
	require.ErrorContains(t, validate(0), "no storage is configured")
}

func validate(e Engine) error {
	return fx.ValidateApp(
		Options(Config{Storage: Storage{Engine: e}}, Surroundings{Log: zap.NewNop(), Console: io.Discard}), webModule,
		fx.Provide(newWorkers, newSeeder),
		fx.Invoke(serveMetrics, func(*web.Server, *Workers, seeder) {}),
	)
}
