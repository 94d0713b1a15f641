package mongo_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mongo"
	"ostiary/test/contract"
	"ostiary/test/mongod"
)

// trials is how many random stories each property is tried on. A stand-in for
// MongoDB looks at every document for every command, so the cost of a story
// grows with those before it.
const trials = "20"

func TestMain(m *testing.M) {
	flag.Parse()
	if err := flag.Set("rapid.checks", trials); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	os.Exit(mongod.Main(m))
}

func TestContract(t *testing.T) {
	t.Parallel()
	contract.All(t, func(t testing.TB) contract.Store { return store(open(t, mongod.Database(t))) })
}

func TestContract_BetweenProcesses(t *testing.T) {
	t.Parallel()
	contract.Processes(t, func(t testing.TB) (contract.Store, contract.Store) {
		address := mongod.Database(t)
		return store(open(t, address)), store(open(t, address))
	})
}

func TestContract_AfterReopening(t *testing.T) {
	t.Parallel()
	contract.Durability(t, func(t testing.TB) (contract.Store, func() contract.Store) {
		address := mongod.Database(t)
		db, err := mongo.Open(t.Context(), address, options(t))
		require.NoError(t, err)
		return store(db), func() contract.Store {
			require.NoError(t, db.Close())
			return store(open(t, address))
		}
	})
}

// options give a stand-in server time, and take a command that names no tenant
// for a failed test.
func options(t testing.TB) mongo.Options {
	return mongo.Options{
		Timeout: time.Minute,
		Alarm: func(command, collection string) {
			t.Errorf("%s on %s names no tenant", command, collection)
		},
	}
}

func open(t testing.TB, address string) *mongo.DB {
	t.Helper()
	db, err := mongo.Open(t.Context(), address, options(t))
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func store(db *mongo.DB) contract.Store {
	return contract.Store{
		Tenants:     mongo.NewTenants(db),
		Numbers:     mongo.NewNumbers(db),
		Companies:   mongo.NewCompanies(db),
		Contacts:    mongo.NewContacts(db),
		Tags:        mongo.NewTags(db),
		Users:       mongo.NewUsers(db),
		Blobs:       mongo.NewBlobs(db),
		Sessions:    mongo.NewSessions(db),
		Links:       mongo.NewLinks(db),
		Counters:    mongo.NewCounters(db),
		Outbox:      mongo.NewOutbox(db),
		APITokens:   mongo.NewAPITokens(db),
		Ledger:      mongo.NewLedger(db),
		Audit:       mongo.NewAudit(db),
		Keys:        mongo.NewKeys(db),
		Idempotency: mongo.NewIdempotency(db),
		Changes:     mongo.NewChanges(db),
		Health:      mongo.NewHealth(db),
		Janitor:     mongo.NewJanitor(db),
		Archive:     mongo.NewArchive(db),
	}
}
