// Package e2e_test walks through the built program from outside, and makes
// what stands around it fail.
package e2e_test

import (
	"os"
	"testing"

	"ostiary/test/program"
)

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// deployment adds the journeys of these tests.
type deployment struct{ *program.Deployment }

func deploy(t *testing.T, env ...string) deployment {
	t.Helper()
	return deployment{program.Deploy(t, env...)}
}

func deployOn(t *testing.T, on program.Engine, env ...string) deployment {
	t.Helper()
	return deployment{program.DeployOn(t, on, env...)}
}
