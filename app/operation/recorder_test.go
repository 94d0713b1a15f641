package operation_test

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/operation"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

func TestRecord_IsStoredBeforeItReturns(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)

	err := r.Record(operation.WithRequest(t.Context(), "req-1"), event(k.acme.ID(), "one"), event(k.acme.ID(), "two"), event(tenant.ID{}, "system"))

	require.NoError(t, err)
	own, system := k.stored(t, a, k.acme.ID()), k.stored(t, a, tenant.ID{})
	require.Len(t, own, 2)
	require.Len(t, system, 1)
	require.Equal(t, "one", own[0].Action)
	require.Equal(t, int64(2), own[1].Seq)
	require.Equal(t, own[0].Digest, own[1].Prev)
	require.Equal(t, "req-1", own[0].Request)
	require.Equal(t, fake.Start, own[0].At)
	require.False(t, own[0].ID.IsZero())
	require.Equal(t, int64(1), system[0].Seq)
}

func TestRecord_SharesWrites(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)

	holdBack(t, a, r, k.acme.ID(), func(gone context.Context) {
		for i := range 40 {
			require.ErrorIs(t, r.Record(gone, event(k.acme.ID(), fmt.Sprintf("queued%d", i))), context.Canceled)
		}
	})
	require.NoError(t, r.Record(t.Context(), event(k.acme.ID(), "last")))

	records := k.stored(t, a, k.acme.ID())
	require.Len(t, records, 42)
	require.LessOrEqual(t, len(a.sizes()), 3)
	require.Empty(t, k.verify(t, a).Findings)
}

// holdBack lets one write begin and queues what queue records until it ends. A
// caller who has gone leaves its events in the queue, so that nobody has to
// wait to know that they are there.
func holdBack(t *testing.T, a *archive, r *operation.Recorder, owner tenant.ID, queue func(ctx context.Context)) {
	t.Helper()
	entered, release := make(chan struct{}, 1), make(chan struct{})
	a.interfere(func() error {
		entered <- struct{}{}
		<-release
		return nil
	}, nil)
	first := make(chan error, 1)
	go func() { first <- r.Record(t.Context(), event(owner, "first")) }()
	<-entered
	a.interfere(nil, nil)
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	queue(gone)
	close(release)
	require.NoError(t, <-first)
}

func TestRecord_ABurstOfRefusalsIsOneRecord(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)
	refusal := func(owner tenant.ID, outcome string) audit.Event {
		return audit.Event{Tenant: owner, Actor: audit.Anonymous, Action: "session.opened", Outcome: audit.Refused, Details: map[string]string{"user": outcome}}
	}

	holdBack(t, a, r, k.acme.ID(), func(gone context.Context) {
		for i := range 30 {
			ctx := operation.WithRequest(gone, fmt.Sprintf("req-%d", i))
			require.Error(t, r.Record(ctx, refusal(k.acme.ID(), "unknown")))
			require.Error(t, r.Record(ctx, refusal(k.other.ID(), "unknown")))
		}
		require.Error(t, r.Record(gone, refusal(k.acme.ID(), "found")))
		granted := refusal(k.acme.ID(), "found")
		granted.Outcome = audit.Granted
		require.Error(t, r.Record(gone, granted, granted))
		proven := refusal(k.acme.ID(), "found")
		proven.Actor = "user:1"
		require.Error(t, r.Record(gone, proven, proven))
	})
	require.NoError(t, r.Record(t.Context(), event(k.acme.ID(), "last")))

	own := k.stored(t, a, k.acme.ID())
	require.Len(t, own, 8, "first, two refusals, twice granted, twice proven, last")
	require.Equal(t, map[string]string{"user": "unknown", "times": "30"}, own[1].Details)
	require.Equal(t, "req-0", own[1].Request)
	require.Equal(t, map[string]string{"user": "found"}, own[2].Details, "one is not counted")
	elsewhere := k.stored(t, a, k.other.ID())
	require.Len(t, elsewhere, 1)
	require.Equal(t, "30", elsewhere[0].Details["times"])
	require.Empty(t, k.verify(t, a).Findings)
}

func TestRecord_ParallelCallsKeepOneChain(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)
	var wg sync.WaitGroup
	errs := make(chan error, 204)
	for i := range 200 {
		wg.Go(func() {
			owner := k.acme.ID()
			if i%2 == 0 {
				owner = k.other.ID()
			}
			errs <- r.Record(t.Context(), event(owner, "parallel"))
		})
		if i%50 == 0 {
			wg.Go(func() { errs <- r.SignHeads(t.Context()) })
		}
	}
	wg.Wait()
	close(errs)
	for err := range errs {
		require.NoError(t, err)
	}

	require.Len(t, k.stored(t, a, k.acme.ID()), 100)
	require.NoError(t, r.SignHeads(t.Context()))
	report := k.verify(t, a)
	require.Empty(t, report.Findings)
	require.Equal(t, 3, report.Chains)
}

func TestRecord_AFailedWriteUsesNoPositionUp(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)
	require.NoError(t, r.Record(t.Context(), event(k.acme.ID(), "one")))
	outage := errors.New("the store is away")

	a.interfere(func() error { return outage }, nil)
	require.ErrorIs(t, r.Record(t.Context(), event(k.acme.ID(), "lost")), outage)
	a.interfere(nil, nil)
	require.NoError(t, r.Record(t.Context(), event(k.acme.ID(), "two")))

	records := k.stored(t, a, k.acme.ID())
	require.Len(t, records, 2)
	require.Equal(t, int64(2), records[1].Seq)
	require.NoError(t, r.SignHeads(t.Context()))
	require.Empty(t, k.verify(t, a).Findings)
}

// A write may have happened although its answer was lost; to use its positions
// again would block the chain for ever.
func TestRecord_GoesOnAfterALostAnswer(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)
	lost := errors.New("the answer was lost")

	a.interfere(nil, func() error { return lost })
	require.ErrorIs(t, r.Record(t.Context(), event(k.acme.ID(), "one")), lost)
	a.interfere(nil, nil)
	require.NoError(t, r.Record(t.Context(), event(k.acme.ID(), "two")))

	records := k.stored(t, a, k.acme.ID())
	require.Len(t, records, 2)
	require.Equal(t, int64(2), records[1].Seq)
	require.Empty(t, k.verify(t, a).Findings)
}

func TestRecord_NothingWritesNothing(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)

	require.NoError(t, r.Record(t.Context()))
	require.NoError(t, r.SignHeads(t.Context()))

	require.Empty(t, a.sizes())
	heads, err := a.Heads(t.Context())
	require.NoError(t, err)
	require.Empty(t, heads)
}

func TestSignHeads_LeavesIdleChainsAlone(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)
	require.NoError(t, r.Record(t.Context(), event(k.acme.ID(), "one")))
	require.NoError(t, r.SignHeads(t.Context()))
	before, err := a.Heads(t.Context())
	require.NoError(t, err)
	require.Len(t, before, 2, "the tenant's chain and the system's, which names it")
	writes := len(a.sizes())

	k.clock.Advance(60_000_000_000)
	require.NoError(t, r.SignHeads(t.Context()))

	after, err := a.Heads(t.Context())
	require.NoError(t, err)
	require.Equal(t, before, after)
	require.Len(t, a.sizes(), writes)
}

func TestRecorder_GoesOnAsANewWriterRatherThanGrow(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)
	r.SetLimit(2)

	for range 3 {
		for _, id := range []tenant.ID{k.acme.ID(), k.other.ID(), {}} {
			require.NoError(t, r.Record(t.Context(), event(id, "one")))
		}
	}
	require.NoError(t, r.SignHeads(t.Context()))

	report := k.verify(t, a)
	require.Empty(t, report.Findings)
	writers := map[string]bool{}
	for _, rec := range k.stored(t, a, k.acme.ID()) {
		writers[rec.Writer.String()] = true
	}
	require.Greater(t, len(writers), 1)
	a.chains = without(k.acme.ID())
	a.heads = withoutHeads(k.acme.ID())
	require.Len(t, k.verify(t, a).Findings, len(writers), "every chain of every writer is missed")
}
