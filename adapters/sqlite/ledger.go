package sqlite

import (
	"context"
	"slices"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/tenant"
)

// Ledger implements port.Ledger.
type Ledger struct{ db *DB }

var _ port.Ledger = (*Ledger)(nil)

// NewLedger returns the ledger of db.
func NewLedger(db *DB) *Ledger { return &Ledger{db: db} }

// atOnce is how many documents of a batch share one write: others' writes
// wait no longer than that.
const atOnce = 500

const documentColumns = `tenant, company, kind, ref, status, currency, total, outstanding, issued, due, version, updated`

// documentRow lists the values for documentColumns after the tenant.
func documentRow(d ledger.Document) []any {
	return []any{
		d.Company, string(d.Kind), d.Ref, d.Status, d.Currency.String(), int64(d.Total), int64(d.Outstanding),
		d.IssuedAt, d.DueAt, d.Version, d.Updated,
	}
}

func documentFromRow(r *row) ledger.Document {
	return ledger.Document{
		Tenant: tenant.IDFromBytes(r.uuid()), Company: number(r, company.IDOf), Kind: ledger.Kind(r.text()), Ref: r.text(),
		Status: r.text(), Currency: money.RestoreCurrency(r.text()), Total: money.Amount(r.int()),
		Outstanding: money.Amount(r.int()), IssuedAt: r.time(), DueAt: r.time(), Version: r.int(), Updated: r.time(),
	}
}

// Put implements port.Ledger.
func (s *Ledger) Put(ctx context.Context, d ledger.Document) (out ledger.Document, err error) {
	err = s.db.write(ctx, "put document", func(x *tx) error {
		out, err = putDocument(x, d)
		return err
	})
	if err != nil {
		return ledger.Document{}, err
	}
	return out, nil
}

// PutAll implements port.Ledger.
func (s *Ledger) PutAll(ctx context.Context, t tenant.ID, ds []ledger.Document) ([]error, error) {
	refusals := make([]error, 0, len(ds))
	for part := range slices.Chunk(ds, atOnce) {
		var answers []error
		err := s.db.write(ctx, "put documents", func(x *tx) error {
			answers = make([]error, len(part))
			for i, d := range part {
				if d.Tenant != t {
					answers[i] = company.ErrNotFound
					continue
				}
				// A refusal comes before anything is written of its document.
				if _, err := putDocument(x, d); fault.Of(err) != nil {
					answers[i] = err
				} else if err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil {
			return nil, err
		}
		refusals = append(refusals, answers...)
	}
	return refusals, nil
}

func putDocument(x *tx, d ledger.Document) (ledger.Document, error) {
	known, err := x.has(d.Tenant, "SELECT 1 FROM companies WHERE tenant = ?1 AND id = ?2", d.Company)
	if err != nil {
		return ledger.Document{}, err
	}
	if !known {
		return ledger.Document{}, company.ErrNotFound
	}
	stored, found, err := loadDocument(x.rx, d)
	if err != nil {
		return ledger.Document{}, err
	}
	var counted ledger.Figures
	if found {
		if !d.Supersedes(stored) {
			return stored, nil
		}
		counted = stored.Contribution()
	}
	if err := move(x, d, d.Contribution(), counted); err != nil {
		return ledger.Document{}, err
	}
	_, err = x.exec(d.Tenant, "INSERT INTO documents ("+documentColumns+`)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)
		ON CONFLICT (tenant, company, kind, ref) DO UPDATE SET status = excluded.status, currency = excluded.currency,
		  total = excluded.total, outstanding = excluded.outstanding, issued = excluded.issued, due = excluded.due,
		  version = excluded.version, updated = excluded.updated`, documentRow(d)...)
	return d, err
}

// loadDocument finds the stored document of d's name.
func loadDocument(x rx, d ledger.Document) (out ledger.Document, found bool, err error) {
	found, err = x.one(d.Tenant, "SELECT "+documentColumns+` FROM documents
		WHERE tenant = ?1 AND company = ?2 AND kind = ?3 AND ref = ?4`,
		func(r *row) { out = documentFromRow(r) }, d.Company, string(d.Kind), d.Ref)
	return out, found, err
}

// move takes the difference that a document makes into its company's figures.
func move(x *tx, d ledger.Document, added, removed ledger.Figures) error {
	if added == removed {
		return nil
	}
	f, err := loadFigures(x.rx, d.Tenant, d.Company)
	if err != nil {
		return err
	}
	if f, err = f.Plus(added, removed); err != nil {
		return err
	}
	_, err = x.exec(d.Tenant, `
		INSERT INTO figures (tenant, company, document_count, open_orders, pending_estimates, unpaid_invoices, total_outstanding)
		VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)
		ON CONFLICT (tenant, company) DO UPDATE SET document_count = excluded.document_count,
		  open_orders = excluded.open_orders, pending_estimates = excluded.pending_estimates,
		  unpaid_invoices = excluded.unpaid_invoices, total_outstanding = excluded.total_outstanding`,
		d.Company, f.Documents, f.OpenOrders, f.PendingEstimates, f.UnpaidInvoices, int64(f.TotalOutstanding))
	return err
}

func loadFigures(x rx, t tenant.ID, c company.ID) (f ledger.Figures, err error) {
	_, err = x.one(t, `
		SELECT document_count, open_orders, pending_estimates, unpaid_invoices, total_outstanding
		FROM figures WHERE tenant = ?1 AND company = ?2`, func(r *row) {
		f = ledger.Figures{
			Documents: r.int(), OpenOrders: r.int(), PendingEstimates: r.int(), UnpaidInvoices: r.int(),
			TotalOutstanding: money.Amount(r.int()),
		}
	}, c)
	return f, err
}

// Delete implements port.Ledger.
func (s *Ledger) Delete(ctx context.Context, t tenant.ID, c company.ID, k ledger.Kind, ref string) error {
	return s.db.write(ctx, "delete document", func(x *tx) error {
		d, found, err := loadDocument(x.rx, ledger.Document{Tenant: t, Company: c, Kind: k, Ref: ref})
		if err != nil {
			return err
		}
		if !found {
			return ledger.ErrNotFound
		}
		if err := move(x, d, ledger.Figures{}, d.Contribution()); err != nil {
			return err
		}
		_, err = x.exec(t, "DELETE FROM documents WHERE tenant = ?1 AND company = ?2 AND kind = ?3 AND ref = ?4", c, string(k), ref)
		return err
	})
}

// Figures implements port.Ledger.
func (s *Ledger) Figures(ctx context.Context, t tenant.ID, c company.ID) (f ledger.Figures, err error) {
	err = s.db.read(ctx, "read figures", func(x rx) error {
		f, err = loadFigures(x, t, c)
		return err
	})
	return f, err
}
