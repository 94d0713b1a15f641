package mongo

import (
	"context"
	"encoding/binary"
	"slices"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
)

// glance is how many breaths a deletion waits for contacts that want what it
// deletes. It is much less than patience, because such a contact may be waiting
// for this very deletion: then the contact begins anew.
const glance = 8

// idOf reads the integer at the end of a key.
func idOf(id primitive.Binary) int64 {
	if len(id.Data) < 8 {
		return 0
	}
	return int64(binary.BigEndian.Uint64(id.Data[len(id.Data)-8:])) //nolint:gosec // numeral wrote it
}

// checkReferences refuses what is not there. Whoever asks has made known before
// that it wants to refer to all of it: a deletion that it does not meet here
// will meet it.
func (db *DB) checkReferences(ctx context.Context, t tenant.ID, companies, tags []int64) error {
	if err := db.checkCompanies(ctx, t, distinct(companies)); err != nil {
		return err
	}
	tags = distinct(tags)
	if len(tags) == 0 {
		return nil
	}
	// A tag that is being deleted never comes back.
	there, err := list[idAlone](ctx, db.collection(inTags), of(t, keysIn(companyKeys(t, tags)), present("n"), absent("del")),
		options.Find().SetProjection(bson.D{is("_id", 1)}))
	if err == nil && len(there) < len(tags) {
		err = contact.ErrTagNotFound
	}
	return err
}

func distinct(ids []int64) []int64 { return slices.Compact(slices.Sorted(slices.Values(ids))) }

// checkCompanies waits for deletions to end, which may come to nothing.
func (db *DB) checkCompanies(ctx context.Context, t tenant.ID, ids []int64) error {
	if len(ids) == 0 {
		return nil
	}
	all := db.collection(inCompanies)
	for try := 0; ; try++ {
		there, err := list[leaving](ctx, all, of(t, keysIn(companyKeys(t, ids)), present("n")),
			options.Find().SetProjection(bson.D{is("t", 1), is("rev", 1), is("del", 1)}))
		if err != nil {
			return err
		}
		if len(there) < len(ids) {
			return company.ErrNotFound
		}
		there = slices.DeleteFunc(there, func(d leaving) bool { return d.Del == nil })
		if len(there) == 0 {
			return nil
		}
		if try >= patience {
			for _, d := range there {
				if err := all.unmark(ctx, d.Stamp); err != nil {
					return err
				}
			}
		}
		if err := breath(ctx, try); err != nil {
			return err
		}
	}
}

// outwait returns when no contact, of those that wanted to before, can come to
// refer to what is marked as being deleted. What refers to it then, does so
// already.
func (db *DB) outwait(ctx context.Context, t tenant.ID, wanted string, id int64) error {
	contacts := db.collection(inContacts)
	for try := 0; ; try++ {
		wanting, err := list[wanting](ctx, contacts, of(t, is(wanted, id)), options.Find().SetProjection(wantingAlone))
		if err != nil || len(wanting) == 0 {
			return err
		}
		if try >= glance {
			for _, w := range wanting {
				if err := contacts.fence(ctx, w.Stamp, w.New); err != nil {
					return err
				}
			}
			return nil
		}
		if err := breath(ctx, try); err != nil {
			return err
		}
	}
}

// wanting is a contact with a write under way.
type wanting struct {
	Stamp `bson:",inline"`
	New   bool `bson:"new"`
}

var wantingAlone = bson.D{is("t", 1), is("rev", 1), is("new", 1)}
