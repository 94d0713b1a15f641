package bootstrap_test

import (
	"bytes"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/port"
	"ostiary/bootstrap"
	"ostiary/domain/secret"
)

// run is one command with what it printed.
type run struct {
	out, errs string
	code      int
}

func command(args ...string) run {
	var out, errs bytes.Buffer
	code := bootstrap.Main(args, strings.NewReader(""), &out, &errs)
	return run{out.String(), errs.String(), code}
}

// on runs a command on the store in that file.
func on(t *testing.T, path string, args ...string) string {
	t.Helper()
	got := command(append(args, "--storage=sqlite:"+path)...)
	require.Zero(t, got.code, "%v: %s", args, got.errs)
	return got.out
}

func copied(from, to string) run {
	return command("store", "copy", "--json", "--from=sqlite:"+from, "--to=sqlite:"+to)
}

func file(t *testing.T, name string) string { return filepath.Join(t.TempDir(), name) }

func TestStoreCopy_MovesADeployment(t *testing.T) {
	t.Parallel()
	from, to := file(t, "old.db"), file(t, "new.db")
	on(t, from, "tenant", "create", "acme", "--name=Acme", "--currency=EUR")
	on(t, from, "token", "create", "ci", "--permission=all")
	on(t, from, "keys", "rotate")
	addresses := file(t, "from")
	require.NoError(t, os.WriteFile(addresses, []byte("sqlite:"+from+"\n"), 0o600))

	got := command("store", "copy", "--from-file="+addresses, "--to=sqlite:"+to)

	require.Zero(t, got.code, got.errs)
	require.Regexp(t, `(?m)^tenants +1 +[0-9a-f]{16}$`, got.out)
	require.Regexp(t, `(?m)^comparing: \d+ of \d+ records \(100%\), outbox$`, got.errs)
	require.Contains(t, got.errs, "copy "+from+".key to "+to+".key")
	key, err := os.ReadFile(from + ".key")
	require.NoError(t, err)
	require.NotContains(t, got.errs+got.out, strings.TrimSpace(string(key)))
	require.NoFileExists(t, to+".key")
	require.NoError(t, os.WriteFile(to+".key", key, 0o600))
	for _, list := range [][]string{{"tenant", "list"}, {"token", "list"}, {"keys", "list"}} {
		require.Equal(t, on(t, from, list...), on(t, to, list...))
	}
	on(t, to, "audit", "verify")
}

func TestStoreCopy_PrintsJSON(t *testing.T) {
	t.Parallel()
	from, to := file(t, "old.db"), file(t, "new.db")
	on(t, from, "tenant", "create", "acme", "--name=Acme", "--currency=EUR")

	got := copied(from, to)

	require.Zero(t, got.code, got.errs)
	var report struct {
		Sections []struct {
			Section string
			Records int
			SHA256  string
		}
		Differences []any
	}
	require.NoError(t, json.Unmarshal([]byte(got.out), &report))
	require.Len(t, report.Sections, len(port.Sections()))
	require.Equal(t, "tenants", report.Sections[0].Section)
	require.Equal(t, 1, report.Sections[0].Records)
	require.Len(t, report.Sections[0].SHA256, 64)
	require.NotNil(t, report.Differences)
}

func TestStoreCopy_RefusesByExitCode(t *testing.T) {
	t.Parallel()
	from, full, target := file(t, "old.db"), file(t, "full.db"), file(t, "new.db")
	for _, path := range []string{from, full} {
		on(t, path, "tenant", "create", "acme", "--name=Acme", "--currency=EUR")
	}
	for name, row := range map[string]struct {
		args []string
		code int
		says string
	}{
		"no source":        {[]string{"--to=sqlite:" + target}, 2, "--from"},
		"two sources":      {[]string{"--from=sqlite:a", "--from-file=a", "--to=sqlite:" + target}, 2, "--from"},
		"no such file":     {[]string{"--from-file=/does/not/exist", "--to=sqlite:" + target}, 2, "--from-file=/does/not/exist"},
		"no address":       {[]string{"--from=sqlite:" + from, "--to=postgres://ana:hunter2@db/x"}, 2, "--to="},
		"a missing source": {[]string{"--from=sqlite:" + target + ".gone", "--to=sqlite:" + target}, 1, "is not there"},
		"a full target":    {[]string{"--from=sqlite:" + from, "--to=sqlite:" + full}, 1, "The target is not empty."},
		"onto itself":      {[]string{"--from=sqlite:" + from, "--to=sqlite:" + from}, 1, "The target is not empty."},
	} {
		got := command(append([]string{"store", "copy"}, row.args...)...)
		require.Equal(t, row.code, got.code, "%s: %s", name, got.errs)
		require.Contains(t, got.errs, row.says, name)
		require.NotContains(t, got.errs, "hunter2", name)
		require.NoFileExists(t, target+".gone", "looking for a source does not make one")
	}
}

// TestStoreCopy_HoldsTheTargetUntilItIsWhole begins with a target that another
// copy has left.
func TestStoreCopy_HoldsTheTargetUntilItIsWhole(t *testing.T) {
	t.Parallel()
	from, to := file(t, "old.db"), file(t, "new.db")
	on(t, from, "tenant", "create", "acme", "--name=Acme", "--currency=EUR")
	on(t, to, "tenant", "create", "acme", "--name=Acme", "--currency=EUR")
	db, err := sqlite.Open(t.Context(), to, sqlite.Options{})
	require.NoError(t, err)
	require.NoError(t, sqlite.NewArchive(db).SetCheckpoint(t.Context(), port.Checkpoint{Source: secret.Digest{1}}))
	require.NoError(t, db.Close())

	for _, args := range [][]string{{"tenant", "list"}, {"serve", "--listen=127.0.0.1:0"}, {"doctor", "--listen=127.0.0.1:0"}} {
		got := command(append(args, "--storage=sqlite:"+to)...)
		require.Equal(t, 1, got.code)
		require.Contains(t, got.errs+got.out, "copy", args)
	}
	got := copied(from, to)
	require.Equal(t, 1, got.code)
	require.Contains(t, got.errs, "remove the target and begin again")
	got = copied(to, from+".other")
	require.Equal(t, 1, got.code, "half a copy is no source")
}
