package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
)

// Tags implements port.Tags.
type Tags struct{ db *DB }

var _ port.Tags = (*Tags)(nil)

// NewTags returns the tags of db.
func NewTags(db *DB) *Tags { return &Tags{db: db} }

func (s *Tags) all() collection { return s.db.collection(inTags) }

// tagDoc is a tag. Del is there once it is being deleted; it stays visible
// until the last contact has lost it.
type tagDoc struct {
	Stamp       `bson:",inline"`
	N           int64               `bson:"n"`
	Name        string              `bson:"name"`
	Description string              `bson:"description,omitempty"`
	Icon        string              `bson:"icon,omitempty"`
	Color       string              `bson:"color,omitempty"`
	Created     *time.Time          `bson:"created,omitempty"`
	Updated     *time.Time          `bson:"updated,omitempty"`
	Version     int64               `bson:"v"`
	Del         *primitive.ObjectID `bson:"del,omitempty"`
	Limbo       *primitive.ObjectID `bson:"limbo,omitempty"`
}

func tagKey(t tenant.ID, id contact.TagID) primitive.Binary { return key(t, numeral(id.Int())) }

// become writes what a tag is now into the document.
func (d *tagDoc) become(tag *contact.Tag) {
	s := tag.Snapshot()
	in := s.Details
	d.N, d.Name, d.Description, d.Icon, d.Color = s.ID.Int(), in.Name, in.Description, in.Icon, in.Color
	d.Created, d.Updated, d.Version = moment(s.Created), moment(s.Updated), s.Version
}

// tag rebuilds the tag.
func (d *tagDoc) tag() (*contact.Tag, error) {
	id, err := numberOf(d.N, contact.TagIDOf)
	if err != nil {
		return nil, err
	}
	return contact.RestoreTag(contact.TagSnapshot{
		Tenant: tenant.IDFromBytes(sixteen(d.T)), ID: id,
		Details: contact.TagDetails{Name: d.Name, Description: d.Description, Icon: d.Icon, Color: d.Color},
		Created: timeOf(d.Created), Updated: timeOf(d.Updated), Version: d.Version,
	}), nil
}

// Add implements port.Tags.
func (s *Tags) Add(ctx context.Context, tag *contact.Tag) error {
	owner := tag.Snapshot().Tenant
	d := tagDoc{Stamp: stamped(owner, tagKey(owner, tag.ID()))}
	d.become(tag)
	return s.db.do(ctx, "add tag", func(ctx context.Context) error {
		ok, err := s.all().insert(ctx, d)
		if err == nil && !ok {
			err = errTaken
		}
		return err
	})
}

// ByID implements port.Tags.
func (s *Tags) ByID(ctx context.Context, t tenant.ID, id contact.TagID) (out *contact.Tag, err error) {
	err = s.db.do(ctx, "find tag", func(ctx context.Context) error {
		d, err := s.load(ctx, t, id)
		if err != nil {
			return err
		}
		out, err = d.tag()
		return err
	})
	return out, err
}

func (s *Tags) load(ctx context.Context, t tenant.ID, id contact.TagID) (*tagDoc, error) {
	var d tagDoc
	ok, err := s.all().find(ctx, of(t, is("_id", tagKey(t, id)), present("n")), &d)
	if err == nil && !ok {
		err = contact.ErrTagNotFound
	}
	return &d, err
}

// ByIDs implements port.Tags.
func (s *Tags) ByIDs(ctx context.Context, t tenant.ID, ids []contact.TagID) ([]*contact.Tag, error) {
	if len(ids) == 0 {
		return nil, nil
	}
	keys := make([]primitive.Binary, len(ids))
	for i, id := range ids {
		keys[i] = tagKey(t, id)
	}
	return s.list(ctx, "find tags", of(t, keysIn(keys), present("n")), options.Find())
}

// List implements port.Tags.
func (s *Tags) List(ctx context.Context, t tenant.ID, after contact.TagID, limit int) ([]*contact.Tag, error) {
	return s.list(ctx, "list tags", of(t, beyond(t, after.Int()), present("n")), options.Find().SetLimit(int64(limit)))
}

func (s *Tags) list(ctx context.Context, what string, filter bson.D, o *options.FindOptions) (out []*contact.Tag, err error) {
	err = s.db.do(ctx, what, func(ctx context.Context) error {
		docs, err := list[tagDoc](ctx, s.all(), filter, o.SetSort(bson.D{is("_id", 1)}))
		if err != nil {
			return err
		}
		out, err = rebuilt(docs, (*tagDoc).tag)
		return err
	})
	return out, err
}

// Update implements port.Tags.
func (s *Tags) Update(ctx context.Context, t tenant.ID, id contact.TagID, change func(*contact.Tag) error) error {
	return s.db.do(ctx, "update tag", func(ctx context.Context) error {
		return revise(ctx, revision[*tagDoc]{
			in: s.all(), tenant: t, id: tagKey(t, id), live: present("n"), absent: contact.ErrTagNotFound,
			change: func(d *tagDoc) ([]port.Change, error) {
				tag, err := d.tag()
				if err != nil {
					return nil, err
				}
				if err := ask(change, tag); err != nil {
					return nil, err
				}
				d.become(tag)
				return nil, nil
			},
		})
	})
}

// Delete implements port.Tags. From its mark on no contact can be given the tag,
// and nothing takes the mark back; contacts lose it batch by batch, and the tag
// goes after the last. Of several that delete one tag, that which removes it
// has done it.
func (s *Tags) Delete(ctx context.Context, t tenant.ID, id contact.TagID, version int64) error {
	err := s.db.do(ctx, "delete tag", func(ctx context.Context) error {
		leave, err := s.db.lanes.enter(ctx, inTags, tagKey(t, id).Data)
		if err != nil {
			return err
		}
		defer leave()
		return again(ctx, func(ctx context.Context) error {
			d, err := s.load(ctx, t, id)
			if err != nil {
				return err
			}
			if version != 0 && version != d.Version {
				return port.ErrVersion
			}
			if d.Del != nil {
				return nil
			}
			return moved(s.all().mark(ctx, &d.Stamp))
		})
	})
	if err != nil {
		return err
	}
	removed, err := s.db.finishTag(ctx, t, id.Int())
	if err == nil && !removed {
		err = contact.ErrTagNotFound
	}
	return err
}

// finishTag takes a tag that is marked off every contact and removes it. It
// reports false when somebody else did.
func (db *DB) finishTag(ctx context.Context, t tenant.ID, id int64) (removed bool, err error) {
	err = db.do(ctx, "wait for contacts with a tag", func(ctx context.Context) error {
		return db.outwait(ctx, t, "want.gs", id)
	})
	for more := true; more && err == nil; {
		err = db.do(ctx, "take tag off contacts", func(ctx context.Context) (err error) {
			if more, err = db.takeOff(ctx, t, id); more || err != nil {
				return err
			}
			removed, err = db.collection(inTags).remove(ctx, of(t, is("_id", key(t, numeral(id))), present("del")))
			return err
		})
	}
	return removed, err
}

// tagged is what is read of a contact that has the tag.
type tagged struct {
	ID    primitive.Binary `bson:"_id"`
	Login struct {
		ID primitive.Binary `bson:"id"`
	} `bson:"login"`
}

// takeOff takes a tag off up to batch contacts, and reports whether there may
// be more. Those that get a login meanwhile are left for the next time, because
// their change must be announced.
func (db *DB) takeOff(ctx context.Context, t tenant.ID, id int64) (more bool, err error) {
	contacts := db.collection(inContacts)
	having, err := list[tagged](ctx, contacts, of(t, is("gs", id)),
		options.Find().SetProjection(bson.D{is("_id", 1), is("login.id", 1)}).SetLimit(batch))
	if err != nil || len(having) == 0 {
		return false, err
	}
	var with, without []primitive.Binary
	var changes []port.Change
	for _, h := range having {
		if len(h.Login.ID.Data) == 0 {
			without = append(without, h.ID)
			continue
		}
		with = append(with, h.ID)
		changes = append(changes, userChanged(t, h.Login.ID))
	}
	off := bson.D{is("$pull", bson.D{is("gs", id)}), oneRevision}
	if len(without) > 0 {
		if _, err := contacts.updateAll(ctx, of(t, keysIn(without), is("gs", id), absent("login")), off); err != nil {
			return false, err
		}
	}
	if len(with) == 0 {
		return true, nil
	}
	return true, db.change(ctx, changes, func(ctx context.Context) error {
		_, err := contacts.updateAll(ctx, of(t, keysIn(with), is("gs", id)), off)
		return err
	})
}

// resumeTags finishes the deletions of a tenant's tags that nobody has gone on
// with since before.
func (db *DB) resumeTags(ctx context.Context, t tenant.ID, before primitive.ObjectID) error {
	return db.resume(ctx, db.collection(inTags), t, before, func(ctx context.Context, d unfinished) error {
		_, err := db.finishTag(ctx, t, idOf(d.ID))
		return err
	})
}
