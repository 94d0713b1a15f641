package mongo

import (
	"sync/atomic"
	"time"

	"ostiary/app/port"
)

// Clock implements port.Clock: the time of the server, which all processes on
// it share, as far as this process can tell. Their own clocks may differ by
// half a minute, and no session, link or lock-out depends on it.
type Clock struct {
	own  port.Clock
	lead atomic.Int64 // nanoseconds by which the server is ahead
}

var _ port.Clock = (*Clock)(nil)

// NewClock returns a clock that tells its own time until a database opened
// with it has heard from its server.
func NewClock(own port.Clock) *Clock { return &Clock{own: own} }

// Now implements port.Clock.
func (c *Clock) Now() time.Time {
	return c.own.Now().Add(time.Duration(c.lead.Load())).Truncate(time.Millisecond)
}

// tolerance is how far two clocks may differ unnoticed: one that is set again
// and again by the time that messages happen to take would not even rise.
const tolerance = 100 * time.Millisecond

// ownTime is what this process believes; nothing without a clock.
func (c *Clock) ownTime() time.Time {
	if c == nil {
		return time.Time{}
	}
	return c.own.Now()
}

// heard takes over what the server said after it was asked at that moment of
// this process's own time. An answer that took long says little.
func (c *Clock) heard(server, asked time.Time) {
	if c == nil {
		return
	}
	took := c.own.Now().Sub(asked)
	lead := server.Sub(asked.Add(took / 2))
	off := lead - time.Duration(c.lead.Load())
	if took < 0 || off.Abs() <= tolerance+took {
		return
	}
	c.lead.Store(int64(lead))
}
