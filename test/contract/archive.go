package contract

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/keyset"
	"ostiary/domain/ledger"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Archive checks any port.Archive: what one store of an engine holds is
// carried into another one, which then serves as the first did.
func Archive(t *testing.T, open Open) {
	for name, check := range map[string]func(t *testing.T, from, to Store){
		"Read/IsWhatPortsReturn":        archiveReadsWhatPortsReturn,
		"Read/RisesInPages":             archivePages,
		"Read/HidesOtherTenants":        archiveReadHides,
		"Owners/NameTheLeavings":        archiveOwners,
		"Write/CarriesEverything":       archiveCarries,
		"Write/AgainChangesNothing":     archiveCarriesTwice,
		"Write/Replaces":                archiveReplaces,
		"Write/LowersNoNumber":          archiveLowersNoNumber,
		"Write/RefusesForeignRecords":   archiveRefusesForeign,
		"Write/RefusesWhatCannotBe":     archiveRefusesImpossible,
		"After/DirectoryGoesOn":         archivedDirectory,
		"After/SignInGoesOn":            archivedSignIn,
		"After/OperationGoesOn":         archivedOperation,
		"Empty/UntilSomethingIsThere":   archiveEmpty,
		"Checkpoint/IsReplacedAndGoes":  archiveCheckpoint,
		"Checkpoint/KeepsEveryMember":   archiveCheckpointMembers,
		"Count/OfWhatNobodyEverHeardOf": archiveNothing,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, open(t), open(t))
		})
	}
}

// stock is one of everything that a store may hold.
type stock struct {
	estate
	bare    contact.ID // has neither address nor login
	first   session.Refresh
	spent   session.Link
	guessed session.Link // a code of it was guessed wrong once
	chain   []audit.Record
	head    audit.Head
	system  []audit.Record
	keys    keyset.Set
	counter secret.Digest
	waiting outbox.Job
	done    outbox.Job
	running port.IdempotencyKey
	drawn   map[string][]int64
}

// Stock puts at least one record into every section of a store.
func Stock(t testing.TB, s Store) { stockUp(t, s) }

var jobLimit = throttle.Limit{Count: 2, Window: time.Hour}

func stockUp(t testing.TB, s Store) stock {
	t.Helper()
	require.NoError(t, s.Tenants.Add(t.Context(), fullTenant(t)))
	k := stock{estate: settle(t, s).fill(t), drawn: map[string][]int64{}}
	for kind, next := range numbering(s) {
		k.drawn[kind] = next.take(t, k.id, 5)
	}
	k.stockDirectory(t)
	k.stockSignIn(t)
	k.stockOperation(t)
	return k
}

func (k *stock) stockDirectory(t testing.TB) {
	t.Helper()
	require.NoError(t, k.Companies.Add(t.Context(), fullCompany(t, k.home, 9)))
	full := fullContact(t, k.home, 20)
	require.NoError(t, k.Contacts.Add(t.Context(), full))
	require.NoError(t, k.Users.Add(t.Context(), user.Restore(fullUser(full))))
	bare := fake.Contact(t, k.co, 21, "")
	require.NoError(t, k.Contacts.Add(t.Context(), bare))
	k.bare = bare.ID()
	k.put(t, k.invoice("a/b c", 700))
	versioned := k.invoice("9", 50)
	versioned.Version, versioned.IssuedAt, versioned.DueAt = 7, moment, after(time.Hour)
	k.put(t, versioned)
	gone := fake.CompanyID(t, 7)
	d := k.document(ledger.Order, "open")
	d.Company = gone
	k.put(t, d)
	require.NoError(t, k.Ledger.Delete(t.Context(), k.id, gone, ledger.Order, d.Ref)) // leaves figures of zero, if any
}

func (k *stock) stockSignIn(t testing.TB) {
	t.Helper()
	_, k.first = k.addSession(t, k.user, moment)
	require.NoError(t, k.Sessions.Add(t.Context(), session.Restore(fullSession(k.home, k.user))))
	k.spent, k.guessed = k.addLink(t, k.user, moment), k.addLink(t, k.user, after(time.Minute))
	require.NoError(t, k.useLink(t, k.spent.Token, moment))
	require.ErrorIs(t, k.useCode(t, k.guessed, fake.Digest(), after(time.Minute)), session.ErrLinkSpent)
	void := k.home.link(k.user, moment)
	void.Void = true
	require.NoError(t, k.Links.Add(t.Context(), void))
	k.counter = fake.Digest()
	require.NoError(t, k.Counters.Apply(t.Context(), oneMore(k.counter), oneMore(fake.Digest())))
	origin := fake.Digest()
	k.waiting, k.done = jobFrom(origin, moment), jobFrom(origin, moment)
	for _, j := range []outbox.Job{k.waiting, k.done} {
		require.NoError(t, k.Outbox.Put(t.Context(), j, jobLimit))
	}
	require.NoError(t, k.Outbox.Done(t.Context(), k.done.ID, moment))
}

func (k *stock) stockOperation(t testing.TB) {
	t.Helper()
	revoked := addToken(t, k.Store, k.id)
	require.NoError(t, k.APITokens.Revoke(t.Context(), k.id, revoked, moment))
	addToken(t, k.Store, tenant.ID{})
	k.running = newKey()
	k.begin(t, k.running, fake.Digest(), moment)
	w := auditWriter()
	k.chain, k.system, k.head = auditRecord(k.id, w, 3), auditRecord(tenant.ID{}, w, 2), head(k.id, w, 3)
	require.NoError(t, k.Audit.Append(t.Context(), append(slices.Clone(k.chain), k.system...)))
	require.NoError(t, k.Audit.Sign(t.Context(), []audit.Head{k.head, head(tenant.ID{}, w, 2)}))
	k.keys = keyset.Set{Version: 1, Keys: []keyset.Key{
		{ID: "b", Algorithm: keyset.ES256, Public: []byte("{}"), Private: []byte{0, 0xff}, Created: moment, SignsFrom: moment},
		{ID: "a", Algorithm: keyset.EdDSA, Public: []byte("{}"), Private: []byte{1}, Created: moment, SignsFrom: moment, Retired: moment},
	}}
	require.NoError(t, k.Keys.Save(t.Context(), k.keys))
}

// place is a section of one tenant, or a shared one.
type place struct {
	section port.Section
	owner   tenant.ID
}

func placesOf(t testing.TB, s Store) (out []place) {
	t.Helper()
	for _, section := range port.Sections() {
		owners := []tenant.ID{{}}
		if !section.Shared() {
			var err error
			owners, err = s.Archive.Owners(t.Context(), section)
			require.NoError(t, err)
		}
		for _, owner := range owners {
			out = append(out, place{section, owner})
		}
	}
	return out
}

// read reads a place page by page.
func (p place) read(t testing.TB, s Store, page int) (out []port.Record) {
	t.Helper()
	after := ""
	for {
		got, err := s.Archive.Read(t.Context(), p.owner, p.section, after, page)
		require.NoError(t, err)
		require.LessOrEqual(t, len(got), page)
		out = append(out, got...)
		if len(got) < page {
			return out
		}
		after = got[len(got)-1].Key
	}
}

// carry copies all that from holds.
func carry(t testing.TB, from, to Store) {
	t.Helper()
	for _, p := range placesOf(t, from) {
		for part := range slices.Chunk(p.read(t, from, 100), 2) {
			require.NoError(t, to.Archive.Write(t.Context(), p.owner, p.section, part), p.section)
		}
	}
}

// alike requires that both stores hold the same.
func alike(t testing.TB, want, got Store) {
	t.Helper()
	places := placesOf(t, want)
	require.Equal(t, places, placesOf(t, got))
	for _, p := range places {
		same(t, p.read(t, want, 100), p.read(t, got, 100))
	}
}

func archiveCarries(t *testing.T, from, to Store) {
	stockUp(t, from)
	filled := make(map[port.Section]bool)
	for _, p := range placesOf(t, from) {
		filled[p.section] = filled[p.section] || len(p.read(t, from, 100)) > 0
	}
	for _, section := range port.Sections() {
		require.True(t, filled[section], "%s must have something to carry", section)
	}

	carry(t, from, to)

	alike(t, from, to)
}

func archiveCarriesTwice(t *testing.T, from, to Store) {
	k := stockUp(t, from)

	carry(t, from, to)
	carry(t, from, to)

	alike(t, from, to)
	_, total := home{Store: to, id: k.id}.page(t, port.ContactQuery{}, 0, 10)
	require.Equal(t, 3, total)
}

// archiveReplaces changes what was carried already.
func archiveReplaces(t *testing.T, from, to Store) {
	k := stockUp(t, from)
	carry(t, from, to)
	freed := k.contact(t, k.user.Contact()).Email()
	require.NoError(t, k.update(t, k.user.Contact(), func(d *contact.Details) {
		d.Email, d.Tags = fake.Address(t, "new@example.com"), nil
		d.Companies = []contact.Membership{{Company: fake.CompanyID(t, 7), Primary: true}}
	}))
	require.NoError(t, k.Contacts.Delete(t.Context(), k.id, fake.ContactID(t, 20), 0))
	again := fake.Contact(t, k.co, 20, "again@example.com") // the number's contact without a login
	require.NoError(t, k.Contacts.Add(t.Context(), again))
	k.put(t, k.invoice("a/b c", 1))
	require.NoError(t, k.useLink(t, k.link.Token, moment))
	rotate(t, 1, k.first, func(int) home { return k.home })
	require.NoError(t, from.Counters.Apply(t.Context(), oneMore(k.counter)))
	require.NoError(t, from.Keys.Save(t.Context(), keyset.Set{Version: 2, Keys: k.keys.Keys[1:]}))

	carry(t, from, to)

	alike(t, from, to)
	there := home{Store: to, id: k.id, co: k.co}
	heir := fake.Contact(t, k.co, 30, freed.String())
	require.NoError(t, to.Contacts.Add(t.Context(), heir), "the old address is free")
	_, total := there.page(t, port.ContactQuery{Company: fake.CompanyID(t, 7)}, 0, 10)
	require.Equal(t, 1, total)
	require.NoError(t, to.Tags.Delete(t.Context(), k.id, k.tag, 0))
}

func archiveReadsWhatPortsReturn(t *testing.T, s, _ Store) {
	k := stockUp(t, s)
	one := func(section port.Section, key string) any {
		for _, r := range (place{section, k.id}).read(t, s, 100) {
			if r.Key == key {
				return r.Value
			}
		}
		t.Fatalf("no %s %s", section, key)
		return nil
	}

	p := k.person(t, k.user.ID())
	login := p.User.Snapshot()
	same(t, port.ArchivedContact{Contact: p.Contact.Snapshot(), User: &login}, one(port.SectionContacts, port.KeyOfNumber(1)))
	same(t, port.ArchivedContact{Contact: k.contact(t, k.bare).Snapshot()}, one(port.SectionContacts, port.KeyOfNumber(21)))
	id := k.session.Bytes()
	same(t, k.home.session(t, k.session).Snapshot(), one(port.SectionSessions, port.KeyOfBytes(id[:])))
	same(t, k.link, one(port.SectionLinks, port.KeyOfBytes(k.link.Token[:])))
	spent := k.spent
	spent.Used = moment
	same(t, spent, one(port.SectionLinks, port.KeyOfBytes(k.spent.Token[:])))
	same(t, port.ArchivedFigures{Company: k.co.ID(), Figures: k.figures(t)}, one(port.SectionFigures, port.KeyOfNumber(1)))
	w := k.chain[0].Writer.Bytes()
	same(t, k.chain[2], one(port.SectionAudit, port.KeyOfBytes(w[:])+"/"+port.KeyOfNumber(3)))
	claim := one(port.SectionIdempotency, port.KeyOfBytes(k.answer[:])).(port.ArchivedClaim)
	require.Equal(t, "answer", string(claim.Answer))
	require.False(t, claim.Answered.IsZero())
}

func archivePages(t *testing.T, s, _ Store) {
	stockUp(t, s)
	for _, p := range placesOf(t, s) {
		all := p.read(t, s, 1000)
		same(t, all, p.read(t, s, 1))
		for i, r := range all {
			require.Equal(t, port.RecordOf(r.Value).Key, r.Key)
			require.True(t, r.Belongs(p.owner, p.section), p.section)
			require.True(t, i == 0 || all[i-1].Key < r.Key, "%s: keys rise", p.section)
		}
		n, err := s.Archive.Count(t.Context(), p.owner, p.section)
		require.NoError(t, err)
		require.Equal(t, int64(len(all)), n, p.section)
	}
}

func archiveReadHides(t *testing.T, s, _ Store) {
	ours, theirs := neighbours(t, s)
	ours.fill(t)
	for _, section := range port.Sections() {
		if section.Shared() || section == port.SectionCompanies {
			continue
		}
		require.Empty(t, place{section, theirs.id}.read(t, s, 10), section)
		n, err := s.Archive.Count(t.Context(), theirs.id, section)
		require.NoError(t, err)
		require.Zero(t, n, section)
	}
	companies := place{port.SectionCompanies, theirs.id}.read(t, s, 10)
	require.Len(t, companies, 1)
	same(t, theirs.co.Snapshot(), companies[0].Value)
}

// archiveOwners: a tenant that was removed leaves its audit records alone.
func archiveOwners(t *testing.T, s, _ Store) {
	k, other := stockUp(t, s), settle(t, s)
	require.NoError(t, s.Tenants.Delete(t.Context(), k.id, 0))
	for _, section := range port.Sections() {
		if section.Shared() {
			continue
		}
		owners, err := s.Archive.Owners(t.Context(), section)
		require.NoError(t, err)
		require.Equal(t, section == port.SectionAudit, slices.Contains(owners, k.id), section)
		require.Equal(t, section == port.SectionCompanies, slices.Contains(owners, other.id), section)
		require.True(t, slices.IsSortedFunc(owners, func(a, b tenant.ID) int {
			x, y := a.Bytes(), b.Bytes()
			return slices.Compare(x[:], y[:])
		}))
	}
	tokens, err := s.Archive.Owners(t.Context(), port.SectionAPITokens)
	require.NoError(t, err)
	require.Equal(t, []tenant.ID{{}}, tokens, "the operator's own")
}

func archiveLowersNoNumber(t *testing.T, s, _ Store) {
	h := settle(t, s)
	next := numbering(s)["tag"]
	drawn := next.take(t, h.id, 3)
	low := port.RecordOf(port.ArchivedNumber{Kind: "tag", Next: 1})
	before := place{port.SectionNumbers, h.id}.read(t, s, 10)

	require.NoError(t, s.Archive.Write(t.Context(), h.id, port.SectionNumbers, []port.Record{low}))

	same(t, before, place{port.SectionNumbers, h.id}.read(t, s, 10))
	requireDistinct(t, append(drawn, next.take(t, h.id, 4*crowd)...))
}

func archiveRefusesForeign(t *testing.T, s, other Store) {
	k := stockUp(t, s)
	foreign := settle(t, other)
	for _, p := range placesOf(t, s) {
		for _, r := range p.read(t, s, 1) {
			wrong := port.SectionTenants
			if p.section == wrong {
				wrong = port.SectionKeys
			}
			err := other.Archive.Write(t.Context(), tenant.ID{}, wrong, []port.Record{r})
			require.ErrorIs(t, err, port.ErrForeignRecord, "%s among %s", p.section, wrong)
		}
	}
	ours := place{port.SectionCompanies, k.id}.read(t, s, 1)
	theirs := place{port.SectionCompanies, foreign.id}.read(t, other, 1)

	err := other.Archive.Write(t.Context(), foreign.id, port.SectionCompanies, append(theirs, ours...))

	require.ErrorIs(t, err, port.ErrForeignRecord)
	same(t, theirs, place{port.SectionCompanies, foreign.id}.read(t, other, 10))
	require.Empty(t, place{port.SectionCompanies, k.id}.read(t, other, 10))
}

func archiveRefusesImpossible(t *testing.T, s, _ Store) {
	h := settle(t, s)
	h.addContact(t, 1)
	taken := fake.Contact(t, h.co, 2, mailOf(1)).Snapshot()
	nowhere := fake.Contact(t, h.co, 3, "").Snapshot()
	nowhere.Details.Companies = []contact.Membership{{Company: fake.CompanyID(t, 99), Primary: true}}
	untagged := fake.Contact(t, h.co, 4, "").Snapshot()
	untagged.Details.Tags = []contact.TagID{tagID(t, 99)}
	for refusal, snap := range map[error]contact.Snapshot{
		contact.ErrEmailTaken: taken, company.ErrNotFound: nowhere, contact.ErrTagNotFound: untagged,
	} {
		r := port.RecordOf(port.ArchivedContact{Contact: snap})
		require.ErrorIs(t, s.Archive.Write(t.Context(), h.id, port.SectionContacts, []port.Record{r}), refusal)
	}
	d := h.document(ledger.Order, "open")
	d.Company = fake.CompanyID(t, 99)
	err := s.Archive.Write(t.Context(), h.id, port.SectionDocuments, []port.Record{port.RecordOf(d)})
	require.ErrorIs(t, err, company.ErrNotFound)
	require.Len(t, place{port.SectionContacts, h.id}.read(t, s, 10), 1)
}

func archiveNothing(t *testing.T, s, _ Store) {
	for _, section := range port.Sections() {
		n, err := s.Archive.Count(t.Context(), tenant.ID{}, section)
		require.NoError(t, err)
		require.Zero(t, n, section)
		require.Empty(t, place{section, tenant.ID{}}.read(t, s, 10), section)
		require.NoError(t, s.Archive.Write(t.Context(), tenant.ID{}, section, nil))
	}
	require.True(t, isEmpty(t, s))
}

func isEmpty(t testing.TB, s Store) bool {
	t.Helper()
	empty, err := s.Archive.Empty(t.Context())
	require.NoError(t, err)
	return empty
}
