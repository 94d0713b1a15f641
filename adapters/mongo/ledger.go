package mongo

import (
	"context"
	"errors"
	"slices"
	"sync"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/ledger"
	"ostiary/domain/tenant"
)

// Ledger implements port.Ledger.
type Ledger struct {
	db    *DB
	queue queue
}

var _ port.Ledger = (*Ledger)(nil)

// NewLedger returns the ledger of db.
func NewLedger(db *DB) *Ledger { return &Ledger{db: db} }

const (
	// atOnce is how many documents of a batch share one journal: others' writes
	// on the company wait no longer than that.
	atOnce = 500
	// abreast is how many companies of a batch are written to at a time.
	abreast = 8
)

// Put implements port.Ledger.
func (s *Ledger) Put(ctx context.Context, d ledger.Document) (ledger.Document, error) {
	out, err := s.post(ctx, "put document", d.Tenant, []entry{{Document: d}})
	if err == nil {
		err = out[0].refusal
	}
	if err != nil {
		return ledger.Document{}, err
	}
	return out[0].stored, nil
}

// Delete implements port.Ledger.
func (s *Ledger) Delete(ctx context.Context, t tenant.ID, c company.ID, k ledger.Kind, ref string) error {
	d := ledger.Document{Tenant: t, Company: c, Kind: k, Ref: ref}
	out, err := s.post(ctx, "delete document", t, []entry{{Document: d, remove: true}})
	if err == nil {
		err = out[0].refusal
	}
	if errors.Is(err, company.ErrNotFound) {
		err = ledger.ErrNotFound
	}
	return err
}

// PutAll implements port.Ledger.
func (s *Ledger) PutAll(ctx context.Context, t tenant.ID, ds []ledger.Document) ([]error, error) {
	entries := make([]entry, len(ds))
	for i, d := range ds {
		entries[i] = entry{Document: d}
	}
	return s.putAll(ctx, t, entries)
}

func (s *Ledger) putAll(ctx context.Context, t tenant.ID, entries []entry) ([]error, error) {
	refusals := make([]error, len(entries))
	places := map[company.ID][]int{}
	var order []company.ID
	for i, e := range entries {
		if e.Tenant != t {
			refusals[i] = company.ErrNotFound
			continue
		}
		if _, known := places[e.Company]; !known {
			order = append(order, e.Company)
		}
		places[e.Company] = append(places[e.Company], i)
	}
	err := eachAbreast(ctx, order, func(ctx context.Context, c company.ID) error {
		for part := range slices.Chunk(places[c], atOnce) {
			if err := s.putPart(ctx, t, entries, part, refusals); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return refusals, nil
}

// putPart puts the documents at some places, all of one company, and notes
// refusals at the same.
func (s *Ledger) putPart(ctx context.Context, t tenant.ID, entries []entry, part []int, refusals []error) error {
	some := make([]entry, len(part))
	for n, i := range part {
		some[n] = entries[i]
	}
	out, err := s.post(ctx, "put documents", t, some)
	if errors.Is(err, company.ErrNotFound) {
		for _, i := range part {
			refusals[i] = company.ErrNotFound
		}
		return nil
	}
	if err != nil {
		return err
	}
	for n, i := range part {
		refusals[i] = out[n].refusal
	}
	return nil
}

// eachAbreast runs do for the companies, some at a time, until one fails, and
// returns that error when all that ran have ended.
func eachAbreast(ctx context.Context, cs []company.ID, do func(context.Context, company.ID) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	var wg sync.WaitGroup
	places, failed := make(chan struct{}, abreast), make(chan error, len(cs))
	for _, c := range cs {
		places <- struct{}{}
		if len(failed) > 0 {
			break
		}
		wg.Go(func() {
			defer func() { <-places }()
			if err := do(ctx, c); err != nil {
				failed <- err
				cancel()
			}
		})
	}
	wg.Wait()
	close(failed)
	return <-failed
}

// post carries entries on one company's documents out as one step. It returns
// company.ErrNotFound.
func (s *Ledger) post(ctx context.Context, what string, t tenant.ID, entries []entry) ([]outcome, error) {
	id := companyKey(t, entries[0].Company)
	p := &posting{entries: entries}
	s.queue.join(id, p)
	var leave func()
	err := s.db.do(ctx, what, func(ctx context.Context) (err error) {
		leave, err = s.db.lanes.enter(ctx, inCompanies, id.Data)
		return err
	})
	if err != nil {
		s.queue.quit(id, p)
		return nil, err
	}
	defer leave()
	for !p.done { // unless somebody took it along
		s.carry(context.WithoutCancel(ctx), t, s.queue.next(id))
	}
	return p.out, p.err
}

// carry carries postings to one company out together. It must not end with the
// caller of one of them.
func (s *Ledger) carry(ctx context.Context, t tenant.ID, ps []*posting) {
	var all []entry
	for _, p := range ps {
		all = append(all, p.entries...)
	}
	var out []outcome
	err := s.db.do(ctx, "write documents", func(ctx context.Context) (err error) {
		for try := 0; ; try++ {
			b, inOrder, err := s.db.openBooks(ctx, t, all[0].Company, try)
			if err != nil {
				return err
			}
			if inOrder {
				var done bool
				if out, done, err = s.db.enter(ctx, b, all); done || err != nil {
					return err
				}
			}
			if err := breath(ctx, try); err != nil {
				return err
			}
		}
	})
	for _, p := range ps {
		if p.done, p.err = true, err; err == nil {
			p.out, out = out[:len(p.entries)], out[len(p.entries):]
		}
	}
}

// enter carries entries out on books that are in order; false when another
// write came first.
func (db *DB) enter(ctx context.Context, b books, entries []entry) (out []outcome, done bool, err error) {
	p, err := db.readSheet(ctx, tenant.IDFromBytes(sixteen(b.T)), b.Figures.figures(), entries)
	if err != nil {
		return nil, false, err
	}
	out = make([]outcome, len(entries))
	for i, e := range entries {
		if out[i], err = p.do(e); err != nil {
			return nil, false, err
		}
	}
	if len(p.changed) == 0 {
		// A document that another write is replacing is not there for a moment.
		current, err := db.collection(inCompanies).has(ctx, b.at())
		return out, current, err
	}
	op, ok, err := db.commit(ctx, b, p)
	if err != nil || !ok {
		return nil, false, err
	}
	// All of it is true by now. Whoever meets the journal finishes it.
	if err := db.rollForward(ctx, b.Stamp, op); err != nil {
		db.report(err)
	}
	return out, true, nil
}

// Figures implements port.Ledger.
func (s *Ledger) Figures(ctx context.Context, t tenant.ID, c company.ID) (f ledger.Figures, err error) {
	err = s.db.do(ctx, "read figures", func(ctx context.Context) error {
		var b books
		_, err := s.db.collection(inCompanies).find(ctx, of(t, is("_id", companyKey(t, c)), present("n")), &b,
			options.FindOne().SetProjection(bson.D{is("fig", 1)}))
		f = b.Figures.figures()
		return err
	})
	return f, err
}

// removeTombstones removes what tells that documents are gone, once nothing can
// arrive any more that was sent before it.
func (db *DB) removeTombstones(ctx context.Context, t tenant.ID, before primitive.ObjectID) error {
	return db.collection(inDocuments).removeInSteps(ctx, "remove tombstones of documents",
		of(t, is("limbo", bson.D{is("$lt", before)}), is("gone", true)))
}
