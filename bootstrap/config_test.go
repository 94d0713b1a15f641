package bootstrap_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/cli"
	"ostiary/bootstrap"
)

// shipped are the settings of a machine on which nothing is set.
func shipped() cli.Settings {
	return cli.Settings{
		Listen: "127.0.0.1:18080", StaleSeconds: "30", Argon2MemoryKiB: "19456", Argon2Iterations: "2", Argon2Parallelism: "1",
		SigningAlgorithm: "ES256", ExpiresUnit: "ms", ParityRoutes: "on", LogLevel: "info", LogFormat: "json",
	}
}

func TestNewConfig_TakesWhatIsShipped(t *testing.T) {
	t.Parallel()
	c, err := bootstrap.NewConfig(shipped())
	require.NoError(t, err)
	require.Equal(t, "data/ostiary.db", c.SQLitePath)
	require.True(t, c.ParityRoutes)
	require.False(t, c.ExpiresSeconds)
	require.Equal(t, uint32(19456), c.Argon.MemoryKiB)
}

// TestNewConfig_NamesEachWrongValue holds every refusal to one line that names
// the variable and shows no secret.
func TestNewConfig_NamesEachWrongValue(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	for name, set := range map[string]func(*cli.Settings){
		"OSTIARY_LISTEN":                func(s *cli.Settings) { s.Listen = "nonsense" },
		"OSTIARY_PUBLIC_URL":            func(s *cli.Settings) { s.PublicURL = "http://u:" + canary + "@host" },
		"OSTIARY_STORAGE":               func(s *cli.Settings) { s.Storage = "mysql://u:" + canary + "@db" },
		"OSTIARY_STORAGE_FILE":          func(s *cli.Settings) { s.StorageFile = "/does/not/exist" },
		"OSTIARY_MASTER_KEY":            func(s *cli.Settings) { s.MasterKey = canary },
		"OSTIARY_OPERATOR_TOKEN":        func(s *cli.Settings) { s.OperatorToken = canary },
		"OSTIARY_MAIL":                  func(s *cli.Settings) { s.Mail = "smtp://u:" + canary + "@host" },
		"OSTIARY_LIMITS":                func(s *cli.Settings) { s.Limits = "login-user=1/1m,login-user=2/1m" },
		"OSTIARY_STALE_SECONDS":         func(s *cli.Settings) { s.StaleSeconds = "0" },
		"OSTIARY_BASE_DOMAIN":           func(s *cli.Settings) { s.BaseDomain = "-no-" },
		"OSTIARY_DEFAULT_TENANT":        func(s *cli.Settings) { s.DefaultTenant = "no code" },
		"OSTIARY_TRUSTED_PROXIES":       func(s *cli.Settings) { s.TrustedProxies = "10.0.0.0/8,everybody" },
		"OSTIARY_ARGON2_MEMORY_KIB":     func(s *cli.Settings) { s.Argon2MemoryKiB = "12" },
		"OSTIARY_ARGON2_ITERATIONS":     func(s *cli.Settings) { s.Argon2Iterations = "x" },
		"OSTIARY_ARGON2_PARALLELISM":    func(s *cli.Settings) { s.Argon2Parallelism = "0" },
		"OSTIARY_SIGNING_ALGORITHM":     func(s *cli.Settings) { s.SigningAlgorithm = "none" },
		"OSTIARY_EXPIRES_UNIT":          func(s *cli.Settings) { s.ExpiresUnit = "h" },
		"OSTIARY_PARITY_ROUTES":         func(s *cli.Settings) { s.ParityRoutes = "maybe" },
		"OSTIARY_METRICS_LISTEN":        func(s *cli.Settings) { s.MetricsListen = "9090" },
		"OSTIARY_LOG_LEVEL":             func(s *cli.Settings) { s.LogLevel = "loud" },
		"OSTIARY_LOG_FORMAT":            func(s *cli.Settings) { s.LogFormat = "xml" },
		"OSTIARY_PUBLIC_URL=\"\"":       func(s *cli.Settings) { s.Listen, s.Mail = "0.0.0.0:1", "file:x" },
		"OSTIARY_MAIL=\"console:\"":     func(s *cli.Settings) { s.PublicURL = "https://portal.example.com" },
		"OSTIARY_MASTER_KEY_FILE=\"x\"": func(s *cli.Settings) { s.MasterKey, s.MasterKeyFile = canary, "x" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s := shipped()
			set(&s)

			_, err := bootstrap.NewConfig(s)

			require.Error(t, err)
			lines := strings.Split(err.Error(), "\n")
			require.Len(t, lines, 1)
			require.True(t, strings.HasPrefix(lines[0], name), lines[0])
			require.Contains(t, lines[0], "accepted is")
			require.NotContains(t, lines[0], canary)
		})
	}
}

func TestNewConfig_ReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	s := shipped()
	s.StaleSeconds, s.ExpiresUnit, s.LogLevel = "x", "x", "x"
	_, err := bootstrap.NewConfig(s)
	require.Len(t, strings.Split(err.Error(), "\n"), 3)
}
