package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/apitoken"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/keyset"
	"ostiary/domain/ledger"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// moved fills a store, carries all of it and goes on in the other store.
func moved(t *testing.T, from, to Store) stock {
	t.Helper()
	k := stockUp(t, from)
	carry(t, from, to)
	k.Store = to
	return k
}

func archivedDirectory(t *testing.T, from, to Store) {
	k := moved(t, from, to)

	for part, there := range k.isThere(t) {
		require.True(t, there, part)
	}
	for kind, next := range numbering(to) {
		requireDistinct(t, append(k.drawn[kind], next.take(t, k.id, 4*crowd)...))
	}
	_, err := to.Tenants.ByCode(t.Context(), k.code)
	require.NoError(t, err)
	require.ErrorIs(t, to.Tenants.Add(t.Context(), fake.Tenant(t, string(k.code))), tenant.ErrCodeTaken)
	full, err := to.Tenants.ByHost(t.Context(), "xn--"+"bcher-kva.example")
	require.NoError(t, err)
	for refusal, change := range map[error]func(*tenant.Details){
		tenant.ErrHostTaken:     func(d *tenant.Details) { d.Hosts = full.Details().Hosts[:1] },
		tenant.ErrAudienceTaken: func(d *tenant.Details) { d.Settings.Audience = full.Settings().Audience },
	} {
		require.ErrorIs(t, to.Tenants.Add(t.Context(), tenantWith(t, change)), refusal)
	}
	require.ErrorIs(t, to.Contacts.Add(t.Context(), fake.Contact(t, k.co, 50, mailOf(1))), contact.ErrEmailTaken)
	require.ErrorIs(t, to.Companies.Delete(t.Context(), k.id, k.co.ID(), 0), company.ErrInUse)
	ids, total := k.page(t, port.ContactQuery{Company: k.co.ID()}, 0, 10)
	require.Equal(t, []int64{1, 20, 21}, ids)
	require.Equal(t, 3, total)
	ids, _ = k.page(t, port.ContactQuery{Prefix: "contact number 1"}, 0, 10)
	require.Equal(t, []int64{1}, ids)
	archivedLedger(t, k)
}

func archivedLedger(t *testing.T, k stock) {
	t.Helper()
	require.Equal(t, ledger.Figures{Documents: 3, OpenOrders: 1, UnpaidInvoices: 2, TotalOutstanding: 750}, k.figures(t))
	older := k.invoice("9", 1)
	older.Version = 6
	require.EqualValues(t, 7, k.put(t, older).Version)
	newer := k.invoice("9", 0)
	newer.Version = 8
	k.put(t, newer)
	require.NoError(t, k.Ledger.Delete(t.Context(), k.id, k.co.ID(), ledger.Order, "ref"))
	require.Equal(t, ledger.Figures{Documents: 2, UnpaidInvoices: 1, TotalOutstanding: 700}, k.figures(t))
}

func archivedSignIn(t *testing.T, from, to Store) {
	k := moved(t, from, to)

	p, err := to.Users.ByEmail(t.Context(), k.id, fake.Address(t, mailOf(1)).Key())
	require.NoError(t, err)
	require.Equal(t, k.user.ID(), p.User.ID())
	require.True(t, k.user.Snapshot().Hash.Equal(p.User.Snapshot().Hash))
	require.ErrorIs(t, to.Users.Add(t.Context(), fake.User(p.Contact)), user.ErrExists)
	require.Equal(t, 1, rotate(t, 1, k.first, func(int) home { return k.home })[session.Rotated])
	require.Len(t, k.sessionsOf(t, k.user.ID(), k.user.Epoch(), moment), 2)
	require.ErrorIs(t, k.useLink(t, k.spent.Token, moment), session.ErrLinkSpent)
	require.NoError(t, k.useLink(t, k.link.Token, moment))
	require.ErrorIs(t, k.useLink(t, k.link.Token, moment), session.ErrLinkSpent)
	for range session.CodeTries - 1 { // one was used up before the move
		require.ErrorIs(t, k.useCode(t, k.guessed, fake.Digest(), after(time.Minute)), session.ErrLinkSpent)
	}
	require.ErrorIs(t, k.useCode(t, k.guessed, k.guessed.Code, after(time.Minute)), session.ErrLinkSpent)
	require.NoError(t, to.Counters.Apply(t.Context(), oneMore(k.counter)))
	require.Equal(t, 2, statesOf(t, to, k.counter)[0].Count)
	require.NoError(t, to.Contacts.Delete(t.Context(), k.id, k.user.Contact(), 0))
	_, err = to.Sessions.ByID(t.Context(), k.id, k.session)
	require.ErrorIs(t, err, session.ErrNotFound)
}

func archivedOperation(t *testing.T, from, to Store) {
	k := moved(t, from, to)

	require.ErrorIs(t, to.Outbox.Put(t.Context(), jobFrom(k.waiting.Origin, moment), jobLimit), throttle.ErrLimited)
	got := lease(t, to, moment, 10)
	require.Len(t, got, 1)
	got[0].Attempts, got[0].Due = k.waiting.Attempts, k.waiting.Due
	same(t, k.waiting, got[0])
	require.Equal(t, "answer", k.begin(t, k.answer, fake.Digest(), moment).answer)
	require.Equal(t, port.Running, k.begin(t, k.running, fake.Digest(), moment).state)
	require.Equal(t, port.Fresh, k.begin(t, k.running, fake.Digest(), after(claimLease)).state)
	same(t, k.keys, loadKeys(t, to))
	require.ErrorIs(t, to.Keys.Save(t.Context(), keyset.Set{Version: 1}), port.ErrVersion)
	require.NoError(t, to.Keys.Save(t.Context(), keyset.Set{Version: 2, Keys: k.keys.Keys}))
	chain := port.AuditChain{Tenant: k.id, Writer: k.chain[0].Writer}
	stored := walk(t, to, chain, 0, 10)
	same(t, k.chain, stored)
	for _, r := range stored {
		require.Equal(t, r.Digest, r.Sum())
	}
	same(t, k.head, headsOf(t, to, chain.Writer)[k.id])
	next := audit.Chain(audit.Event{Tenant: k.id, ID: audit.IDFromBytes(fake.UUID()), At: moment}, chain.Writer, 4, stored[2].Digest)
	require.NoError(t, to.Audit.Append(t.Context(), []audit.Record{next}))
	require.Len(t, listTokens(t, to, k.id, apitoken.ID{}, 10), 1, "the revoked one stays revoked")

	require.NoError(t, to.Janitor.Sweep(t.Context(), after(1000*24*time.Hour)))
	left := make(map[port.Section]int)
	for _, p := range placesOf(t, to) {
		left[p.section] += len(p.read(t, to, 100))
	}
	for _, section := range []port.Section{port.SectionSessions, port.SectionLinks, port.SectionIdempotency, port.SectionCounters} {
		require.Zero(t, left[section], "the janitor knows when %s run out", section)
	}
	require.Equal(t, 1, left[port.SectionOutbox], "what is not done stays")
}

func archiveEmpty(t *testing.T, s, other Store) {
	require.True(t, isEmpty(t, s))
	require.NoError(t, s.Archive.SetCheckpoint(t.Context(), port.Checkpoint{Source: fake.Digest()}))
	require.True(t, isEmpty(t, s), "with a checkpoint alone")
	require.NoError(t, s.Tenants.Add(t.Context(), fake.Tenant(t, unique())))
	require.False(t, isEmpty(t, s))

	addToken(t, other, tenant.ID{})
	require.False(t, isEmpty(t, other), "with a token of the operator")
}

func checkpointOf(t testing.TB, s Store) port.Checkpoint {
	t.Helper()
	c, err := s.Archive.Checkpoint(t.Context())
	require.NoError(t, err)
	return c
}

func archiveCheckpoint(t *testing.T, s, other Store) {
	require.Equal(t, port.Checkpoint{}, checkpointOf(t, s))
	for _, c := range []port.Checkpoint{{Source: fake.Digest()}, {Source: fake.Digest(), Copied: 1}, {}, {Source: fake.Digest()}} {
		require.NoError(t, s.Archive.SetCheckpoint(t.Context(), c))
		require.Equal(t, c, checkpointOf(t, s))
	}
	require.Equal(t, port.Checkpoint{}, checkpointOf(t, other))
}

func archiveCheckpointMembers(t *testing.T, s, _ Store) {
	want := port.Checkpoint{
		Source: secret.Digest{1, 0, 0xff}, Section: port.SectionDocuments, Tenant: tenant.IDFromBytes(fake.UUID()),
		After: port.KeyOfNumber(1<<53-1) + "/order/№/%_客", Copied: 1 << 40,
	}
	require.NoError(t, s.Archive.SetCheckpoint(t.Context(), want))
	require.Equal(t, want, checkpointOf(t, s))
}
