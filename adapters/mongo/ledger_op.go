package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/domain/company"
	"ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/tenant"
)

// A company's figures and its documents change as one, though they are many
// stored documents. A write compares the revision of the company and stores
// there, in one step, the new figures and a journal of the documents to be:
// from then on all of it is true. The documents are written after it, and the
// journal is removed. Whoever finds a journal finishes it before anything else,
// so that what is read of the documents agrees with the figures.
//
// A document carries the number of the journal that it came with, and never
// takes the place of one with a higher number: a late writer does no harm. For
// the same reason a deletion leaves a document that says no more than that.

// figuresDoc is the stored form of ledger.Figures.
type figuresDoc struct {
	Documents        int64 `bson:"documents"`
	OpenOrders       int64 `bson:"orders"`
	PendingEstimates int64 `bson:"estimates"`
	UnpaidInvoices   int64 `bson:"invoices"`
	TotalOutstanding int64 `bson:"outstanding"`
}

func toFigures(f ledger.Figures) *figuresDoc {
	return &figuresDoc{f.Documents, f.OpenOrders, f.PendingEstimates, f.UnpaidInvoices, int64(f.TotalOutstanding)}
}

func (d *figuresDoc) figures() ledger.Figures {
	if d == nil {
		return ledger.Figures{}
	}
	return ledger.Figures{
		Documents: d.Documents, OpenOrders: d.OpenOrders, PendingEstimates: d.PendingEstimates,
		UnpaidInvoices: d.UnpaidInvoices, TotalOutstanding: money.Amount(d.TotalOutstanding),
	}
}

// journal is what is yet to be written of a change that is made.
type journal struct {
	// S is the revision of the company that the journal came with.
	S int64 `bson:"s"`
	// New documents were not there before; Docs take the place of others.
	New  []documentDoc `bson:"new,omitempty"`
	Docs []documentDoc `bson:"docs,omitempty"`
}

// documentDoc is the stored form of ledger.Document. Gone ones count as absent.
type documentDoc struct {
	ID          primitive.Binary    `bson:"_id"`
	T           primitive.Binary    `bson:"t"`
	S           int64               `bson:"s"`
	Company     int64               `bson:"company"`
	Kind        string              `bson:"kind"`
	Ref         string              `bson:"ref"`
	Status      string              `bson:"status,omitempty"`
	Currency    string              `bson:"currency,omitempty"`
	Total       int64               `bson:"total,omitempty"`
	Outstanding int64               `bson:"outstanding,omitempty"`
	Issued      *time.Time          `bson:"issued,omitempty"`
	Due         *time.Time          `bson:"due,omitempty"`
	Version     int64               `bson:"v,omitempty"`
	Updated     *time.Time          `bson:"updated,omitempty"`
	Gone        bool                `bson:"gone,omitempty"`
	Limbo       *primitive.ObjectID `bson:"limbo,omitempty"` // since when it is gone
}

func documentKey(d ledger.Document) primitive.Binary {
	return key(d.Tenant, numeral(d.Company.Int()), digested(string(d.Kind), d.Ref))
}

func toDocument(d ledger.Document) documentDoc {
	return documentDoc{
		ID: documentKey(d), T: uuid(d.Tenant.Bytes()), Company: d.Company.Int(), Kind: string(d.Kind), Ref: d.Ref,
		Status: d.Status, Currency: d.Currency.String(), Total: int64(d.Total), Outstanding: int64(d.Outstanding),
		Issued: moment(d.IssuedAt), Due: moment(d.DueAt), Version: d.Version, Updated: moment(d.Updated),
	}
}

// document rebuilds the document.
func (d *documentDoc) document() (ledger.Document, error) {
	c, err := numberOf(d.Company, company.IDOf)
	return ledger.Document{
		Tenant: tenant.IDFromBytes(sixteen(d.T)), Company: c, Kind: ledger.Kind(d.Kind), Ref: d.Ref,
		Status: d.Status, Currency: money.RestoreCurrency(d.Currency), Total: money.Amount(d.Total),
		Outstanding: money.Amount(d.Outstanding), IssuedAt: timeOf(d.Issued), DueAt: timeOf(d.Due),
		Version: d.Version, Updated: timeOf(d.Updated),
	}, err
}

// books are what a write on documents knows of their company.
type books struct {
	Stamp   `bson:",inline"`
	Figures *figuresDoc         `bson:"fig"`
	Op      *journal            `bson:"op"`
	Del     *primitive.ObjectID `bson:"del"`
}

var booksAlone = bson.D{is("t", 1), is("rev", 1), is("fig", 1), is("op", 1), is("del", 1)}

// openBooks loads a company's books and brings them in order: it finishes a
// journal, and waits for a deletion or, after so many tries, takes it back.
// Books that are not in order yet must be opened again.
func (db *DB) openBooks(ctx context.Context, t tenant.ID, id company.ID, try int) (b books, inOrder bool, err error) {
	companies := db.collection(inCompanies)
	ok, err := companies.find(ctx, of(t, is("_id", companyKey(t, id)), present("n")), &b, options.FindOne().SetProjection(booksAlone))
	switch {
	case err != nil:
		return b, false, err
	case !ok:
		return b, false, company.ErrNotFound
	case b.Op != nil:
		return b, false, db.rollForward(ctx, b.Stamp, b.Op)
	case b.Del == nil:
		return b, true, nil
	case try < patience:
		return b, false, nil
	default:
		return b, false, companies.unmark(ctx, b.Stamp)
	}
}

// commit makes true what was done on a sheet, unless the company has been
// written to since its books were opened.
func (db *DB) commit(ctx context.Context, b books, p *sheet) (*journal, bool, error) {
	op := &journal{S: b.Rev + 1}
	for _, d := range p.changed {
		d.S = op.S
		if p.known[string(d.ID.Data)] {
			op.Docs = append(op.Docs, d)
		} else {
			op.New = append(op.New, d)
		}
	}
	ok, err := db.collection(inCompanies).update(ctx, b.at(),
		append(set(is("fig", toFigures(p.figures)), is("op", op), is("limbo", primitive.NewObjectID())), oneRevision))
	return op, ok, err
}

// rollForward writes what a journal says and removes it. It may be done any
// number of times, by any number of processes at once.
func (db *DB) rollForward(ctx context.Context, of Stamp, op *journal) error {
	if err := db.apply(ctx, of, op); err != nil {
		return err
	}
	// The revision may have moved on without the journal: it does not count here.
	_, err := db.collection(inCompanies).update(ctx, bson.D{is("t", of.T), is("_id", of.ID), is("op.s", op.S)},
		bson.D{is("$unset", bson.D{is("op", ""), is("limbo", "")}), oneRevision})
	return err
}

// few documents are replaced each by itself. More are taken out and put in anew,
// in two commands however many they are.
const few = 8

// apply writes what a journal says.
func (db *DB) apply(ctx context.Context, of Stamp, op *journal) error {
	documents, older := db.collection(inDocuments), is("s", bson.D{is("$lt", op.S)})
	rs := make([]replacement, 0, len(op.New)+len(op.Docs))
	for _, d := range op.New {
		rs = append(rs, replacement{doc: d})
	}
	if len(op.Docs) <= few {
		for _, d := range op.Docs {
			rs = append(rs, replacement{filter: bson.D{is("t", d.T), is("_id", d.ID), older}, doc: d})
		}
		return documents.replaceAll(ctx, rs)
	}
	ids := make([]primitive.Binary, len(op.Docs))
	for i, d := range op.Docs {
		ids[i] = d.ID
		rs = append(rs, replacement{doc: d})
	}
	// A late writer may put an older one in where none is for the moment.
	outdated := bson.D{is("t", of.T), keysIn(ids), older}
	for left := true; left; {
		if _, err := documents.removeAll(ctx, outdated); err != nil {
			return err
		}
		err := documents.replaceAll(ctx, rs)
		if err == nil {
			left, err = documents.has(ctx, outdated)
		}
		if err != nil {
			return err
		}
	}
	return nil
}
