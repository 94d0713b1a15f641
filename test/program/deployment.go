package program

import (
	"bytes"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// Deployment is a store and a folder for mail, served by one process at a time
// or, after Spread, by several.
type Deployment struct {
	T       testing.TB // whoever is told what goes wrong
	On      Engine
	Dir     string
	Storage []string // settings that name the store
	Env     []string // further settings; the last of a name wins
	Binary  string   // the program as it ships unless a test has built another
	URL     string
	Client  *http.Client
	// LogTail is how many bytes of the log are kept once the program listens, for
	// who asks so much that it would be in the way; 0 keeps all.
	LogTail int
	Nodes   []*Deployment // each process by itself; empty when there is one

	process *process
}

// Deploy is DeployOn for what is the same on every engine.
func Deploy(t testing.TB, env ...string) *Deployment {
	t.Helper()
	return DeployOn(t, OnSQLite, env...)
}

// DeployOn makes an empty store. Nothing runs before Start.
func DeployOn(t testing.TB, on Engine, env ...string) *Deployment {
	t.Helper()
	return deployFor(t, on, env...)
}

func deployFor(t testing.TB, on Engine, env ...string) *Deployment {
	t.Helper()
	d := &Deployment{T: t, On: on, Dir: t.TempDir(), Env: env, Binary: binary}
	d.Storage = on.Storage(d)
	return d
}

// For is the same deployment in the hands of another test.
func (d *Deployment) For(t testing.TB) *Deployment {
	t.Helper()
	other := *d
	other.T = t
	other.connect()
	return &other
}

// MailDir is where mails are written, one file each.
func (d *Deployment) MailDir() string { return filepath.Join(d.Dir, "mail") }

// environment is a clean one: nothing of the machine's decides a test.
func (d *Deployment) environment() []string {
	env := append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.Dir,
		"OSTIARY_LISTEN=127.0.0.1:0",
		"OSTIARY_OPERATOR_TOKEN=" + OperatorToken,
		"OSTIARY_MAIL=file:" + d.MailDir(),
		"OSTIARY_LOG_FORMAT=json",
	}, d.Storage...)
	return append(env, d.Env...)
}

// Start returns when the program is ready.
func (d *Deployment) Start() {
	d.T.Helper()
	d.Launch()
	d.Listens()
	d.Ready()
}

// Launch starts the program and waits for nothing.
func (d *Deployment) Launch() {
	d.T.Helper()
	cmd := exec.Command(d.Binary, "serve")
	cmd.Env, cmd.Dir = d.environment(), d.Dir
	p, err := launch(cmd, d.LogTail)
	require.NoError(d.T, err)
	d.T.Cleanup(func() {
		p.end()
		if d.T.Failed() {
			d.T.Logf("%s logged at last:\n%s", d.URL, p.log.last(20))
		}
	})
	d.process = p
}

// Listens returns when the program accepts connections.
func (d *Deployment) Listens() {
	d.T.Helper()
	select {
	case a, ok := <-d.process.address:
		require.True(d.T, ok, "the program ended before it listened: %s", d.process.log.last(20))
		d.URL = "http://" + a
	case <-time.After(Patience):
		require.Fail(d.T, "the program does not listen")
	}
	d.connect()
}

// connect makes the client that talks to URL.
func (d *Deployment) connect() {
	d.T.Helper()
	to := &http.Transport{MaxIdleConnsPerHost: InFlight}
	d.T.Cleanup(to.CloseIdleConnections)
	d.Client = &http.Client{Transport: Document.Transport(d.T, to), Timeout: Patience}
}

// Ready returns when the program says that it is.
func (d *Deployment) Ready() {
	d.T.Helper()
	require.Eventually(d.T, func() bool {
		return d.Send(Request{Method: "GET", Path: "/readyz"}).Status == http.StatusOK
	}, Patience, 5*time.Millisecond, "ready")
}

// Kill ends the process without a word of warning.
func (d *Deployment) Kill() {
	d.T.Helper()
	d.Signal(syscall.SIGKILL)
	_ = d.process.cmd.Wait()
}

// Signal is sent to the process, which may react or not.
func (d *Deployment) Signal(s syscall.Signal) {
	d.T.Helper()
	require.NoError(d.T, d.process.cmd.Process.Signal(s))
}

// Stop asks every process to end and returns the first exit code that is not
// zero.
func (d *Deployment) Stop() int {
	d.T.Helper()
	code := 0
	for _, node := range d.Nodes {
		if c := node.Stop(); code == 0 {
			code = c
		}
	}
	if d.process != nil {
		d.Signal(syscall.SIGTERM)
		code = d.Ended()
	}
	return code
}

// Ended waits until the process has ended and returns its exit code.
func (d *Deployment) Ended() int {
	d.T.Helper()
	_ = d.process.cmd.Wait()
	return d.process.cmd.ProcessState.ExitCode()
}

// CloseLog takes away who reads what the process logs.
func (d *Deployment) CloseLog() {
	d.T.Helper()
	require.NoError(d.T, d.process.stderr.Close())
}

// PID is the process's.
func (d *Deployment) PID() int { return d.process.cmd.Process.Pid }

// Log is all that the process has logged so far.
func (d *Deployment) Log() string { return strings.Join(d.process.log.all(), "\n") }

// CLI runs one command on the same store.
func (d *Deployment) CLI(args ...string) (stdout, stderr string, code int) {
	d.T.Helper()
	cmd := exec.Command(d.Binary, args...)
	cmd.Env, cmd.Dir = d.environment(), d.Dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
