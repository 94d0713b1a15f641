package bootstrap_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mongo"
	"ostiary/adapters/sqlite"
	"ostiary/app/port"
	"ostiary/bootstrap"
	"ostiary/domain/secret"
	"ostiary/test/contract"
	"ostiary/test/mongod"
)

// stocked is a SQLite store with something in every section.
func stocked(t *testing.T) string {
	t.Helper()
	path := file(t, "old.db")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	require.NoError(t, err)
	contract.Stock(t, contract.Store{
		Tenants: sqlite.NewTenants(db), Numbers: sqlite.NewNumbers(db), Companies: sqlite.NewCompanies(db),
		Contacts: sqlite.NewContacts(db), Tags: sqlite.NewTags(db), Users: sqlite.NewUsers(db), Blobs: sqlite.NewBlobs(db),
		Sessions: sqlite.NewSessions(db), Links: sqlite.NewLinks(db), Counters: sqlite.NewCounters(db),
		Outbox: sqlite.NewOutbox(db), APITokens: sqlite.NewAPITokens(db), Ledger: sqlite.NewLedger(db),
		Audit: sqlite.NewAudit(db), Keys: sqlite.NewKeys(db), Idempotency: sqlite.NewIdempotency(db),
	})
	require.NoError(t, db.Close())
	return "sqlite:" + path
}

func stockedMongo(t *testing.T) string {
	t.Helper()
	uri := mongod.Database(t)
	db, err := mongo.Open(t.Context(), uri, mongo.Options{Timeout: patience})
	require.NoError(t, err)
	contract.Stock(t, contract.Store{
		Tenants: mongo.NewTenants(db), Numbers: mongo.NewNumbers(db), Companies: mongo.NewCompanies(db),
		Contacts: mongo.NewContacts(db), Tags: mongo.NewTags(db), Users: mongo.NewUsers(db), Blobs: mongo.NewBlobs(db),
		Sessions: mongo.NewSessions(db), Links: mongo.NewLinks(db), Counters: mongo.NewCounters(db),
		Outbox: mongo.NewOutbox(db), APITokens: mongo.NewAPITokens(db), Ledger: mongo.NewLedger(db),
		Audit: mongo.NewAudit(db), Keys: mongo.NewKeys(db), Idempotency: mongo.NewIdempotency(db),
	})
	require.NoError(t, db.Close())
	return uri
}

// TestStoreCopy_MovesBetweenEngines: the copy itself compares all that both
// sides hold.
func TestStoreCopy_MovesBetweenEngines(t *testing.T) {
	t.Parallel()
	onFile := func(t *testing.T) string { return "sqlite:" + file(t, "copy.db") }
	onServer := func(t *testing.T) string { return mongod.Database(t) }
	for name, row := range map[string]struct{ from, through, to func(*testing.T) string }{
		"SQLite to MongoDB and back": {stocked, onServer, onFile},
		"MongoDB to SQLite and back": {stockedMongo, onFile, onServer},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			from, through, to := row.from(t), row.through(t), row.to(t)

			first := command("store", "copy", "--json", "--from="+from, "--to="+through)
			second := command("store", "copy", "--json", "--from="+through, "--to="+to)

			require.Zero(t, first.code, first.errs+first.out)
			require.Zero(t, second.code, second.errs+second.out)
			require.JSONEq(t, first.out, second.out)
			at, ok := bootstrap.ParseStorage(through)
			require.True(t, ok)
			require.Contains(t, first.errs, "point OSTIARY_STORAGE at "+at.String())
		})
	}
}

func TestStoreCopy_HoldsADatabaseUntilItIsWhole(t *testing.T) {
	t.Parallel()
	uri := mongod.Database(t)
	db, err := mongo.Open(t.Context(), uri, mongo.Options{Timeout: patience, Copying: true})
	require.NoError(t, err)
	require.NoError(t, mongo.NewArchive(db).SetCheckpoint(t.Context(), port.Checkpoint{Source: secret.Digest{1}}))
	require.NoError(t, db.Close())

	for _, args := range [][]string{
		{"tenant", "list", "--storage=" + uri, "--master-key=" + masterKey},
		{"doctor", "--listen=127.0.0.1:0", "--storage=" + uri, "--master-key=" + masterKey},
		{"store", "copy", "--from=" + uri, "--to=sqlite:" + file(t, "new.db")},
	} {
		got := command(args...)
		require.NotZero(t, got.code, args)
		require.Regexp(t, "[Aa] copy into (this store|it) is not finished", got.errs+got.out, args)
	}
}
