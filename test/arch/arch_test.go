// Package arch_test holds the tree to the table of who may import whom. It
// owns that table; the linter's copy only tells the editor sooner.
package arch_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

const module = "ostiary/"

// layer is one row: packages at or below path may import ours and third.
// A trailing "$" names that package alone, a leading "!" takes away, "*" is
// everything.
type layer struct {
	path        string
	ours, third []string
}

// layers stands with the most specific path first: the first match decides.
var layers = []layer{
	{"domain", []string{"domain"}, []string{"golang.org/x/text", "golang.org/x/net/idna"}},
	{"app/port", []string{"domain"}, nil},
	{"app", []string{"domain", "app/port"}, nil},
	{"adapters/web$", []string{"domain", "app", "!app/port"}, []string{"*"}},
	{"adapters/web", []string{"domain", "app", "!app/port", "adapters/web$"}, []string{"github.com/gofiber/fiber/v2"}},
	{"adapters/cli", []string{"domain", "app", "!app/port"}, []string{"*"}},
	{"adapters", []string{"domain", "app/port"}, []string{"*"}},
	{"bootstrap", []string{"*", "!test"}, []string{"*"}},
	{"cmd", []string{"bootstrap"}, nil},
	{"test", []string{"*"}, []string{"*"}},
}

// capabilities are the pairs of use case packages that may know each other;
// each entry is a decision, so the list is short.
var capabilities = []string{
	"app/access -> app/tenancy",    // a bearer may contradict the request's other sources
	"app/directory -> app/tenancy", // who may act on a tenant is decided in one place
	"app/ledger -> app/tenancy",
	"app/operation -> app/tenancy",
	"app/profile -> app/access",
	"app/signin -> app/access",
	"app/signin -> app/proof",
	"app/signin -> app/tenancy",
	"app/credential -> app/access",
	"app/credential -> app/proof",
	"app/credential -> app/tenancy",
	"app/credential -> app/directory", // enrolment makes a contact and its login
}

// homes are the libraries that one package alone may know, so that a single
// commit can replace them.
var homes = map[string]string{
	"go.uber.org/fx":              "bootstrap",
	"github.com/lestrrat-go/jwx":  "adapters/jose",
	"go.mongodb.org/mongo-driver": "adapters/mongo",
}

// impure are the parts of the standard library that bring a deadline, a
// network, a disk or a log into what must be pure decisions.
var impure = []string{"context$", "net$", "net/http", "database/sql", "os", "log"}

// dangers are the parts of the standard library that nothing which ships may
// use: they run programs and foreign code, step around the memory safety of
// the language, decode into types that the sender names, tell of the process,
// or rest on cryptography that is broken.
var dangers = []string{
	"C$", "unsafe", "plugin", "os/exec", "encoding/gob", "encoding/xml", "net/rpc", "net/http/pprof", "expvar",
	"math/rand$", "crypto/md5", "crypto/sha1", "crypto/des", "crypto/rc4", "crypto/dsa",
}

// excused are the uses of dangers with the one package that may, and why.
var excused = map[string]string{
	// It starts this program itself, with an argument that is written there.
	"os/exec": "adapters/argon",
	// It speaks to that child alone, in JSON, which names no types.
	"net/rpc": "adapters/argon", "net/rpc/jsonrpc": "adapters/argon",
}

// outward are the calls that ask another server by HTTP, with the one package
// that may: ostiary doctor asks the address that it is to listen on.
var (
	outward     = regexp.MustCompile(`\b(?:http\.(?:Get|Post|PostForm|Head|Client|DefaultClient|NewRequest\w*|Transport)|(?:fasthttp|fiber)\.(?:Client|HostClient|Get|Post|Do|Agent|AcquireAgent|AcquireClient))\b`)
	outwardHome = module + "bootstrap"
)

type pkg struct {
	ImportPath, Dir  string
	Imports, GoFiles []string
}

func TestImports(t *testing.T) {
	t.Parallel()

	pkgs := list(t)

	require.Empty(t, violations(pkgs))
}

func TestDangers_AreNotImported(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if within(p.ImportPath, module+"test") || within(p.ImportPath, module+".ci") {
			continue
		}
		for _, to := range p.Imports {
			require.False(t, matches(dangers, to) && module+excused[to] != p.ImportPath, "%s imports %s", p.ImportPath, to)
		}
	}
}

// A system call that is made by its number takes addresses that nothing checks.
func TestSystemCalls_AreMadeInOnePlace(t *testing.T) {
	t.Parallel()
	byNumber := regexp.MustCompile(`\b(?:syscall|unix)\.(?:Raw)?Syscall6?\b`)
	var made []string
	for _, p := range list(t) {
		for _, name := range p.GoFiles {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)
			for range byNumber.FindAll(src, -1) {
				made = append(made, p.ImportPath+"/"+name)
			}
		}
	}

	require.Equal(t, []string{module + "adapters/system/start_linux.go"}, made, "the one of madvise(2)")
}

// What people write into settings is never fetched: there is nothing to fetch with.
func TestOutward_NobodyIsAskedByHTTP(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if within(p.ImportPath, module+"test") || p.ImportPath == outwardHome {
			continue
		}
		for _, name := range p.GoFiles {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)

			require.Empty(t, outward.FindAllString(string(src), -1), "%s/%s", p.ImportPath, name)
		}
	}
}

func TestClock(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		if within(p.ImportPath, module+"adapters/system") || within(p.ImportPath, module+"test") {
			continue
		}
		for _, name := range p.GoFiles {
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)

			require.Empty(t, clockReads(t, src), "%s/%s reads the wall clock; take a port.Clock", p.ImportPath, name)
		}
	}
}

func TestMainIsShort(t *testing.T) {
	t.Parallel()
	for _, p := range list(t) {
		for _, name := range p.GoFiles {
			if !within(p.ImportPath, module+"cmd") {
				continue
			}
			src, err := os.ReadFile(filepath.Join(p.Dir, name))
			require.NoError(t, err)

			require.LessOrEqual(t, bytes.Count(src, []byte("\n")), 30, "%s/%s", p.ImportPath, name)
		}
	}
}

func TestViolations_AreCaught(t *testing.T) {
	t.Parallel()
	for _, planted := range []string{
		"domain/user -> context",
		"domain/user -> net/http",
		"domain/user -> database/sql",
		"domain/user -> github.com/google/uuid",
		"domain/user -> ostiary/app/port",
		"app/port -> ostiary/app/signin",
		"app/signin -> go.uber.org/zap",
		"app/signin -> ostiary/adapters/sqlite",
		"app/access -> ostiary/app/signin", // the allowed pair, turned round
		"app/directory -> ostiary/app/signin",
		"adapters/sqlite -> ostiary/adapters/mongo",
		"adapters/sqlite -> ostiary/app/signin",
		"adapters/mail -> ostiary/adapters/system",
		"adapters/mail -> go.uber.org/fx",
		"adapters/mail -> github.com/lestrrat-go/jwx/v2/jwt",
		"adapters/web -> ostiary/app/port",
		"adapters/web -> ostiary/adapters/web/alpha",
		"adapters/web/alpha -> ostiary/app/port",
		"adapters/web/alpha -> ostiary/adapters/web/exsited",
		"adapters/web/alpha -> ostiary/adapters/sqlite",
		"adapters/web/alpha -> go.uber.org/zap",
		"adapters/cli -> ostiary/app/port",
		"bootstrap -> ostiary/test/fake",
		"cmd/ostiary -> ostiary/adapters/web",
		"test/fake -> go.uber.org/fx",
		"util -> fmt", // no such layer
	} {
		require.Len(t, violations(plant(planted)), 1, planted)
	}
}

func TestViolations_LetTheTableThrough(t *testing.T) {
	t.Parallel()
	for _, planted := range []string{
		"domain/email -> golang.org/x/net/idna",
		"app/signin -> ostiary/app/port",
		"app/signin -> ostiary/app/access",
		"app/signin -> ostiary/app/proof",
		"app/tenancy -> context",
		"adapters/sqlite -> modernc.org/sqlite",
		"adapters/jose -> github.com/lestrrat-go/jwx/v2/jwt",
		"adapters/web -> go.uber.org/zap",
		"adapters/web/alpha -> ostiary/adapters/web",
		"adapters/web/alpha -> ostiary/app/signin",
		"adapters/web/alpha -> github.com/gofiber/fiber/v2",
		"bootstrap -> go.uber.org/fx",
		"bootstrap -> ostiary/app/port",
		"cmd/ostiary -> ostiary/bootstrap",
		"test/e2e -> ostiary/bootstrap",
	} {
		require.Empty(t, violations(plant(planted)), planted)
	}
}

func TestClockReads_SeesThroughAnAlias(t *testing.T) {
	t.Parallel()

	read := clockReads(t, []byte("package p\nimport clock \"time\"\nvar a, b = clock.Now(), clock.Since"))
	spared := clockReads(t, []byte("package p\nimport \"time\"\nvar c struct{ Now func() }\nvar a, b = time.Unix, c.Now"))

	require.Equal(t, []string{"Now", "Since"}, read)
	require.Empty(t, spared)
}

// violations names every import that the table does not have.
func violations(pkgs []pkg) (found []string) {
	for _, p := range pkgs {
		from := strings.TrimPrefix(p.ImportPath, module)
		i := slices.IndexFunc(layers, func(l layer) bool { return within(from, l.path) })
		if i < 0 {
			found = append(found, from+" is in no layer")
			continue
		}
		for _, to := range p.Imports {
			if !allowed(layers[i], from, to) {
				found = append(found, fmt.Sprintf("%s -> %s", from, to))
			}
		}
	}
	return found
}

func allowed(l layer, from, to string) bool {
	for library, home := range homes {
		// Tests may read tokens and tables with the library; fx they may not.
		exempt := l.path == "test" && home != "bootstrap"
		if within(to, library) && !within(from, home) && !exempt {
			return false
		}
	}
	if to, ok := strings.CutPrefix(to, module); ok {
		return matches(l.ours, to) || l.path == "app" &&
			(slices.Contains(capabilities, from+" -> "+to) || slices.Contains(capabilities, "* -> "+to))
	}
	if root, _, _ := strings.Cut(to, "/"); strings.Contains(root, ".") {
		return matches(l.third, to)
	}
	return l.path != "domain" || !matches(impure, to)
}

func matches(patterns []string, path string) bool {
	hit := false
	for _, p := range patterns {
		if taken, ok := strings.CutPrefix(p, "!"); ok && within(path, taken) {
			return false
		}
		hit = hit || p == "*" || within(path, p)
	}
	return hit
}

func within(path, root string) bool {
	if exact, ok := strings.CutSuffix(root, "$"); ok {
		return path == exact
	}
	return path == root || strings.HasPrefix(path, root+"/")
}

// clockReads names the calls in src that read the wall clock.
func clockReads(t *testing.T, src []byte) (found []string) {
	t.Helper()
	file, err := parser.ParseFile(token.NewFileSet(), "", src, parser.SkipObjectResolution)
	require.NoError(t, err)
	clock := ""
	for _, spec := range file.Imports {
		if spec.Path.Value == `"time"` {
			clock = "time"
			if spec.Name != nil {
				clock = spec.Name.Name
			}
		}
	}
	ast.Inspect(file, func(n ast.Node) bool {
		if s, ok := n.(*ast.SelectorExpr); ok && slices.Contains([]string{"Now", "Since", "Until"}, s.Sel.Name) {
			if x, ok := s.X.(*ast.Ident); ok && x.Name == clock {
				found = append(found, s.Sel.Name)
			}
		}
		return true
	})
	return found
}

func plant(arrow string) []pkg {
	from, to, _ := strings.Cut(arrow, " -> ")
	return []pkg{{ImportPath: module + from, Imports: []string{to}}}
}

func list(t *testing.T) (pkgs []pkg) {
	t.Helper()
	// With a profile each package is listed as the one that it becomes for the
	// program.
	out, err := exec.CommandContext(t.Context(), "go", "list", "-pgo=off", "-json=ImportPath,Dir,Imports,GoFiles", module+"...").Output()
	require.NoError(t, err)
	for dec := json.NewDecoder(bytes.NewReader(out)); ; {
		var p pkg
		if err := dec.Decode(&p); errors.Is(err, io.EOF) {
			return pkgs
		} else if err != nil {
			require.NoError(t, err)
		}
		pkgs = append(pkgs, p)
	}
}
