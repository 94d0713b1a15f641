package contract

import (
	"context"
	"runtime"
	"strconv"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/keyset"
	"ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Pair returns two handles on one empty database, as two processes have them.
type Pair func(testing.TB) (Store, Store)

// Processes checks what holds between two processes on one database.
func Processes(t *testing.T, pair Pair) {
	cs := map[string]func(*testing.T, both){
		"Read/WhatTheOtherWrote":           processesRead,
		"Numbers/NeverCollide":             processesNumbers,
		"Update/LosesNothing":              processesUpdate,
		"Tenants/OneCodeAndHost":           processesTenants,
		"Contacts/OneGetsTheEmail":         processesEmail,
		"Users/OneLogin":                   processesLogin,
		"Companies/NoOrphans":              processesOrphans,
		"Links/OneUse":                     processesLink,
		"Links/TriesAreCountedOnce":        processesTries,
		"Sessions/OneRotation":             processesRotation,
		"Outbox/EachJobOnce":               processesOutbox,
		"Counters/Exact":                   processesCounters,
		"Ledger/Exact":                     processesLedger,
		"Keys/OneSave":                     processesKeys,
		"Keys/ARemovedOneStaysOut":         processesKeyStaysOut,
		"Idempotency/OneFresh":             processesIdempotency,
		"Audit/ChainsSideBySide":           processesAudit,
		"Changes/ParallelOnesAreHeard":     processesChanges,
		"Changes/LocalOnesAreOnesOwn":      processesLocal,
		"Changes/AnnouncedBeforeTheEffect": processesAnnounceEarly,
		"Changes/AnnouncementsHaveNames":   func(t *testing.T, b both) { requireNamed(t, b.stores[0], b.stores[1]) },
		"Changes/AnnouncementsHaveAnAge":   func(t *testing.T, b both) { requireAged(t, b.stores[0], b.stores[1]) },
	}
	for what, prepare := range announcements {
		cs["Changes/Hears/"+what] = func(t *testing.T, b both) { changesTellOf(t, b.stores[0], b.stores[1], prepare) }
	}
	for name, check := range cs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := pair(t)
			check(t, both{stores: [2]Store{first, second}})
		})
	}
}

// both is two processes.
type both struct{ stores [2]Store }

// settle makes one tenant and returns its home in either process.
func (b both) settle(t testing.TB) [2]home {
	t.Helper()
	h := settle(t, b.stores[0])
	twin := h
	twin.Store = b.stores[1]
	return [2]home{h, twin}
}

func processesRead(t *testing.T, b both) {
	h := b.settle(t)
	there := h[0].fill(t)
	there.home = h[1]
	for part, found := range there.isThere(t) {
		require.True(t, found, part)
	}

	bumped := updatedCompany(t, h[1], h[1].co.ID())
	require.NoError(t, bumped.update(bumped.bump))
	got, err := h[0].Companies.ByID(t.Context(), h[0].id, h[0].co.ID())
	require.NoError(t, err)
	require.Equal(t, h[0].co.Version()+1, got.Version())
}

func processesNumbers(t *testing.T, b both) {
	h := b.settle(t)
	other := numbering(b.stores[1])
	for kind, next := range numbering(b.stores[0]) {
		var all []int64
		for range 3 {
			all = append(all, next.take(t, h[0].id, crowd)...)
			all = append(all, other[kind].take(t, h[0].id, crowd)...)
		}
		turns := func(i int) counting { return []counting{next, other[kind]}[i%2] }
		all = append(all, takeFrom(t, h[0].id, 4*crowd, turns)...)
		requireDistinct(t, all)
	}
}

// takeFrom draws n numbers at once, from several sources.
func takeFrom(t testing.TB, owner tenant.ID, n int, source func(i int) counting) []int64 {
	t.Helper()
	out := make([]int64, n)
	allWell(t, crowded(n, func(i int) (err error) {
		out[i], err = source(i)(t.Context(), owner)
		return err
	}))
	return out
}

func processesUpdate(t *testing.T, b both) {
	h := b.settle(t)
	u := h[0].addUser(t, 1)
	opened, _ := h[0].addSession(t, u, moment)
	tag := h[0].addTag(t, 1).ID()
	spread(updatedTenant(t, h[0].Store, h[0].id), updatedTenant(t, h[1].Store, h[1].id)).losesNoParallelChange(t)
	spread(updatedCompany(t, h[0], h[0].co.ID()), updatedCompany(t, h[1], h[1].co.ID())).losesNoParallelChange(t)
	spread(updatedContact(t, h[0], u.Contact()), updatedContact(t, h[1], u.Contact())).losesNoParallelChange(t)
	spread(updatedTag(t, h[0], tag), updatedTag(t, h[1], tag)).losesNoParallelChange(t)
	spread(updatedUser(t, h[0], u.ID()), updatedUser(t, h[1], u.ID())).losesNoParallelChange(t)
	spread(updatedSession(t, h[0], opened.ID()), updatedSession(t, h[1], opened.ID())).losesNoParallelChange(t)
}

// spread updates through either process by turns.
func spread[A any](one, other updated[A]) updated[A] {
	turns := make(chan updated[A], 2)
	turns <- one
	turns <- other
	out := one
	out.update = func(change func(A) error) error {
		u := <-turns
		turns <- u
		return u.update(change)
	}
	return out
}

func processesTenants(t *testing.T, b both) {
	for refusal, change := range map[error]func(*tenant.Snapshot){
		tenant.ErrCodeTaken: func(x *tenant.Snapshot) { x.Code = "same" },
		tenant.ErrHostTaken: func(x *tenant.Snapshot) { x.Details.Hosts = []tenant.Host{"same.example"} },
	} {
		rivals := make([]*tenant.Tenant, crowd)
		for i := range rivals {
			x := fake.Tenant(t, unique()).Snapshot()
			change(&x)
			rivals[i] = tenant.Restore(x)
		}
		oneWins(t, crowded(crowd, func(i int) error { return b.stores[i%2].Tenants.Add(t.Context(), rivals[i]) }), refusal)
	}
}

func processesEmail(t *testing.T, b both) {
	h := b.settle(t)
	rivals := make([]*contact.Contact, crowd)
	for i := range rivals {
		rivals[i] = fake.Contact(t, h[0].co, int64(i)+1, "same@example.com")
	}
	oneWins(t, crowded(crowd, func(i int) error { return h[i%2].Contacts.Add(t.Context(), rivals[i]) }), contact.ErrEmailTaken)
}

func processesLogin(t *testing.T, b both) {
	h := b.settle(t)
	c := h[0].addContact(t, 1)
	rivals := make([]*user.User, crowd)
	for i := range rivals {
		rivals[i] = fake.User(c)
	}
	oneWins(t, crowded(crowd, func(i int) error { return h[i%2].Users.Add(t.Context(), rivals[i]) }), user.ErrExists)
}

func processesOrphans(t *testing.T, b both) {
	h := b.settle(t)
	for n := int64(2); n < 12; n++ {
		co := h[0].addCompany(t, n)
		c := fake.Contact(t, co, n, "")
		errs := crowded(2, func(i int) error {
			if i == 0 {
				return h[0].Contacts.Add(t.Context(), c)
			}
			return h[1].Companies.Delete(t.Context(), h[1].id, co.ID(), 0)
		})
		if errs[0] == nil {
			require.ErrorIs(t, errs[1], company.ErrInUse)
		} else {
			require.ErrorIs(t, errs[0], company.ErrNotFound)
			require.NoError(t, errs[1])
		}
	}
}

func processesLink(t *testing.T, b both) {
	h := b.settle(t)
	l := h[0].addLink(t, h[0].addUser(t, 1), moment)
	oneWins(t, crowded(2*crowd, func(i int) error { return h[i%2].useLink(t, l.Token, moment) }), session.ErrLinkSpent)
}

func processesTries(t *testing.T, b both) {
	h := b.settle(t)
	u := h[0].addUser(t, 1)
	burnt, spared := h[0].addLink(t, u, moment), h[0].addLink(t, u, moment)
	for l, guesses := range map[*session.Link]int{&burnt: session.CodeTries, &spared: session.CodeTries - 1} {
		for _, err := range crowded(guesses, func(i int) error { return h[i%2].useCode(t, *l, fake.Digest(), moment) }) {
			require.ErrorIs(t, err, session.ErrLinkSpent)
		}
	}
	require.ErrorIs(t, h[0].useCode(t, burnt, burnt.Code, moment), session.ErrLinkSpent)
	require.NoError(t, h[1].useCode(t, spared, spared.Code, moment))
}

func processesRotation(t *testing.T, b both) {
	h := b.settle(t)
	_, first := h[0].addSession(t, h[0].addUser(t, 1), moment)

	count := rotate(t, 2*crowd, first, func(i int) home { return h[i%2] })

	require.Equal(t, map[session.Rotation]int{session.Rotated: 1, session.Repeated: 2*crowd - 1}, count)
}

func processesOutbox(t *testing.T, b both) {
	requireLeasedOnce(t, 2*crowd, b.stores[:])
}

func processesCounters(t *testing.T, b both) {
	one, two := fake.Digest(), fake.Digest()
	allWell(t, crowded(2*crowd, func(i int) error {
		if i%2 == 0 {
			return b.stores[0].Counters.Apply(t.Context(), oneMore(one), oneMore(two))
		}
		return b.stores[1].Counters.Apply(t.Context(), oneMore(two), oneMore(one))
	}))
	for _, s := range b.stores {
		got := statesOf(t, s, one, two)
		require.Equal(t, 2*crowd, got[0].Count)
		require.Equal(t, 2*crowd, got[1].Count)
	}
}

// processesLedger puts every document through both, so that each is counted
// by the one and replaced by the other.
func processesLedger(t *testing.T, b both) {
	h := b.settle(t)
	allWell(t, crowded(2*crowd, func(i int) error {
		_, err := h[i%2].Ledger.Put(t.Context(), h[0].invoice(strconv.Itoa(i/2%20), 10))
		return err
	}))
	require.Equal(t, ledger.Figures{Documents: 20, UnpaidInvoices: 20, TotalOutstanding: money.Amount(200)}, h[1].figures(t))
}

func processesKeys(t *testing.T, b both) {
	for version := int64(1); version < 4; version++ {
		oneWins(t, crowded(crowd, func(i int) error {
			return b.stores[i%2].Keys.Save(t.Context(), keyset.Set{Version: version})
		}), port.ErrVersion)
	}
}

func processesKeyStaysOut(t *testing.T, b both) {
	requireKeyStaysOut(t, func(i int) Store { return b.stores[i%2] })
}

func processesIdempotency(t *testing.T, b both) {
	h := b.settle(t)
	requireOneFresh(t, newKey(), moment, func(i int) home { return h[i%2] })
}

func processesAudit(t *testing.T, b both) {
	h := b.settle(t)
	mine, yours := auditRecord(h[0].id, auditWriter(), crowd), auditRecord(h[0].id, auditWriter(), crowd)

	allWell(t, crowded(2, func(i int) error {
		for n := range crowd {
			records := mine
			if i == 1 {
				records = yours
			}
			if err := h[i].Audit.Append(t.Context(), records[n:n+1]); err != nil {
				return err
			}
		}
		return nil
	}))

	same(t, mine, walk(t, b.stores[1], port.AuditChain{Tenant: h[0].id, Writer: mine[0].Writer}, 0, 2*crowd))
	same(t, yours, walk(t, b.stores[0], port.AuditChain{Tenant: h[0].id, Writer: yours[0].Writer}, 0, 2*crowd))
}

func processesChanges(t *testing.T, b both) {
	h := b.settle(t)
	mine := manyWrites(t, h[0])
	for i := range mine {
		if i%2 == 1 {
			mine[i] = companyChange(h[1], int64(i)+2)
		}
	}
	requireAllHeard(t, b.stores[1], mine)
}

func processesLocal(t *testing.T, b both) {
	var mine, yours ear
	b.stores[0].Changes.OnLocal(mine.listen)
	b.stores[1].Changes.OnLocal(yours.listen)
	a := companyChange(settle(t, b.stores[0]), 1)
	require.NoError(t, a.write(t.Context()))

	require.True(t, a.hears(mine.all()))
	require.False(t, a.hears(yours.all()), "the other process must ask Since")
}

// processesAnnounceEarly reads while a session is ended elsewhere: whoever
// sees the effect can hear of it at once.
func processesAnnounceEarly(t *testing.T, b both) {
	h := b.settle(t)
	u := h[0].addUser(t, 1)
	for range 10 {
		opened, _ := h[0].addSession(t, u, moment)
		want := announced{want: port.Change{Tenant: h[0].id, Kind: port.SessionEnded, ID: opened.ID().String()}}
		place := latest(t, b.stores[1])
		ended := func() bool { return !h[1].session(t, opened.ID()).Snapshot().Ended.IsZero() }
		written := make(chan error, 1)
		go func(ctx context.Context) {
			written <- h[0].Sessions.Update(ctx, h[0].id, opened.ID(), func(s *session.Session) error {
				s.End(moment)
				return nil
			})
		}(t.Context())

		for len(written) == 0 && !ended() {
			runtime.Gosched()
		}

		heard, _ := since(t, b.stores[1], place)
		require.NoError(t, <-written)
		require.True(t, want.hears(heard))
		require.True(t, ended())
	}
}
