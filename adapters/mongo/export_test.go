package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/domain/audit"
	"ostiary/domain/tenant"
)

// Exported for the tests of what no port shows.
var (
	ErrIsolation = errIsolation
	ErrTaken     = errTaken
)

// Of and Key spell filters and keys of tenant data.
func Of(t tenant.ID, rest ...bson.E) bson.D { return of(t, rest...) }

func Key(t tenant.ID, parts ...[]byte) primitive.Binary { return key(t, parts...) }

// OwnedTables lists the collections of tenant data, SharedTables the others.
func OwnedTables() []string { return tablesThat(true) }

func SharedTables() []string { return tablesThat(false) }

func tablesThat(owned bool) (out []string) {
	for _, t := range tables {
		if t.owned == owned {
			out = append(out, t.name)
		}
	}
	return out
}

// WidthOf is the length of the keys of a collection beyond the tenant.
func WidthOf(name string) int { return widthOf(name) }

// Index is a declared index.
type Index struct {
	Name   string
	Fields []string
	Some   string
}

func IndexesOf(name string) (out []Index) {
	t, _ := tableOf(name)
	for _, i := range t.indexes {
		out = append(out, Index{Name: i.name(), Fields: i.fields, Some: i.some})
	}
	return out
}

// Prepared is closed once the indexes were looked after.
func (db *DB) Prepared() <-chan struct{} { return db.prepared }

// Raw goes past the fence, over the connections of the database.
func (db *DB) Raw(name string) *mongo.Collection { return db.db.Collection(name) }

// Filtered lists what a collection does with a filter, by the name of the
// method.
func (db *DB) Filtered(name string, doc any) map[string]func(context.Context, bson.D) error {
	c, note := db.collection(name), func(bson.Raw) error { return nil }
	change := set(is("x", 1))
	return map[string]func(context.Context, bson.D) error{
		"find":    func(ctx context.Context, f bson.D) error { _, err := c.find(ctx, f, nil); return err },
		"each":    func(ctx context.Context, f bson.D) error { return c.each(ctx, f, note) },
		"has":     func(ctx context.Context, f bson.D) error { _, err := c.has(ctx, f); return err },
		"count":   func(ctx context.Context, f bson.D) error { _, err := c.count(ctx, f); return err },
		"replace": func(ctx context.Context, f bson.D) error { _, err := c.replace(ctx, f, doc); return err },
		"replaceAll": func(ctx context.Context, f bson.D) error {
			return c.replaceAll(ctx, []replacement{{filter: f, doc: doc}})
		},
		"update":        func(ctx context.Context, f bson.D) error { _, err := c.update(ctx, f, change); return err },
		"updateAll":     func(ctx context.Context, f bson.D) error { _, err := c.updateAll(ctx, f, change); return err },
		"take":          func(ctx context.Context, f bson.D) error { _, err := c.take(ctx, f, change, nil); return err },
		"remove":        func(ctx context.Context, f bson.D) error { _, err := c.remove(ctx, f); return err },
		"removeAll":     func(ctx context.Context, f bson.D) error { _, err := c.removeAll(ctx, f); return err },
		"removeInSteps": func(ctx context.Context, f bson.D) error { return c.removeInSteps(ctx, "remove", f) },
	}
}

// Changed lists what changes documents of a collection, by the name of the
// method. The filter is good.
func (db *DB) Changed(name string, good bson.D) map[string]func(context.Context, bson.D) error {
	c := db.collection(name)
	return map[string]func(context.Context, bson.D) error{
		"update":    func(ctx context.Context, d bson.D) error { _, err := c.update(ctx, good, d); return err },
		"updateAll": func(ctx context.Context, d bson.D) error { _, err := c.updateAll(ctx, good, d); return err },
		"take":      func(ctx context.Context, d bson.D) error { _, err := c.take(ctx, good, d, nil); return err },
	}
}

// Stored lists what stores a document, by the name of the method. The filter is
// good.
func (db *DB) Stored(name string, good bson.D) map[string]func(context.Context, any) error {
	c := db.collection(name)
	return map[string]func(context.Context, any) error{
		"insert":    func(ctx context.Context, d any) error { _, err := c.insert(ctx, d); return err },
		"insertAll": func(ctx context.Context, d any) error { return c.insertAll(ctx, []any{d}) },
		"replace":   func(ctx context.Context, d any) error { _, err := c.replace(ctx, good, d); return err },
		"replaceAll": func(ctx context.Context, d any) error {
			return c.replaceAll(ctx, []replacement{{filter: good, doc: d}})
		},
	}
}

// EachTenant walks the tenants of a collection.
func (db *DB) EachTenant(ctx context.Context, name string) (out []tenant.ID, err error) {
	err = db.collection(name).eachTenant(ctx, func(t tenant.ID) error {
		out = append(out, t)
		return nil
	})
	return out, err
}

// Reach asks the monitor about a command as the driver spells it.
func Reach(command bson.D) (name string, reaches bool, err error) {
	body, err := bson.Marshal(command)
	if err != nil {
		return "", false, err
	}
	name, reaches = reach(command[0].Key, body)
	return name, reaches, nil
}

// Begin stores records as a batch that is not committed yet.
func (s *Audit) Begin(ctx context.Context, records []audit.Record) (commit func(context.Context) (bool, error), err error) {
	b := newBatch(records)
	docs := make([]any, len(records))
	for i, r := range records {
		docs[i] = recordDocOf(r, &b.ID)
	}
	return func(ctx context.Context) (bool, error) { return s.commit(ctx, b) }, s.all().insertAll(ctx, docs)
}

// Settle is the janitor's part, at a time of the server's.
func (s *Audit) Settle(ctx context.Context, now time.Time) error { return s.settle(ctx, now) }

// Marked counts records that bear a batch, and Words what tells of batches.
func (s *Audit) Marked(ctx context.Context, t tenant.ID) (int64, error) {
	return s.all().count(ctx, of(t, present("batch")))
}

func (s *Audit) Words(ctx context.Context) (int64, error) {
	return s.db.collection(inBatches).count(ctx, bson.D{})
}

// ServerTime is what the server's clock says.
func (db *DB) ServerTime(ctx context.Context) (time.Time, error) { return db.serverTime(ctx) }

// Turn asks for another process's turn to sweep.
func (s *Janitor) Turn(ctx context.Context, who primitive.ObjectID) (bool, error) {
	return s.turn(ctx, who)
}

// YieldTurn ends the turn of whoever has it.
func (s *Janitor) YieldTurn(ctx context.Context) error {
	_, err := s.db.collection(inMeta).update(ctx, bson.D{is("_id", "sweep")}, set(is("until", time.Unix(0, 0))))
	return err
}

// Doom writes what Tenants.Delete leaves when it is cut off before it buries.
func (db *DB) Doom(ctx context.Context, t tenant.ID) error {
	token := primitive.NewObjectID()
	_, err := db.collection(inTenants).replace(ctx, bson.D{is("_id", uuid(t.Bytes()))},
		&tenantDoc{Stamp: stamped(t, uuid(t.Bytes())), Bond: Bond{Limbo: &token}, Gone: true}, options.Replace().SetUpsert(true))
	return err
}
