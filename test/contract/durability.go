package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/keyset"
	"ostiary/domain/ledger"
	"ostiary/domain/outbox"
	"ostiary/domain/session"
	"ostiary/domain/throttle"
	"ostiary/test/fake"
)

// Reopen returns a store on an empty database, and a function that closes it
// and opens the same database anew.
type Reopen func(testing.TB) (first Store, again func() Store)

// Durability checks what a later process finds of what an earlier one wrote.
func Durability(t *testing.T, reopen Reopen) {
	for name, check := range map[string]func(*testing.T, Store, func() Store){
		"Estate":       durableEstate,
		"Numbers":      durableNumbers,
		"Outbox":       durableOutbox,
		"KeysAndAudit": durableKeysAndAudit,
		"Counters":     durableCounters,
		"Changes":      durableChanges,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, again := reopen(t)
			check(t, first, again)
		})
	}
}

func durableEstate(t *testing.T, first Store, again func() Store) {
	e := settle(t, first).fill(t)
	spent := e.addLink(t, e.user, moment)
	require.NoError(t, e.useLink(t, spent.Token, moment))
	before := e.person(t, e.user.ID())

	e.Store = again()

	for part, there := range e.isThere(t) {
		require.True(t, there, part)
	}
	after := e.person(t, e.user.ID())
	same(t, before.User.Snapshot(), after.User.Snapshot())
	same(t, before.Contact.Snapshot(), after.Contact.Snapshot())
	require.Equal(t, ledger.Figures{Documents: 1, OpenOrders: 1}, e.figures(t))
	require.ErrorIs(t, e.useLink(t, spent.Token, moment), session.ErrLinkSpent)
	require.NoError(t, e.useLink(t, e.link.Token, moment))
	state, _, answer, err := e.Idempotency.Begin(t.Context(), e.id, e.answer, fake.Digest(), moment, time.Minute)
	require.NoError(t, err)
	require.Equal(t, port.Answered, state)
	require.Equal(t, "answer", string(answer))
}

func durableNumbers(t *testing.T, first Store, again func() Store) {
	h, drawn := settle(t, first), map[string][]int64{}
	for kind, next := range numbering(first) {
		drawn[kind] = next.take(t, h.id, crowd)
	}

	for kind, next := range numbering(again()) {
		requireDistinct(t, append(drawn[kind], next.take(t, h.id, 4*crowd)...))
	}
}

func durableOutbox(t *testing.T, first Store, again func() Store) {
	origin, limit := fake.Digest(), throttle.Limit{Count: 2, Window: time.Hour}
	waiting, done := jobFrom(origin, moment), jobFrom(origin, moment)
	for _, j := range []outbox.Job{waiting, done} {
		require.NoError(t, first.Outbox.Put(t.Context(), j, limit))
	}
	require.NoError(t, first.Outbox.Done(t.Context(), done.ID, moment))

	s := again()

	require.ErrorIs(t, s.Outbox.Put(t.Context(), jobFrom(origin, moment), limit), throttle.ErrLimited)
	same(t, moment, next(t, s))
	got := lease(t, s, moment, 10)
	require.Len(t, got, 1)
	got[0].Attempts, got[0].Due = waiting.Attempts, waiting.Due
	same(t, waiting, got[0])
}

func durableKeysAndAudit(t *testing.T, first Store, again func() Store) {
	h, w := settle(t, first), auditWriter()
	set := keyset.Set{Version: 1, Keys: []keyset.Key{{ID: "a", Private: []byte("sealed"), Created: moment, SignsFrom: moment}}}
	require.NoError(t, first.Keys.Save(t.Context(), set))
	records, signed := auditRecord(h.id, w, 3), head(h.id, w, 3)
	require.NoError(t, first.Audit.Append(t.Context(), records))
	require.NoError(t, first.Audit.Sign(t.Context(), []audit.Head{signed}))

	s := again()

	same(t, set, loadKeys(t, s))
	same(t, records, walk(t, s, port.AuditChain{Tenant: h.id, Writer: w}, 0, 10))
	require.Contains(t, headsOf(t, s, w), h.id)
	same(t, signed, headsOf(t, s, w)[h.id])
}

func durableCounters(t *testing.T, first Store, again func() Store) {
	key := fake.Digest()
	require.NoError(t, first.Counters.Apply(t.Context(), oneMore(key)))
	s := again()
	require.NoError(t, s.Counters.Apply(t.Context(), oneMore(key)))
	require.Equal(t, 2, statesOf(t, s, key)[0].Count)
}

// durableChanges holds on to a place of before: it is good still, or refused.
func durableChanges(t *testing.T, first Store, again func() Store) {
	h := settle(t, first)
	place, a := latest(t, first), companyChange(h, 1)
	require.NoError(t, a.write(t.Context()))

	s := again()

	heard, _, err := s.Changes.Since(t.Context(), place)
	if err != nil {
		require.ErrorIs(t, err, port.ErrVersion)
		return
	}
	require.True(t, a.hears(heard))
}
