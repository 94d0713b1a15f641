package mongo_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"

	"ostiary/adapters/mongo"
	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/ledger"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
	"ostiary/test/mongod"
)

func TestOpen_RefusesADatabaseThatHoldsHalfACopy(t *testing.T) {
	t.Parallel()
	address := mongod.Database(t)
	o := options(t)
	o.Copying = true
	copying, err := mongo.Open(t.Context(), address, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, copying.Close()) })
	archive := mongo.NewArchive(copying)
	require.NoError(t, archive.SetCheckpoint(t.Context(), port.Checkpoint{Source: secret.Digest{1}}))
	serving := open(t, address)

	for range 2 {
		require.ErrorIs(t, mongo.NewHealth(serving).Ping(t.Context()), port.ErrCopyUnfinished)
		_, err = mongo.NewTenants(serving).List(t.Context(), "", 1)
		require.ErrorIs(t, err, port.ErrCopyUnfinished)
	}
	require.NoError(t, mongo.NewHealth(copying).Ping(t.Context()))

	require.NoError(t, archive.SetCheckpoint(t.Context(), port.Checkpoint{}))
	require.NoError(t, mongo.NewHealth(open(t, address)).Ping(t.Context()))
}

func TestArchive_RefusesAPlaceThatIsNone(t *testing.T) {
	t.Parallel()
	a := mongo.NewArchive(open(t, mongod.Database(t)))
	for _, place := range []struct {
		section port.Section
		after   string
	}{
		{port.SectionCompanies, "x"},
		{port.SectionSessions, "xyz"},
		{port.SectionSessions, "00"},
		{port.SectionDocuments, "x/order/1"},
		{port.SectionAudit, "xyz"},
		{port.SectionAudit, "00112233445566778899aabbccddeeff/x"},
		{port.SectionHeads, "00/x"},
		{"unknown", ""},
	} {
		_, err := a.Read(t.Context(), tenant.ID{}, place.section, place.after, 1)
		require.Error(t, err, place)
	}
}

// all reads a section of one tenant in pages.
func all(t *testing.T, db *mongo.DB, owner tenant.ID, s port.Section, page int) (out []port.Record) {
	t.Helper()
	a, after := mongo.NewArchive(db), ""
	for {
		got, err := a.Read(t.Context(), owner, s, after, page)
		require.NoError(t, err)
		out = append(out, got...)
		if len(got) < page {
			break
		}
		after = got[len(got)-1].Key
	}
	n, err := a.Count(t.Context(), owner, s)
	require.NoError(t, err)
	require.EqualValues(t, len(out), n)
	return out
}

func keys(rs []port.Record) (out []string) {
	for _, r := range rs {
		out = append(out, r.Key)
	}
	return out
}

func TestArchive_ReadsDocumentsInOrderHoweverManyACompanyHas(t *testing.T) {
	t.Parallel()
	d := settled(t)
	var want []string
	for n, documents := range []int{1: 3, 2: 0, 3: 1, 4: 12, 5: 1, 6: 5} {
		if n > 1 {
			require.NoError(t, d.companies.Add(t.Context(), fake.Company(t, d.id, int64(n))))
		}
		for i := range documents {
			in := d.invoice(fmt.Sprint("№ ", i*7, "/x"), 1, 0)
			in.Company, in.Kind = fake.CompanyID(t, int64(n)), []ledger.Kind{ledger.Order, ledger.Invoice}[i%2]
			_, err := d.ledger.Put(t.Context(), in)
			require.NoError(t, err)
			want = append(want, port.RecordOf(in).Key)
		}
	}
	require.NoError(t, d.remove(t.Context(), "№ 7/x"))
	gone := d.invoice("№ 7/x", 1, 0)
	want = slices.DeleteFunc(want, func(k string) bool { return k == port.RecordOf(gone).Key })
	slices.Sort(want)

	for _, page := range []int{1, 2, 3, 5, 7, 12, 13, 100} {
		require.Equal(t, want, keys(all(t, d.db, d.id, port.SectionDocuments, page)), page)
	}
}

// A filter by the tenant alone goes through a whole collection where no index
// begins with t, and one by kind and reference needs an index of its own.
func TestArchive_ReadsNoMoreThanATenantHas(t *testing.T) {
	t.Parallel()
	for _, s := range port.Sections() {
		spans := slices.ContainsFunc(mongo.FilterOf(s, newTenant()), func(e bson.E) bool { return e.Key == "_id" })
		require.NotEqual(t, s.Shared(), spans, s)
	}
	require.True(t, slices.ContainsFunc(mongo.IndexesOf("documents"), func(i mongo.Index) bool {
		return i.Some == "" && slices.Equal(i.Fields, []string{"t", "company", "kind", "ref"})
	}))
}

func TestArchive_FinishesWhatACrashLeftOfDocuments(t *testing.T) {
	t.Parallel()
	d := settled(t)
	_, err := d.ledger.PutWithoutEnd(t.Context(), d.invoice("a", 5, 0))
	require.NoError(t, err)
	a := mongo.NewArchive(d.db)

	owners, err := a.Owners(t.Context(), port.SectionDocuments)

	require.NoError(t, err)
	require.Equal(t, []tenant.ID{d.id}, owners)
	require.Equal(t, []string{port.RecordOf(d.invoice("a", 5, 0)).Key}, keys(all(t, d.db, d.id, port.SectionDocuments, 10)))
	require.Len(t, all(t, d.db, d.id, port.SectionFigures, 10), 1)
}

func TestArchive_LeavesOutDocumentsThatCameTooLate(t *testing.T) {
	t.Parallel()
	d := settled(t)
	late, err := d.ledger.PutWithoutEnd(t.Context(), d.invoice("a", 5, 0))
	require.NoError(t, err)
	require.NoError(t, d.companies.Delete(t.Context(), d.id, d.co.ID(), 0))
	require.NoError(t, d.ledger.Finish(t.Context(), late))
	require.EqualValues(t, 1, d.documents(t))

	owners, err := mongo.NewArchive(d.db).Owners(t.Context(), port.SectionDocuments)

	require.NoError(t, err)
	require.Empty(t, owners)
	for _, s := range []port.Section{port.SectionCompanies, port.SectionFigures, port.SectionDocuments} {
		require.Empty(t, all(t, d.db, d.id, s, 10), s)
	}
}

func TestArchive_LeavesOutAContactThatIsNotFinished(t *testing.T) {
	t.Parallel()
	d := settled(t)
	require.NoError(t, d.contacts.Want(t.Context(), d.contact(t, 1, true)))
	require.Empty(t, all(t, d.db, d.id, port.SectionContacts, 10))

	whole := port.RecordOf(port.ArchivedContact{Contact: d.contact(t, 1, true).Snapshot()})
	require.NoError(t, mongo.NewArchive(d.db).Write(t.Context(), d.id, port.SectionContacts, []port.Record{whole}))

	require.Equal(t, []string{whole.Key}, keys(all(t, d.db, d.id, port.SectionContacts, 10)))
	require.ErrorIs(t, d.companies.Delete(t.Context(), d.id, d.co.ID(), 0), company.ErrInUse)
}

func TestArchive_LeavesOutAuditRecordsThatAreNotCommitted(t *testing.T) {
	t.Parallel()
	db := open(t, mongod.Database(t))
	audits, owner := mongo.NewAudit(db), newTenant()
	var want []string
	for n := range 6 {
		c := newChain(audits, owner)
		if n%2 == 0 {
			_, err := audits.Begin(t.Context(), c.next(3))
			require.NoError(t, err)
			continue
		}
		for _, r := range c.append(t, 2) {
			want = append(want, port.RecordOf(r).Key)
		}
	}
	slices.Sort(want)

	for _, page := range []int{1, 2, 3, 100} {
		require.Equal(t, want, keys(all(t, db, owner, port.SectionAudit, page)), page)
	}
	owners, err := mongo.NewArchive(db).Owners(t.Context(), port.SectionAudit)
	require.NoError(t, err)
	require.Equal(t, []tenant.ID{owner}, owners)
}

func TestArchive_LeavesOutATenantWhoseRemovalIsNotFinished(t *testing.T) {
	t.Parallel()
	doomed := settled(t)
	other := newTenant()
	require.NoError(t, doomed.companies.Add(t.Context(), fake.Company(t, other, 1)))
	require.NoError(t, doomed.db.Doom(t.Context(), doomed.id))

	owners, err := mongo.NewArchive(doomed.db).Owners(t.Context(), port.SectionCompanies)

	require.NoError(t, err)
	require.Equal(t, []tenant.ID{other}, owners)
	require.Empty(t, all(t, doomed.db, tenant.ID{}, port.SectionTenants, 10))
}

// TestArchive_MovesAddressesWithinABatch writes what the same numbers had
// otherwise before.
func TestArchive_MovesAddressesWithinABatch(t *testing.T) {
	t.Parallel()
	d := settled(t)
	a := mongo.NewArchive(d.db)
	write := func(mails ...string) error {
		rs := make([]port.Record, len(mails))
		for i, mail := range mails {
			rs[i] = port.RecordOf(port.ArchivedContact{Contact: fake.Contact(t, d.co, int64(i+1), mail).Snapshot()})
		}
		return a.Write(t.Context(), d.id, port.SectionContacts, rs)
	}
	require.NoError(t, write("a@example.com", "b@example.com", "c@example.com"))

	require.ErrorIs(t, write("a@example.com", "a@example.com"), contact.ErrEmailTaken)
	require.ErrorIs(t, write("c@example.com"), contact.ErrEmailTaken)
	require.NoError(t, write("b@example.com", "a@example.com", ""))

	for i, mail := range []string{"a@example.com", "b@example.com"} {
		require.ErrorIs(t, d.contacts.Add(t.Context(), fake.Contact(t, d.co, int64(i+10), mail)), contact.ErrEmailTaken)
	}
	require.NoError(t, d.contacts.Add(t.Context(), fake.Contact(t, d.co, 12, "c@example.com")), "nobody has it any more")
	require.NoError(t, d.contacts.Delete(t.Context(), d.id, fake.ContactID(t, 1), 0))
	require.NoError(t, d.contacts.Add(t.Context(), fake.Contact(t, d.co, 13, "b@example.com")), "it went with its contact")
}
