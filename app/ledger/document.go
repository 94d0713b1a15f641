package ledger

import (
	"time"

	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/tenant"
)

// DocumentInput is a document as it was sent: what its amounts mean is known
// only together with the company's currency.
type DocumentInput struct {
	Company     company.ID
	Kind        string
	Ref         string
	Status      string
	Currency    string
	Total       string
	Outstanding string
	IssuedAt    time.Time // zero: not said
	DueAt       time.Time // zero: not said
	Version     *int64    // nil: not said
}

// read names every value that breaks a rule, not just the first.
func (in DocumentInput) read(t tenant.ID, currency money.Currency, now time.Time) (ledger.Document, error) {
	kind, err := ledger.ParseKind(in.Kind)
	if err != nil {
		return ledger.Document{}, err
	}
	d := ledger.Document{
		Tenant: t, Company: in.Company, Kind: kind, Currency: currency,
		IssuedAt: cut(in.IssuedAt), DueAt: cut(in.DueAt), Updated: now,
	}
	var bad []fault.Field
	refuse := func(pointer string, err error) {
		if f := fault.Of(err); f != nil {
			bad = append(bad, fault.Field{Pointer: pointer, Code: f.Code(), Detail: f.Text()})
		}
	}
	d.Ref, err = ledger.ParseRef(in.Ref)
	refuse("/ref", err)
	d.Status, err = ledger.ParseStatus(in.Status)
	refuse("/status", err)
	if in.Currency != currency.String() {
		refuse("/currency", ledger.ErrCurrency)
	}
	d.Total, err = currency.Parse(in.Total)
	refuse("/total", err)
	d.Outstanding, err = currency.Parse(in.Outstanding)
	refuse("/outstanding", err)
	if v := in.Version; v != nil {
		d.Version = *v
		if *v < 1 || *v > id.MaxNumber {
			bad = append(bad, fault.Field{Pointer: "/version", Code: "out_of_range", Detail: "A version is 1 to 2^53-1."})
		}
	}
	if len(bad) > 0 {
		return ledger.Document{}, fault.ErrInvalid.With(bad...)
	}
	return d, nil
}

// cut brings a sent time to what both stores keep.
func cut(t time.Time) time.Time { return t.UTC().Truncate(time.Millisecond) }
