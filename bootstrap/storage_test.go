package bootstrap_test

import (
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/bootstrap"
	"ostiary/test/mongod"
)

// TestNewConfig_ShowsNoPartOfAPassword goes through refused addresses whose
// passwords are cut, unescaped or in the wrong place: "hunter2" and "p4ss" are
// never shown, nor is any option.
func TestNewConfig_ShowsNoPartOfAPassword(t *testing.T) {
	t.Parallel()
	for address, shown := range map[string]string{
		// An '@' among the options.
		"mongodb://h/?tlsCertificateKeyFilePassword=p4ss@hunter2":              "mongodb://[secret]",
		"mongodb://u:p4ss@h/?tlsCertificateKeyFilePassword=p4ss@hunter2":       "mongodb://[secret]",
		"mongodb://h/?tlsCertificateKeyFilePassword=p4ss@hunter2/o":            "mongodb://[secret]",
		"mongodb://h/admin?a=b&tlsCertificateKeyFilePassword=p4ss@hunter2:1/o": "mongodb://[secret]",
		"mongodb://h?tlsCertificateKeyFilePassword=@hunter2":                   "mongodb://[secret]",
		"mongodb://h?tlsCertificateKeyFilePassword=p4ss@hunter2/o":             "mongodb://[secret]",
		"mongodb://h/?a=p4ss?b@hunter2":                                        "mongodb://[secret]",
		"mongodb+srv://h/?proxyPassword=p4ss@hunter2":                          "mongodb+srv://[secret]",
		// A password with a mark of addresses.
		"mongodb://u:p4ss?hunter2@h/admin":  "mongodb://[secret]",
		"mongodb://u:p4ss?@hunter2@h/admin": "mongodb://[secret]",
		"mongodb://u:p4ss/hunter2@h/o":      "mongodb://[secret]",
		"mongodb://u:p4ss#hunter2@h/admin":  "mongodb://[secret]",
		"mongodb://u:p4ss@hunter2@h/o":      "mongodb://[secret]",
		"mongodb://u:p4ss@hunter2/x@h/o":    "mongodb://[secret]",
		"mongodb://u:p4ss@h,hunter2@h2/o":   "mongodb://[secret]",
		"mongodb://u:p4ss://hunter2@h/o":    "mongodb://[secret]",
		"mongodb://u:p4ss%hunter2@h/admin":  "mongodb://[secret]@h/admin",
		// Parts left out or in the wrong place.
		"mongodb://u:hunter2":                                     "mongodb://[secret]",
		"mongodb://u:hunter2/o":                                   "mongodb://[secret]",
		"mongodb://u:p4ss@":                                       "mongodb://[secret]",
		"mongodb://u:p4ss@/hunter2":                               "mongodb://[secret]",
		"mongodb://h/admin@hunter2":                               "mongodb://[secret]",
		"mongodb://h/o%3FtlsCertificateKeyFilePassword=hunter2":   "mongodb://[secret]",
		"mongodb://h/a.b&tlsCertificateKeyFilePassword=hunter2":   "mongodb://[secret]",
		"mongodb://h/admin#tlsCertificateKeyFilePassword=hunter2": "mongodb://[secret]",
		"mongodb://h/?tlsCertificateKeyFilePassword=hunter2":      "mongodb://h/",
		"mongodb://u:p4ss@h/admin?proxyPassword=hunter2":          "mongodb://[secret]@h/admin",
		// Another scheme, or none.
		"mysql://u:p4ss@h/o?x=hunter2":       "mysql://[secret]",
		"u:p4ss://hunter2@h/o":               "[secret]",
		"u:p4ss@h/hunter2":                   "[secret]",
		"p4ss@h:27017/hunter2":               "[secret]",
		"h?password=hunter2":                 "[secret]",
		"mongodb:u:p4ss@hunter2":             "mongodb:[secret]",
		"sqlite:data.db?_key=hunter2":        "sqlite:[secret]",
		"sqlite://data.db?_key=p4ss@hunter2": "sqlite://[secret]",
		"./data/ostiary.db":                  "./data/ostiary.db",
	} {
		s := shipped()
		s.Storage, s.MasterKey = address, masterKey

		_, err := bootstrap.NewConfig(s)

		require.ErrorContains(t, err, `OSTIARY_STORAGE="`+shown+`": accepted is`, address)
		for _, part := range []string{"hunter2", "p4ss", "Password"} {
			require.NotContains(t, err.Error(), part, address)
		}
	}
}

func TestStoreCopy_ShowsNoPartOfAPassword(t *testing.T) {
	t.Parallel()
	const hostile = "mongodb://h/?tlsCertificateKeyFilePassword=p4ss@hunter2"
	for _, args := range [][]string{{"--from=" + hostile, "--to=sqlite:new.db"}, {"--from=sqlite:old.db", "--to=" + hostile}} {
		stdout, stderr, code := ostiary(append([]string{"store", "copy"}, args...)...)

		require.NotZero(t, code)
		require.Contains(t, stderr, "=mongodb://[secret]: accepted is")
		require.NotContains(t, stdout+stderr, "hunter2")
		require.NotContains(t, stdout+stderr, "p4ss")
	}
}

func TestServe_LogsWhatTheStoreLeavesForLater(t *testing.T) {
	t.Parallel()
	p := mongod.NewFaultProxy(t, mongod.Database(t))
	p.Cut()
	s := serve(t, onMongo(p.URI(), masterKey))

	require.Eventually(t, func() bool { return s.logs.FilterMessage("storage: left for later").Len() > 0 }, patience, 10*time.Millisecond)
	require.NotEmpty(t, s.logs.FilterMessage("storage: left for later").All()[0].ContextMap()["error"])
	s.stop()
	require.NoError(t, s.end(t))
}

// TestRecipes_MakeSecretsThatTheContainerCanRead follows README.md and
// compose.yaml as somebody whose files nobody else may read.
func TestRecipes_MakeSecretsThatTheContainerCanRead(t *testing.T) {
	t.Parallel()
	sh, err := exec.LookPath("sh")
	if err != nil {
		t.Skip("no shell")
	}
	for _, from := range []string{"README.md", "compose.yaml"} {
		text, err := os.ReadFile(filepath.Join("..", from))
		require.NoError(t, err)
		recipe := regexp.MustCompile(`(?m)^(?:# +)?((?:mkdir|openssl|chmod) .*secrets.*)$`).FindAllStringSubmatch(string(text), -1)
		require.Len(t, recipe, 4, from)
		script := "set -e; umask 077; openssl() { echo nothing; }"
		for _, line := range recipe {
			script += "\n" + line[1]
		}
		cmd := exec.CommandContext(t.Context(), sh, "-c", script)
		cmd.Dir = t.TempDir()
		out, err := cmd.CombinedOutput()
		require.NoError(t, err, "%s: %s", from, out)

		for name, mode := range map[string]fs.FileMode{"": 0o700 | fs.ModeDir, "master.key": 0o644, "operator.token": 0o644} {
			info, err := os.Stat(filepath.Join(cmd.Dir, "secrets", name))
			require.NoError(t, err)
			require.Equal(t, mode, info.Mode(), "%s: %s", from, name)
		}
	}
}
