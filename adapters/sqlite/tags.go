package sqlite

import (
	"context"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Tags implements port.Tags.
type Tags struct{ db *DB }

var _ port.Tags = (*Tags)(nil)

// NewTags returns the tags of db.
func NewTags(db *DB) *Tags { return &Tags{db: db} }

const tagColumns = "tenant, id, name, description, icon, color, created, updated, version"

// tagRow lists the values for tagColumns after the tenant.
func tagRow(s contact.TagSnapshot) []any {
	d := s.Details
	return []any{s.ID, d.Name, d.Description, d.Icon, d.Color, s.Created, s.Updated, s.Version}
}

func tagFromRow(r *row) *contact.Tag {
	s := contact.TagSnapshot{Tenant: tenant.IDFromBytes(r.uuid()), ID: number(r, contact.TagIDOf)}
	s.Details = contact.TagDetails{Name: r.text(), Description: r.text(), Icon: r.text(), Color: r.text()}
	s.Created, s.Updated, s.Version = r.time(), r.time(), r.int()
	return contact.RestoreTag(s)
}

// Add implements port.Tags.
func (s *Tags) Add(ctx context.Context, tag *contact.Tag) error {
	snap := tag.Snapshot()
	return s.db.write(ctx, "add tag", func(x *tx) error {
		_, err := x.exec(snap.Tenant, "INSERT INTO tags ("+tagColumns+") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)", tagRow(snap)...)
		return err
	})
}

// ByID implements port.Tags.
func (s *Tags) ByID(ctx context.Context, t tenant.ID, id contact.TagID) (out *contact.Tag, err error) {
	err = s.db.read(ctx, "find tag", func(x rx) error {
		out, err = loadTag(x, t, id)
		return err
	})
	return out, err
}

func loadTag(x rx, t tenant.ID, id contact.TagID) (*contact.Tag, error) {
	var out *contact.Tag
	found, err := x.one(t, "SELECT "+tagColumns+" FROM tags WHERE tenant = ?1 AND id = ?2",
		func(r *row) { out = tagFromRow(r) }, id)
	if err == nil && !found {
		err = contact.ErrTagNotFound
	}
	return out, err
}

// ByIDs implements port.Tags.
func (s *Tags) ByIDs(ctx context.Context, t tenant.ID, ids []contact.TagID) (out []*contact.Tag, err error) {
	err = s.db.read(ctx, "find tags", func(x rx) error {
		return x.all(t, "SELECT "+tagColumns+` FROM tags
			WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?2)) ORDER BY id`,
			func(r *row) { out = append(out, tagFromRow(r)) }, idList(ids))
	})
	return out, err
}

// Update implements port.Tags.
func (s *Tags) Update(ctx context.Context, t tenant.ID, id contact.TagID, change func(*contact.Tag) error) error {
	return s.db.write(ctx, "update tag", func(x *tx) error {
		tag, err := loadTag(x.rx, t, id)
		if err != nil {
			return err
		}
		if err := ask(change, tag); err != nil {
			return err
		}
		_, err = x.exec(t, `
			UPDATE tags SET name = ?3, description = ?4, icon = ?5, color = ?6, created = ?7, updated = ?8, version = ?9
			WHERE tenant = ?1 AND id = ?2`, tagRow(tag.Snapshot())...)
		return err
	})
}

// Delete implements port.Tags. A tag on very many contacts is taken off in
// batches, so that other writes go on; the tag itself goes with the last.
func (s *Tags) Delete(ctx context.Context, t tenant.ID, id contact.TagID, version int64) error {
	for done := false; !done; {
		err := s.db.write(ctx, "delete tag", func(x *tx) error {
			tag, err := loadTag(x.rx, t, id)
			if err != nil {
				return err
			}
			if version != 0 && version != tag.Version() {
				return port.ErrVersion
			}
			n, err := takeOff(x, t, id)
			if err != nil || n == batch {
				return err
			}
			done = true
			_, err = x.exec(t, "DELETE FROM tags WHERE tenant = ?1 AND id = ?2", id)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// takeOff takes a tag off up to batch contacts and says off how many.
func takeOff(x *tx, t tenant.ID, id contact.TagID) (int64, error) {
	var logins []user.ID
	err := x.all(t, `
		SELECT u.id FROM (SELECT contact FROM contact_tags WHERE tenant = ?1 AND tag = ?2 ORDER BY contact LIMIT ?3) k
		JOIN users u ON u.tenant = ?1 AND u.contact = k.contact`,
		func(r *row) { logins = append(logins, user.IDFromBytes(r.uuid())) }, id, batch)
	if err != nil {
		return 0, err
	}
	for _, u := range logins {
		if err := x.announce(t, port.UserChanged, u.String()); err != nil {
			return 0, err
		}
	}
	_, err = x.exec(t, `
		UPDATE contacts SET tag_list = (SELECT json_group_array(j.value) FROM json_each(contacts.tag_list) j WHERE j.value <> ?2)
		WHERE tenant = ?1 AND id IN (SELECT contact FROM contact_tags WHERE tenant = ?1 AND tag = ?2 ORDER BY contact LIMIT ?3)`,
		id, batch)
	if err != nil {
		return 0, err
	}
	return x.exec(t, `
		DELETE FROM contact_tags
		WHERE tenant = ?1 AND tag = ?2 AND contact IN
		  (SELECT contact FROM contact_tags WHERE tenant = ?1 AND tag = ?2 ORDER BY contact LIMIT ?3)`, id, batch)
}

// List implements port.Tags.
func (s *Tags) List(ctx context.Context, t tenant.ID, after contact.TagID, limit int) (out []*contact.Tag, err error) {
	err = s.db.read(ctx, "list tags", func(x rx) error {
		return x.all(t, "SELECT "+tagColumns+" FROM tags WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
			func(r *row) { out = append(out, tagFromRow(r)) }, after, limit)
	})
	return out, err
}
