package argon

import (
	"container/list"
	"context"
	"sync"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// Gate lets a fixed number of callers work at once. The others wait in one
// queue per tenant, and a slot that comes free is handed to the next tenant
// in turn, so that a crowd at one tenant does not stand before the others.
type Gate struct {
	bound, perTenant int

	mu      sync.Mutex
	free    int
	running int
	waiting int
	queues  map[tenant.ID]*queue
	ring    list.List // of *queue, those with waiters, next first
	busy    uint64
	left    uint64
}

type queue struct {
	owner   tenant.ID
	waiters list.List // of *waiter, next first
	turn    *list.Element
}

type waiter struct {
	ready chan struct{}
	queue *queue // nil once a slot was handed over
	place *list.Element
}

// NewGate makes a gate with that many slots, at most bound callers waiting
// and perTenant of one tenant.
func NewGate(slots, bound, perTenant int) *Gate {
	return &Gate{bound: bound, perTenant: perTenant, free: slots, queues: map[tenant.ID]*queue{}}
}

// Enter returns when the caller has a slot, to be given back by Leave. It
// returns port.ErrBusy at once when too many wait already, and when ctx ends
// first, then with its cause.
func (g *Gate) Enter(ctx context.Context, t tenant.ID) error {
	if ctx.Err() != nil {
		return port.ErrBusy.Because(context.Cause(ctx))
	}
	w, err := g.join(t)
	if err != nil {
		return err
	}
	select {
	case <-w.ready:
		return nil
	case <-ctx.Done():
		if !g.quit(w) {
			g.Leave() // the slot came at the same moment
		}
		return port.ErrBusy.Because(context.Cause(ctx))
	}
}

// Leave gives a slot back.
func (g *Gate) Leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	first := g.ring.Front()
	if first == nil {
		g.free++
		g.running--
		return
	}
	q := first.Value.(*queue)              //nolint:forcetypeassert // the ring holds nothing else
	w := q.waiters.Front().Value.(*waiter) //nolint:forcetypeassert // nor do the queues, and none in the ring is empty
	g.ring.MoveToBack(first)
	g.remove(w)
	close(w.ready)
}

// Waiting returns how many callers wait.
func (g *Gate) Waiting() int { return g.stats().Waiting }

func (g *Gate) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Stats{Busy: g.busy, Left: g.left, Running: g.running, Waiting: g.waiting}
}

// join takes a free slot, then the waiter is ready, or a place in the
// tenant's queue.
func (g *Gate) join(t tenant.ID) (*waiter, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	w := &waiter{ready: make(chan struct{})}
	if g.free > 0 {
		g.free--
		g.running++
		close(w.ready)
		return w, nil
	}
	q := g.queues[t]
	if g.waiting >= g.bound || (q != nil && q.waiters.Len() >= g.perTenant) {
		g.busy++
		return nil, port.ErrBusy
	}
	if q == nil {
		q = &queue{owner: t}
		q.turn = g.ring.PushBack(q)
		g.queues[t] = q
	}
	w.queue, w.place = q, q.waiters.PushBack(w)
	g.waiting++
	return w, nil
}

// quit reports false when the waiter has a slot already.
func (g *Gate) quit(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.queue == nil {
		return false
	}
	g.remove(w)
	g.left++
	return true
}

func (g *Gate) remove(w *waiter) {
	q := w.queue
	q.waiters.Remove(w.place)
	w.queue = nil
	g.waiting--
	if q.waiters.Len() == 0 {
		g.ring.Remove(q.turn)
		delete(g.queues, q.owner)
	}
}
