// Package program runs the built program for tests and talks to it from
// outside: real binary, real store on disk or on a MongoDB server, real HTTP
// that is held to the OpenAPI document, mail in files. What is tested with it
// stays with the tests.
//
// A package that uses it calls Main from its TestMain.
package program

import (
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"time"

	"ostiary/adapters/web/wellknown/openapi"
	"ostiary/test/mongod"
	"ostiary/test/spec"
)

const (
	// OperatorToken is the configured operator token of every deployment.
	OperatorToken = "e2e-operator-token-0123456789-abcdef"
	// Patience bounds every wait for something that another process does.
	Patience = 30 * time.Second
)

var (
	binary string
	// Document is the served OpenAPI document, which every answer that goes
	// through a Deployment's client is checked against.
	Document *spec.Spec
	// scratch is there as long as the test binary runs.
	scratch string
)

// Main builds the program, runs the tests, or what else measures it, and ends
// what they shared.
func Main(m mongod.Runner) int {
	dir, err := os.MkdirTemp("", "ostiary-program-")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	defer func() { _ = os.RemoveAll(dir) }()
	scratch, binary = dir, filepath.Join(dir, "ostiary")
	if err := build(binary); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	if Document, err = spec.New(openapi.JSON()); err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 1
	}
	return mongod.Main(shared{m})
}

// build compiles the program as it ships; flags come before the package.
func build(to string, flags ...string) error {
	args := slices.Concat([]string{"build", "-trimpath", "-o", to}, flags, []string{"ostiary/cmd/ostiary"})
	cmd := exec.Command("go", args...)
	cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=")
	if out, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build: %w\n%s", err, out)
	}
	return nil
}
