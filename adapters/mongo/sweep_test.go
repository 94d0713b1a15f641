package mongo_test

import (
	"encoding/binary"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/adapters/mongo"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
	"ostiary/test/mongod"
)

// fill puts n documents of a tenant into a collection.
func fill(t *testing.T, db *mongo.DB, name string, owner tenant.ID, n int, members ...bson.E) {
	t.Helper()
	docs := make([]any, n)
	for i := range docs {
		number := binary.BigEndian.AppendUint32(make([]byte, mongo.WidthOf(name)), uint32(i)) //nolint:gosec // small
		docs[i] = append(mongo.Of(owner, field("_id", mongo.Key(owner, number[len(number)-mongo.WidthOf(name):]))), members...)
	}
	_, err := db.Raw(name).InsertMany(t.Context(), docs)
	require.NoError(t, err)
}

func left(t *testing.T, db *mongo.DB, name string, owner tenant.ID) int {
	t.Helper()
	n, err := db.Raw(name).CountDocuments(t.Context(), mongo.Of(owner))
	require.NoError(t, err)
	return int(n)
}

func TestSweep_RemovesWhatExpiredOfEveryTenant(t *testing.T) {
	t.Parallel()
	db := open(t, mongod.Database(t))
	owners := []tenant.ID{{}, newTenant(), newTenant()}
	for _, owner := range owners {
		fill(t, db, "links", owner, 1, field("expires", fake.Start.Add(time.Millisecond)))
		fill(t, db, "sessions", owner, 1, field("expires", fake.Start.Add(-time.Minute)))
		fill(t, db, "idempotency", owner, 3, field("expires", fake.Start))
	}
	many := newTenant()
	fill(t, db, "links", many, 2300, field("expires", fake.Start))

	require.NoError(t, mongo.NewJanitor(db).Sweep(t.Context(), fake.Start))

	for _, owner := range owners {
		require.Equal(t, 1, left(t, db, "links", owner))
		require.Equal(t, 1, left(t, db, "sessions", owner), "kept for a while after its end")
		require.Zero(t, left(t, db, "idempotency", owner))
	}
	require.Zero(t, left(t, db, "links", many))
}

func TestSweep_FinishesWhatACrashLeftOfATenant(t *testing.T) {
	t.Parallel()
	db, acme, globex := open(t, mongod.Database(t)), newTenant(), newTenant()
	for _, name := range mongo.OwnedTables() {
		fill(t, db, name, acme, 3)
		fill(t, db, name, globex, 3)
	}
	require.NoError(t, db.Doom(t.Context(), acme))
	require.NoError(t, db.Doom(t.Context(), newTenant()))

	require.NoError(t, mongo.NewJanitor(db).Sweep(t.Context(), fake.Start))

	for _, name := range mongo.OwnedTables() {
		want := 0
		if name == "audit" {
			want = 3
		}
		require.Equal(t, want, left(t, db, name, acme), name)
		require.Equal(t, 3, left(t, db, name, globex), name)
	}
	doomed := func() int64 {
		n, err := db.Raw("tenants").CountDocuments(t.Context(), bson.D{})
		require.NoError(t, err)
		return n
	}
	require.EqualValues(t, 2, doomed(), "another process may know them still")
	fill(t, db, "companies", acme, 1)

	require.NoError(t, mongo.NewJanitor(db).Sweep(t.Context(), later()))

	require.Zero(t, left(t, db, "companies", acme), "what came late goes too")
	require.Zero(t, doomed())
}

func TestTenants_DeleteRemovesALargeOne(t *testing.T) {
	t.Parallel()
	db, acme, globex := open(t, mongod.Database(t)), fake.Tenant(t, "acme"), newTenant()
	tenants := mongo.NewTenants(db)
	require.NoError(t, tenants.Add(t.Context(), acme))
	fill(t, db, "contacts", acme.ID(), 2100)
	fill(t, db, "contacts", globex, 3)

	require.NoError(t, tenants.Delete(t.Context(), acme.ID(), 0))

	require.Zero(t, left(t, db, "contacts", acme.ID()))
	require.Equal(t, 3, left(t, db, "contacts", globex))
}

func TestSweep_IsOneProcessesTurn(t *testing.T) {
	t.Parallel()
	db, other, acme := open(t, mongod.Database(t)), primitive.NewObjectID(), newTenant()
	janitor := mongo.NewJanitor(db)
	fill(t, db, "links", acme, 1, field("expires", fake.Start))
	turn := func(who primitive.ObjectID, want bool) {
		t.Helper()
		mine, err := janitor.Turn(t.Context(), who)
		require.NoError(t, err)
		require.Equal(t, want, mine)
	}
	turn(other, true)
	turn(other, true)
	require.NoError(t, janitor.Sweep(t.Context(), fake.Start))
	require.Equal(t, 1, left(t, db, "links", acme), "the other one sweeps")

	require.NoError(t, janitor.YieldTurn(t.Context()))
	require.NoError(t, janitor.Sweep(t.Context(), fake.Start))
	require.Zero(t, left(t, db, "links", acme))
	turn(other, false)
}
