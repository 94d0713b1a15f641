package mongo_test

import (
	"go/ast"
	"go/parser"
	"go/token"
	"maps"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	driver "go.mongodb.org/mongo-driver/mongo"

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

func TestFence_RefusesDocumentsOfAnotherTenant(t *testing.T) {
	t.Parallel()
	db, acme, globex := open(t, mongod.Database(t)), newTenant(), newTenant()
	theirs := bson.D{field("_id", mongo.Key(acme)), field("t", tenantOf(globex))}
	for _, name := range mongo.OwnedTables() {
		stored := db.Stored(name, mongo.Of(acme, field("_id", mongo.Key(acme))))
		for _, method := range []string{"replace", "replaceAll"} {
			require.ErrorIs(t, stored[method](t.Context(), theirs), mongo.ErrIsolation, "%s into %s", method, name)
		}
	}
	require.Zero(t, db.Alarms(), "nothing was sent")
}

// moving are changes that say anew whose a document is.
func moving(t tenant.ID) map[string]bson.D {
	id, one := tenantOf(t), field("n", 1)
	return map[string]bson.D{
		"another tenant":         {field("$set", bson.D{field("t", id)})},
		"among others":           {field("$set", bson.D{one, field("t", id)})},
		"after another operator": {field("$inc", bson.D{one}), field("$set", bson.D{field("t", id)})},
		"when it is made":        {field("$setOnInsert", bson.D{field("t", id)})},
		"no tenant":              {field("$unset", bson.D{field("t", "")})},
		"a member of the tenant": {field("$set", bson.D{field("t.x", 1)})},
		"the greater tenant":     {field("$max", bson.D{field("t", id)})},
		"out of the tenant":      {field("$rename", bson.D{field("t", "n")})},
		"into the tenant":        {field("$rename", bson.D{field("n", "t")})},
		"into a member of it":    {field("$rename", bson.D{field("n", "t.x")})},
		"another key":            {field("$set", bson.D{field("_id", mongo.Key(t))})},
		"a member of the key":    {field("$unset", bson.D{field("_id.x", "")})},
		"into the key":           {field("$rename", bson.D{field("n", "_id")})},
		"an unknown operator":    {field("$someday", bson.D{field("t", id)})},
		"no operator":            {field("t", id)},
		"an operator of nothing": {field("$set", "t")},
		"nothing at all":         {},
	}
}

func TestFence_RefusesChangesOfWhoseItIs(t *testing.T) {
	t.Parallel()
	db, acme, other := open(t, mongod.Database(t)), newTenant(), newTenant()
	for _, name := range mongo.OwnedTables() {
		for method, run := range db.Changed(name, mongo.Of(acme, field("_id", mongo.Key(acme)))) {
			for what, change := range moving(other) {
				require.ErrorIs(t, run(t.Context(), change), mongo.ErrIsolation, "%s of %s: %s", method, name, what)
			}
		}
	}
	require.Zero(t, db.Alarms(), "nothing was sent")
}

func TestFence_LetsThroughOtherChanges(t *testing.T) {
	t.Parallel()
	db, acme := open(t, mongod.Database(t)), newTenant()
	doc := mongo.Of(acme, field("_id", mongo.Key(acme)), field("old", 1))
	require.NoError(t, db.Stored("tags", nil)["insert"](t.Context(), doc))
	for method, run := range db.Changed("tags", doc[:2]) {
		for what, change := range map[string]bson.D{
			"a field":        {field("$set", bson.D{field(method, 1)})},
			"two operators":  {field("$inc", bson.D{field("n", 1)}), field("$unset", bson.D{field("old", "")})},
			"a name like it": {field("$set", bson.D{field("tt", 1), field("d.t", 1), field("x_id", 1)})},
			"a value":        {field("$set", bson.D{field("x", "t"), field("d", bson.D{field("t", 1)})})},
		} {
			require.NoError(t, run(t.Context(), change), "%s: %s", method, what)
		}
	}

	var got bson.M
	require.NoError(t, db.Raw("tags").FindOne(t.Context(), doc[:2]).Decode(&got))
	require.Equal(t, int32(3), got["n"])
	require.Subset(t, got, map[string]any{"update": int32(1), "updateAll": int32(1), "take": int32(1), "x": "t"})
	require.NotContains(t, got, "old")
	require.Zero(t, db.Alarms())
}

// A new method with a change must be put on the list that these tests go
// through.
func TestFence_KnowsEveryMethodWithAChange(t *testing.T) {
	t.Parallel()
	var got []string
	for _, file := range sources(t) {
		for _, d := range file.Decls {
			if f, ok := d.(*ast.FuncDecl); ok && receiver(f) == "collection" && f.Name.Name != "amend" && hasParam(f, "change") {
				got = append(got, f.Name.Name)
			}
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(open(t, mongod.Database(t)).Changed("tags", nil))), got)
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
