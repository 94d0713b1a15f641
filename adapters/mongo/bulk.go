package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
)

// batch bounds the documents that one step goes through.
const batch = 1000

// replacement is a document and what it may take the place of: nothing, without
// a filter.
type replacement struct {
	filter bson.D
	doc    any
}

// replaceAll stores each document in place of its match, or as a new one, in no
// order. Where the id is taken by a document that does not match, that stays.
func (c collection) replaceAll(ctx context.Context, rs []replacement) error {
	models := make([]mongo.WriteModel, len(rs))
	for i, r := range rs {
		raw, err := c.encodeFor(r.filter, r.doc)
		if err != nil {
			return err
		}
		if r.filter == nil {
			models[i] = mongo.NewInsertOneModel().SetDocument(raw)
			continue
		}
		if err := c.check(r.filter); err != nil {
			return err
		}
		models[i] = mongo.NewReplaceOneModel().SetFilter(r.filter).SetReplacement(raw).SetUpsert(true)
	}
	_, err := c.c.BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))
	return onlyTaken(err)
}

// onlyTaken forgives that ids were taken, when nothing else went wrong.
func onlyTaken(err error) error {
	var b mongo.BulkWriteException
	if !errors.As(err, &b) || b.WriteConcernError != nil {
		return err
	}
	for _, w := range b.WriteErrors {
		if w.Code != codeDuplicateKey {
			return err
		}
	}
	return nil
}

// removeInSteps removes every match, a batch in each step, so that the time of
// a step bounds no more than a batch.
func (c collection) removeInSteps(ctx context.Context, what string, filter bson.D) error {
	for more := true; more; {
		err := c.db.do(ctx, what, func(ctx context.Context) error {
			ids, err := list[idAlone](ctx, c, filter, options.Find().SetProjection(bson.D{is("_id", 1)}).SetLimit(batch))
			if err != nil || len(ids) == 0 {
				more = false
				return err
			}
			more = len(ids) == batch
			_, err = c.removeAll(ctx, append(withoutID(filter), keysIn(keysOf(ids))))
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// idAlone is all that is read of a document that is about to go.
type idAlone struct {
	ID primitive.Binary `bson:"_id"`
}

func keysOf(docs []idAlone) []primitive.Binary {
	out := make([]primitive.Binary, len(docs))
	for i, d := range docs {
		out[i] = d.ID
	}
	return out
}

// withoutID is a filter less its condition on the _id.
func withoutID(filter bson.D) bson.D {
	out := make(bson.D, 0, len(filter))
	for _, e := range filter {
		if e.Key != "_id" {
			out = append(out, e)
		}
	}
	return out
}

// keysIn is the condition that the _id is one of those.
func keysIn(ids []primitive.Binary) bson.E {
	if ids == nil {
		ids = []primitive.Binary{}
	}
	return is("_id", bson.D{is("$in", ids)})
}
