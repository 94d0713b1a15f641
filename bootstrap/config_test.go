package bootstrap_test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/adapters/cli"
	"ostiary/bootstrap"
	"ostiary/domain/throttle"
)

// masterKey is 32 bytes of nothing.
const masterKey = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

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
	require.Equal(t, bootstrap.Storage{Engine: bootstrap.SQLite, Path: "data/ostiary.db"}, c.Storage)
	require.True(t, c.ParityRoutes)
	require.False(t, c.ExpiresSeconds)
	require.Equal(t, uint32(19456), c.Argon.MemoryKiB)
	require.True(t, c.OperatorToken.IsZero(), "nobody is let in by what is shipped")
	require.Equal(t, throttle.Default(), c.Limits)
}

// TestNewConfig_NamesEachWrongValue holds every refusal to one line that names
// the variable and shows no secret.
func TestNewConfig_NamesEachWrongValue(t *testing.T) {
	t.Parallel()
	const canary = "canary-7f3a"
	for name, set := range map[string]func(*cli.Settings){
		"OSTIARY_LISTEN":     func(s *cli.Settings) { s.Listen = "nonsense" },
		"OSTIARY_PUBLIC_URL": func(s *cli.Settings) { s.PublicURL = "http://u:" + canary + "@host" },
		"OSTIARY_STORAGE":    func(s *cli.Settings) { s.Storage = "mysql://u:" + canary + "@db" },
		"OSTIARY_STORAGE=\"mongodb://[secret]@db:27017\"":   stored("mongodb://u:" + canary + "@db:27017"),
		"OSTIARY_STORAGE=\"mongodb://[secret]@db/\"":        stored("mongodb://u:" + canary + "@db/?tlsCertificateKeyFilePassword=" + canary),
		"OSTIARY_STORAGE=\"mongodb://[secret]@db/admin\"":   stored("mongodb://u:" + canary + "@db/admin"),
		"OSTIARY_STORAGE=\"mongodb://[secret]@db/a.b\"":     stored("mongodb://u:" + canary + "@db/a.b"),
		"OSTIARY_STORAGE=\"mongodb://db/o\"":                stored("mongodb://db/o?authMechanism=" + canary),
		"OSTIARY_STORAGE=\"mongodb://[secret]\"":            stored("mongodb://u:" + canary + "/o"),
		"OSTIARY_STORAGE=\"mongodb+srv://[secret]@a,b/o\"":  stored("mongodb+srv://u:" + canary + "@a,b/o"),
		"OSTIARY_STORAGE=\"mongodb+srv://[secret]@db:1/o\"": stored("mongodb+srv://u:" + canary + "@db:1/o"),
		"OSTIARY_STORAGE=\"mongodb:[secret]\"":              stored("mongodb:u:" + canary),
		"OSTIARY_STORAGE=\"sqlite:[secret]\"":               stored("sqlite:?u:" + canary + "@db"),
		"OSTIARY_STORAGE=\"sqlite:\"":                       stored("sqlite:"),
		"OSTIARY_MASTER_KEY=\"\"":                           stored("mongodb://u:" + canary + "@db/o"),
		"OSTIARY_STORAGE_FILE":                              func(s *cli.Settings) { s.StorageFile = "/does/not/exist" },
		"OSTIARY_MASTER_KEY":                                func(s *cli.Settings) { s.MasterKey = canary },
		"OSTIARY_OPERATOR_TOKEN":                            func(s *cli.Settings) { s.OperatorToken = canary },
		"OSTIARY_MAIL":                                      func(s *cli.Settings) { s.Mail = "smtp://u:" + canary + "@host" },
		"OSTIARY_LIMITS":                                    func(s *cli.Settings) { s.Limits = "login-user=1/1m,login-user=2/1m" },
		"OSTIARY_STALE_SECONDS":                             func(s *cli.Settings) { s.StaleSeconds = "0" },
		"OSTIARY_BASE_DOMAIN":                               func(s *cli.Settings) { s.BaseDomain = "-no-" },
		"OSTIARY_DEFAULT_TENANT":                            func(s *cli.Settings) { s.DefaultTenant = "no code" },
		"OSTIARY_TRUSTED_PROXIES":                           func(s *cli.Settings) { s.TrustedProxies = "10.0.0.0/8,everybody" },
		"OSTIARY_ARGON2_MEMORY_KIB":                         func(s *cli.Settings) { s.Argon2MemoryKiB = "12" },
		"OSTIARY_ARGON2_ITERATIONS":                         func(s *cli.Settings) { s.Argon2Iterations = "x" },
		"OSTIARY_ARGON2_PARALLELISM":                        func(s *cli.Settings) { s.Argon2Parallelism = "0" },
		"OSTIARY_SIGNING_ALGORITHM":                         func(s *cli.Settings) { s.SigningAlgorithm = "none" },
		"OSTIARY_EXPIRES_UNIT":                              func(s *cli.Settings) { s.ExpiresUnit = "h" },
		"OSTIARY_PARITY_ROUTES":                             func(s *cli.Settings) { s.ParityRoutes = "maybe" },
		"OSTIARY_METRICS_LISTEN":                            func(s *cli.Settings) { s.MetricsListen = "9090" },
		"OSTIARY_LOG_LEVEL":                                 func(s *cli.Settings) { s.LogLevel = "loud" },
		"OSTIARY_LOG_FORMAT":                                func(s *cli.Settings) { s.LogFormat = "xml" },
		"OSTIARY_PUBLIC_URL=\"\"":                           func(s *cli.Settings) { s.Listen, s.Mail = "0.0.0.0:1", "file:x" },
		"OSTIARY_MAIL=\"console:\"":                         func(s *cli.Settings) { s.PublicURL = "https://portal.example.com" },
		"OSTIARY_MASTER_KEY_FILE=\"x\"":                     func(s *cli.Settings) { s.MasterKey, s.MasterKeyFile = canary, "x" },
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

func stored(address string) func(*cli.Settings) {
	return func(s *cli.Settings) { s.Storage = address }
}

func TestNewConfig_TakesMongoDB(t *testing.T) {
	t.Parallel()
	for value, shown := range map[string]string{
		"mongodb://db/ostiary": "mongodb://db/ostiary",
		"mongodb://u:p%40ss@db1:27017,db2:27018/ostiary?replicaSet=a": "mongodb://db1:27017,db2:27018/ostiary",
		"mongodb://u@[::1]:27017/ostiary?authMechanism=MONGODB-X509":  "mongodb://[::1]:27017/ostiary",
		// Weaker options are taken: the store itself asks for what it needs.
		"mongodb://db/ostiary?w=1&journal=false&readPreference=nearest&retryWrites=false": "mongodb://db/ostiary",
		// Nothing is looked up before the store is opened.
		"mongodb+srv://u:pass@cluster.invalid/ostiary?srvMaxHosts=2": "mongodb+srv://cluster.invalid/ostiary",
	} {
		s := shipped()
		s.Storage, s.MasterKey = value, masterKey

		c, err := bootstrap.NewConfig(s)

		require.NoError(t, err, value)
		require.Equal(t, bootstrap.MongoDB, c.Storage.Engine)
		require.Equal(t, value, c.Storage.Address.Reveal())
		require.Equal(t, "ostiary", c.Storage.At.Database)
		require.Equal(t, shown, c.Storage.String())
	}
}

func TestNewConfig_ReadsAnAddressFromAFile(t *testing.T) {
	t.Parallel()
	file := filepath.Join(t.TempDir(), "storage")
	require.NoError(t, os.WriteFile(file, []byte("mongodb://u:secret@db/ostiary\n"), 0o600))
	s := shipped()
	s.StorageFile, s.MasterKey = file, masterKey

	c, err := bootstrap.NewConfig(s)

	require.NoError(t, err)
	require.Equal(t, "mongodb://u:secret@db/ostiary", c.Storage.Address.Reveal())
	require.NotContains(t, fmt.Sprintf("%+v %#v", c, c), "secret@")
}

func TestParseStorage_KnowsWhatIsEncrypted(t *testing.T) {
	t.Parallel()
	for value, encrypted := range map[string]bool{
		"mongodb://db/o":                    false,
		"mongodb://db/o?tls=true":           true,
		"mongodb://db/o?ssl=true":           true,
		"mongodb+srv://db.test/o":           true,
		"mongodb+srv://db.test/o?tls=false": false,
	} {
		got, ok := bootstrap.ParseStorage(value)
		require.True(t, ok, value)
		require.Equal(t, encrypted, got.At.TLS, value)
	}
}

func TestNewConfig_ReportsEverythingAtOnce(t *testing.T) {
	t.Parallel()
	s := shipped()
	s.StaleSeconds, s.ExpiresUnit, s.LogLevel = "x", "x", "x"
	_, err := bootstrap.NewConfig(s)
	require.Len(t, strings.Split(err.Error(), "\n"), 3)
}

// TestParseStorage_ShowsNoPasswordBeforeAnAt puts a password into what should be
// an address, before an '@' as in one that is well-formed or nearly so.
func TestParseStorage_ShowsNoPasswordBeforeAnAt(t *testing.T) {
	t.Parallel()
	const password = "hunter2hunter2"
	mark := rapid.SampledFrom([]string{
		"mongodb", "+srv", "sqlite", "mysql", "://", ":", "/", "//", "?", "#", "@", "%", "%40", "&", "=", ",", ";", " ", "[", "]", "[::1]", "u", "h", "o", ".", "admin", "tls", "proxyPassword=",
	})
	around := rapid.Map(rapid.SliceOfN(mark, 0, 8), func(parts []string) string { return strings.Join(parts, "") })
	rapid.Check(t, func(t *rapid.T) {
		scheme := rapid.SampledFrom([]string{"", "mongodb://", "mongodb://u:", "mongodb+srv://u:"}).Draw(t, "scheme")
		value := scheme + around.Draw(t, "before") + password + around.Draw(t, "between") + "@" + around.Draw(t, "after")
		if got, ok := bootstrap.ParseStorage(value); ok {
			if got.Engine == bootstrap.MongoDB {
				require.NotContains(t, fmt.Sprintf("%v %+v %#v", got, got, got), password)
			}
			return
		}
		s := shipped()
		s.Storage, s.MasterKey = value, masterKey

		_, err := bootstrap.NewConfig(s)

		require.Error(t, err)
		require.NotContains(t, err.Error(), password)
		require.NotContains(t, err.Error(), "\n", "one line names the variable")
	})
}
