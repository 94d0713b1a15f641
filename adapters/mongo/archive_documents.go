package mongo

import (
	"cmp"
	"context"
	"math"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/ledger"
	"ostiary/domain/tenant"
)

// Documents lie by company, but within one by a digest of what names them. A
// page goes from company to company and orders each; of one that is larger than
// the page the server does it.
type documentPage struct {
	all    collection
	tenant tenant.ID
	limit  int
	out    []any
}

// pageOfDocuments reads documents by company, kind and reference.
func pageOfDocuments(ctx context.Context, db *DB, e excerpt) ([]any, error) {
	number, rest, _ := strings.Cut(e.after, "/")
	kind, ref, _ := strings.Cut(rest, "/")
	company, err := port.NumberOfKey(number)
	if err != nil {
		return nil, malformed(err)
	}
	p := &documentPage{all: db.collection(inDocuments), tenant: e.tenant, limit: e.limit}
	err = db.do(ctx, "read archive", func(ctx context.Context) error {
		p.out = nil
		if company > 0 {
			if err := p.within(ctx, company, kind, ref); err != nil {
				return err
			}
		}
		for more := true; more && p.room() > 0; {
			var err error
			if company, more, err = p.beyond(ctx, company); err != nil {
				return err
			}
		}
		return nil
	})
	return p.out, err
}

func (p *documentPage) room() int { return p.limit - len(p.out) }

// within adds what a company has after a kind and reference: the rest of that
// kind, then the kinds after it. Each is one stretch of the index by company,
// kind and ref, so that no page goes through what was on those before.
func (p *documentPage) within(ctx context.Context, company int64, kind, ref string) error {
	for _, after := range []bson.D{
		{is("kind", kind), is("ref", bson.D{is("$gt", ref)})},
		{is("kind", bson.D{is("$gt", kind)})},
	} {
		if p.room() == 0 {
			return nil // a limit of 0 is none to the server
		}
		filter := append(of(p.tenant, is("company", company), absent("gone")), after...)
		docs, err := list[documentDoc](ctx, p.all, filter,
			options.Find().SetSort(bson.D{is("company", 1), is("kind", 1), is("ref", 1)}).SetLimit(int64(p.room())))
		if err != nil {
			return err
		}
		if err := p.add(docs); err != nil {
			return err
		}
	}
	return nil
}

// beyond adds companies after that one as far as they are sure to be whole. It
// returns the last it has added, and whether there may be more.
func (p *documentPage) beyond(ctx context.Context, company int64) (last int64, more bool, err error) {
	_, from := bounds(p.tenant, widthOf(inDocuments), numeral(company))
	_, to := bounds(p.tenant, widthOf(inDocuments))
	want := p.room() + 1
	docs, err := list[documentDoc](ctx, p.all,
		of(p.tenant, is("_id", bson.D{is("$gt", from), is("$lte", to)}), absent("gone")),
		options.Find().SetSort(bson.D{is("_id", 1)}).SetLimit(int64(want)))
	if err != nil {
		return company, false, err
	}
	if more = len(docs) == want; more {
		cut := docs[len(docs)-1].Company
		docs = slices.DeleteFunc(docs, func(d documentDoc) bool { return d.Company == cut })
		if len(docs) == 0 {
			return cut, true, p.within(ctx, cut, "", "")
		}
	}
	if len(docs) == 0 {
		return company, false, nil
	}
	slices.SortFunc(docs, func(a, b documentDoc) int {
		return cmp.Or(cmp.Compare(a.Company, b.Company), strings.Compare(a.Kind, b.Kind), strings.Compare(a.Ref, b.Ref))
	})
	return docs[len(docs)-1].Company, more, p.add(docs)
}

func (p *documentPage) add(docs []documentDoc) error {
	for i := range docs {
		d, err := docs[i].document()
		if err != nil {
			return err
		}
		p.out = append(p.out, d)
	}
	return nil
}

// writeDocuments asks nobody whether documents supersede the stored ones. Their
// companies' figures take the difference.
func writeDocuments(ctx context.Context, db *DB, t tenant.ID, values []any) error {
	entries := make([]entry, len(values))
	for i, v := range values {
		d, ok := v.(ledger.Document)
		if !ok {
			return port.ErrForeignRecord
		}
		entries[i] = entry{Document: d, force: true}
	}
	refusals, err := NewLedger(db).putAll(ctx, t, entries)
	if err != nil {
		return err
	}
	for _, refusal := range refusals {
		if refusal != nil {
			return refusal
		}
	}
	return nil
}

// settleBooks finishes the journals of a tenant's companies, and removes the
// documents of those that are gone: as the janitor would, but at once.
func settleBooks(ctx context.Context, db *DB, t tenant.ID) error {
	var latest primitive.ObjectID
	for i := range latest {
		latest[i] = math.MaxUint8
	}
	return db.resume(ctx, db.collection(inCompanies), t, latest, func(ctx context.Context, d unfinished) error {
		switch {
		case d.Gone:
			return db.clearBooks(ctx, t, idOf(d.ID))
		case d.Op != nil:
			return db.do(ctx, "finish journal", func(ctx context.Context) error { return db.rollForward(ctx, d.Stamp, d.Op) })
		default:
			return nil
		}
	})
}
