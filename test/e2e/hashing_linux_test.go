package e2e_test

import (
	"fmt"
	"os"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Passwords are hashed by a process of its own, which is less urgent, knows no
// secret of the server's, and need not live as long.
func TestServer_HashesInAProcessOfItsOwn(t *testing.T) {
	t.Parallel()
	d := program.Deploy(t)
	d.Start()
	p := d.Found("acme")
	d.SignIn(p)
	first := hashing(t, d)

	own, theirs := d.Niceness(d.PID()), d.Niceness(first)
	require.Equal(t, min(own+10, 19), theirs)
	for _, s := range []string{"environ", "cmdline"} {
		told, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", first, s))
		require.NoError(t, err)
		require.NotContains(t, string(told), "OSTIARY_")
	}

	pid := first
	for range 5 { // while it has work to do
		signedIn := make(chan map[int][]program.Reply)
		go func() { signedIn <- d.Parallel(8, program.Login(p.Code, program.FirstPassword)) }()
		require.NoError(t, syscall.Kill(pid, syscall.SIGKILL))
		for status, answers := range <-signedIn {
			require.Contains(t, []int{200, 503}, status) // 503: killed twice, or before it had done anything
			require.NotEmpty(t, answers)
		}
		require.Eventually(t, func() bool { return d.Send(program.Login(p.Code, program.FirstPassword)).Status == 200 },
			program.Patience, 20*time.Millisecond)
		next := hashing(t, d)
		require.NotEqual(t, pid, next)
		pid = next
	}
	require.Equal(t, own, d.Niceness(d.PID()))
	require.Eventually(t, func() bool { return strings.Count(d.Log(), "the child that hashes passwords") >= 5 },
		program.Patience, 20*time.Millisecond)
	require.Contains(t, d.Log(), "signal: killed")

	d.Kill()
	require.Eventually(t, func() bool {
		environ, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
		return err != nil || len(environ) == 0
	}, program.Patience, 10*time.Millisecond, "it ends with the server, however that did")
}

func hashing(t *testing.T, d *program.Deployment) int {
	t.Helper()
	children := d.Children()
	require.Len(t, children, 1)
	return children[0]
}
