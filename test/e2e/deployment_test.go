package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// deployment is a store and a folder for mail, served by one process at a time
// or, after spread, by several.
type deployment struct {
	t       *testing.T
	on      engine
	dir     string
	storage []string
	env     []string
	base    string
	client  *http.Client
	process *process
	nodes   []*deployment // each process by itself; empty when there is one
}

// deploy is deployOn for what is the same on every engine.
func deploy(t *testing.T, env ...string) *deployment {
	t.Helper()
	return deployOn(t, onSQLite, env...)
}

func deployOn(t *testing.T, on engine, env ...string) *deployment {
	t.Helper()
	d := &deployment{t: t, on: on, dir: t.TempDir(), env: env}
	d.storage = on.storage(d)
	return d
}

func (d *deployment) mailDir() string { return filepath.Join(d.dir, "mail") }

// environment is a clean one: nothing of the machine's decides a test.
func (d *deployment) environment() []string {
	env := append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir,
		"OSTIARY_LISTEN=127.0.0.1:0",
		"OSTIARY_OPERATOR_TOKEN=" + operatorToken,
		"OSTIARY_MAIL=file:" + d.mailDir(),
		"OSTIARY_LOG_FORMAT=json",
	}, d.storage...)
	return append(env, d.env...)
}

// process is the program, serving.
type process struct {
	cmd     *exec.Cmd
	address chan string // once, when it listens; closed when it ends
	log     journal
}

// journal keeps what a process logs.
type journal struct {
	mu    sync.Mutex
	lines []string
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// last returns the latest lines.
func (j *journal) last(n int) string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return strings.Join(j.lines[max(0, len(j.lines)-n):], "\n")
}

// start returns when the program is ready.
func (d *deployment) start() {
	d.t.Helper()
	d.launch()
	d.listens()
	d.ready()
}

// launch starts the program and waits for nothing.
func (d *deployment) launch() {
	d.t.Helper()
	p := &process{cmd: exec.Command(binary, "serve"), address: make(chan string, 1)}
	p.cmd.Env, p.cmd.Dir = d.environment(), d.dir
	stderr, err := p.cmd.StderrPipe()
	require.NoError(d.t, err)
	require.NoError(d.t, p.cmd.Start())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		p.read(stderr)
	}()
	d.t.Cleanup(func() {
		_ = p.cmd.Process.Kill()
		<-ended
		_ = p.cmd.Wait()
		if d.t.Failed() {
			d.t.Logf("%s logged at last:\n%s", d.base, p.log.last(20))
		}
	})
	d.process = p
}

func (p *process) read(stderr io.Reader) {
	defer close(p.address)
	lines := bufio.NewScanner(stderr)
	for lines.Scan() {
		p.log.add(lines.Text())
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			p.address <- line.Address
		}
	}
}

// listens returns when the program accepts connections.
func (d *deployment) listens() {
	d.t.Helper()
	select {
	case a, ok := <-d.process.address:
		require.True(d.t, ok, "the program ended before it listened: %s", d.process.log.last(20))
		d.base = "http://" + a
	case <-time.After(patience):
		require.Fail(d.t, "the program does not listen")
	}
	d.connect()
}

// connect makes the client that talks to base.
func (d *deployment) connect() {
	d.t.Helper()
	to := &http.Transport{MaxIdleConnsPerHost: inFlight}
	d.t.Cleanup(to.CloseIdleConnections)
	d.client = &http.Client{Transport: document.Transport(d.t, to), Timeout: patience}
}

// ready returns when the program says that it is.
func (d *deployment) ready() {
	d.t.Helper()
	require.Eventually(d.t, func() bool {
		return d.send(request{method: "GET", path: "/readyz"}).status == http.StatusOK
	}, patience, 5*time.Millisecond, "ready")
}

// kill ends the process without a word of warning.
func (d *deployment) kill() {
	d.t.Helper()
	require.NoError(d.t, d.process.cmd.Process.Signal(syscall.SIGKILL))
	_ = d.process.cmd.Wait()
}

// stop asks every process to end and returns the first exit code that is not
// zero.
func (d *deployment) stop() int {
	d.t.Helper()
	code := 0
	for _, node := range d.nodes {
		if c := node.stop(); code == 0 {
			code = c
		}
	}
	if d.process != nil {
		require.NoError(d.t, d.process.cmd.Process.Signal(syscall.SIGTERM))
		_ = d.process.cmd.Wait()
		code = d.process.cmd.ProcessState.ExitCode()
	}
	return code
}

// cli runs one command on the same store.
func (d *deployment) cli(args ...string) (stdout, stderr string, code int) {
	d.t.Helper()
	cmd := exec.Command(binary, args...)
	cmd.Env, cmd.Dir = d.environment(), d.dir
	var out, errs bytes.Buffer
	cmd.Stdout, cmd.Stderr = &out, &errs
	_ = cmd.Run()
	return out.String(), errs.String(), cmd.ProcessState.ExitCode()
}
