package fake

import (
	"context"
	"slices"
	"sync"

	"ostiary/app/port"
	"ostiary/domain/audit"
)

var _ port.Trail = (*Trail)(nil)

// Trail keeps the events it is given.
type Trail struct {
	Err error // what Record returns

	mu     sync.Mutex
	events []audit.Event
}

// Record implements port.Trail; ID and At stay as they are.
func (r *Trail) Record(_ context.Context, events ...audit.Event) error {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.Err != nil {
		return r.Err
	}
	r.events = append(r.events, events...)
	return nil
}

// Events returns all events recorded so far, oldest first.
func (r *Trail) Events() []audit.Event {
	r.mu.Lock()
	defer r.mu.Unlock()
	return slices.Clone(r.events)
}

// Actions returns the actions of all events recorded so far, oldest first.
func (r *Trail) Actions() []string {
	var out []string
	for _, e := range r.Events() {
		out = append(out, e.Action)
	}
	return out
}
