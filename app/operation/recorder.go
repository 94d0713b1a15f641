package operation

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

const (
	// maxTails bounds how many chains one writer keeps open. Beyond it the
	// recorder signs them all and goes on under a new writer id, so that memory
	// does not grow with the number of tenants.
	maxTails = 50_000
	// maxGroup bounds the records of one write.
	maxGroup = 500
	// appendTimeout bounds one write: whoever waits for it would otherwise wait
	// for a store that is gone.
	appendTimeout = 10 * time.Second
	walkLimit     = 500
)

// Recorder writes audit events into hash chains, one for each tenant and this
// writer. Events that arrive while a write is under way share the next one, and
// a burst of refusals that tell the same becomes one record of how many.
type Recorder struct {
	store  port.Audit
	vault  port.Vault
	random port.Random
	clock  port.Clock

	mu      sync.Mutex
	queue   []*entry
	running bool
	writer  audit.WriterID
	tails   map[tenant.ID]*tail
	signing sync.Mutex        // one signature run at a time, so that no older head replaces a newer one
	joined  bool              // the writers before this one are on record
	unnamed []port.AuditChain // of writers that ended before their chains were named
	naming  sync.Mutex
	limit   int
}

var _ port.Trail = (*Recorder)(nil)

// entry is what one caller waits for.
type entry struct {
	events []audit.Event
	done   chan error
}

// tail is the stored end of a chain.
type tail struct {
	seq    int64
	digest secret.Digest
	signed int64 // seq of the last signed head
	named  bool  // the system's chain says that this one exists
	doubt  bool  // a write failed: it may have happened all the same
}

// NewRecorder makes a writer of its own.
func NewRecorder(store port.Audit, vault port.Vault, random port.Random, clock port.Clock) *Recorder {
	return &Recorder{
		store: store, vault: vault, random: random, clock: clock,
		writer: audit.WriterIDFromBytes(random.UUID()), tails: map[tenant.ID]*tail{}, limit: maxTails,
	}
}

// Record implements port.Trail. The events of one call are stored together.
// When ctx ends first they may be stored all the same.
func (r *Recorder) Record(ctx context.Context, events ...audit.Event) error {
	if len(events) == 0 {
		return nil
	}
	e := &entry{events: make([]audit.Event, len(events)), done: make(chan error, 1)}
	copy(e.events, events)
	for i := range e.events {
		e.events[i].At = r.clock.Now()
		if e.events[i].Request == "" {
			e.events[i].Request = port.RequestOf(ctx)
		}
	}
	r.mu.Lock()
	r.queue = append(r.queue, e)
	if !r.running {
		r.running = true
		go r.drain()
	}
	r.mu.Unlock()
	select {
	case err := <-e.done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("wait for audit record: %w", context.Cause(ctx))
	}
}

// drain writes group after group until nobody waits. Only one runs at a time,
// so that it alone moves the tails.
func (r *Recorder) drain() {
	for {
		r.mu.Lock()
		group := r.take()
		if len(group) == 0 {
			r.running = false
			r.mu.Unlock()
			return
		}
		r.mu.Unlock()
		err := r.write(group)
		for _, e := range group {
			e.done <- err
		}
	}
}

// take cuts the next group off the queue.
func (r *Recorder) take() []*entry {
	n, records := 0, 0
	for n < len(r.queue) && (n == 0 || records+len(r.queue[n].events) <= maxGroup) {
		records += len(r.queue[n].events)
		n++
	}
	group := r.queue[:n:n]
	r.queue = r.queue[n:]
	if len(r.queue) == 0 {
		r.queue = nil
	}
	return group
}

func (r *Recorder) write(group []*entry) error {
	ctx, cancel := context.WithTimeout(context.Background(), appendTimeout)
	defer cancel()
	touched, err := r.tailsOf(ctx, group)
	if err != nil {
		return err
	}
	ends := make(map[tenant.ID]tail, len(touched))
	for id, t := range touched {
		ends[id] = tail{seq: t.seq, digest: t.digest}
	}
	var records []audit.Record
	for _, ev := range fold(group) {
		ev.ID = audit.IDFromBytes(r.random.UUID())
		end := ends[ev.Tenant]
		rec := audit.Chain(ev, r.writer, end.seq+1, end.digest)
		end.seq, end.digest = rec.Seq, rec.Digest
		ends[ev.Tenant] = end
		records = append(records, rec)
	}
	err = r.store.Append(ctx, records)
	r.mu.Lock()
	defer r.mu.Unlock()
	for id, t := range touched {
		if err != nil {
			t.doubt = true
			continue
		}
		t.seq, t.digest = ends[id].seq, ends[id].digest
	}
	if err != nil {
		return fmt.Errorf("append audit records: %w", err)
	}
	return nil
}

// tailsOf returns the tails that the group extends, as the store has them.
func (r *Recorder) tailsOf(ctx context.Context, group []*entry) (map[tenant.ID]*tail, error) {
	out := make(map[tenant.ID]*tail)
	for _, e := range group {
		for _, ev := range e.events {
			out[ev.Tenant] = nil
		}
	}
	r.mu.Lock()
	full := len(r.tails)+len(out) > r.limit && len(r.tails) > 0
	r.mu.Unlock()
	if full {
		if err := r.renew(ctx); err != nil {
			return nil, err
		}
	}
	for id := range out {
		r.mu.Lock()
		t := r.tails[id]
		if t == nil {
			t = &tail{}
			r.tails[id] = t
		}
		out[id] = t
		r.mu.Unlock()
		if err := r.settle(ctx, id, t); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// settle finds out whether a write that seemed to fail took place: its
// positions are used again only when it did not.
func (r *Recorder) settle(ctx context.Context, id tenant.ID, t *tail) error {
	for t.doubt {
		records, err := r.store.Walk(ctx, port.AuditChain{Tenant: id, Writer: r.writer}, t.seq, walkLimit)
		if err != nil {
			return fmt.Errorf("read end of audit chain: %w", err)
		}
		r.mu.Lock()
		if n := len(records); n > 0 {
			t.seq, t.digest = records[n-1].Seq, records[n-1].Digest
		}
		t.doubt = len(records) == walkLimit
		r.mu.Unlock()
	}
	return nil
}
