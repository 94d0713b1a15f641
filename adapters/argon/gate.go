package argon

import (
	"container/list"
	"context"
	"sync"
	"time"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

const (
	// floor is the least that a turn is charged: what is too quick to be
	// measured is dealt out by count.
	floor = time.Millisecond
	// lately is how long a tenant's last caller is taken for a sign that the
	// next is near.
	lately = 15 * time.Second
)

// Gate lets a fixed number of callers work at once and shares their time out
// evenly among the tenants that want some. It is start-time fair queueing
// (Goyal, Vin and Cheng, 1996) on the virtual clock of generalised processor
// sharing. Each tenant has a tag, the time it has had; a free slot goes to the
// waiting tenant whose tag is least, so that one whose hashes cost ten times as
// much gets a tenth as many turns. The clock runs at the rate at which every
// tenant would be served if time could be split at will, and a tenant that
// comes anew starts there: it goes next, and gains nothing by having been
// away. Because the clock runs on with all work that is done, newcomers cannot
// keep those who wait from their turn.
//
// What a turn costs is known only afterwards. It is charged beforehand with
// what the tenant's last one took, and settled when it ends.
//
// A turn cannot be interrupted, so whoever goes next still waits for the end of
// another's. Therefore a tenant that has all slots but one gets the last only
// if no other tenant had a caller lately: that one's next finds a slot free. It
// costs a rush on one tenant that slot while others sign in now and then, which
// is what they would get by turns if they signed in all the time.
//
// Tenants that do not exist share one queue and one tag, or a flood of names
// would have as many shares. But they are told apart where the last slot is
// given: else whoever keeps the others busy under an invented name would see by
// the wait for a second name whether that one is invented as well.
type Gate struct {
	limits Limits
	now    func() time.Time // measures durations only

	mu      sync.Mutex
	places  places // of those who were admitted, waiting or not
	queued  places // of those who wait
	running int
	flows   map[tenant.ID]*flow
	inside  map[tenant.ID]int // turns by tenant, existent or not
	recent  recent
	clock   time.Duration
	mean    time.Duration // what a turn took of late
	serial  uint64
	busy    uint64
	left    uint64
}

// Limits say how many may be in a Gate.
type Limits struct {
	Slots     int // at work at once
	Queue     int // waiting, all tenants together
	PerTenant int // waiting, of one tenant; less when the queue fills up
}

// flow is a tenant that has turns, waits for some, or had more of late than its
// share.
type flow struct {
	owner   tenant.ID
	waiters list.List // of *waiter, next first
	running int
	tag     time.Duration
	last    time.Duration // what its last turn took
}

func (f *flow) active() bool { return f.running > 0 || f.waiters.Len() > 0 }

type waiter struct {
	owner  tenant.ID
	ready  chan struct{}
	serial uint64
	place  *list.Element // nil once a slot was handed over
	turn   *Turn
}

// Turn is a slot in somebody's hands.
type Turn struct {
	gate    *Gate
	flow    *flow
	owner   tenant.ID
	charged time.Duration
	begun   time.Time
}

// NewGate makes a gate. now may have any origin.
func NewGate(l Limits, now func() time.Time) *Gate {
	return &Gate{limits: l, now: now, places: newPlaces(), queued: newPlaces(), flows: map[tenant.ID]*flow{}, inside: map[tenant.ID]int{}}
}

// Admit takes a place before any work is begun that will come to Enter, and
// returns what gives it back. It returns port.ErrBusy when as many were
// admitted as may work and wait.
func (g *Gate) Admit(t tenant.ID) (leave func(), err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	l, t := g.limits, crowdOf(t)
	if !g.places.fit(t, l.Queue+l.Slots, l.PerTenant+l.Slots) {
		g.busy++
		return nil, port.ErrBusy
	}
	g.places.take(t)
	return func() {
		g.mu.Lock()
		defer g.mu.Unlock()
		g.places.leave(t)
	}, nil
}

// Enter returns when the caller has a slot, to be given back by Leave. It
// returns port.ErrBusy at once when too many wait already, and when ctx ends
// first, then with its cause. It gives up before a deadline, while there is
// time left to use the slot: else, in a queue that never empties, whoever comes
// first would be just about to leave, and the work be thrown away.
func (g *Gate) Enter(ctx context.Context, t tenant.ID) (*Turn, error) {
	if end, ok := ctx.Deadline(); ok {
		limited, cancel := context.WithDeadline(ctx, end.Add(-end.Sub(g.now())/8))
		defer cancel()
		ctx = limited
	}
	if ctx.Err() != nil {
		return nil, port.ErrBusy.Because(context.Cause(ctx))
	}
	w, err := g.join(t)
	if err != nil {
		return nil, err
	}
	select {
	case <-w.ready:
		return w.turn, nil
	case <-ctx.Done():
		if !g.quit(w) {
			w.turn.Leave() // the slot came at the same moment
		}
		return nil, port.ErrBusy.Because(context.Cause(ctx))
	}
}

// Leave gives the slot back and returns how long it was held.
func (t *Turn) Leave() time.Duration {
	g := t.gate
	g.mu.Lock()
	defer g.mu.Unlock()
	took := g.now().Sub(t.begun)
	g.settle(t, max(floor, took))
	g.serve()
	g.forget()
	return max(0, took)
}

// Waiting returns how many callers wait.
func (g *Gate) Waiting() int { return g.stats().Waiting }

func (g *Gate) stats() Stats {
	g.mu.Lock()
	defer g.mu.Unlock()
	return Stats{Busy: g.busy, Left: g.left, Running: g.running, Waiting: g.queued.all}
}

// join takes a place in the tenant's queue, and with it a slot if one is to be
// had: then the waiter is ready.
func (g *Gate) join(t tenant.ID) (*waiter, error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	crowd := crowdOf(t)
	if !g.may(t) && !g.queued.fit(crowd, g.limits.Queue, g.limits.PerTenant) {
		g.busy++
		return nil, port.ErrBusy
	}
	f := g.flows[crowd]
	if f == nil {
		f = &flow{owner: crowd}
		g.flows[crowd] = f
	}
	if !f.active() {
		f.tag = max(f.tag, g.clock)
	}
	g.recent.note(t, g.now())
	g.serial++
	w := &waiter{owner: t, ready: make(chan struct{}), serial: g.serial, turn: &Turn{gate: g, flow: f}}
	w.place = f.waiters.PushBack(w)
	g.queued.take(crowd)
	g.serve()
	return w, nil
}

// may reports whether the tenant's next caller may have a slot now.
func (g *Gate) may(t tenant.ID) bool {
	slots := g.limits.Slots
	if g.running == slots {
		return false
	}
	return slots == 1 || g.inside[t] < slots-1 || !g.recent.others(t, g.now())
}

// serve hands slots over while there are some and somebody may have one.
func (g *Gate) serve() {
	for w := g.next(); w != nil; w = g.next() {
		f := w.turn.flow
		g.dequeue(f, w)
		g.begin(f, w)
	}
}

// begin hands a slot over.
func (g *Gate) begin(f *flow, w *waiter) {
	charged := f.last
	if charged == 0 {
		charged = max(floor, g.mean)
	}
	f.tag += charged
	f.running++
	g.running++
	g.inside[w.owner]++
	w.turn = &Turn{gate: g, flow: f, owner: w.owner, charged: charged, begun: g.now()}
	close(w.ready)
}

// settle ends a turn that took that long.
func (g *Gate) settle(t *Turn, took time.Duration) {
	active := 0
	for _, f := range g.flows {
		if f.active() {
			active++
		}
	}
	g.clock += max(1, took/time.Duration(active))
	t.flow.tag += took - t.charged
	t.flow.last = took
	t.flow.running--
	g.running--
	if g.inside[t.owner]--; g.inside[t.owner] == 0 {
		delete(g.inside, t.owner)
	}
	if g.mean == 0 {
		g.mean = took
	}
	g.mean += (took - g.mean) / 8
}

// next is the first caller, of those who may have a slot, of the waiting tenant
// that has had least; among equals, who waits longest.
func (g *Gate) next() *waiter {
	var best *waiter
	for _, f := range g.flows {
		w := g.first(f)
		if w == nil {
			continue
		}
		if best == nil || f.tag < best.turn.flow.tag || (f.tag == best.turn.flow.tag && w.serial < best.serial) {
			best = w
		}
	}
	return best
}

// first is the flow's first caller who may have a slot. All but those of
// tenants that do not exist are of one tenant, and answer alike.
func (g *Gate) first(f *flow) *waiter {
	for at := f.waiters.Front(); at != nil; at = at.Next() {
		w := at.Value.(*waiter) //nolint:forcetypeassert // the queues hold nothing else
		if g.may(w.owner) {
			return w
		}
		if !tenant.Invented(w.owner) {
			break
		}
	}
	return nil
}

// crowdOf is whom the tenant shares its turns with: itself, or all that do not
// exist.
func crowdOf(t tenant.ID) tenant.ID {
	if tenant.Invented(t) {
		return tenant.ID{}
	}
	return t
}

// forget drops the tenants whose past makes no difference any more: all of
// them when nothing runs, else those that the clock has caught up with. Of the
// others it keeps as many as may wait, and drops who has least to make up for.
func (g *Gate) forget() {
	var least *flow
	for t, f := range g.flows {
		switch {
		case f.active():
		case g.running == 0 || f.tag <= g.clock:
			delete(g.flows, t)
		case least == nil || f.tag < least.tag:
			least = f
		}
	}
	if least != nil && len(g.flows) > g.limits.Queue+g.limits.Slots {
		delete(g.flows, least.owner)
	}
}

// quit reports false when the waiter has a slot already.
func (g *Gate) quit(w *waiter) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w.place == nil {
		return false
	}
	g.dequeue(w.turn.flow, w)
	g.forget()
	g.left++
	return true
}

func (g *Gate) dequeue(f *flow, w *waiter) {
	f.waiters.Remove(w.place)
	w.place = nil
	g.queued.leave(f.owner)
}

// places count who is where, per tenant and together. A tenant may take at
// most as many as are still free: one in a crowd leaves half of them, two leave
// a third, and so on, for those who are not there yet.
type places struct {
	all int
	of  map[tenant.ID]int
}

func newPlaces() places { return places{of: map[tenant.ID]int{}} }

func (p *places) fit(t tenant.ID, all, each int) bool {
	return p.of[t] < min(each, all-p.all)
}

func (p *places) take(t tenant.ID) {
	p.all++
	p.of[t]++
}

func (p *places) leave(t tenant.ID) {
	p.all--
	if p.of[t]--; p.of[t] == 0 {
		delete(p.of, t)
	}
}

// recent knows the two tenants that came last, which is enough to tell of any
// tenant whether another came lately.
type recent [2]struct {
	owner tenant.ID
	until time.Time
}

func (r *recent) note(t tenant.ID, now time.Time) {
	if r[0].owner != t {
		r[1], r[0].owner = r[0], t
	}
	r[0].until = now.Add(lately)
}

func (r *recent) others(t tenant.ID, now time.Time) bool {
	last := r[0]
	if last.owner == t {
		last = r[1]
	}
	return now.Before(last.until)
}
