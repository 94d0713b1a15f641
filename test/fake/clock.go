package fake

import (
	"sync"
	"time"

	"ostiary/app/port"
)

var _ port.Clock = (*Clock)(nil)

// Start is where a fake clock begins: UTC, with milliseconds that are not zero.
var Start = time.Date(2026, time.March, 4, 5, 6, 7, 89_000_000, time.UTC)

// Clock stands still at Start until it is told otherwise.
type Clock struct {
	mu  sync.Mutex
	now time.Time
}

// Now implements port.Clock.
func (c *Clock) Now() time.Time { return c.Advance(0) }

// Set moves the clock to t, cut to milliseconds, in UTC.
func (c *Clock) Set(t time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = t.UTC().Truncate(time.Millisecond)
}

// Advance moves the clock by d and returns the new time.
func (c *Clock) Advance(d time.Duration) time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.now.IsZero() {
		c.now = Start
	}
	c.now = c.now.Add(d).Truncate(time.Millisecond)
	return c.now
}
