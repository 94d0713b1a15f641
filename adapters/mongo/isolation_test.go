package mongo_test

import (
	"errors"
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	driver "go.mongodb.org/mongo-driver/mongo"
	driveroptions "go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/adapters/mongo"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
	"ostiary/test/mongod"
)

func newTenant() tenant.ID { return tenant.IDFromBytes(fake.UUID()) }

// tenantOf is a tenant's id as filters have it.
func tenantOf(t tenant.ID) primitive.Binary {
	b := t.Bytes()
	return primitive.Binary{Subtype: bson.TypeBinaryUUID, Data: b[:]}
}

func field(name string, value any) bson.E { return bson.E{Key: name, Value: value} }

// unbound are filters and documents that name no tenant.
func unbound(t tenant.ID) map[string]bson.D {
	id := tenantOf(t)
	return map[string]bson.D{
		"nothing at all":   {},
		"another field":    {field("owner", id)},
		"an _id alone":     {field("_id", mongo.Key(t))},
		"text":             {field("t", t.String())},
		"null":             {field("t", nil)},
		"bytes of no UUID": {field("t", primitive.Binary{Data: id.Data})},
		"bytes too few":    {field("t", primitive.Binary{Subtype: id.Subtype, Data: id.Data[:15]})},
		"a list of them":   {field("t", bson.A{id})},
		"any of them":      {field("t", bson.D{field("$in", bson.A{id})})},
		"all but one":      {field("t", bson.D{field("$ne", id)})},
		"all above":        {field("t", bson.D{field("$gt", id)})},
		"one way of two":   {field("$or", bson.A{bson.D{field("t", id)}, bson.D{}})},
		"a member below":   {field("d", bson.D{field("t", id)})},
		"a dotted member":  {field("d.t", id)},
	}
}

func TestFence_RefusesFiltersWithoutTheTenant(t *testing.T) {
	t.Parallel()
	db, acme := open(t, mongod.Database(t)), newTenant()
	for _, name := range mongo.OwnedTables() {
		doc := mongo.Of(acme, field("_id", mongo.Key(acme)))
		for method, run := range db.Filtered(name, doc) {
			for what, filter := range unbound(acme) {
				require.ErrorIs(t, run(t.Context(), filter), mongo.ErrIsolation, "%s of %s with %s", method, name, what)
			}
		}
	}
	require.Zero(t, db.Alarms(), "nothing was sent")
}

func TestFence_RefusesDocumentsWithoutTheTenant(t *testing.T) {
	t.Parallel()
	db, acme := open(t, mongod.Database(t)), newTenant()
	for _, name := range mongo.OwnedTables() {
		for method, store := range db.Stored(name, mongo.Of(acme, field("_id", mongo.Key(acme)))) {
			for what, doc := range unbound(acme) {
				require.ErrorIs(t, store(t.Context(), doc), mongo.ErrIsolation, "%s into %s of %s", method, name, what)
			}
		}
	}
	require.Zero(t, db.Alarms(), "nothing was sent")
}

func TestFence_LetsThroughWhatNamesTheTenant(t *testing.T) {
	t.Parallel()
	db, acme := open(t, mongod.Database(t)), newTenant()
	named := func(method string) bson.D { return mongo.Of(acme, field("_id", mongo.Key(acme, []byte(method)))) }
	for method := range db.Stored("tags", nil) {
		require.NoError(t, db.Stored("tags", named(method))[method](t.Context(), named(method)), method)
	}
	for method := range db.Filtered("tags", nil) {
		require.NoError(t, db.Filtered("tags", named(method))[method](t.Context(), named(method)), method)
	}
	require.Zero(t, db.Alarms())
}

func TestFence_LeavesSharedCollectionsFree(t *testing.T) {
	t.Parallel()
	db := open(t, mongod.Database(t))
	for _, name := range mongo.SharedTables() {
		free := bson.D{field("_id", primitive.NewObjectID())}
		for method, store := range db.Stored(name, free) {
			if method == "insert" || method == "replaceAll" {
				require.NoError(t, store(t.Context(), free), "%s into %s", method, name)
			}
		}
		require.NoError(t, db.Filtered(name, free)["find"](t.Context(), bson.D{}), name)
		require.NoError(t, db.Filtered(name, free)["removeAll"](t.Context(), bson.D{}), name)
	}
	require.Zero(t, db.Alarms())
}

// A new method with a filter must be put on the list that these tests go
// through.
func TestFence_KnowsEveryMethodWithAFilter(t *testing.T) {
	t.Parallel()
	var got []string
	for _, file := range sources(t) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && receiver(f) == "collection" && f.Name.Name != "check" && hasParam(f, "filter") {
				got = append(got, f.Name.Name)
			}
		}
	}
	known := slices.Collect(maps.Keys(open(t, mongod.Database(t)).Filtered("tags", nil)))
	known = slices.DeleteFunc(known, func(name string) bool { return name == "replaceAll" }) // each document has a filter
	require.ElementsMatch(t, known, got)
}

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

// TestFence_IsTheOnlyWayToTheDriver reads the sources: what asks the driver for
// a collection, or commands one, lives in few files.
func TestFence_IsTheOnlyWayToTheDriver(t *testing.T) {
	t.Parallel()
	allowed := map[string][]string{
		"a collection of the driver": {"collection.go", "prepare.go"},
		"a command of a collection":  {"bulk.go", "collection.go"},
		"a command of the database":  {"changes.go", "examine.go"},
	}
	got := map[string][]string{}
	for name, file := range sources(t) {
		note := func(what string) {
			if !slices.Contains(got[what], name) {
				got[what] = append(got[what], name)
			}
		}
		ast.Inspect(file, func(n ast.Node) bool {
			s, ok := n.(*ast.SelectorExpr)
			if !ok {
				return true
			}
			through, _ := s.X.(*ast.SelectorExpr)
			switch {
			case s.Sel.Name == "Collection":
				note("a collection of the driver")
			case through != nil && through.Sel.Name == "c" && s.Sel.Name != "Name" && commands(&driver.Collection{}, s.Sel.Name):
				note("a command of a collection")
			case through != nil && through.Sel.Name == "db" && s.Sel.Name != "Name" && commands(&driver.Database{}, s.Sel.Name):
				note("a command of the database")
			}
			return true
		})
	}
	for what, files := range got {
		slices.Sort(files)
		require.Equal(t, allowed[what], files, what)
	}
	require.Len(t, got, len(allowed))
}

func commands(on any, method string) bool {
	_, ok := reflect.TypeOf(on).MethodByName(method)
	return ok
}

// sources are the parsed files of the package without its tests.
func sources(t *testing.T) map[string]*ast.File {
	t.Helper()
	entries, err := os.ReadDir(".")
	require.NoError(t, err)
	out := map[string]*ast.File{}
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), ".go") && !strings.HasSuffix(e.Name(), "_test.go") {
			out[e.Name()], err = parser.ParseFile(token.NewFileSet(), e.Name(), nil, parser.SkipObjectResolution)
			require.NoError(t, err)
		}
	}
	require.Contains(t, out, "collection.go")
	return out
}

func receiver(f *ast.FuncDecl) string {
	if f.Recv == nil || len(f.Recv.List) != 1 {
		return ""
	}
	name, _ := f.Recv.List[0].Type.(*ast.Ident)
	if name == nil {
		return ""
	}
	return name.Name
}

func hasParam(f *ast.FuncDecl, name string) bool {
	for _, p := range f.Type.Params.List {
		for _, n := range p.Names {
			if n.Name == name {
				return true
			}
		}
	}
	return false
}
