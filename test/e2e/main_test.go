// Package e2e_test walks through the built program from outside: real binary,
// real store on disk, real HTTP, mail in files.
package e2e_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/wellknown/openapi"
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
	return m.Run()
}

// deployment is a folder with a store and mail, served by one process at a time.
type deployment struct {
	t      *testing.T
	dir    string
	env    []string
	base   string
	client *http.Client
	cmd    *exec.Cmd
	errors *bytes.Buffer
}

func deploy(t *testing.T, env ...string) *deployment {
	t.Helper()
	return &deployment{t: t, dir: t.TempDir(), env: env}
}

func (d *deployment) mailDir() string { return filepath.Join(d.dir, "mail") }

// environment is a clean one: nothing of the machine's decides a test.
func (d *deployment) environment() []string {
	return append([]string{
		"PATH=" + os.Getenv("PATH"), "HOME=" + d.dir,
		"OSTIARY_LISTEN=127.0.0.1:0",
		"OSTIARY_STORAGE=sqlite:" + filepath.Join(d.dir, "ostiary.db"),
		"OSTIARY_OPERATOR_TOKEN=" + operatorToken,
		"OSTIARY_MAIL=file:" + d.mailDir(),
		"OSTIARY_LOG_FORMAT=json",
	}, d.env...)
}

// start returns when the program is ready.
func (d *deployment) start() {
	d.t.Helper()
	d.cmd = exec.Command(binary, "serve")
	d.cmd.Env, d.cmd.Dir = d.environment(), d.dir
	stderr, err := d.cmd.StderrPipe()
	require.NoError(d.t, err)
	require.NoError(d.t, d.cmd.Start())
	d.t.Cleanup(func() { _ = d.cmd.Process.Kill() })
	address := make(chan string, 1)
	d.errors = &bytes.Buffer{}
	go func() {
		lines := bufio.NewScanner(stderr)
		for lines.Scan() {
			var line struct{ Msg, Address string }
			if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
				address <- line.Address
			}
		}
		close(address)
	}()
	select {
	case a, ok := <-address:
		require.True(d.t, ok, "the program ended before it listened")
		d.base = "http://" + a
	case <-time.After(patience):
		require.Fail(d.t, "the program does not listen")
	}
	d.client = &http.Client{Transport: document.Transport(d.t, http.DefaultTransport), Timeout: patience}
	require.Eventually(d.t, func() bool {
		res, err := http.Get(d.base + "/readyz")
		if err != nil {
			return false
		}
		_ = res.Body.Close()
		return res.StatusCode == http.StatusOK
	}, patience, 5*time.Millisecond)
}

// kill ends the process without a word of warning.
func (d *deployment) kill() {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Signal(syscall.SIGKILL))
	_ = d.cmd.Wait()
}

// stop asks the process to end and returns its exit code.
func (d *deployment) stop() int {
	d.t.Helper()
	require.NoError(d.t, d.cmd.Process.Signal(syscall.SIGTERM))
	_ = d.cmd.Wait()
	return d.cmd.ProcessState.ExitCode()
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

// request is one call; zero members are left out.
type request struct {
	method, path, bearer, body string
	header                     map[string]string
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (d *deployment) send(r request) reply {
	d.t.Helper()
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	req, err := http.NewRequest(r.method, d.base+r.path, body)
	require.NoError(d.t, err)
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	res, err := d.client.Do(req)
	require.NoError(d.t, err)
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	require.NoError(d.t, err)
	return reply{status: res.StatusCode, header: res.Header, body: raw}
}

// must is send for a call that succeeds.
func (d *deployment) must(status int, r request) reply {
	d.t.Helper()
	res := d.send(r)
	require.Equal(d.t, status, res.status, "%s %s: %s", r.method, r.path, res.body)
	return res
}

// members returns the body as an object with exactly the named members.
func (r reply) members(t *testing.T, names ...string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(r.body, &out))
	var got []string
	for name := range out {
		got = append(got, name)
	}
	require.ElementsMatch(t, names, got)
	return out
}

func (r reply) text(t *testing.T, name string) string {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(r.body, &out))
	s, ok := out[name].(string)
	require.True(t, ok, "%s is no text", name)
	return s
}
