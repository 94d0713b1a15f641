// Package e2e_test walks through the built program from outside: real binary,
// real store on disk or on a MongoDB server, real HTTP, mail in files.
package e2e_test

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"ostiary/adapters/web/wellknown/openapi"
	"ostiary/test/mongod"
	"ostiary/test/spec"
)

const (
	operatorToken = "e2e-operator-token-0123456789-abcdef"
	// patience bounds every wait for something that another process does.
	patience = 30 * time.Second
)

var (
	binary   string
	document *spec.Spec
)

func TestMain(m *testing.M) { os.Exit(run(m)) }

func run(m *testing.M) int {
	dir, err := os.MkdirTemp("", "ostiary-e2e-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	binary = filepath.Join(dir, "ostiary")
	build := exec.Command("go", "build", "-o", binary, "ostiary/cmd/ostiary")
	build.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := build.CombinedOutput(); err != nil {
		fmt.Fprintf(os.Stderr, "build: %v\n%s", err, out)
		return 1
	}
	if document, err = spec.New(openapi.JSON()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return mongod.Main(m)
}
