package bootstrap

import (
	"fmt"
	"io"
	"sync"
	"time"
)

const (
	// spoolMost is how much may wait to be written, in bytes, before those who
	// log wait as well.
	spoolMost = 1 << 20
	// spoolPatience is how long anybody waits for a reader that is there but does
	// not read: who logs, and the end of the program.
	spoolPatience = 2 * time.Second
	// spoolRespite is how long the next write waits after one of less than
	// spoolEnough bytes: under load the lines of a millisecond are one system
	// call, not each of them one.
	spoolRespite = time.Millisecond
	spoolEnough  = 64 << 10
)

// Spool writes to out what others hand it, in their order, many lines at once
// when there are many: who logs does not wait for the reader of the log, nor
// make a system call a line. What was handed over when the process is killed
// may be lost; what it acknowledged to anybody is not kept here. While a reader
// stands still with all there is room for, lines are lost and counted: the
// service goes on.
type Spool struct {
	out    io.Writer
	ending chan struct{} // closed with the first Close

	mu      sync.Mutex
	changed sync.Cond
	waiting []byte
	spare   []byte
	busy    bool // out is being written to, or rests
	closed  bool
	stalled bool // nobody waits for room until out takes something
	lost    int  // lines since then
	gaveUp  bool // what waits is lost
}

// NewSpool starts what writes; Close ends it.
func NewSpool(out io.Writer) *Spool {
	s := &Spool{out: out, ending: make(chan struct{})}
	s.changed.L = &s.mu
	go s.run()
	return s
}

// Write implements io.Writer. After Close it writes at once.
func (s *Spool) Write(p []byte) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.room() {
		s.lost++
		return len(p), nil
	}
	if s.closed {
		return s.last(p)
	}
	if len(s.waiting) == 0 {
		s.changed.Broadcast()
	}
	s.waiting = append(s.waiting, p...)
	return len(p), nil
}

// room waits, with the lock, until there is some, and reports whether there is.
func (s *Spool) room() bool {
	if len(s.waiting) <= spoolMost || s.closed {
		return true
	}
	late := false
	timer := time.AfterFunc(spoolPatience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		late = true
		s.changed.Broadcast()
	})
	defer timer.Stop()
	for len(s.waiting) > spoolMost && !s.closed && !s.stalled {
		if late {
			s.stalled = true
			s.changed.Broadcast()
			break
		}
		s.changed.Wait()
	}
	return len(s.waiting) <= spoolMost || s.closed
}

// last writes, with the lock, what comes after Close.
func (s *Spool) last(p []byte) (int, error) {
	if s.drained(); s.gaveUp {
		return len(p), nil
	}
	s.busy = true
	s.mu.Unlock()
	n, err := s.out.Write(p)
	s.mu.Lock()
	s.busy = false
	s.changed.Broadcast()
	return n, err //nolint:wrapcheck // part of io.Writer
}

// Close returns when everything has been written, or after two seconds: a
// reader that does not read keeps nobody from ending.
func (s *Spool) Close() error {
	giveUp := time.AfterFunc(spoolPatience, func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		s.gaveUp = true
		s.changed.Broadcast()
	})
	defer giveUp.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	if !s.closed {
		s.closed = true
		close(s.ending)
	}
	s.changed.Broadcast()
	s.drained()
	return nil
}

// drained waits, with the lock, until nothing waits to be written or Close gave
// up.
func (s *Spool) drained() {
	for (len(s.waiting) > 0 || s.busy) && !s.gaveUp {
		s.changed.Wait()
	}
}

// rest lets lines gather, until Close.
func (s *Spool) rest() {
	timer := time.NewTimer(spoolRespite)
	defer timer.Stop()
	select {
	case <-timer.C:
	case <-s.ending:
	}
}

func (s *Spool) run() {
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		for len(s.waiting) == 0 {
			if s.closed {
				return
			}
			s.changed.Wait()
		}
		batch := s.waiting
		s.waiting, s.busy = s.spare[:0], true
		s.changed.Broadcast() // there is room again
		s.mu.Unlock()
		_, _ = s.out.Write(batch) // nobody is left to tell
		if len(batch) < spoolEnough {
			s.rest()
		}
		s.mu.Lock()
		s.spare, s.busy, s.stalled = batch, false, false
		if s.lost > 0 {
			s.waiting = fmt.Appendf(s.waiting, `{"level":"error","msg":"log lines lost, nobody read them","lines":%d}`+"\n", s.lost)
			s.lost = 0
		}
		s.changed.Broadcast()
	}
}
