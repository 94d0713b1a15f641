package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// The process that was started is the one that serves, and leaves the memory
// that it does not use to Linux to take.
func TestServer_LeavesItsFreeMemoryToLinux(t *testing.T) {
	t.Parallel()
	for given, want := range map[string]string{
		"GODEBUG=":               "GODEBUG=madvdontneed=0",
		"GODEBUG=madvdontneed=1": "GODEBUG=madvdontneed=1",
	} {
		d := program.Deploy(t, given)
		d.Start()

		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", d.PID()))

		require.NoError(t, err)
		require.Contains(t, strings.Split(string(environ), "\x00"), want)
	}
}
