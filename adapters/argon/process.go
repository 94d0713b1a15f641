package argon

import (
	"errors"
	"fmt"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"sync"
	"time"
)

var (
	errEnded = errors.New("the process that hashes passwords has ended")
	errStuck = errors.New("the process that hashes passwords does not answer")
	errUnfit = errors.New("no other process can hash passwords here: requests wait for them from now on")
)

const (
	// patience is for how long a job is waited for: longer than its caller waits,
	// and than any hash that is accepted takes on a machine that is busy.
	patience = 30 * time.Second
	// respite is kept between the starts of children that did no job.
	respite = time.Second
)

// Process has passwords hashed by a child of this process, which Linux treats
// as less urgent, and which is started anew when it has ended. A hash keeps a
// core busy for tens of milliseconds. Within the server, a request that comes
// meanwhile waits until the hash's thread has used up its time slice, and the
// garbage collector has twenty megabytes a hash to deal with.
//
// The two speak JSON-RPC over the child's standard input and output. The child
// gets no setting of the server's, and ends when its input does, which is when
// the server ends, in whatever way.
type Process struct {
	start  starter
	now    func() time.Time
	report func(error)

	mu        sync.Mutex
	present   *connection // nil: to be started
	notBefore time.Time
	unfit     bool // the first child could not do the first job
	closed    bool
}

// starter starts a child, and tells ended why it ended.
type starter func(ended func(error)) (io.ReadWriteCloser, error)

// connection is to one child.
type connection struct {
	*rpc.Client
	useful bool // it has done a job
}

// StartProcess starts a child of this program that may take so many bytes of
// memory before it collects garbage whatever that costs. The error says that
// this machine does not allow it. Where a child starts and cannot work, jobs are
// done by this process. report is told of that, and why children ended before
// Close; now measures durations.
func StartProcess(memory int64, now func() time.Time, report func(error)) (*Process, error) {
	env := environment(memory)
	p, err := newProcess(func(ended func(error)) (io.ReadWriteCloser, error) { return launch(env, ended) }, now, report)
	if err == nil {
		go p.try()
	}
	return p, err
}

func newProcess(start starter, now func() time.Time, report func(error)) (*Process, error) {
	p := &Process{start: start, now: now, report: report}
	if _, err := p.current(); err != nil {
		return nil, err
	}
	return p, nil
}

// try has the first child do a job that costs nothing.
func (p *Process) try() {
	_, err := p.Work(Job{MemoryKiB: 8, Iterations: 1, Parallelism: 1})
	if err == nil {
		return
	}
	p.mu.Lock()
	p.unfit = !p.closed
	unfit := p.unfit
	p.mu.Unlock()
	if unfit {
		p.report(fmt.Errorf("%w: %w", errUnfit, err))
	}
}

// Work is a Worker. A job whose child ended is given to another one, once: it
// may be what ended the first.
func (p *Process) Work(j Job) (Done, error) {
	for sent := 0; sent < 2; {
		c, err := p.current()
		if errors.Is(err, errUnfit) {
			return Work(j)
		}
		if err != nil {
			return Done{}, err
		}
		done, err := c.do(j)
		var refused rpc.ServerError
		switch {
		case err == nil:
			p.praise(c)
			return done, nil
		case errors.As(err, &refused):
			return Done{}, fmt.Errorf("argon: %w", err)
		case errors.Is(err, errStuck):
			p.drop(c)
			return Done{}, err
		case !errors.Is(err, rpc.ErrShutdown): // then it was not sent, or another one's job was to blame
			sent++
		}
		p.drop(c)
	}
	return Done{}, errEnded
}

func (c *connection) do(j Job) (Done, error) {
	limit := time.NewTimer(patience)
	defer limit.Stop()
	done := new(Done) // may be written to after the limit
	call := c.Go(method, j, done, make(chan *rpc.Call, 1))
	select {
	case <-call.Done:
		return *done, call.Error
	case <-limit.C:
		return Done{}, errStuck
	}
}

func (p *Process) current() (*connection, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.present != nil {
		return p.present, nil
	}
	if p.unfit && !p.closed {
		return nil, errUnfit
	}
	if p.closed || p.now().Before(p.notBefore) {
		return nil, errEnded
	}
	conn, err := p.start(p.ended)
	if err != nil {
		p.notBefore = p.now().Add(respite)
		return nil, fmt.Errorf("argon: start a process to hash passwords: %w", err)
	}
	p.present = &connection{Client: jsonrpc.NewClient(conn)}
	return p.present, nil
}

func (p *Process) praise(c *connection) {
	p.mu.Lock()
	defer p.mu.Unlock()
	c.useful = true
}

// drop gives up a child that has ended or is to end.
func (p *Process) drop(c *connection) {
	p.mu.Lock()
	if p.present == c {
		p.present = nil
		if !c.useful {
			p.notBefore = p.now().Add(respite)
		}
	}
	p.mu.Unlock()
	_ = c.Close()
}

func (p *Process) ended(why error) {
	p.mu.Lock()
	closed := p.closed
	p.mu.Unlock()
	if !closed {
		p.report(why)
	}
}

// Close ends the child. Jobs that it has not done are not done.
func (p *Process) Close() error {
	p.mu.Lock()
	c := p.present
	p.present, p.closed = nil, true
	p.mu.Unlock()
	if c == nil {
		return nil
	}
	return c.Close()
}
