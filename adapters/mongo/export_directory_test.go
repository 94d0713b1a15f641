package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/ledger"
	"ostiary/domain/tenant"
)

// What is exported here stops where a process may vanish, or goes on where the
// janitor does.

// Journal is what PutWithoutEnd left.
type Journal struct {
	of books
	op *journal
}

// PutWithoutEnd makes documents of one company true and vanishes before they
// are written.
func (s *Ledger) PutWithoutEnd(ctx context.Context, ds ...ledger.Document) (*Journal, error) {
	b, _, err := s.db.openBooks(ctx, ds[0].Tenant, ds[0].Company, 0)
	if err != nil {
		return nil, err
	}
	entries := make([]entry, len(ds))
	for i, d := range ds {
		entries[i] = entry{Document: d}
	}
	p, err := s.db.readSheet(ctx, ds[0].Tenant, b.Figures.figures(), entries)
	if err != nil {
		return nil, err
	}
	for _, e := range entries {
		if _, err := p.do(e); err != nil {
			return nil, err
		}
	}
	op, _, err := s.db.commit(ctx, b, p)
	return &Journal{b, op}, err
}

// Finish is what the writer does that took very long.
func (s *Ledger) Finish(ctx context.Context, j *Journal) error {
	return s.db.rollForward(ctx, j.of.Stamp, j.op)
}

// Documents counts what is stored for a company, with what tells that documents
// are gone.
func (s *Ledger) Documents(ctx context.Context, t tenant.ID, c company.ID) (int64, error) {
	return s.db.collection(inDocuments).count(ctx, of(t, span(t, widthOf(inDocuments), numeral(c.Int()))))
}

// InLimbo counts the tenant's companies and tags that are unfinished.
func (db *DB) InLimbo(ctx context.Context, t tenant.ID) (int64, error) {
	companies, err := db.collection(inCompanies).count(ctx, of(t, present("limbo")))
	if err != nil {
		return 0, err
	}
	tags, err := db.collection(inTags).count(ctx, of(t, present("limbo")))
	return companies + tags, err
}

// Mark begins to delete a company and vanishes.
func (s *Companies) Mark(ctx context.Context, t tenant.ID, id company.ID) error {
	var d companyDoc
	if _, err := s.all().find(ctx, of(t, is("_id", companyKey(t, id))), &d); err != nil {
		return err
	}
	_, err := s.all().mark(ctx, &d.Stamp)
	return err
}

// Mark begins to delete a tag and vanishes.
func (s *Tags) Mark(ctx context.Context, t tenant.ID, id contact.TagID) error {
	d, err := s.load(ctx, t, id)
	if err != nil {
		return err
	}
	_, err = s.all().mark(ctx, &d.Stamp)
	return err
}

// Want begins to add a contact and vanishes.
func (s *Contacts) Want(ctx context.Context, c *contact.Contact) error {
	token, d := primitive.NewObjectID(), &contactDoc{Stamp: stamped(c.Tenant(), contactKey(c.Tenant(), c.ID()))}
	d.become(c)
	draft := &contactDoc{Stamp: d.Stamp, Bond: Bond{New: true, Limbo: &token, Want: &want{Companies: d.Companies, Tags: d.Tags}}}
	_, err := s.all().insert(ctx, draft)
	return err
}

// Resume does to a tenant's companies and tags what the janitor does, for which
// what was begun before that time is old.
func (db *DB) Resume(ctx context.Context, t tenant.ID, before time.Time) error {
	old := primitive.NewObjectIDFromTimestamp(before)
	if err := db.resumeCompanies(ctx, t, old); err != nil {
		return err
	}
	if err := db.resumeTags(ctx, t, old); err != nil {
		return err
	}
	return db.removeTombstones(ctx, t, old)
}

// DeleteWhile deletes a document of a company whose books are opened before the
// meanwhile. It reports false when it must begin anew.
func (s *Ledger) DeleteWhile(ctx context.Context, d ledger.Document, meanwhile func() error) (bool, error) {
	b, _, err := s.db.openBooks(ctx, d.Tenant, d.Company, 0)
	if err != nil {
		return false, err
	}
	if err := meanwhile(); err != nil {
		return false, err
	}
	_, done, err := s.db.enter(ctx, b, []entry{{Document: d, remove: true}})
	return done, err
}

// DeleteMarked goes on with a deletion after the meanwhile that began with its
// mark, and returns how often it began anew.
func (s *Companies) DeleteMarked(ctx context.Context, c *company.Company, version int64, meanwhile func() error) (int, error) {
	in := &departure{tenant: c.Tenant(), id: c.ID(), version: version, mark: primitive.NewObjectID()}
	var d companyDoc
	if _, err := s.all().find(ctx, of(in.tenant, is("_id", companyKey(in.tenant, in.id))), &d); err != nil {
		return 0, err
	}
	if _, err := s.all().markAs(ctx, &d.Stamp, in.mark); err != nil {
		return 0, err
	}
	if err := meanwhile(); err != nil {
		return 0, err
	}
	err := s.depart(ctx, in)
	return in.try, err
}
