package program

import (
	"bufio"
	"encoding/json"
	"io"
	"os/exec"
	"strings"
	"sync"

	"github.com/stretchr/testify/require"

	"ostiary/test/load"
)

// process is the program, serving.
type process struct {
	cmd     *exec.Cmd
	stderr  io.Closer
	address chan string // once, when it listens; closed when it ends
	read    chan struct{}
	log     journal
}

func launch(cmd *exec.Cmd, lines int) (*process, error) {
	p := &process{cmd: cmd, address: make(chan string, 1), read: make(chan struct{}), log: journal{most: lines}}
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
	listening := false
	for lines.Scan() {
		p.log.add(lines.Text())
		var line struct{ Msg, Address string }
		if !listening && json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "listening" {
			listening = true
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

// journal keeps what a process logs, or no more than most lines of it.
type journal struct {
	mu    sync.Mutex
	lines []string
	most  int
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	if j.most > 0 && len(j.lines) >= 2*j.most {
		j.lines = append([]string(nil), j.lines[j.most:]...)
	}
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
	u, err := load.UsageOf(d.PID())
	require.NoError(d.T, err)
	return u.Memory, u.Peak
}
