package program

import (
	"bufio"
	"encoding/json"
	"io"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"
)

// process is the program, serving.
type process struct {
	cmd     *exec.Cmd
	stderr  io.Closer
	address chan string // once, when it listens; closed when it ends
	read    chan struct{}
	log     journal
}

func launch(cmd *exec.Cmd) (*process, error) {
	p := &process{cmd: cmd, address: make(chan string, 1), read: make(chan struct{})}
	stderr, err := cmd.StderrPipe()
	if err != nil {
		return nil, err
	}
	if err := cmd.Start(); err != nil {
		return nil, err
	}
	p.stderr = stderr
	go p.follow(stderr)
	return p, nil
}

func (p *process) follow(stderr io.Reader) {
	defer close(p.read)
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

// end leaves nothing of the process behind.
func (p *process) end() {
	_ = p.cmd.Process.Kill()
	<-p.read
	_ = p.cmd.Wait()
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
	all := j.all()
	return strings.Join(all[max(0, len(all)-n):], "\n")
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	return j.lines[:len(j.lines):len(j.lines)]
}

// Memory reads what Linux says of the process's memory now and at its peak, in
// bytes.
func (d *Deployment) Memory() (now, peak int64) {
	d.T.Helper()
	raw, err := os.ReadFile("/proc/" + strconv.Itoa(d.PID()) + "/status")
	require.NoError(d.T, err)
	for line := range strings.SplitSeq(string(raw), "\n") {
		name, value, _ := strings.Cut(line, ":")
		kib, err := strconv.ParseInt(strings.TrimSuffix(strings.TrimSpace(value), " kB"), 10, 64)
		switch {
		case err != nil:
		case name == "VmRSS":
			now = kib << 10
		case name == "VmHWM":
			peak = kib << 10
		}
	}
	require.Positive(d.T, now)
	return now, peak
}
