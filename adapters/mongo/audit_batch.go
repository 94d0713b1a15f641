package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/domain/audit"
	"ostiary/domain/tenant"
)

// A batch of audit records is committed by one document with its id. Whoever
// gives a batch up first makes the same document say that it is void: only one
// of the two can come to be, so that a writer that was thought dead cannot
// commit what is being removed.

// batchDoc is the word on a batch.
type batchDoc struct {
	ID     primitive.ObjectID `bson:"_id"`
	Shares []shareDoc         `bson:"shares"`
}

// shareDoc tells how many records of a batch a tenant has.
type shareDoc struct {
	T primitive.Binary `bson:"t"`
	N int64            `bson:"n"`
}

func newBatch(records []audit.Record) batchDoc {
	b, at := batchDoc{ID: primitive.NewObjectID()}, map[tenant.ID]int{}
	for _, r := range records {
		i, ok := at[r.Tenant]
		if !ok {
			i = len(b.Shares)
			at[r.Tenant], b.Shares = i, append(b.Shares, shareDoc{T: uuid(r.Tenant.Bytes())})
		}
		b.Shares[i].N++
	}
	return b
}

// share is how many records a tenant has.
func (d *batchDoc) share(t tenant.ID) int64 {
	for _, s := range d.Shares {
		if sixteen(s.T) == t.Bytes() {
			return s.N
		}
	}
	return 0
}

const (
	// settleAfter is longer than any step of a reader takes, so that nobody sees
	// a batch settle who has not seen it committed.
	settleAfter = time.Minute
	// settleRecords bounds the records that are settled in one go.
	settleRecords = 5000
)

// commit makes the records of a batch part of their chains, all at once. It
// reports false for one that was given up.
func (s *Audit) commit(ctx context.Context, b batchDoc) (bool, error) {
	return s.say(ctx, bson.D{is("_id", b.ID), absent("void")}, set(is("shares", b.Shares)))
}

// annul makes sure that a batch is never committed. It reports false for one
// that is.
func (s *Audit) annul(ctx context.Context, b primitive.ObjectID) (bool, error) {
	return s.say(ctx, bson.D{is("_id", b), is("void", true)}, nil)
}

// say makes a batch's document agree with the filter, and reports false when it
// says the opposite.
func (s *Audit) say(ctx context.Context, word, change bson.D) (bool, error) {
	_, err := s.db.collection(inBatches).update(ctx, word,
		append(change, is("$currentDate", bson.D{is("at", true)})), options.Update().SetUpsert(true))
	if mongo.IsDuplicateKeyError(err) {
		return false, nil
	}
	return err == nil, err
}

// withdraw removes what was inserted of a batch of this call.
func (s *Audit) withdraw(ctx context.Context, b batchDoc) error {
	for _, share := range b.Shares {
		if _, err := s.all().removeAll(ctx, bson.D{is("t", share.T), is("batch", b.ID)}); err != nil {
			return err
		}
	}
	return nil
}

// discard removes a tenant's records of a batch, unless it is committed.
func (s *Audit) discard(ctx context.Context, t tenant.ID, b primitive.ObjectID) (gone bool, err error) {
	if gone, err = s.annul(ctx, b); !gone || err != nil {
		return false, err
	}
	_, err = s.all().removeAll(ctx, of(t, is("batch", b)))
	return err == nil, err
}

// batchOnly is a record that is only asked for its batch; the zero id stands
// for none.
type batchOnly struct {
	Batch primitive.ObjectID `bson:"batch"`
}

var batchAlone = bson.D{is("batch", 1)}

func batchesOf(docs []batchOnly) []primitive.ObjectID {
	var out []primitive.ObjectID
	for _, d := range docs {
		if !slices.Contains(out, d.Batch) {
			out = append(out, d.Batch)
		}
	}
	return out
}

// settle ends batches: of those that are committed nothing is left but their
// records, of those that were given up nothing at all. now is the server's
// time.
func (s *Audit) settle(ctx context.Context, now time.Time) error {
	for more := true; more; {
		var err error
		if more, err = s.settleSome(ctx, now.Add(-settleAfter)); err != nil {
			return err
		}
	}
	err := s.db.do(ctx, "forget void audit batches", func(ctx context.Context) error {
		_, err := s.db.collection(inBatches).removeAll(ctx,
			bson.D{is("at", bson.D{is("$lt", now.Add(-abandoned))}), is("void", true)})
		return err
	})
	if err != nil {
		return err
	}
	return s.all().eachTenant(ctx, func(t tenant.ID) error { return s.discardOld(ctx, t, idAt(now.Add(-abandoned))) })
}

// settleSome takes the mark off the records of some committed batches, and
// then forgets those batches. It reports whether there may be more.
func (s *Audit) settleSome(ctx context.Context, before time.Time) (more bool, err error) {
	var some []batchDoc
	err = s.db.do(ctx, "find audit batches", func(ctx context.Context) (err error) {
		some, err = list[batchDoc](ctx, s.db.collection(inBatches), bson.D{is("at", bson.D{is("$lt", before)}), absent("void")},
			options.Find().SetSort(bson.D{is("at", 1)}).SetLimit(batch))
		return err
	})
	if err != nil || len(some) == 0 {
		return false, err
	}
	ids, marked := measure(some)
	for t, batches := range marked {
		err := s.db.do(ctx, "settle audit records", func(ctx context.Context) error {
			_, err := s.all().updateAll(ctx, of(t, is("batch", bson.D{is("$in", batches)})), bson.D{is("$unset", bson.D{is("batch", "")})})
			return err
		})
		if err != nil {
			return false, err
		}
	}
	err = s.db.do(ctx, "forget audit batches", func(ctx context.Context) error {
		_, err := s.db.collection(inBatches).removeAll(ctx, bson.D{is("_id", bson.D{is("$in", ids)})})
		return err
	})
	return len(ids) < len(some) || len(some) == batch, err
}

// measure takes as many batches as are settled in one go, and sorts them by
// tenant.
func measure(some []batchDoc) (ids []primitive.ObjectID, marked map[tenant.ID][]primitive.ObjectID) {
	marked = map[tenant.ID][]primitive.ObjectID{}
	records := int64(0)
	for _, b := range some {
		for _, share := range b.Shares {
			records += share.N
		}
		if len(ids) > 0 && records > settleRecords {
			break
		}
		ids = append(ids, b.ID)
		for _, share := range b.Shares {
			t := tenant.IDFromBytes(sixteen(share.T))
			marked[t] = append(marked[t], b.ID)
		}
	}
	return ids, marked
}

// discardOld removes a tenant's records of batches that were begun before and
// not committed.
func (s *Audit) discardOld(ctx context.Context, t tenant.ID, before primitive.ObjectID) error {
	var old []batchOnly
	err := s.db.do(ctx, "find unfinished audit batches", func(ctx context.Context) (err error) {
		old, err = list[batchOnly](ctx, s.all(), of(t, is("batch", bson.D{is("$lt", before)})),
			options.Find().SetProjection(batchAlone).SetLimit(batch))
		return err
	})
	if err != nil {
		return err
	}
	for _, b := range batchesOf(old) {
		err := s.db.do(ctx, "discard audit batch", func(ctx context.Context) error {
			_, err := s.discard(ctx, t, b)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}
