package proof_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/app/proof"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

// tally counts what goes to the attempt counters.
type tally struct {
	port.Counters

	mu      sync.Mutex
	reads   []int // keys per call
	writes  []int
	changed int    // states that were not what they had been
	afterIn func() // called when a read has been answered
	down    error
}

func (c *tally) Get(ctx context.Context, keys ...secret.Digest) ([]throttle.State, error) {
	out, err := c.Counters.Get(ctx, keys...)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.reads = append(c.reads, len(keys))
	if c.afterIn != nil {
		c.afterIn()
	}
	if c.down != nil {
		return nil, c.down
	}
	return out, err
}

func (c *tally) Apply(ctx context.Context, changes ...port.CounterChange) error {
	c.mu.Lock()
	c.writes = append(c.writes, len(changes))
	down := c.down
	c.mu.Unlock()
	for i, f := range changes {
		changes[i].Change = func(before throttle.State) throttle.State {
			after := f.Change(before)
			if after != before {
				c.mu.Lock()
				defer c.mu.Unlock()
				c.changed++
			}
			return after
		}
	}
	if down != nil {
		return down
	}
	return c.Counters.Apply(ctx, changes...)
}

// cost returns the reads and writes since the last call.
func (c *tally) cost() (reads, writes []int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	reads, writes = c.reads, c.writes
	c.reads, c.writes = nil, nil
	return reads, writes
}

func (c *tally) set(after func(), down error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.afterIn, c.down = after, down
}

type kit struct {
	*stage.Stage
	counters *tally
}

func setup(t *testing.T, limits throttle.Limits) *kit {
	t.Helper()
	k := &kit{counters: &tally{}}
	k.Stage = stage.New(t, stage.Options{Limits: limits, Wrap: func(s *stage.Stores) {
		k.counters.Counters = s.Counters
		s.Counters = k.counters
	}})
	return k
}

// parsed reads limits over the defaults.
func parsed(t *testing.T, s string) throttle.Limits {
	t.Helper()
	l, err := throttle.Parse(s)
	require.NoError(t, err)
	return l
}

// of names a served tenant.
func of(t *tenant.Tenant) tenant.Ref { return tenant.Ref{Given: string(t.Code()), Tenant: t} }

// ada is a try of Ada's from an address of her own.
func (k *kit) ada(t *testing.T, password string) proof.Input {
	t.Helper()
	return proof.Input{Tenant: of(k.Acme), Email: fake.Address(t, stage.Mail), Password: stage.Text(password), Origin: "192.0.2.1"}
}

func (k *kit) try(t *testing.T, password string) error {
	t.Helper()
	_, err := k.Proof.Check(t.Context(), k.ada(t, password))
	return err
}

// fail makes n wrong guesses about Ada's password.
func (k *kit) fail(t *testing.T, n int) {
	t.Helper()
	for i := range n {
		require.Error(t, k.try(t, fmt.Sprintf("wrong password %d", i)))
	}
}

// attempt is a try at the gate.
func attempt(t *testing.T, mail, origin string) proof.Attempt {
	t.Helper()
	return proof.Attempt{Tenant: "acme", Email: fake.Address(t, mail).Key(), Origin: origin}
}

const (
	firstDelay  = 30 * time.Second
	secondDelay = time.Minute
	blink       = time.Millisecond
)
