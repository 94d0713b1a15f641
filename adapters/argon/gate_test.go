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
)

func owner(n byte) tenant.ID { return tenant.IDFromBytes([16]byte{15: n}) }

// crowd queues callers one after the other, and notes in which order they
// are let in; each leaves at once.
type crowd struct {
	gate  *argon.Gate
	wg    sync.WaitGroup
	mu    sync.Mutex
	order []string
	errs  []error
}

func (c *crowd) add(ctx context.Context, t tenant.ID, name string) {
	before := c.gate.Waiting()
	c.wg.Go(func() {
		err := c.gate.Enter(ctx, t)
		c.mu.Lock()
		if err != nil {
			c.errs = append(c.errs, err)
		} else {
			c.order = append(c.order, name)
		}
		c.mu.Unlock()
		if err == nil {
			c.gate.Leave()
		}
	})
	await(c.gate, before+1)
}

func await(g *argon.Gate, waiting int) {
	for g.Waiting() != waiting {
		runtime.Gosched()
	}
}

func TestGate_LetsTenantsInByTurns(t *testing.T) {
	t.Parallel()
	c := &crowd{gate: argon.NewGate(1, 100, 50)}
	require.NoError(t, c.gate.Enter(t.Context(), owner(1)))
	for _, name := range []string{"a1", "a2", "a3", "a4", "a5"} {
		c.add(t.Context(), owner(1), name)
	}
	c.add(t.Context(), owner(2), "b1")
	c.add(t.Context(), owner(2), "b2")
	c.add(t.Context(), owner(3), "c1")

	c.gate.Leave()
	c.wg.Wait()

	require.Equal(t, []string{"a1", "b1", "c1", "a2", "b2", "a3", "a4", "a5"}, c.order)
	require.Zero(t, c.gate.Waiting())
}

func TestGate_RefusesAtOnceWhenOneTenantOrAllTogetherAreTooMany(t *testing.T) {
	t.Parallel()
	c := &crowd{gate: argon.NewGate(1, 3, 2)}
	require.NoError(t, c.gate.Enter(t.Context(), owner(1)))
	c.add(t.Context(), owner(1), "a1")
	c.add(t.Context(), owner(1), "a2")

	require.ErrorIs(t, c.gate.Enter(t.Context(), owner(1)), port.ErrBusy, "the tenant's share is full")
	c.add(t.Context(), owner(2), "b1")
	err := c.gate.Enter(t.Context(), owner(3))

	require.ErrorIs(t, err, port.ErrBusy, "the queue is full")
	require.Equal(t, 2*time.Second, fault.Of(err).RetryAfter())
	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	c.gate.Leave()
	c.wg.Wait()
	require.Equal(t, []string{"a1", "b1", "a2"}, c.order)
}

func TestGate_ForgetsACallerWhoseContextEnds(t *testing.T) {
	t.Parallel()
	c := &crowd{gate: argon.NewGate(1, 2, 2)}
	require.NoError(t, c.gate.Enter(t.Context(), owner(1)))
	gone := errors.New("gone home")
	ctx, cancel := context.WithCancelCause(t.Context())
	c.add(ctx, owner(1), "a1")
	c.add(t.Context(), owner(1), "a2")

	cancel(gone)
	await(c.gate, 1)
	c.add(t.Context(), owner(1), "a3") // the place is free again
	c.gate.Leave()
	c.wg.Wait()

	require.Equal(t, []string{"a2", "a3"}, c.order)
	require.Len(t, c.errs, 1)
	require.ErrorIs(t, c.errs[0], port.ErrBusy)
	require.ErrorIs(t, c.errs[0], gone)
}

func TestGate_DoesNotLetInWhoIsGoneAlready(t *testing.T) {
	t.Parallel()
	g := argon.NewGate(1, 1, 1)
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	require.ErrorIs(t, g.Enter(ctx, owner(1)), context.Canceled)
	require.NoError(t, g.Enter(t.Context(), owner(1)), "the slot is still there")
}

// Callers leave at the very moment that slots are handed over; no slot may be
// lost and never more callers be inside than there are slots.
func TestGate_LosesNoSlotWhenManyComeAndGo(t *testing.T) {
	t.Parallel()
	const slots = 3
	g := argon.NewGate(slots, 1000, 1000)
	inside := make(chan struct{}, slots)
	var wg sync.WaitGroup

	for i := range 400 {
		ctx, cancel := context.WithCancel(t.Context())
		wg.Go(func() {
			if g.Enter(ctx, owner(byte(i%5))) != nil {
				return
			}
			select {
			case inside <- struct{}{}:
				runtime.Gosched()
				<-inside
			default:
				t.Error("more callers inside than slots")
			}
			g.Leave()
		})
		if i%2 == 0 {
			wg.Go(cancel)
		} else {
			t.Cleanup(cancel)
		}
	}
	wg.Wait()

	require.Zero(t, g.Waiting())
	for range slots {
		ctx, cancel := context.WithCancel(t.Context())
		require.NoError(t, g.Enter(ctx, owner(1)))
		cancel()
	}
	full, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, g.Enter(full, owner(1)))
}
