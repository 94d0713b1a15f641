package mongo

import (
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/tenant"
)

// A company is deleted only while no contact belongs to it, and contacts are
// other documents. So a deletion first marks the company: a contact that wants
// to refer to it from then on waits for the end of that. Contacts that wanted
// to before are waited for. What refers to the company then is all there can
// be, and the revision of the mark decides whether the company may go: whoever
// waited for the mark too long moves it on. A write that does not know of the
// mark moves it on too and keeps the mark, which holds then as before.

// leaving is what a deletion reads of a company.
type leaving struct {
	Stamp   `bson:",inline"`
	Version int64               `bson:"v"`
	Op      *journal            `bson:"op"`
	Del     *primitive.ObjectID `bson:"del"`
}

var leavingAlone = bson.D{is("t", 1), is("rev", 1), is("v", 1), is("op", 1), is("del", 1)}

// Delete implements port.Companies. What is left of the company once it is gone
// is nobody's to see: the janitor removes it when this comes to nothing.
func (s *Companies) Delete(ctx context.Context, t tenant.ID, id company.ID, version int64) error {
	if err := s.depart(ctx, &departure{tenant: t, id: id, version: version}); err != nil {
		return err
	}
	if err := s.db.clearBooks(ctx, t, id.Int()); err != nil {
		s.db.report(err)
	}
	return nil
}

// departure is one call's deletion of a company.
type departure struct {
	tenant  tenant.ID
	id      company.ID
	version int64 // 0: any
	try     int
	mark    primitive.ObjectID // zero until it may be stored
}

// depart tries until the company is gone, and takes its mark back when it fails.
func (s *Companies) depart(ctx context.Context, in *departure) error {
	err := s.db.do(ctx, "delete company", func(ctx context.Context) error {
		leave, err := s.db.lanes.enter(ctx, inCompanies, companyKey(in.tenant, in.id).Data)
		if err != nil {
			return err
		}
		defer leave()
		for ; ; in.try++ {
			if done, err := s.leave(ctx, in); done || err != nil {
				return err
			}
			if err := breath(ctx, in.try); err != nil {
				return err
			}
		}
	})
	if err != nil && !in.mark.IsZero() {
		s.db.afterwards(ctx, "take deletion back", func(ctx context.Context) error { return s.stay(ctx, in) })
	}
	return err
}

// stay takes the mark of a deletion back, whatever was written since.
func (s *Companies) stay(ctx context.Context, in *departure) error {
	_, err := s.all().update(ctx, of(in.tenant, is("_id", companyKey(in.tenant, in.id)), is("del", in.mark)), unmarked)
	return err
}

// leave reports false when it must begin anew.
func (s *Companies) leave(ctx context.Context, in *departure) (bool, error) {
	var d leaving
	ok, err := s.all().find(ctx, of(in.tenant, is("_id", companyKey(in.tenant, in.id)), present("n")), &d,
		options.FindOne().SetProjection(leavingAlone))
	switch {
	case err != nil:
		return false, err
	case !ok:
		return false, company.ErrNotFound
	case in.version != 0 && in.version != d.Version:
		return false, port.ErrVersion
	case d.Op != nil:
		return false, s.db.rollForward(ctx, d.Stamp, d.Op)
	}
	own := d.Del != nil && *d.Del == in.mark
	if d.Del != nil && !own && in.try < patience {
		return false, nil // somebody else is about to delete it
	}
	if err := s.unused(ctx, in); err != nil {
		return false, err
	}
	if !own {
		in.mark = primitive.NewObjectID()
		if ok, err := s.all().markAs(ctx, &d.Stamp, in.mark); err != nil || !ok {
			return false, err
		}
	}
	if err := s.db.outwait(ctx, in.tenant, "want.cs", in.id.Int()); err != nil {
		return false, err
	}
	if err := s.unused(ctx, in); err != nil {
		return false, err
	}
	gone := &tombstone{Stamp: d.Stamp, Gone: true, Limbo: primitive.NewObjectID()}
	return swap(ctx, s.all(), gone, companyChanges(in.tenant, in.id))
}

// unused returns company.ErrInUse while a contact belongs to the company.
func (s *Companies) unused(ctx context.Context, in *departure) error {
	used, err := s.db.collection(inContacts).has(ctx, of(in.tenant, is("cs", in.id.Int())))
	if err == nil && used {
		err = company.ErrInUse
	}
	return err
}

// mark announces in a document that it is about to be deleted, unless another
// write came first, and moves the stamp on with it.
func (c collection) mark(ctx context.Context, s *Stamp) (bool, error) {
	return c.markAs(ctx, s, primitive.NewObjectID())
}

// markAs does so with a mark that is known again.
func (c collection) markAs(ctx context.Context, s *Stamp, token primitive.ObjectID) (bool, error) {
	ok, err := c.update(ctx, s.at(), append(set(is("del", token), is("limbo", token)), oneRevision))
	if ok {
		s.Rev++
	}
	return ok, err
}

// unmark takes that back, and whoever was about to delete it begins anew.
func (c collection) unmark(ctx context.Context, s Stamp) error {
	_, err := c.update(ctx, s.at(), unmarked)
	return err
}

var (
	unmarked    = bson.D{is("$unset", bson.D{is("del", ""), is("limbo", "")}), oneRevision}
	oneRevision = is("$inc", bson.D{is("rev", int64(1))})
)

// clearBooks removes the documents of a company that is gone.
func (db *DB) clearBooks(ctx context.Context, t tenant.ID, id int64) error {
	return db.collection(inDocuments).removeInSteps(ctx, "remove documents of a company",
		of(t, span(t, widthOf(inDocuments), numeral(id))))
}

// buryCompany removes the last of a company that has been gone for so long that
// no document for it can arrive any more.
func (db *DB) buryCompany(ctx context.Context, t tenant.ID, gone Stamp) error {
	if err := db.clearBooks(ctx, t, idOf(gone.ID)); err != nil {
		return err
	}
	return db.do(ctx, "remove company", func(ctx context.Context) error {
		_, err := db.collection(inCompanies).remove(ctx, append(gone.at(), is("gone", true)))
		return err
	})
}

// resumeCompanies finishes or takes back what was begun with a tenant's
// companies, and has not been gone on with since before.
func (db *DB) resumeCompanies(ctx context.Context, t tenant.ID, before primitive.ObjectID) error {
	return db.resume(ctx, db.collection(inCompanies), t, before, func(ctx context.Context, d unfinished) error {
		switch {
		case d.Gone:
			return db.buryCompany(ctx, t, d.Stamp)
		case d.Op != nil:
			return db.do(ctx, "finish journal", func(ctx context.Context) error { return db.rollForward(ctx, d.Stamp, d.Op) })
		default:
			return db.do(ctx, "take deletion back", func(ctx context.Context) error {
				return db.collection(inCompanies).unmark(ctx, d.Stamp)
			})
		}
	})
}

// unfinished is what the janitor reads of a company or tag in limbo.
type unfinished struct {
	Stamp `bson:",inline"`
	Gone  bool     `bson:"gone"`
	Op    *journal `bson:"op"`
}

var unfinishedAlone = bson.D{is("t", 1), is("rev", 1), is("gone", 1), is("op", 1)}

// resumed bounds how many unfinished documents, journals with them, are held at
// a time.
const resumed = 20

// resume goes through a tenant's documents that have been in limbo since
// before. One that does not get on keeps nobody from the next.
func (db *DB) resume(ctx context.Context, c collection, t tenant.ID, before primitive.ObjectID,
	finish func(context.Context, unfinished) error,
) error {
	var failed error
	for after := int64(0); ; {
		var old []unfinished
		err := db.do(ctx, "find what is unfinished", func(ctx context.Context) (err error) {
			old, err = list[unfinished](ctx, c, of(t, is("limbo", bson.D{is("$lt", before)}), beyond(t, after)),
				options.Find().SetProjection(unfinishedAlone).SetSort(bson.D{is("_id", 1)}).SetLimit(resumed))
			return err
		})
		if err != nil {
			return errors.Join(failed, err)
		}
		for _, d := range old {
			failed = errors.Join(failed, finish(ctx, d))
			after = idOf(d.ID)
		}
		if len(old) < resumed {
			return failed
		}
	}
}
