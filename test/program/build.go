package program

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Change replaces text in a source file of the program: what stands there
// once, and nowhere else in the file.
type Change struct {
	File     string // from the module's root
	Old, New string
}

// Build compiles the program with changes that no checkout has, and returns
// where it is: to show that a test notices what is broken, or to give the
// program a clock that can be turned.
func Build(t testing.TB, changes ...Change) string {
	t.Helper()
	dir := t.TempDir()
	root := moduleRoot(t)
	replaced := map[string]string{}
	for _, c := range changes {
		original := filepath.Join(root, c.File)
		from := original
		if already := replaced[original]; already != "" {
			from = already
		}
		source, err := os.ReadFile(from)
		require.NoError(t, err)
		require.Equal(t, 1, strings.Count(string(source), c.Old), "%s does not hold %q once", c.File, c.Old)
		changed := filepath.Join(dir, strings.ReplaceAll(c.File, "/", "-"))
		require.NoError(t, os.WriteFile(changed, []byte(strings.Replace(string(source), c.Old, c.New, 1)), 0o600))
		replaced[original] = changed
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	require.NoError(t, err)
	list := filepath.Join(dir, "overlay.json")
	require.NoError(t, os.WriteFile(list, overlay, 0o600))
	out := filepath.Join(dir, "ostiary")
	require.NoError(t, build(out, "-overlay="+list))
	return out
}

func moduleRoot(t testing.TB) string {
	t.Helper()
	dir, err := os.Getwd()
	require.NoError(t, err)
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir
		}
		require.NotEqual(t, filepath.Dir(dir), dir, "no go.mod above the test")
		dir = filepath.Dir(dir)
	}
}
