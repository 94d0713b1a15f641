package sqlite_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

func TestFence_RefusesStatementsWithoutTheTenant(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())
	for name, query := range map[string]string{
		"no condition":              "SELECT 1 FROM contacts",
		"another column":            "SELECT 1 FROM contacts WHERE id = ?1",
		"another argument":          "SELECT 1 FROM contacts WHERE tenant = ?2",
		"one of two in a join":      "SELECT 1 FROM users u JOIN contacts c ON c.id = u.contact WHERE u.tenant = ?1",
		"one of two in a union":     "SELECT id FROM contacts WHERE tenant = ?1 UNION SELECT id FROM contacts",
		"a list of tables":          "SELECT 1 FROM contacts c, users u WHERE c.tenant = ?1",
		"a nested select":           "SELECT 1 FROM tags WHERE tenant = ?1 AND id IN (SELECT tag FROM contact_tags)",
		"upper case":                "SELECT 1 FROM CONTACTS",
		"a quoted name":             `SELECT 1 FROM "contacts"`,
		"a delete":                  "DELETE FROM sessions",
		"an update":                 "UPDATE links SET void = 1",
		"an insert of another":      "INSERT INTO tags (tenant, id) VALUES (?2, ?1)",
		"an insert without":         "INSERT INTO tags (id) VALUES (?1)",
		"no tenant data at all":     "SELECT 1 FROM outbox",
		"a walk with its eyes open": "SELECT min(tenant), id FROM sessions WHERE tenant > ?1",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.ErrorContains(t, db.Read(t.Context(), func(x sqlite.Rx) error { return sqlite.Query(x, acme, query) }), "tenant")
			require.ErrorContains(t, db.Write(t.Context(), func(x *sqlite.Tx) error { return sqlite.Exec(x, acme, query) }), "tenant")
		})
	}
}

func TestFence_RefusesTenantDataAmongSharedStatements(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())
	for _, table := range sqlite.TenantTables() {
		query := "SELECT 1 FROM " + table + " WHERE tenant = ?1"
		require.ErrorContains(t, db.Read(t.Context(), func(x sqlite.Rx) error { return sqlite.QueryShared(x, query, acme) }), "tenant")
		require.NoError(t, db.Read(t.Context(), func(x sqlite.Rx) error { return sqlite.Query(x, acme, query) }))
		require.ErrorContains(t, db.Read(t.Context(), func(x sqlite.Rx) error { return sqlite.QueryShared(x, query, acme) }), "tenant",
			"a statement that is prepared already is refused as well")
	}
}

// A new table with a tenant must be put on one of the two lists.
func TestFence_KnowsEveryTableWithATenant(t *testing.T) {
	t.Parallel()
	got, err := empty(t).Texts(t.Context(), `
		SELECT t.name FROM pragma_table_list t JOIN pragma_table_info(t.name) c WHERE c.name = 'tenant' ORDER BY t.name`)
	require.NoError(t, err)

	want := append(sqlite.TenantTables(), "hosts", "origins", "doomed", "heads", "changes")
	slices.Sort(want)
	require.Equal(t, want, got)
}

func TestFence_EveryIndexOfTenantDataBeginsWithTheTenant(t *testing.T) {
	t.Parallel()
	db := empty(t)
	for _, table := range sqlite.TenantTables() {
		got, err := db.Texts(t.Context(), `
			SELECT DISTINCT coalesce(c.name, '?') FROM pragma_index_list(?1) i JOIN pragma_index_info(i.name) c WHERE c.seqno = 0`, table)
		require.NoError(t, err)
		require.Equal(t, []string{"tenant"}, got, table)
	}
}

func TestReaders_CannotWrite(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())
	err := db.Read(t.Context(), func(x sqlite.Rx) error {
		return sqlite.Query(x, acme, "DELETE FROM tags WHERE tenant = ?1 RETURNING id")
	})
	require.ErrorContains(t, err, "readonly")
}
