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

func launch(cmd *exec.Cmd, most int) (*process, error) {
	p := &process{cmd: cmd, address: make(chan string, 1), read: make(chan struct{}), log: journal{most: most}}
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
	in := bufio.NewReaderSize(stderr, 64<<10)
	for listening := false; !listening || p.log.most == 0; {
		text, err := in.ReadString('\n')
		if text = strings.TrimSuffix(text, "\n"); text != "" {
			p.log.add(text)
		}
		if err != nil {
			return
		}
		var line struct{ Msg, Address string }
		if !listening && json.Unmarshal([]byte(text), &line) == nil && line.Msg == "listening" {
			listening = true
			p.address <- line.Address
		}
	}
	_, _ = io.Copy(&p.log, in)
}

// end leaves nothing of the process behind.
func (p *process) end() {
	_ = p.cmd.Process.Kill()
	<-p.read
	_ = p.cmd.Wait()
}

// journal keeps what a process logs, or once it listens no more than the last
// bytes of it.
type journal struct {
	mu    sync.Mutex
	lines []string
	most  int // bytes
	tail  []byte
}

func (j *journal) add(line string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.lines = append(j.lines, line)
}

// Write keeps the end of what is written.
func (j *journal) Write(p []byte) (int, error) {
	j.mu.Lock()
	defer j.mu.Unlock()
	j.tail = append(j.tail, p[max(0, len(p)-j.most):]...)
	if len(j.tail) > 2*j.most {
		j.tail = append([]byte(nil), j.tail[len(j.tail)-j.most:]...)
	}
	return len(p), nil
}

// last returns the latest lines.
func (j *journal) last(n int) string {
	all := j.all()
	return strings.Join(all[max(0, len(all)-n):], "\n")
}

func (j *journal) all() []string {
	j.mu.Lock()
	defer j.mu.Unlock()
	all := j.lines[:len(j.lines):len(j.lines)]
	if len(j.tail) > 0 {
		all = append(all, strings.Split(string(j.tail), "\n")...)
	}
	return all
}

// Memory reads what Linux says of the process's memory now and at its peak, in
// bytes.
func (d *Deployment) Memory() (now, peak int64) {
	d.T.Helper()
	u, err := load.UsageOf(d.PID())
	require.NoError(d.T, err)
	return u.Memory, u.Peak
}

// Children are the processes that the program has started, on Linux.
func (d *Deployment) Children() []int {
	d.T.Helper()
	pids, err := load.ChildrenOf(d.PID())
	require.NoError(d.T, err)
	return pids
}
