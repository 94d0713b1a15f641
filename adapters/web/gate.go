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
	max   int64
	busy  func() []byte
	slack time.Duration // see armed

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
		return &inspected{Conn: c, gate: g}, nil
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
	if c.err != nil {
		return 0, c.err
	}
	if err := c.arm(); err != nil {
		return 0, err
	}
	n, err := c.Conn.Read(p)
	fit, bad := c.in.scan(p[:n])
	c.busy.Store(bad != nil || !c.in.idle())
	if bad == nil {
		return n, err //nolint:wrapcheck // part of net.Conn
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

// armed is when a deadline was last set to: fasthttp sets three a request, half
// a minute off and such, of which next to none ever counts.
type armed struct{ at time.Time }

// moves reports whether a deadline must be set, that may come earlier than
// asked by less than slack.
func (a *armed) moves(to time.Time, slack time.Duration) bool {
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
	if !c.reads.moves(c.readBy, c.gate.slack) {
		return nil
	}
	return c.Conn.SetReadDeadline(c.readBy) //nolint:wrapcheck // part of net.Conn
}

// SetWriteDeadline implements net.Conn.
func (c *inspected) SetWriteDeadline(t time.Time) error {
	if !c.writes.moves(t, c.gate.slack) {
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
		// What was set for the request may be over by now.
		_ = c.Conn.SetReadDeadline(time.Time{})
		stop := time.AfterFunc(lingerTime, func() { _ = c.Conn.Close() })
		_, _ = io.CopyN(io.Discard, c.Conn, lingerBytes)
		stop.Stop()
	}
	if err := c.Conn.Close(); !errors.Is(err, net.ErrClosed) {
		return err //nolint:wrapcheck // part of net.Conn
	}
	return nil
}
