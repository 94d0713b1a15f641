package web

import (
	"errors"
	"io"
	"net"
	"sync"
	"sync/atomic"
	"time"
)

// gate is the listener: it counts connections, turns away those beyond the
// limit and puts an inspector before each of the others.
type gate struct {
	max  int64
	busy func() []byte

	mu     sync.Mutex
	ln     net.Listener
	closed bool
	active atomic.Int64
}

// open reports false when the gate was closed before it ever opened.
func (g *gate) open(ln net.Listener) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.ln = ln
	return !g.closed
}

func (g *gate) Accept() (net.Conn, error) {
	for {
		c, err := g.ln.Accept()
		if err != nil {
			return nil, err //nolint:wrapcheck // fasthttp tells temporary errors apart by their type
		}
		if g.active.Add(1) > g.max {
			g.turnAway(c)
			continue
		}
		return &inspected{Conn: c, gate: g, ahead: newAhead(c)}, nil
	}
}

// turnAway answers without reading: the few bytes fit the socket's empty
// buffer, so nothing here can block on the client.
func (g *gate) turnAway(c net.Conn) {
	g.active.Add(-1)
	_, _ = c.Write(g.busy())
	_ = c.Close()
}

// crowded holds while an eighth of the connections that may be are open. Who is
// refused for want of room is then parted with: its connection would go on
// holding the buffers that others wait for.
func (g *gate) crowded() bool { return g.active.Load() > g.max/8 }

func (g *gate) Addr() net.Addr { return g.ln.Addr() }

func (g *gate) Close() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.closed {
		return nil
	}
	g.closed = true
	if g.ln == nil {
		return nil
	}
	return g.ln.Close() //nolint:wrapcheck // part of net.Listener
}

// inspected is a connection whose bytes have passed the inspector.
type inspected struct {
	net.Conn

	gate   *gate
	ahead  *ahead // nil: every read is one of the connection
	readBy time.Time
	reads  armed
	writes armed
	in     inspector
	err    error
	owes   bool        // a byte before err
	busy   atomic.Bool // bytes of a request may still be on the wire
	closed atomic.Bool
}

func (c *inspected) Read(p []byte) (int, error) {
	if c.owes {
		c.owes = false
		return copy(p, "\x00"), nil
	}
	if c.ahead != nil && len(c.ahead.rest) > 0 {
		return c.ahead.take(p), nil
	}
	if c.err != nil {
		return 0, c.err
	}
	// fasthttp waits for a request by reading a byte, without a buffer.
	if c.ahead != nil && len(p) == 1 {
		return c.first(p)
	}
	if err := c.arm(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	return c.inspect(p, n, err)
}

func (c *inspected) first(p []byte) (int, error) {
	if err := c.arm(); err != nil {
		return 0, err
	}
	got, err := c.ahead.wait()
	n, err := c.inspect(got, len(got), err)
	if n == 0 {
		c.ahead.release()
		return 0, err
	}
	c.ahead.keep(got[:n])
	return c.ahead.take(p), nil
}

// inspect returns what may be read of p, of which n bytes came.
func (c *inspected) inspect(p []byte, n int, err error) (int, error) {
	fit, bad := c.in.scan(p[:n])
	c.busy.Store(bad != nil || !c.in.idle())
	if bad == nil {
		return n, err
	}
	clear(p[fit:n])
	c.err = bad
	// fasthttp takes a failure where a request might begin for a client that
	// went away, who gets no answer: one byte, of nothing, goes before the
	// refusal.
	c.owes = c.in.first()
	if fit > 0 {
		return fit, nil
	}
	return c.Read(p)
}

// slack is how much earlier than asked a deadline may come.
const slack = 250 * time.Millisecond

// armed is when a deadline was last set to: fasthttp sets three a request, to
// half a minute and such, and each takes as long as a lookup in a cache.
type armed struct{ at time.Time }

// moves reports whether a deadline must be set.
func (a *armed) moves(to time.Time) bool {
	if later := to.Sub(a.at); later >= 0 && later < slack {
		return false
	}
	a.at = to
	return true
}

// SetReadDeadline implements net.Conn. It takes effect with the next read that
// may have to wait, which is not every one.
func (c *inspected) SetReadDeadline(t time.Time) error {
	c.readBy = t
	return nil
}

func (c *inspected) arm() error {
	if !c.reads.moves(c.readBy) {
		return nil
	}
	return c.Conn.SetReadDeadline(c.readBy) //nolint:wrapcheck // part of net.Conn
}

// SetWriteDeadline implements net.Conn.
func (c *inspected) SetWriteDeadline(t time.Time) error {
	if !c.writes.moves(t) {
		return nil
	}
	return c.Conn.SetWriteDeadline(t) //nolint:wrapcheck // part of net.Conn
}

// SetDeadline implements net.Conn.
func (c *inspected) SetDeadline(t time.Time) error {
	return errors.Join(c.SetReadDeadline(t), c.SetWriteDeadline(t))
}

const (
	lingerBytes = 256 << 10
	lingerTime  = 500 * time.Millisecond
)

// Close lets a client that is still sending read its refusal: closing a socket
// with unread input resets the connection and may destroy the answer on its
// way. What is read here is thrown away, within bounds.
func (c *inspected) Close() error {
	if !c.closed.CompareAndSwap(false, true) {
		return nil
	}
	defer c.gate.active.Add(-1)
	half, ok := c.Conn.(interface{ CloseWrite() error })
	if c.busy.Load() && ok && half.CloseWrite() == nil {
		stop := time.AfterFunc(lingerTime, func() { _ = c.Conn.Close() })
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		stop.Stop()
	}
	if err := c.Conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err //nolint:wrapcheck // part of net.Conn
	}
	return nil
}
