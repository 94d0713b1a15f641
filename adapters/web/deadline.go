package web

import (
	"context"
	"sync"
	"time"
)

// deadline is a context that ends at a time. Unlike the library's own it needs
// a timer only once somebody waits for it: what is answered out of memory does
// not. Its time is measured by now. It may carry one value. end must be called.
type deadline struct {
	at    time.Time
	now   func() time.Time
	key   any // nil: no value
	value string

	mu     sync.Mutex
	ended  bool
	inner  context.Context // nil until somebody waits
	cancel context.CancelFunc
}

// end releases what waits.
func (d *deadline) end() {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.ended = true
	if d.cancel != nil {
		d.cancel()
	}
}

// waited makes the context that the library knows how to wait for.
func (d *deadline) waited() context.Context {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil {
		d.inner, d.cancel = context.WithTimeout(context.Background(), d.at.Sub(d.now()))
		if d.ended {
			d.cancel()
		}
	}
	return d.inner
}

// Deadline implements context.Context.
func (d *deadline) Deadline() (time.Time, bool) { return d.waited().Deadline() }

// Done implements context.Context.
func (d *deadline) Done() <-chan struct{} { return d.waited().Done() }

// Err implements context.Context.
func (d *deadline) Err() error {
	d.mu.Lock()
	defer d.mu.Unlock()
	switch {
	case d.inner != nil:
		return d.inner.Err() //nolint:wrapcheck // part of context.Context
	case !d.now().Before(d.at):
		return context.DeadlineExceeded
	case d.ended:
		return context.Canceled
	}
	return nil
}

// Value implements context.Context. The library asks it for its own kind of
// context, after Done: contexts made of this one then need no goroutine to
// follow it.
func (d *deadline) Value(key any) any {
	if d.key != nil && key == d.key {
		return d.value
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.inner == nil {
		return nil
	}
	return d.inner.Value(key)
}
