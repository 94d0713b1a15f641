package sqlite_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

// far is later than whatever the clock of the database says.
var far = time.Date(2500, time.January, 1, 0, 0, 0, 0, time.UTC)

func TestChanges_TrimmedOnesAreNotMissedSilently(t *testing.T) {
	t.Parallel()
	db := empty(t)
	changes, tenants := sqlite.NewChanges(db), sqlite.NewTenants(db)
	old, err := changes.Latest(t.Context())
	require.NoError(t, err)
	require.NoError(t, tenants.Add(t.Context(), fake.Tenant(t, "acme")))
	latest, err := changes.Latest(t.Context())
	require.NoError(t, err)

	require.NoError(t, sqlite.NewJanitor(db).Sweep(t.Context(), far))

	_, _, err = changes.Since(t.Context(), old)
	require.ErrorIs(t, err, port.ErrVersion)
	got, next, err := changes.Since(t.Context(), latest)
	require.NoError(t, err)
	require.Empty(t, got)
	require.Equal(t, latest, next)
	globex := fake.Tenant(t, "globex")
	require.NoError(t, tenants.Add(t.Context(), globex))
	got, _, err = changes.Since(t.Context(), latest)
	require.NoError(t, err)
	require.Len(t, got, 1)
	require.Equal(t, port.Change{Tenant: globex.ID(), Kind: port.TenantChanged, ID: globex.ID().String()}, got[0].Change)
}

func TestChanges_RefuseCursorsOfAnotherLife(t *testing.T) {
	t.Parallel()
	changes := sqlite.NewChanges(empty(t))
	for _, c := range []port.Cursor{"", "x", "12", "-1"} {
		_, _, err := changes.Since(t.Context(), c)
		require.ErrorIs(t, err, port.ErrVersion, "cursor %q", c)
	}
}

func TestChanges_ListenersMayUseTheStore(t *testing.T) {
	t.Parallel()
	db := empty(t)
	tenants := sqlite.NewTenants(db)
	acme, globex := fake.Tenant(t, "acme"), fake.Tenant(t, "globex")
	sqlite.NewChanges(db).OnLocal(func(cs []port.Announcement) {
		if cs[0].Tenant == acme.ID() {
			require.NoError(t, tenants.Add(t.Context(), globex))
		}
	})

	require.NoError(t, tenants.Add(t.Context(), acme))

	_, err := tenants.ByID(t.Context(), globex.ID())
	require.NoError(t, err)
}

// estate adds a company with n contacts that all have one tag.
func estate(t testing.TB, db *sqlite.DB, owner tenant.ID, n int) (*company.Company, *contact.Tag) {
	t.Helper()
	co := fake.Company(t, owner, 1)
	require.NoError(t, sqlite.NewCompanies(db).Add(t.Context(), co))
	id, err := contact.TagIDOf(1)
	require.NoError(t, err)
	tag, err := contact.NewTag(owner, id, contact.TagDetails{Name: "x"}, fake.Start)
	require.NoError(t, err)
	require.NoError(t, sqlite.NewTags(db).Add(t.Context(), tag))
	addAll(t, db, n, func(i int) *contact.Contact {
		c := fake.Contact(t, co, int64(i)+1, "")
		d := c.Details()
		d.Tags = []contact.TagID{id}
		require.NoError(t, c.Change(d, fake.Start))
		return c
	})
	return co, tag
}

// addAll adds contacts in one group after the other.
func addAll(t testing.TB, db *sqlite.DB, n int, build func(i int) *contact.Contact) {
	t.Helper()
	contacts, errs := sqlite.NewContacts(db), make(chan error, n)
	for i := range n {
		c := build(i)
		go func() { errs <- contacts.Add(t.Context(), c) }()
	}
	for range n {
		require.NoError(t, <-errs)
	}
}

func TestTenants_DeleteRemovesALargeOne(t *testing.T) {
	t.Parallel()
	db := empty(t)
	acme, globex := fake.Tenant(t, "acme"), fake.Tenant(t, "globex")
	require.NoError(t, sqlite.NewTenants(db).Add(t.Context(), acme))
	estate(t, db, acme.ID(), 1200)
	estate(t, db, globex.ID(), 3)

	require.NoError(t, sqlite.NewTenants(db).Delete(t.Context(), acme.ID(), 0))

	requireGone(t, db, acme.ID())
	require.Len(t, list(t, db, globex.ID(), port.ContactQuery{}), 3)
	doomed, err := db.Texts(t.Context(), "SELECT hex(tenant) FROM doomed")
	require.NoError(t, err)
	require.Empty(t, doomed)
}

func TestSweep_FinishesWhatACrashLeftOfATenant(t *testing.T) {
	t.Parallel()
	db := empty(t)
	acme, globex := tenant.IDFromBytes(fake.UUID()), tenant.IDFromBytes(fake.UUID())
	estate(t, db, acme, 3)
	estate(t, db, globex, 3)
	require.NoError(t, db.Write(t.Context(), func(x *sqlite.Tx) error {
		return sqlite.ExecShared(x, "INSERT INTO doomed (tenant) VALUES (?1)", acme)
	}))

	require.NoError(t, sqlite.NewJanitor(db).Sweep(t.Context(), fake.Start))

	requireGone(t, db, acme)
	require.Len(t, list(t, db, globex, port.ContactQuery{}), 3)
}

func requireGone(t testing.TB, db *sqlite.DB, owner tenant.ID) {
	t.Helper()
	for _, table := range sqlite.TenantTables() {
		require.NoError(t, db.Write(t.Context(), func(x *sqlite.Tx) error {
			return sqlite.Exec(x, owner, "UPDATE "+table+" SET tenant = NULL WHERE tenant = ?1") // NOT NULL refuses any row
		}), table)
	}
}

func TestTags_DeleteTakesOneOffManyContacts(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())
	_, tag := estate(t, db, acme, 1200)

	require.NoError(t, sqlite.NewTags(db).Delete(t.Context(), acme, tag.ID(), tag.Version()))

	for _, c := range list(t, db, acme, port.ContactQuery{}) {
		require.Empty(t, c.Details().Tags)
	}
	_, err := sqlite.NewTags(db).ByID(t.Context(), acme, tag.ID())
	require.ErrorIs(t, err, contact.ErrTagNotFound)
}

func list(t testing.TB, db *sqlite.DB, owner tenant.ID, q port.ContactQuery) []*contact.Contact {
	t.Helper()
	out, err := sqlite.NewContacts(db).List(t.Context(), owner, q, contact.ID{}, 100_000)
	require.NoError(t, err)
	return out
}
