package mongod

import (
	"bufio"
	"bytes"
	"context"
	"debug/buildinfo"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"time"
)

// runFerretDB starts a child that ends with its standard input, so with this
// process, however that ends. It removes its own data.
func runFerretDB(ctx context.Context) (*server, error) {
	binary, err := buildFerretDB(ctx)
	if err != nil {
		return nil, err
	}
	c := &child{cmd: exec.Command(binary, "-child"), ended: make(chan struct{})}
	if err := c.start(); err != nil {
		return nil, fmt.Errorf("start FerretDB: %w", err)
	}
	uri, err := c.uri(ctx)
	if err != nil {
		c.stop()
		return nil, err
	}
	return &server{uri: uri + "?directConnection=true", kind: ferretName + " " + ferretVersion(binary), stop: c.stop}, nil
}

// ferretVersion reads what the binary was built from: it answers no version of
// its own when another module than FerretDB's builds it.
func ferretVersion(binary string) string {
	if info, err := buildinfo.ReadFile(binary); err == nil {
		for _, dep := range info.Deps {
			if dep.Path == "github.com/FerretDB/FerretDB" {
				return dep.Version
			}
		}
	}
	return "of unknown version"
}

type child struct {
	cmd    *exec.Cmd
	stdin  io.Closer
	stdout *os.File
	errors lastWords
	ended  chan struct{}
}

func (c *child) start() error {
	stdin, err := c.cmd.StdinPipe()
	if err != nil {
		return err
	}
	// Not StdoutPipe, which Wait would close under the reader.
	stdout, theirs, err := os.Pipe()
	if err != nil {
		return err
	}
	defer func() { _ = theirs.Close() }()
	c.stdin, c.stdout, c.cmd.Stdout, c.cmd.Stderr = stdin, stdout, theirs, &c.errors
	// It decodes every document for every command: half its time is garbage.
	c.cmd.Env = append(os.Environ(), "GOGC=800")
	if err := c.cmd.Start(); err != nil {
		_ = stdout.Close()
		return err
	}
	go func() {
		defer close(c.ended)
		_ = c.cmd.Wait()
	}()
	return nil
}

// uri waits for the one line that the child prints.
func (c *child) uri(ctx context.Context) (string, error) {
	line := make(chan string, 1)
	go func() {
		defer func() { _ = c.stdout.Close() }()
		text, _ := bufio.NewReader(c.stdout).ReadString('\n')
		line <- strings.TrimSpace(text)
	}()
	select {
	case uri := <-line:
		if uri == "" {
			<-c.ended
			return "", fmt.Errorf("FerretDB ended before it listened: %s", &c.errors)
		}
		return uri, nil
	case <-ctx.Done():
		return "", fmt.Errorf("wait for FerretDB to listen: %w", ctx.Err())
	}
}

func (c *child) stop() {
	_ = c.stdin.Close()
	select {
	case <-c.ended:
	case <-time.After(patience):
		_ = c.cmd.Process.Kill()
		<-c.ended
	}
}

// lastWords keeps the end of a log.
type lastWords struct {
	mu   sync.Mutex
	text []byte
}

func (w *lastWords) Write(p []byte) (int, error) {
	const enough = 4096
	w.mu.Lock()
	defer w.mu.Unlock()
	w.text = append(w.text, p...)
	if len(w.text) > 2*enough {
		w.text = bytes.Clone(w.text[len(w.text)-enough:])
	}
	return len(p), nil
}

func (w *lastWords) String() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	return string(w.text)
}

var errNotInModule = errors.New("the tests do not run inside Ostiary's module")

// ferretSource is the nested module. The harness runs in the folder of the
// package that it tests, and a path from the compiler may be trimmed.
func ferretSource(ctx context.Context) (string, error) {
	ask := exec.CommandContext(ctx, "go", "env", "GOMOD")
	ask.Env = append(os.Environ(), "GOFLAGS=") // flags of the tests' own run change the answer
	out, err := ask.Output()
	if err != nil {
		return "", fmt.Errorf("ask go for the module: %w", err)
	}
	dir := filepath.Join(filepath.Dir(strings.TrimSpace(string(out))), "test", "mongod", "ferretdb")
	if !exists(filepath.Join(dir, "go.mod")) {
		return "", errNotInModule
	}
	return dir, nil
}
