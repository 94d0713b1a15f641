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
	require.NoError(t, fx.ValidateApp(
		Options(Config{}, Surroundings{Log: zap.NewNop(), Console: io.Discard}), webModule,
		fx.Provide(newWorkers, newSeeder),
		fx.Invoke(serveMetrics, func(*web.Server, *Workers, seeder) {}),
	))
}
