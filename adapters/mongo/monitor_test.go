package mongo_test

import (
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	driver "go.mongodb.org/mongo-driver/mongo"
	driveroptions "go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/adapters/mongo"
	"ostiary/domain/tenant"
	"ostiary/test/mongod"
)

func TestMonitor_KnowsWhatNamesNoTenant(t *testing.T) {
	t.Parallel()
	acme := newTenant()
	good, bad := bson.D{field("t", tenantOf(acme)), field("n", 1)}, bson.D{field("n", 1)}
	statement := func(q bson.D) bson.D {
		return bson.D{field("q", q), field("u", bson.D{field("$set", bad)}), field("limit", 1)}
	}
	for what, row := range map[string]struct {
		command bson.D
		reaches bool
	}{
		"find":                         {bson.D{field("find", "tags"), field("filter", good)}, false},
		"find all":                     {bson.D{field("find", "tags"), field("filter", bad)}, true},
		"find without a filter":        {bson.D{field("find", "tags")}, true},
		"find by text":                 {bson.D{field("find", "tags"), field("filter", bson.D{field("t", acme.String())})}, true},
		"find names alone":             {bson.D{field("find", "tags"), field("filter", bad), field("projection", bson.D{field("n", 1), field("_id", 0)})}, true},
		"walk":                         {bson.D{field("find", "tags"), field("projection", bson.D{field("t", 1), field("_id", 0)})}, false},
		"walk that takes more":         {bson.D{field("find", "tags"), field("projection", bson.D{field("t", 1), field("_id", 0), field("n", 1)})}, true},
		"find in a shared collection":  {bson.D{field("find", "counters")}, false},
		"count":                        {bson.D{field("count", "tags"), field("query", good)}, false},
		"count all":                    {bson.D{field("count", "tags")}, true},
		"distinct":                     {bson.D{field("distinct", "tags"), field("key", "n"), field("query", good)}, false},
		"distinct of all":              {bson.D{field("distinct", "tags"), field("key", "t"), field("query", bson.D{})}, true},
		"aggregate":                    {bson.D{field("aggregate", "tags"), field("pipeline", bson.A{bson.D{field("$match", good)}, bson.D{field("$count", "n")}})}, false},
		"aggregate late":               {bson.D{field("aggregate", "tags"), field("pipeline", bson.A{bson.D{field("$count", "n")}, bson.D{field("$match", good)}})}, true},
		"aggregate of all":             {bson.D{field("aggregate", "tags"), field("pipeline", bson.A{bson.D{field("$match", bad)}})}, true},
		"aggregate with no stage":      {bson.D{field("aggregate", "tags"), field("pipeline", bson.A{})}, true},
		"aggregate and look elsewhere": {bson.D{field("aggregate", "tags"), field("pipeline", bson.A{bson.D{field("$match", good)}, bson.D{field("$lookup", bson.D{field("from", "tags")})}})}, true},
		"insert":                       {bson.D{field("insert", "tags"), field("documents", bson.A{good, good})}, false},
		"insert one of two":            {bson.D{field("insert", "tags"), field("documents", bson.A{good, bad})}, true},
		"insert nothing":               {bson.D{field("insert", "tags"), field("documents", bson.A{})}, true},
		"insert out of sight":          {bson.D{field("insert", "tags")}, true},
		"update":                       {bson.D{field("update", "tags"), field("updates", bson.A{statement(good), statement(good)})}, false},
		"update one of two":            {bson.D{field("update", "tags"), field("updates", bson.A{statement(good), statement(bad)})}, true},
		"delete":                       {bson.D{field("delete", "tags"), field("deletes", bson.A{statement(good)})}, false},
		"delete one of two":            {bson.D{field("delete", "tags"), field("deletes", bson.A{statement(bad), statement(good)})}, true},
		"findAndModify":                {bson.D{field("findAndModify", "tags"), field("query", good)}, false},
		"findAndModify any":            {bson.D{field("findAndModify", "tags"), field("query", bad)}, true},
		"drop":                         {bson.D{field("drop", "tags")}, true},
		"drop a shared collection":     {bson.D{field("drop", "counters")}, false},
		"a command nobody thought of":  {bson.D{field("mapReduce", "tags"), field("query", good)}, true},
		"make an index":                {bson.D{field("createIndexes", "tags")}, false},
		"more of the same":             {bson.D{field("getMore", int64(7)), field("collection", "tags")}, false},
		"no collection":                {bson.D{field("hello", 1)}, false},
	} {
		name, reaches, err := mongo.Reach(row.command)
		require.NoError(t, err, what)
		require.Equal(t, row.reaches, reaches, what)
		if reaches {
			require.Equal(t, "tags", name, what)
		}
	}
}

func TestMonitor_KnowsCommandsThatNameNoCollectionFirst(t *testing.T) {
	t.Parallel()
	acme := newTenant()
	good := bson.D{field("t", tenantOf(acme))}
	bulk := func(namespaces ...any) bson.D {
		list := bson.A{}
		for _, ns := range namespaces {
			list = append(list, bson.D{field("ns", ns)})
		}
		return bson.D{field("bulkWrite", 1), field("ops", bson.A{bson.D{field("update", 0), field("filter", good)}}), field("nsInfo", list)}
	}
	explain := func(inner any) bson.D { return bson.D{field("explain", inner), field("verbosity", "queryPlanner")} }
	for what, row := range map[string]struct {
		command bson.D
		name    string
		reaches bool
	}{
		"bulk into tenant data":            {bulk("ostiary.tags"), "tags", true},
		"bulk into tenant data, at last":   {bulk("ostiary.counters", "ostiary.tags"), "tags", true},
		"bulk into tenant data, at first":  {bulk("ostiary.tags", "ostiary.counters"), "tags", true},
		"bulk into shared collections":     {bulk("ostiary.counters", "ostiary.keys"), "keys", false},
		"bulk into no namespace":           {bulk("tags"), "", true},
		"bulk into a number":               {bulk(1), "", true},
		"bulk into nothing":                {bulk(), "", true},
		"bulk out of sight":                {bson.D{field("bulkWrite", 1)}, "", true},
		"explain a find":                   {explain(bson.D{field("find", "tags"), field("filter", good)}), "tags", false},
		"explain a find of all":            {explain(bson.D{field("find", "tags")}), "tags", true},
		"explain a shared collection":      {explain(bson.D{field("find", "counters")}), "counters", false},
		"explain a pipeline that leaves":   {explain(bson.D{field("aggregate", "counters"), field("pipeline", bson.A{bson.D{field("$unionWith", "tags")}})}), "counters", true},
		"explain an explanation":           {explain(explain(bson.D{field("count", "tags")})), "tags", true},
		"explain a bulk":                   {explain(bulk("ostiary.tags")), "tags", true},
		"explain nothing":                  {explain(bson.D{}), "", false},
		"explain what is no command":       {explain("tags"), "", false},
		"who is there":                     {bson.D{field("hello", 1)}, "", false},
		"who is there, as it was asked":    {bson.D{field("isMaster", 1)}, "", false},
		"are you there":                    {bson.D{field("ping", 1)}, "", false},
		"what are you":                     {bson.D{field("buildInfo", 1)}, "", false},
		"sign in":                          {bson.D{field("saslStart", 1), field("mechanism", "SCRAM-SHA-256")}, "", false},
		"go on signing in":                 {bson.D{field("saslContinue", 1), field("conversationId", 1)}, "", false},
		"end sessions":                     {bson.D{field("endSessions", bson.A{bson.D{field("id", tenantOf(acme))}})}, "", false},
		"list collections":                 {bson.D{field("listCollections", 1)}, "", false},
		"give up a transaction":            {bson.D{field("abortTransaction", 1)}, "", false},
		"look at what the server is doing": {bson.D{field("aggregate", 1), field("pipeline", bson.A{bson.D{field("$currentOp", bson.D{})}})}, "", false},
	} {
		name, reaches, err := mongo.Reach(row.command)
		require.NoError(t, err, what)
		require.Equal(t, row.reaches, reaches, what)
		require.Equal(t, row.name, name, what)
	}
}

func TestMonitor_KnowsPipelinesThatLeaveTheirCollection(t *testing.T) {
	t.Parallel()
	for what, stage := range map[string]bson.D{
		"join":     {field("$lookup", bson.D{field("from", "tags")})},
		"graph":    {field("$graphLookup", bson.D{field("from", "tags")})},
		"union":    {field("$unionWith", "tags")},
		"output":   {field("$out", "tags")},
		"merge":    {field("$merge", bson.D{field("into", "tags")})},
		"one deep": {field("$facet", bson.D{field("x", bson.A{bson.D{field("$unionWith", "tags")}})})},
	} {
		_, reaches, err := mongo.Reach(bson.D{field("aggregate", "counters"), field("pipeline", bson.A{bson.D{field("$match", bson.D{})}, stage})})
		require.NoError(t, err)
		require.True(t, reaches, what)
	}
}

// alarm is what Options.Alarm hears.
type alarm struct{ command, collection string }

// past are commands that go past the fence, with one filter and one document.
var past = map[string]func(*testing.T, *driver.Collection, bson.D){
	"find": func(t *testing.T, c *driver.Collection, d bson.D) {
		cur, err := c.Find(t.Context(), d, driveroptions.Find().SetBatchSize(1)) // and getMore
		require.NoError(t, err)
		require.NoError(t, cur.All(t.Context(), &[]bson.Raw{}))
	},
	"count": func(t *testing.T, c *driver.Collection, d bson.D) {
		require.NoError(t, c.Database().RunCommand(t.Context(), bson.D{field("count", c.Name()), field("query", d)}).Err())
	},
	"aggregate": func(t *testing.T, c *driver.Collection, d bson.D) {
		_, err := c.CountDocuments(t.Context(), d)
		require.NoError(t, err)
	},
	"distinct": func(t *testing.T, c *driver.Collection, d bson.D) {
		_, err := c.Distinct(t.Context(), "n", d)
		if err != nil { // a stand-in may know no time limit there
			require.ErrorContains(t, err, "maxTimeMS")
		}
	},
	"insert": func(t *testing.T, c *driver.Collection, d bson.D) {
		_, err := c.InsertOne(t.Context(), d)
		require.NoError(t, err)
	},
	"insert many": func(t *testing.T, c *driver.Collection, d bson.D) {
		_, err := c.InsertMany(t.Context(), []any{bson.D{field("t", tenantOf(newTenant()))}, d})
		require.NoError(t, err)
	},
	"update": func(t *testing.T, c *driver.Collection, d bson.D) {
		_, err := c.UpdateOne(t.Context(), d, bson.D{field("$set", bson.D{field("n", 2)})})
		require.NoError(t, err)
	},
	"update many": func(t *testing.T, c *driver.Collection, d bson.D) {
		_, err := c.UpdateMany(t.Context(), d, bson.D{field("$set", bson.D{field("n", 2)})})
		require.NoError(t, err)
	},
	"update in bulk": func(t *testing.T, c *driver.Collection, d bson.D) {
		good := driver.NewReplaceOneModel().SetFilter(bson.D{field("t", tenantOf(newTenant()))}).SetReplacement(bson.D{})
		_, err := c.BulkWrite(t.Context(), []driver.WriteModel{good, driver.NewReplaceOneModel().SetFilter(d).SetReplacement(d)})
		require.NoError(t, err)
	},
	"delete": func(t *testing.T, c *driver.Collection, d bson.D) {
		_, err := c.DeleteOne(t.Context(), d)
		require.NoError(t, err)
	},
	"delete many": func(t *testing.T, c *driver.Collection, d bson.D) {
		_, err := c.DeleteMany(t.Context(), d)
		require.NoError(t, err)
	},
	"findAndModify": func(t *testing.T, c *driver.Collection, d bson.D) {
		err := c.FindOneAndUpdate(t.Context(), d, bson.D{field("$set", bson.D{field("n", 2)})}).Err()
		require.True(t, err == nil || errors.Is(err, driver.ErrNoDocuments), err)
	},
}

func TestMonitor_HearsWhatGoesPastTheFence(t *testing.T) {
	t.Parallel()
	db, heard := listening(t)
	good := bson.D{field("t", tenantOf(newTenant()))}
	for what, send := range past {
		before := db.Alarms()
		for range 3 { // so that find has more to get
			send(t, db.Raw("tags"), good)
		}
		require.Empty(t, heard(), what)

		send(t, db.Raw("counters"), bson.D{})
		require.Empty(t, heard(), "%s in a shared collection", what)

		send(t, db.Raw("tags"), bson.D{})
		command, _, _ := strings.Cut(what, " ")
		require.Equal(t, []alarm{{command, "tags"}}, heard(), what)
		require.Equal(t, before+1, db.Alarms(), what)
	}
	require.NoError(t, db.Raw("tags").Drop(t.Context()))
	require.Equal(t, []alarm{{"drop", "tags"}}, heard())
}

// listening opens a database whose alarms are kept until they are asked for.
func listening(t *testing.T) (*mongo.DB, func() []alarm) {
	t.Helper()
	var mu sync.Mutex
	var kept []alarm
	o := options(t)
	o.Alarm = func(command, collection string) {
		mu.Lock()
		defer mu.Unlock()
		kept = append(kept, alarm{command, collection})
	}
	db, err := mongo.Open(t.Context(), mongod.Database(t), o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db, func() []alarm {
		mu.Lock()
		defer mu.Unlock()
		out := kept
		kept = nil
		return out
	}
}

func TestEachTenant_NamesTenantsAndRaisesNoAlarm(t *testing.T) {
	t.Parallel()
	db := open(t, mongod.Database(t))
	for _, name := range mongo.OwnedTables() {
		want := []tenant.ID{{}, newTenant(), newTenant(), newTenant()}
		slices.SortFunc(want, func(a, b tenant.ID) int { return strings.Compare(a.String(), b.String()) })
		for _, owner := range want {
			for _, fill := range []byte{0, 7, 0xff} {
				id := mongo.Key(owner, slices.Repeat([]byte{fill}, mongo.WidthOf(name)))
				require.NoError(t, db.Stored(name, nil)["insert"](t.Context(), mongo.Of(owner, field("_id", id))))
			}
		}

		got, err := db.EachTenant(t.Context(), name)

		require.NoError(t, err)
		require.Equal(t, want, got, name)
	}
	require.Zero(t, db.Alarms())
}
