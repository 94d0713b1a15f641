package live

import (
	"context"
	"errors"
	"sync"

	"ostiary/app/port"
)

// flights let callers that miss the same value at the same time share one
// read, or a crowd would queue for the store in front of a cold cache.
type flights[K comparable, V any] struct {
	mu  sync.Mutex
	now map[K]*flight[V]
}

type flight[V any] struct {
	since stamp // the read began
	done  chan struct{}
	value V
	err   error
}

// join returns the read of k that is under way, true when the caller must do
// it. A read that began before a change is nobody else's: it may have seen
// what was there before.
func (f *flights[K, V]) join(k K, since stamp) (*flight[V], bool) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if under, ok := f.now[k]; ok && under.since == since {
		return under, false
	}
	begun := &flight[V]{since: since, done: make(chan struct{})}
	if f.now == nil {
		f.now = map[K]*flight[V]{}
	}
	f.now[k] = begun
	return begun, true
}

func (f *flights[K, V]) land(k K, done *flight[V]) {
	f.mu.Lock()
	defer f.mu.Unlock()
	if f.now[k] == done { // else a later one took its place
		delete(f.now, k)
	}
	close(done.done)
}

// errLost is what the others are left with when a read panics.
var errLost = errors.New("live: the read did not end")

// fly reads with load, or waits for somebody who does. Only a read that ended
// for want of its own caller's time is done again.
func (f *flights[K, V]) fly(ctx context.Context, k K, since stamp, load func(context.Context) (V, error)) (V, error) {
	for {
		under, mine := f.join(k, since)
		if mine {
			under.err = errLost
			defer f.land(k, under)
			under.value, under.err = load(ctx)
			return under.value, under.err
		}
		select {
		case <-under.done:
		case <-ctx.Done():
			var none V
			return none, port.ErrUnavailable.After(retry).Because(ctx.Err())
		}
		if !errors.Is(under.err, context.Canceled) && !errors.Is(under.err, context.DeadlineExceeded) {
			return under.value, under.err
		}
	}
}
