package sqlite_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/test/contract"
)

func TestContract(t *testing.T) {
	t.Parallel()
	contract.All(t, func(t testing.TB) contract.Store { return store(empty(t)) })
}

func TestContract_BetweenProcesses(t *testing.T) {
	t.Parallel()
	contract.Processes(t, func(t testing.TB) (contract.Store, contract.Store) {
		path := file(t)
		return store(open(t, path, sqlite.Options{})), store(open(t, path, sqlite.Options{}))
	})
}

func TestContract_AfterReopening(t *testing.T) {
	t.Parallel()
	contract.Durability(t, func(t testing.TB) (contract.Store, func() contract.Store) {
		path := file(t)
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		require.NoError(t, err)
		return store(db), func() contract.Store {
			require.NoError(t, db.Close())
			return store(open(t, path, sqlite.Options{}))
		}
	})
}

func store(db *sqlite.DB) contract.Store {
	return contract.Store{
		Tenants:     sqlite.NewTenants(db),
		Numbers:     sqlite.NewNumbers(db),
		Companies:   sqlite.NewCompanies(db),
		Contacts:    sqlite.NewContacts(db),
		Tags:        sqlite.NewTags(db),
		Users:       sqlite.NewUsers(db),
		Blobs:       sqlite.NewBlobs(db),
		Sessions:    sqlite.NewSessions(db),
		Links:       sqlite.NewLinks(db),
		Counters:    sqlite.NewCounters(db),
		Outbox:      sqlite.NewOutbox(db),
		APITokens:   sqlite.NewAPITokens(db),
		Ledger:      sqlite.NewLedger(db),
		Audit:       sqlite.NewAudit(db),
		Keys:        sqlite.NewKeys(db),
		Idempotency: sqlite.NewIdempotency(db),
		Changes:     sqlite.NewChanges(db),
		Health:      sqlite.NewHealth(db),
		Janitor:     sqlite.NewJanitor(db),
		Archive:     sqlite.NewArchive(db),
	}
}
