package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// revision says how one document is changed.
type revision[D document] struct {
	// in, tenant and id name the document; live is what else it must be to be
	// there for callers.
	in     collection
	tenant tenant.ID
	id     primitive.Binary
	live   bson.E
	// change alters the document and names what is announced first. It runs
	// again when another write came first.
	change func(D) ([]port.Change, error)
	// absent is returned when there is no such document.
	absent error
}

// revise loads a document, has it changed and replaces it unless another write
// came first; then it begins anew, until ctx ends.
func revise[T any, D interface {
	*T
	document
}](ctx context.Context, r revision[D],
) error {
	leave, err := r.in.db.lanes.enter(ctx, r.in.c.Name(), r.id.Data)
	if err != nil {
		return err
	}
	defer leave()
	for try := 0; ; try++ {
		d := D(new(T))
		ok, err := r.in.find(ctx, of(r.tenant, is("_id", r.id), r.live), d)
		if err != nil {
			return err
		}
		if !ok {
			return r.absent
		}
		changes, err := r.change(d)
		if err != nil {
			return err
		}
		if done, err := swap(ctx, r.in, d, changes); done || err != nil {
			return err
		}
		if err := breath(ctx, try); err != nil {
			return err
		}
	}
}

// swap replaces a loaded document unless another write came first, and reports
// whether it did. The document carries its next revision then.
func swap(ctx context.Context, c collection, d document, changes []port.Change) (done bool, err error) {
	head := d.head()
	before := head.at()
	head.Rev++
	err = c.db.change(ctx, changes, func(ctx context.Context) error {
		done, err = c.replace(ctx, before, d)
		return err
	})
	return done, err
}

// at is the filter for the document as it was loaded.
func (s *Stamp) at() bson.D {
	return bson.D{is("t", s.T), is("_id", s.ID), is("rev", s.Rev)}
}
