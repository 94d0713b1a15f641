package directory

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// ErrHash is the refusal of an imported password hash.
var ErrHash = fault.New(fault.Invalid, "hash_refused", "That is not a password hash of a known kind within bounds.")

// Importer takes over contacts from elsewhere, with their logins.
type Importer struct {
	contacts *Contacts
	check    func(secret.Text) error
}

// NewImporter takes what judges a foreign password hash: nil for one that can
// be verified later.
func NewImporter(contacts *Contacts, check func(secret.Text) error) *Importer {
	return &Importer{contacts: contacts, check: check}
}

// ImportRow is one contact. Hash is a PHC or modular hash, zero for a contact
// that gets no login.
type ImportRow struct {
	Details contact.Details
	Hash    secret.Text
}

// ImportInput is a stream of rows. Next returns io.EOF after the last one; a
// refusal from it counts as a refused row, anything else ends the import.
// Report hears of every refused row, counted from 1.
type ImportInput struct {
	Caller
	Next   func() (ImportRow, error)
	Report func(row int, refusal error)
}

// ImportCount says what became of the rows.
type ImportCount struct {
	Created, Updated, Unchanged, Refused int
}

type importOutcome uint8

const (
	created importOutcome = iota + 1
	updated
	unchanged
)

// Import needs contacts:write and users:write. A contact is recognised by its
// e-mail, so that the same rows may be sent again: what a row says replaces
// what is there, companies and tags are added to, and a login that exists
// keeps its password. Rows stand for themselves. An outage ends the import with
// the first row that it hit; those before it are in, some of those after it may
// be, and all that are known to be are counted.
func (s *Importer) Import(ctx context.Context, in ImportInput) (ImportCount, error) {
	var n ImportCount
	t, err := s.contacts.office.admit(ctx, in.Caller, actor.ContactsWrite)
	if err != nil {
		return n, err
	}
	if err := in.Actor.May(actor.UsersWrite, t.ID()); err != nil {
		return n, err
	}
	for line, last := 1, false; !last; {
		var rows []*importLine
		rows, last = nextLines(in.Next)
		s.together(ctx, t, in.Caller, rows)
		var outage error
		for _, r := range rows {
			switch {
			case !r.unknown():
				n.count(r)
				if r.err != nil {
					in.Report(line, r.err)
				}
			case outage == nil:
				outage = fmt.Errorf("import row %d: %w", line, r.err)
			}
			line++
		}
		if outage != nil {
			return n, outage
		}
	}
	return n, nil
}

// importTogether is how many rows are under way at once: a store commits many
// writes in the time of one.
const importTogether = 64

// importLine is a row and what became of it.
type importLine struct {
	ImportRow
	done importOutcome
	err  error
}

// unknown reports whether nobody knows what became of the row, or it was not
// tried for such a one before it.
func (r *importLine) unknown() bool { return r.err != nil && fault.Of(r.err) == nil }

func (n *ImportCount) count(r *importLine) {
	switch {
	case r.err != nil:
		n.Refused++
	case r.done == created:
		n.Created++
	case r.done == updated:
		n.Updated++
	default:
		n.Unchanged++
	}
}

// nextLines reads as many rows as go together. An outage ends the reading.
func nextLines(next func() (ImportRow, error)) (rows []*importLine, last bool) {
	for len(rows) < importTogether {
		row, err := next()
		if errors.Is(err, io.EOF) {
			return rows, true
		}
		line := &importLine{ImportRow: row, err: err}
		rows = append(rows, line)
		if line.unknown() {
			return rows, true
		}
	}
	return rows, false
}

// together takes over rows at once, but those of one address after one
// another, as they stand.
func (s *Importer) together(ctx context.Context, t *tenant.Tenant, by Caller, rows []*importLine) {
	var order []email.Key
	alike := map[email.Key][]*importLine{}
	for _, r := range rows {
		if r.err != nil {
			continue
		}
		key := r.Details.Email.Key()
		if len(alike[key]) == 0 {
			order = append(order, key)
		}
		alike[key] = append(alike[key], r)
	}
	var wg sync.WaitGroup
	for _, key := range order {
		wg.Go(func() {
			var outage error
			for _, r := range alike[key] {
				if outage != nil {
					r.err = outage
					continue
				}
				if r.done, r.err = s.row(ctx, t, by, r.ImportRow); r.unknown() {
					outage = r.err
				}
			}
		})
	}
	wg.Wait()
}

func (s *Importer) row(ctx context.Context, t *tenant.Tenant, by Caller, row ImportRow) (importOutcome, error) {
	if row.Details.Email.IsZero() {
		return 0, invalidAt("/email", contact.ErrNeedsEmail)
	}
	if !row.Hash.IsZero() {
		if err := s.check(row.Hash); err != nil {
			return 0, ErrHash // the cause may quote the hash
		}
	}
	found, err := s.contacts.contacts.List(ctx, t.ID(), port.ContactQuery{Email: row.Details.Email.Key()}, contact.ID{}, 1)
	if err != nil {
		return 0, fmt.Errorf("find contact: %w", err)
	}
	var c *contact.Contact
	outcome := created
	if len(found) == 0 {
		c, err = s.contacts.create(ctx, t, by.Actor, row.Details)
	} else {
		c, outcome, err = s.merge(ctx, t, by, found[0], row.Details)
	}
	if err != nil || row.Hash.IsZero() || c.HasLogin() {
		return outcome, err
	}
	if err := s.login(ctx, c, by.Actor, row.Hash); err != nil {
		return 0, err
	}
	if outcome == unchanged {
		outcome = updated
	}
	return outcome, nil
}

// merge leaves a contact alone that already says what the row says.
func (s *Importer) merge(ctx context.Context, t *tenant.Tenant, by Caller, c *contact.Contact, row contact.Details) (*contact.Contact, importOutcome, error) {
	if len(changedContact(c.Details(), merged(c.Details(), row))) == 0 {
		return c, unchanged, nil
	}
	out, _, err := s.contacts.update(ctx, t, UpdateContactInput{
		Caller: by, ID: c.ID(),
		Edit: func(d contact.Details) (contact.Details, error) { return merged(d, row), nil },
	})
	return out, updated, err
}

// merged keeps the address as it was entered first and the primary company as
// it is: an import moves nobody's login.
func merged(d, row contact.Details) contact.Details {
	d = detached(d)
	for _, m := range []struct {
		into *string
		from string
	}{
		{&d.FirstName, row.FirstName},
		{&d.LastName, row.LastName},
		{&d.Phone, row.Phone},
		{&d.Phone2, row.Phone2},
		{&d.ExternalRef, row.ExternalRef},
	} {
		if m.from != "" {
			*m.into = m.from
		}
	}
	for _, m := range row.Companies {
		known := slices.ContainsFunc(d.Companies, func(have contact.Membership) bool { return have.Company == m.Company })
		if !known {
			m.Primary = false
			d.Companies = append(d.Companies, m)
		}
	}
	for _, tag := range row.Tags {
		if !slices.Contains(d.Tags, tag) {
			d.Tags = append(d.Tags, tag)
		}
	}
	if row.Scopes != nil {
		d.Scopes = row.Scopes.Clone()
	}
	return d
}

// login gives the contact a user with the imported hash, unless somebody else
// just did.
func (s *Importer) login(ctx context.Context, c *contact.Contact, by actor.Actor, hash secret.Text) error {
	o := s.contacts.office
	u := user.New(c.Tenant(), user.IDFromBytes(o.Random.UUID()), c.ID(), o.now())
	u.SetPassword(hash, false, o.now())
	err := s.contacts.users.Add(ctx, u)
	if errors.Is(err, user.ErrExists) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("add login: %w", err)
	}
	return o.record(ctx, fact{tenant: c.Tenant(), actor: by, action: "user.imported", target: "user:" + u.ID().String()})
}
