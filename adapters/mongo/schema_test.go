package mongo_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	driver "go.mongodb.org/mongo-driver/mongo"
	driveroptions "go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/adapters/mongo"
)

func TestSchema_EveryIndexOfTenantDataBeginsWithTheTenant(t *testing.T) {
	t.Parallel()
	for _, name := range mongo.OwnedTables() {
		require.Positive(t, mongo.WidthOf(name), name)
		for _, i := range mongo.IndexesOf(name) {
			require.Equal(t, "t", i.Fields[0], "%s of %s", i.Name, name)
		}
	}
}

// Two indexes of one name would be one to the server.
func TestSchema_NamesEveryIndexOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, name := range slices.Concat(mongo.OwnedTables(), mongo.SharedTables()) {
		require.False(t, seen[name], name)
		seen[name] = true
		for _, i := range mongo.IndexesOf(name) {
			require.False(t, seen[name+"/"+i.Name], "%s of %s", i.Name, name)
			seen[name+"/"+i.Name] = true
		}
	}
}

func TestSchema_NoIndexButThatOfTheIDIsUnique(t *testing.T) {
	t.Parallel()
	db := prepared(t)
	for _, name := range slices.Concat(mongo.OwnedTables(), mongo.SharedTables()) {
		specs, err := db.Raw(name).Indexes().ListSpecifications(t.Context())
		require.NoError(t, err)
		for _, s := range specs {
			require.True(t, s.Name == "_id_" || s.Unique == nil || !*s.Unique, "%s of %s", s.Name, name)
		}
	}
}

// prepared opens a database and waits until its indexes were looked after. Its
// alarms go unheard: these tests drop what they like.
func prepared(t *testing.T) *mongo.DB {
	t.Helper()
	db, _ := listening(t)
	<-db.Prepared()
	// Indexes are made while the service is served already.
	require.Eventually(t, func() bool { return len(drift(t, db)) == len(lacking(t, db)) }, time.Minute, 10*time.Millisecond)
	return db
}

// The text is what operators have typed already: a change of it means that
// they have to do something.
func TestShardCommands_SpreadAllTenantData(t *testing.T) {
	t.Parallel()
	want := []string{`sh.enableSharding("ostiary")`}
	for _, name := range []string{
		"companies", "contacts", "tags", "claims", "documents", "sessions", "links", "api_tokens", "idempotency", "numbers", "blobs", "audit",
	} {
		want = append(want,
			fmt.Sprintf(`db.getSiblingDB("ostiary").getCollection("%s").createIndex({ t: 1, _id: 1 })`, name),
			fmt.Sprintf(`sh.shardCollection("ostiary.%s", { t: 1, _id: 1 })`, name))
	}
	for _, name := range []string{"counters", "outbox", "origins"} {
		want = append(want,
			fmt.Sprintf(`db.getSiblingDB("ostiary").getCollection("%s").createIndex({ _id: "hashed" })`, name),
			fmt.Sprintf(`sh.shardCollection("ostiary.%s", { _id: "hashed" })`, name))
	}

	got := mongo.ShardCommands("ostiary")

	require.Equal(t, want, got)
	for _, name := range mongo.OwnedTables() {
		require.Contains(t, got, fmt.Sprintf(`sh.shardCollection("ostiary.%s", { t: 1, _id: 1 })`, name))
	}
}

// lacking is what Drift tells of a database as the service makes it: indexes
// over a part of the documents, where the server has none of those.
func lacking(t *testing.T, db *mongo.DB) []string {
	t.Helper()
	scratch := db.Raw("scratch")
	_, err := scratch.Indexes().CreateOne(t.Context(), driver.IndexModel{
		Keys:    bson.D{field("x", 1)},
		Options: driveroptions.Index().SetPartialFilterExpression(bson.D{field("x", bson.D{field("$exists", true)})}),
	})
	able := err == nil
	if able {
		require.NoError(t, scratch.Drop(t.Context()))
	}
	out := []string{}
	for _, name := range slices.Concat(mongo.OwnedTables(), mongo.SharedTables()) {
		for _, i := range mongo.IndexesOf(name) {
			if i.Some != "" && !able {
				out = append(out, fmt.Sprintf("%s: index %s is missing", name, i.Name))
			}
		}
	}
	return out
}

func drift(t *testing.T, db *mongo.DB) []string {
	t.Helper()
	got, err := db.Drift(t.Context())
	require.NoError(t, err)
	return got
}

func TestDrift_TellsNothingOfWhatTheServiceMade(t *testing.T) {
	t.Parallel()
	db := prepared(t)

	require.ElementsMatch(t, lacking(t, db), drift(t, db))
}

func TestDrift_TellsWhatIsMissingDifferentOrUnknown(t *testing.T) {
	t.Parallel()
	db := prepared(t)
	usual := lacking(t, db)
	links, sessions := db.Raw("links").Indexes(), db.Raw("sessions").Indexes()
	drop := func(v driver.IndexView, name string) {
		_, err := v.DropOne(t.Context(), name)
		require.NoError(t, err)
	}
	create := func(v driver.IndexView, name string, fields ...string) {
		keys := bson.D{}
		for _, f := range fields {
			keys = append(keys, field(f, 1))
		}
		_, err := v.CreateOne(t.Context(), driver.IndexModel{Keys: keys, Options: driveroptions.Index().SetName(name)})
		require.NoError(t, err)
	}
	drop(links, "t_1_expires_1")
	drop(sessions, "t_1_expires_1")
	create(sessions, "t_1_expires_1", "expires", "t")
	create(sessions, "mine", "t", "device")
	create(db.Raw("counters").Indexes(), "t_1__id_1", "t", "_id")

	require.ElementsMatch(t, append(usual,
		"links: index t_1_expires_1 is missing",
		"sessions: index t_1_expires_1 is not as declared",
		"sessions: index mine is not declared",
	), drift(t, db), "and nothing of the index for sharding")
}

func TestDrift_OfAnEmptyDatabaseTellsEveryIndex(t *testing.T) {
	t.Parallel()
	db := prepared(t)
	declared := 0
	for _, name := range slices.Concat(mongo.OwnedTables(), mongo.SharedTables()) {
		require.NoError(t, db.Raw(name).Database().RunCommand(t.Context(), bson.D{field("drop", name)}).Err())
		declared += len(mongo.IndexesOf(name))
	}

	got := drift(t, db)

	require.Len(t, got, declared)
	for _, line := range got {
		require.True(t, strings.HasSuffix(line, " is missing"), line)
	}
}
