package argon

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"syscall"
)

const (
	// niceness is how much less urgent than the server the child is (nice(2)):
	// enough for a request to interrupt a hash at once, while hashing keeps a
	// tenth of a core beside a server that could use all.
	niceness = 10
	mostNice = 19
	// raw is what the system call adds to the negative niceness.
	raw = 20

	// self is this program even when its file has been replaced since.
	self = "/proc/self/exe"

	// lazyFree leaves memory that is free to Linux to take when it needs some
	// (MADV_FREE of madvise(2)), instead of giving it back and having it faulted
	// in again, page by page, by the next hash. The runtime reads it only at its
	// start.
	lazyFree = "madvdontneed=0"

	// lastWords is how much is kept of what a child says when it crashes.
	lastWords = 200
)

// launch starts a child. report is told why it ended, whatever that was.
func launch(env []string, report func(error)) (io.ReadWriteCloser, error) {
	said := &head{}
	c := &child{ended: make(chan struct{})}
	c.cmd = &exec.Cmd{Path: self, Args: []string{os.Args[0], ChildArgument}, Env: env, Stderr: said}
	var err error
	if c.WriteCloser, err = c.cmd.StdinPipe(); err != nil {
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	if c.ReadCloser, err = c.cmd.StdoutPipe(); err != nil {
		_ = c.WriteCloser.Close()
		return nil, fmt.Errorf("open a pipe: %w", err)
	}
	onThreadOfItsOwn(func() { err = startNice(c.cmd) })
	if err != nil {
		return nil, err
	}
	go func() {
		_ = c.cmd.Wait()
		close(c.ended)
		report(fmt.Errorf("%w: %s: %q", errEnded, c.cmd.ProcessState, said.first()))
	}()
	return c, nil
}

// environment is a child's that may take so many bytes of memory. Of the
// server's it has what the operator asked of the Go runtime, and as many threads
// as the server has now.
func environment(memory int64) []string {
	env := []string{
		"GOMAXPROCS=" + strconv.Itoa(runtime.GOMAXPROCS(0)),
		"GOMEMLIMIT=" + strconv.FormatInt(memory, 10),
		"GODEBUG=" + lazyFree,
	}
	if given := os.Getenv("GODEBUG"); given != "" {
		env[len(env)-1] += "," + given // the later of two that differ counts
	}
	return env
}

// onThreadOfItsOwn returns when do has run on a thread that ends with it.
func onThreadOfItsOwn(do func()) {
	done := make(chan struct{})
	go func() {
		defer close(done)
		runtime.LockOSThread()
		if syscall.Gettid() != syscall.Getpid() {
			do()
			return
		}
		// The first thread never ends. Held here, it is not the next one's.
		onThreadOfItsOwn(do)
		runtime.UnlockOSThread()
	}()
	<-done
}

// startNice changes the priority of its thread, which the child takes over, and
// which a thread without privileges cannot raise again.
func startNice(cmd *exec.Cmd) error {
	if own, err := syscall.Getpriority(syscall.PRIO_PROCESS, 0); err == nil {
		// A child that is as urgent as the server is better than none.
		_ = syscall.Setpriority(syscall.PRIO_PROCESS, 0, min(mostNice, raw-own+niceness))
	}
	return cmd.Start()
}

// child is a process and the two directions of the connection to it.
type child struct {
	io.ReadCloser
	io.WriteCloser

	cmd   *exec.Cmd
	ended chan struct{}
}

// Close ends the process at once. What it is doing is of no use to anybody.
func (c *child) Close() error {
	err := c.cmd.Process.Kill()
	<-c.ended
	if errors.Is(err, os.ErrProcessDone) {
		return nil
	}
	return err
}

// head keeps the beginning of what is written to it.
type head struct{ said []byte }

func (h *head) Write(p []byte) (int, error) {
	h.said = append(h.said, p[:min(len(p), lastWords-len(h.said))]...)
	return len(p), nil
}

// first is the first line; what follows a crash are stacks.
func (h *head) first() string {
	line, _, _ := bytes.Cut(h.said, []byte("\n"))
	return string(line)
}

// settleDown names the process for top, and has it be the first to go when
// memory is short: it is replaced.
func settleDown() {
	_ = os.WriteFile("/proc/self/comm", []byte("ostiary-hash"), 0)
	_ = os.WriteFile("/proc/self/oom_score_adj", []byte("500"), 0)
}

// polled has a pipe read by way of the runtime's poller. A goroutine that waits
// in read(2) itself keeps its processor for milliseconds, and the hash that it
// has just been asked for waits as long. Whatever is no pipe is refused: nobody
// starts such a process by hand.
func polled(in io.Reader) (io.Reader, error) {
	f, ok := in.(*os.File)
	if !ok {
		return nil, errNotStarted
	}
	info, err := f.Stat()
	if err != nil {
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	if info.Mode()&os.ModeNamedPipe == 0 {
		return nil, errNotStarted
	}
	fd := f.Fd()
	if err := syscall.SetNonblock(int(fd), true); err != nil { //nolint:gosec // a descriptor is small
		return nil, fmt.Errorf("read jobs: %w", err)
	}
	return os.NewFile(fd, f.Name()), nil // f stays open beside it: it is os.Stdin
}
