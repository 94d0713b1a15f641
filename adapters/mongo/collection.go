package mongo

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/domain/tenant"
)

// collection is the only way to a collection of the database. One of tenant
// data refuses every command whose filter, or whose document, does not name
// the tenant, and every change that could name another one.
type collection struct {
	db    *DB
	c     *mongo.Collection
	owned bool
}

// errIsolation is returned for a command that could reach another tenant's data.
var errIsolation = errors.New("mongo: command on tenant data without a tenant")

func (db *DB) collection(name string) collection {
	return collection{db: db, c: db.db.Collection(name), owned: isOwned(name)}
}

// check refuses a filter that does not bind the tenant by equality.
func (c collection) check(filter bson.D) error {
	if !c.owned {
		return nil
	}
	for _, e := range filter {
		if e.Key == "t" {
			if b, ok := e.Value.(primitive.Binary); ok && isTenant(b.Subtype, b.Data) {
				return nil
			}
		}
	}
	return fmt.Errorf("%w: %s", errIsolation, c.c.Name())
}

// encode refuses a document of tenant data that names no tenant.
func (c collection) encode(doc any) (bson.Raw, error) {
	raw, err := bson.Marshal(doc)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStored, err)
	}
	if c.owned && !namesTenant(raw) {
		return nil, fmt.Errorf("%w: %s", errIsolation, c.c.Name())
	}
	return raw, nil
}

// amend refuses a change of tenant data that touches whose it is: the tenant, or
// the key, which begins with the tenant.
func (c collection) amend(change bson.D) (bson.Raw, error) {
	raw, err := bson.Marshal(change)
	if err != nil {
		return nil, fmt.Errorf("%w: %w", errStored, err)
	}
	if c.owned && !keepsOwner(raw) {
		return nil, fmt.Errorf("%w: %s", errIsolation, c.c.Name())
	}
	return raw, nil
}

// keepsOwner holds for a change of operators alone, none of which writes to a
// field that says whose a document is. $rename writes to what it names, too.
func keepsOwner(change bson.Raw) bool {
	operators, err := change.Elements()
	if err != nil || len(operators) == 0 {
		return false
	}
	for _, o := range operators {
		operands, ok := o.Value().DocumentOK()
		fields, err := operands.Elements()
		if !ok || err != nil || !strings.HasPrefix(o.Key(), "$") {
			return false
		}
		for _, f := range fields {
			to, _ := f.Value().StringValueOK()
			if saysWhose(f.Key()) || (o.Key() == "$rename" && saysWhose(to)) {
				return false
			}
		}
	}
	return true
}

func saysWhose(path string) bool {
	field, _, _ := strings.Cut(path, ".")
	return field == "t" || field == "_id"
}

// encodeFor also refuses a document of another tenant than the place's.
func (c collection) encodeFor(place bson.D, doc any) (bson.Raw, error) {
	raw, err := c.encode(doc)
	if err != nil || !c.owned {
		return raw, err
	}
	_, data := raw.Lookup("t").Binary()
	for _, e := range place {
		if b, ok := e.Value.(primitive.Binary); ok && e.Key == "t" && !bytes.Equal(b.Data, data) {
			return nil, fmt.Errorf("%w: %s", errIsolation, c.c.Name())
		}
	}
	return raw, nil
}

// namesTenant reports whether a document or filter has the member t with a
// tenant's id.
func namesTenant(doc bson.Raw) bool {
	v, err := doc.LookupErr("t")
	if err != nil {
		return false
	}
	subtype, data, ok := v.BinaryOK()
	return ok && isTenant(subtype, data)
}

func isTenant(subtype byte, data []byte) bool {
	return subtype == bson.TypeBinaryUUID && len(data) == 16
}

// find decodes the first match; false when there is none.
func (c collection) find(ctx context.Context, filter bson.D, into any, opts ...*options.FindOneOptions) (bool, error) {
	if err := c.check(filter); err != nil {
		return false, err
	}
	return found(c.c.FindOne(ctx, filter, opts...), into)
}

func found(r *mongo.SingleResult, into any) (bool, error) {
	raw, err := r.Raw()
	if errors.Is(err, mongo.ErrNoDocuments) {
		return false, nil
	}
	if err != nil {
		return false, err
	}
	if into == nil {
		return true, nil
	}
	return true, decode(raw, into)
}

func decode(raw bson.Raw, into any) error {
	if err := bson.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("%w: %w", errStored, err)
	}
	return nil
}

// each hands out every match in turn. The raw bytes are good until note returns.
func (c collection) each(ctx context.Context, filter bson.D, note func(bson.Raw) error, opts ...*options.FindOptions) error {
	if err := c.check(filter); err != nil {
		return err
	}
	cur, err := c.c.Find(ctx, filter, opts...)
	if err != nil {
		return err
	}
	defer func() { _ = cur.Close(ctx) }()
	for cur.Next(ctx) {
		if err := note(cur.Current); err != nil {
			return err
		}
	}
	return cur.Err()
}

// list decodes every match.
func list[D any](ctx context.Context, c collection, filter bson.D, opts ...*options.FindOptions) ([]D, error) {
	var out []D
	err := c.each(ctx, filter, func(raw bson.Raw) error {
		var d D
		if err := decode(raw, &d); err != nil {
			return err
		}
		out = append(out, d)
		return nil
	}, opts...)
	return out, err
}

// has reports whether anything matches.
func (c collection) has(ctx context.Context, filter bson.D) (bool, error) {
	return c.find(ctx, filter, nil, options.FindOne().SetProjection(bson.D{{Key: "_id", Value: 1}}))
}

func (c collection) count(ctx context.Context, filter bson.D) (int64, error) {
	if err := c.check(filter); err != nil {
		return 0, err
	}
	return c.c.CountDocuments(ctx, filter)
}

// insert reports false when the id is taken.
func (c collection) insert(ctx context.Context, doc any) (bool, error) {
	raw, err := c.encode(doc)
	if err != nil {
		return false, err
	}
	_, err = c.c.InsertOne(ctx, raw)
	if mongo.IsDuplicateKeyError(err) {
		return false, nil
	}
	return err == nil, err
}

// insertAll stops at the first id that is taken and returns the driver's error;
// what came before it is stored.
func (c collection) insertAll(ctx context.Context, docs []any) error {
	raws := make([]any, len(docs))
	for i, d := range docs {
		raw, err := c.encode(d)
		if err != nil {
			return err
		}
		raws[i] = raw
	}
	_, err := c.c.InsertMany(ctx, raws)
	return err
}

// replace stores doc in place of the match and reports whether there was one.
func (c collection) replace(ctx context.Context, filter bson.D, doc any, opts ...*options.ReplaceOptions) (bool, error) {
	if err := c.check(filter); err != nil {
		return false, err
	}
	raw, err := c.encodeFor(filter, doc)
	if err != nil {
		return false, err
	}
	r, err := c.c.ReplaceOne(ctx, filter, raw, opts...)
	if err != nil {
		return false, err
	}
	return r.MatchedCount > 0, nil
}

// update changes one match and reports whether there was one.
func (c collection) update(ctx context.Context, filter, change bson.D, opts ...*options.UpdateOptions) (bool, error) {
	if err := c.check(filter); err != nil {
		return false, err
	}
	raw, err := c.amend(change)
	if err != nil {
		return false, err
	}
	r, err := c.c.UpdateOne(ctx, filter, raw, opts...)
	if err != nil {
		return false, err
	}
	return r.MatchedCount > 0, nil
}

// updateAll changes every match, each by itself, and returns how many.
func (c collection) updateAll(ctx context.Context, filter, change bson.D) (int64, error) {
	if err := c.check(filter); err != nil {
		return 0, err
	}
	raw, err := c.amend(change)
	if err != nil {
		return 0, err
	}
	r, err := c.c.UpdateMany(ctx, filter, raw)
	if err != nil {
		return 0, err
	}
	return r.ModifiedCount, nil
}

// take changes one match in one step and decodes what it became.
func (c collection) take(ctx context.Context, filter, change bson.D, into any, opts ...*options.FindOneAndUpdateOptions) (bool, error) {
	if err := c.check(filter); err != nil {
		return false, err
	}
	raw, err := c.amend(change)
	if err != nil {
		return false, err
	}
	opts = append(opts, options.FindOneAndUpdate().SetReturnDocument(options.After))
	return found(c.c.FindOneAndUpdate(ctx, filter, raw, opts...), into)
}

// remove removes one match and reports whether there was one.
func (c collection) remove(ctx context.Context, filter bson.D) (bool, error) {
	if err := c.check(filter); err != nil {
		return false, err
	}
	r, err := c.c.DeleteOne(ctx, filter)
	if err != nil {
		return false, err
	}
	return r.DeletedCount > 0, nil
}

// removeAll removes every match, each by itself, and returns how many.
func (c collection) removeAll(ctx context.Context, filter bson.D) (int64, error) {
	if err := c.check(filter); err != nil {
		return 0, err
	}
	r, err := c.c.DeleteMany(ctx, filter)
	if err != nil {
		return 0, err
	}
	return r.DeletedCount, nil
}

// nextTenant finds the next tenant after one that has data in the collection.
// It is the only command that goes through tenant data without a tenant, and
// says which tenants there are, never what they have.
func (c collection) nextTenant(ctx context.Context, after tenant.ID, first bool) (tenant.ID, bool, error) {
	filter := bson.D{}
	if !first {
		_, hi := bounds(after, widthOf(c.c.Name()))
		filter = bson.D{{Key: "_id", Value: bson.D{{Key: "$gt", Value: hi}}}}
	}
	var out struct {
		T primitive.Binary `bson:"t"`
	}
	ok, err := found(c.c.FindOne(ctx, filter, options.FindOne().SetSort(bson.D{{Key: "_id", Value: 1}}).SetProjection(tenantAlone)), &out)
	return tenant.IDFromBytes(sixteen(out.T)), ok, err
}

// tenantAlone is the projection by which the monitor knows nextTenant.
var tenantAlone = bson.D{{Key: "t", Value: 1}, {Key: "_id", Value: 0}}

// eachTenant goes from tenant to tenant of those with data in the collection.
func (c collection) eachTenant(ctx context.Context, visit func(tenant.ID) error) error {
	t, first := tenant.ID{}, true
	for {
		var ok bool
		err := c.db.do(ctx, "find tenants", func(ctx context.Context) (err error) {
			t, ok, err = c.nextTenant(ctx, t, first)
			return err
		})
		if err != nil || !ok {
			return err
		}
		first = false
		if err := visit(t); err != nil {
			return err
		}
	}
}
