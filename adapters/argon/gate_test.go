package argon_test

import (
	"context"
	"errors"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/argon"
	"ostiary/app/port"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

func owner(n byte) tenant.ID { return tenant.IDFromBytes([16]byte{15: n}) }

// crowd queues callers one after the other, and notes in which order they
// are let in; each keeps its slot for as long as its turns cost.
type crowd struct {
	gate  *argon.Gate
	clock *fake.Clock
	wg    sync.WaitGroup
	mu    sync.Mutex
	order []string
	errs  []error
}

func newCrowd(l argon.Limits) *crowd {
	clock := &fake.Clock{}
	return &crowd{gate: argon.NewGate(l, clock.Now), clock: clock}
}

// enter takes a free slot.
func (c *crowd) enter(t *testing.T, id tenant.ID) *argon.Turn {
	t.Helper()
	turn, err := c.gate.Enter(t.Context(), id)
	require.NoError(t, err)
	return turn
}

func (c *crowd) add(ctx context.Context, t tenant.ID, name string, cost time.Duration) {
	before := c.gate.Waiting()
	c.wg.Go(func() {
		turn, err := c.gate.Enter(ctx, t)
		c.mu.Lock()
		if err != nil {
			c.errs = append(c.errs, err)
		} else {
			c.order = append(c.order, name)
		}
		c.mu.Unlock()
		if err == nil {
			c.clock.Advance(cost)
			turn.Leave()
		}
	})
	await(c.gate, before+1)
}

func await(g *argon.Gate, waiting int) {
	for g.Waiting() != waiting {
		runtime.Gosched()
	}
}

func TestGate_LetsTenantsInByTurnsAndNewcomersNext(t *testing.T) {
	t.Parallel()
	c := newCrowd(argon.Limits{Slots: 1, Queue: 100, PerTenant: 50})
	first := c.enter(t, owner(1))
	for _, name := range []string{"a1", "a2", "a3", "a4", "a5"} {
		c.add(t.Context(), owner(1), name, 0)
	}
	c.add(t.Context(), owner(2), "b1", 0)
	c.add(t.Context(), owner(2), "b2", 0)
	c.add(t.Context(), owner(3), "c1", 0)

	first.Leave()
	c.wg.Wait()

	require.Equal(t, []string{"b1", "c1", "a1", "b2", "a2", "a3", "a4", "a5"}, c.order)
	require.Zero(t, c.gate.Traces())
}

func TestGate_GivesFewerTurnsToATenantWhoseTurnsCostMore(t *testing.T) {
	t.Parallel()
	c := newCrowd(argon.Limits{Slots: 1, Queue: 100, PerTenant: 50})
	first := c.enter(t, owner(9))
	for range 3 {
		c.add(t.Context(), owner(1), "dear", 40*time.Millisecond)
	}
	for range 10 {
		c.add(t.Context(), owner(2), "cheap", 10*time.Millisecond)
	}

	first.Leave()
	c.wg.Wait()

	require.Equal(t, []string{
		"dear", "cheap", "cheap", "cheap", "cheap", "dear", "cheap", "cheap", "cheap", "cheap", "dear", "cheap", "cheap",
	}, c.order)
}

func TestGate_RefusesAtOnceWhenOneTenantOrAllTogetherAreTooMany(t *testing.T) {
	t.Parallel()
	c := newCrowd(argon.Limits{Slots: 1, Queue: 4, PerTenant: 2})
	first := c.enter(t, owner(1))
	c.add(t.Context(), owner(1), "a1", 0)
	c.add(t.Context(), owner(1), "a2", 0)

	_, err := c.gate.Enter(t.Context(), owner(1))
	require.ErrorIs(t, err, port.ErrBusy, "the tenant's share is full")
	c.add(t.Context(), owner(2), "b1", 0)
	_, err = c.gate.Enter(t.Context(), owner(2))
	require.ErrorIs(t, err, port.ErrBusy, "the last place is for a tenant that has none")
	c.add(t.Context(), owner(3), "c1", 0)
	_, err = c.gate.Enter(t.Context(), owner(4))

	require.ErrorIs(t, err, port.ErrBusy, "the queue is full")
	require.Equal(t, 2*time.Second, fault.Of(err).RetryAfter())
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	first.Leave()
	c.wg.Wait()
	require.Equal(t, []string{"b1", "c1", "a1", "a2"}, c.order)
}

func TestGate_AdmitsAsManyAsMayWorkAndWait(t *testing.T) {
	t.Parallel()
	g := argon.NewGate(argon.Limits{Slots: 1, Queue: 5, PerTenant: 2}, time.Now)
	var leave []func()
	admit := func(n byte) error {
		out, err := g.Admit(owner(n))
		if err == nil {
			leave = append(leave, out)
		}
		return err
	}

	for range 3 {
		require.NoError(t, admit(1))
	}
	require.ErrorIs(t, admit(1), port.ErrBusy)
	require.NoError(t, admit(2))
	require.NoError(t, admit(3))
	require.ErrorIs(t, admit(3), port.ErrBusy)
	require.NoError(t, admit(4))
	require.ErrorIs(t, admit(5), port.ErrBusy)
	for _, out := range leave {
		out()
	}

	require.Zero(t, g.Traces())
	require.NoError(t, admit(1))
}

func TestGate_ForgetsACallerWhoseContextEnds(t *testing.T) {
	t.Parallel()
	c := newCrowd(argon.Limits{Slots: 1, Queue: 4, PerTenant: 2})
	first := c.enter(t, owner(1))
	gone := errors.New("gone home")
	ctx, cancel := context.WithCancelCause(t.Context())
	c.add(ctx, owner(1), "a1", 0)
	c.add(t.Context(), owner(1), "a2", 0)

	cancel(gone)
	await(c.gate, 1)
	c.add(t.Context(), owner(1), "a3", 0) // the place is free again
	first.Leave()
	c.wg.Wait()

	require.Equal(t, []string{"a2", "a3"}, c.order)
	require.Len(t, c.errs, 1)
	require.ErrorIs(t, c.errs[0], port.ErrBusy)
	require.ErrorIs(t, c.errs[0], gone)
	require.Zero(t, c.gate.Traces())
}

func TestGate_DoesNotLetInWhoIsGoneAlready(t *testing.T) {
	t.Parallel()
	c := newCrowd(argon.Limits{Slots: 1, Queue: 1, PerTenant: 1})
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := c.gate.Enter(ctx, owner(1))

	require.ErrorIs(t, err, context.Canceled)
	c.enter(t, owner(1)) // the slot is still there
}

// Callers leave at the very moment that slots are handed over; no slot may be
// lost and never more callers be inside than there are slots.
func TestGate_LosesNoSlotWhenManyComeAndGo(t *testing.T) {
	t.Parallel()
	const slots = 3
	g := argon.NewGate(argon.Limits{Slots: slots, Queue: 1000, PerTenant: 1000}, time.Now)
	inside := make(chan struct{}, slots)
	var wg sync.WaitGroup

	for i := range 400 {
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			turn, err := g.Enter(ctx, owner(byte(i%5)))
			if err != nil {
				return
			}
			select {
			case inside <- struct{}{}:
				runtime.Gosched()
				<-inside
			default:
				t.Error("more callers inside than slots")
			}
			turn.Leave()
		})
		if i%2 == 0 {
			wg.Go(cancel)
		} else {
			t.Cleanup(cancel)
		}
	}
	wg.Wait()

	require.Zero(t, g.Traces())
	for i := range slots {
		ctx, cancel := context.WithCancel(t.Context())
		_, err := g.Enter(ctx, owner(byte(i)))
		require.NoError(t, err)
		cancel()
	}
	full, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := g.Enter(full, owner(1))
	require.Error(t, err)
}
