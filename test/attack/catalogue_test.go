package attack_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"path/filepath"
	"regexp"
	"slices"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"
)

// checks is how many the catalogue has.
const checks = 106

// notApplicable are the checks that nothing here can be held to, with the
// reason.
var notApplicable = map[int]string{
	98: "dropping what was not flushed takes LazyFS or dm-flakey, of which a test can bring neither: a killed process " +
		"(97) leaves the kernel's cache, a power cut would not. That each commit is flushed (WAL, synchronous=FULL, one " +
		"connection that writes) is asserted in adapters/sqlite, and writes to MongoDB wait for a majority's journal",
	105: "there is no earlier release to roll from or back to; a schema of a later one is refused at start (adapters/sqlite)",
}

var numbered = regexp.MustCompile(`^Test(\d{3})_[A-Z]`)

// TestCatalogue asserts that every check is either automated or explained.
func TestCatalogue(t *testing.T) {
	t.Parallel()
	automated := map[int]string{}
	for _, name := range testNames(t) {
		if found := numbered.FindStringSubmatch(name); found != nil {
			n, err := strconv.Atoi(found[1])
			require.NoError(t, err)
			require.True(t, n >= 1 && n <= checks, "%s: there is no such check", name)
			automated[n] = name
		}
	}
	var missing []int
	for n := 1; n <= checks; n++ {
		reason, excused := notApplicable[n]
		require.False(t, excused && automated[n] != "", "check %d is automated by %s and excused", n, automated[n])
		require.True(t, !excused || reason != "", "check %d is excused without a reason", n)
		if !excused && automated[n] == "" {
			missing = append(missing, n)
		}
	}
	require.Empty(t, missing, "checks that nobody runs")
}

// testNames lists the test functions of this package.
func testNames(t *testing.T) []string {
	t.Helper()
	files, err := filepath.Glob("*_test.go")
	require.NoError(t, err)
	require.NotEmpty(t, files)
	var names []string
	for _, file := range files {
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.SkipObjectResolution)
		require.NoError(t, err)
		for _, d := range parsed.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && f.Recv == nil {
				names = append(names, f.Name.Name)
			}
		}
	}
	slices.Sort(names)
	return names
}
