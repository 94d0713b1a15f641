package web

import (
	"errors"
	"io"
	"net"
	"sync"
	"syscall"
)

// aheadSize holds the head of nearly every request.
const aheadSize = 4 << 10

var aheads = sync.Pool{New: func() any { return new([aheadSize]byte) }}

// ahead reads what comes first after a silence into a buffer that is borrowed
// only then: a connection that sends nothing holds none, and yet a request takes
// one system call instead of two.
type ahead struct {
	raw  syscall.RawConn
	try  func(fd uintptr) (done bool) // made once: every closure is garbage
	buf  *[aheadSize]byte             // nil unless it holds rest
	rest []byte
	got  int
	err  error
}

// newAhead returns nil for a connection that is no socket.
func newAhead(c net.Conn) *ahead {
	s, ok := c.(syscall.Conn)
	if !ok || readNow == nil {
		return nil
	}
	raw, err := s.SyscallConn()
	if err != nil {
		return nil
	}
	a := &ahead{raw: raw}
	a.try = a.read
	return a
}

func (a *ahead) read(fd uintptr) (done bool) {
	a.buf, _ = aheads.Get().(*[aheadSize]byte)
	a.got, a.err = readNow(fd, a.buf[:])
	if errors.Is(a.err, syscall.EAGAIN) {
		a.release()
		return false
	}
	return true
}

// wait returns what came, which is good until release.
func (a *ahead) wait() ([]byte, error) {
	err := a.raw.Read(a.try)
	switch {
	case err != nil: // a deadline, or the connection was closed
	case a.err != nil:
		err = a.err
	case a.got == 0:
		err = io.EOF
	default:
		return a.buf[:a.got], nil
	}
	a.release()
	return nil, err //nolint:wrapcheck // part of net.Conn
}

// keep has take give these bytes, of those that wait returned.
func (a *ahead) keep(p []byte) { a.rest = p }

// take moves kept bytes to p.
func (a *ahead) take(p []byte) int {
	n := copy(p, a.rest)
	if a.rest = a.rest[n:]; len(a.rest) == 0 {
		a.release()
	}
	return n
}

func (a *ahead) release() {
	if a.buf != nil {
		aheads.Put(a.buf)
	}
	a.buf, a.rest = nil, nil
}
