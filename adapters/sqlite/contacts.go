package sqlite

import (
	"context"
	"slices"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Contacts implements port.Contacts.
type Contacts struct{ db *DB }

var _ port.Contacts = (*Contacts)(nil)

// NewContacts returns the contacts of db.
func NewContacts(db *DB) *Contacts { return &Contacts{db: db} }

// Add implements port.Contacts.
func (s *Contacts) Add(ctx context.Context, c *contact.Contact) error {
	snap, values := c.Snapshot(), contactRow(c)
	return s.db.write(ctx, "add contact", func(x *tx) error {
		if err := freeAddress(x, snap.Tenant, snap.Details.Email.Key()); err != nil {
			return err
		}
		_, err := x.exec(snap.Tenant, `INSERT INTO contacts (`+contactColumns+`)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17, ?18, ?19, ?20, ?21)`, values...)
		if err != nil {
			return err
		}
		if err := count(x, snap.Tenant, company.ID{}, 1); err != nil {
			return err
		}
		return relate(x, contact.Snapshot{Tenant: snap.Tenant, ID: snap.ID}, snap)
	})
}

// freeAddress refuses an address that another contact has.
func freeAddress(x *tx, t tenant.ID, key email.Key) error {
	if key == "" {
		return nil
	}
	taken, err := x.has(t, "SELECT 1 FROM contacts WHERE tenant = ?1 AND email_key = ?2", string(key))
	if err == nil && taken {
		err = contact.ErrEmailTaken
	}
	return err
}

// relate keeps the tables of memberships and tags, and the totals, in step
// with a contact that was before and is now.
func relate(x *tx, before, now contact.Snapshot) error {
	t, id := now.Tenant, now.ID
	gone, come := differ(companiesOf(before), companiesOf(now))
	for _, c := range gone {
		if _, err := x.exec(t, "DELETE FROM memberships WHERE tenant = ?1 AND company = ?2 AND contact = ?3", c, id); err != nil {
			return err
		}
		if err := count(x, t, c, -1); err != nil {
			return err
		}
	}
	for _, c := range come {
		if _, err := x.exec(t, "INSERT INTO memberships (tenant, company, contact) VALUES (?1, ?2, ?3)", c, id); err != nil {
			return dangling(err, company.ErrNotFound)
		}
		if err := count(x, t, c, 1); err != nil {
			return err
		}
	}
	off, on := differ(before.Details.Tags, now.Details.Tags)
	for _, tag := range off {
		if _, err := x.exec(t, "DELETE FROM contact_tags WHERE tenant = ?1 AND tag = ?2 AND contact = ?3", tag, id); err != nil {
			return err
		}
	}
	for _, tag := range on {
		if _, err := x.exec(t, "INSERT INTO contact_tags (tenant, tag, contact) VALUES (?1, ?2, ?3)", tag, id); err != nil {
			return dangling(err, contact.ErrTagNotFound)
		}
	}
	return nil
}

func companiesOf(s contact.Snapshot) []company.ID {
	out := make([]company.ID, len(s.Details.Companies))
	for i, m := range s.Details.Companies {
		out[i] = m.Company
	}
	return out
}

// differ returns what is in before alone and in now alone.
func differ[E comparable](before, now []E) (gone, come []E) {
	for _, e := range before {
		if !slices.Contains(now, e) {
			gone = append(gone, e)
		}
	}
	for _, e := range now {
		if !slices.Contains(before, e) {
			come = append(come, e)
		}
	}
	return gone, come
}

// count keeps how many contacts a company has; the zero company stands for
// the whole tenant.
func count(x *tx, t tenant.ID, c company.ID, by int) error {
	_, err := x.exec(t, `
		INSERT INTO contact_totals (tenant, company, total) VALUES (?1, ?2, ?3)
		ON CONFLICT (tenant, company) DO UPDATE SET total = total + ?3`, c, by)
	return err
}

// ByID implements port.Contacts.
func (s *Contacts) ByID(ctx context.Context, t tenant.ID, id contact.ID) (out *contact.Contact, err error) {
	err = s.db.read(ctx, "find contact", func(x rx) error {
		out, _, err = loadContact(x, t, id)
		return err
	})
	return out, err
}

// loadContact also returns the id of the login, zero when there is none.
func loadContact(x rx, t tenant.ID, id contact.ID) (*contact.Contact, user.ID, error) {
	var out *contact.Contact
	var login user.ID
	found, err := x.one(t, "SELECT "+contactRead+", "+loginOf+" FROM contacts c WHERE c.tenant = ?1 AND c.id = ?2",
		func(r *row) { out, login = contactWithLogin(r) }, id)
	if err == nil && !found {
		err = contact.ErrNotFound
	}
	return out, login, err
}

// Update implements port.Contacts.
func (s *Contacts) Update(ctx context.Context, t tenant.ID, id contact.ID, change func(*contact.Contact) error) error {
	return s.db.write(ctx, "update contact", func(x *tx) error {
		c, login, err := loadContact(x.rx, t, id)
		if err != nil {
			return err
		}
		before := c.Snapshot()
		if err := ask(change, c); err != nil {
			return err
		}
		if key := c.Email().Key(); key != before.Details.Email.Key() {
			if err := freeAddress(x, t, key); err != nil {
				return err
			}
		}
		_, err = x.exec(t, `
			UPDATE contacts SET first_name = ?3, last_name = ?4, email = ?5, email_key = ?6, phone = ?7, phone2 = ?8,
			  membership_list = ?9, tag_list = ?10, scopes = ?11, external_ref = ?12, avatar = ?13, created = ?14,
			  updated = ?15, version = ?16, first_key = ?17, last_key = ?18, full_key = ?19, phone_key = ?20, phone2_key = ?21
			WHERE tenant = ?1 AND id = ?2`, contactRow(c)...)
		if err != nil {
			return err
		}
		if err := relate(x, before, c.Snapshot()); err != nil || login.IsZero() {
			return err
		}
		return x.announce(t, port.UserChanged, login.String())
	})
}

// Delete implements port.Contacts.
func (s *Contacts) Delete(ctx context.Context, t tenant.ID, id contact.ID, version int64) error {
	return s.db.write(ctx, "delete contact", func(x *tx) error {
		c, login, err := loadContact(x.rx, t, id)
		if err != nil {
			return err
		}
		if version != 0 && version != c.Version() {
			return port.ErrVersion
		}
		bare := contact.Snapshot{Tenant: t, ID: id}
		if err := relate(x, c.Snapshot(), bare); err != nil {
			return err
		}
		if !login.IsZero() {
			if err := removeLogin(x, t, login); err != nil {
				return err
			}
		}
		if _, err := x.exec(t, "DELETE FROM contacts WHERE tenant = ?1 AND id = ?2", id); err != nil {
			return err
		}
		return count(x, t, company.ID{}, -1)
	})
}

// removeLogin removes a user with its sessions and links.
func removeLogin(x *tx, t tenant.ID, u user.ID) error {
	var live []session.ID
	err := x.all(t, "SELECT id FROM sessions WHERE tenant = ?1 AND user = ?2 AND ended IS NULL",
		func(r *row) { live = append(live, session.IDFromBytes(r.uuid())) }, u)
	if err != nil {
		return err
	}
	for _, stmt := range []string{
		"DELETE FROM sessions WHERE tenant = ?1 AND user = ?2",
		"DELETE FROM links WHERE tenant = ?1 AND user = ?2",
		"DELETE FROM users WHERE tenant = ?1 AND id = ?2",
	} {
		if _, err := x.exec(t, stmt, u); err != nil {
			return err
		}
	}
	for _, id := range live {
		if err := x.announce(t, port.SessionEnded, id.String()); err != nil {
			return err
		}
	}
	return x.announce(t, port.UserChanged, u.String())
}
