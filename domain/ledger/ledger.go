// Package ledger counts what a company owes and has open. It keeps running
// figures, so that reading them never scans documents.
package ledger

import (
	"crypto/sha256"
	"encoding/binary"
	"time"

	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/money"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// Refusals about documents.
var (
	ErrNotFound = fault.New(fault.NotFound, "document_not_found", "There is no such document.")
	ErrKind     = fault.New(fault.NotFound, "document_kind", "A document is an order, an estimate or an invoice.")
	ErrRef      = fault.New(fault.Invalid, "document_ref", "A reference is 1 to 128 visible characters.")
	ErrStatus   = fault.New(fault.Invalid, "document_status", "A status is named by [a-z][a-z0-9_-]{0,31}.")
	ErrCurrency = fault.New(fault.Invalid, "document_currency", "The document is not in the company's currency.")
)

// Kind is what a document is.
type Kind string

// The kinds of document.
const (
	Order    Kind = "order"
	Estimate Kind = "estimate"
	Invoice  Kind = "invoice"
)

// ParseKind accepts the three kinds.
func ParseKind(s string) (Kind, error) {
	switch k := Kind(s); k {
	case Order, Estimate, Invoice:
		return k, nil
	default:
		return "", ErrKind
	}
}

// ParseRef accepts 1 to 128 printable characters.
func ParseRef(s string) (string, error) {
	n := 0
	for _, r := range s {
		if r <= ' ' || r == 0x7f || r == 0xfffd || (r >= 0x80 && r < 0xa0) {
			return "", ErrRef
		}
		n++
	}
	if n == 0 || n > 128 {
		return "", ErrRef
	}
	return s, nil
}

// ParseStatus accepts [a-z][a-z0-9_-]{0,31}.
func ParseStatus(s string) (string, error) {
	if s == "" || len(s) > 32 || s[0] < 'a' || s[0] > 'z' {
		return "", ErrStatus
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' && c != '_' {
			return "", ErrStatus
		}
	}
	return s, nil
}

// Document is an order, estimate or invoice of a company. Version 0 means
// that the sender keeps none: the last write wins.
type Document struct {
	Tenant      tenant.ID
	Company     company.ID
	Kind        Kind
	Ref         string
	Status      string
	Currency    money.Currency
	Total       money.Amount
	Outstanding money.Amount
	IssuedAt    time.Time // zero: unknown
	DueAt       time.Time // zero: unknown
	Version     int64
	Updated     time.Time
	// Over, unless it is zero, is the fingerprint of the only document that
	// this one may replace. It is not stored.
	Over secret.Digest
}

// Supersedes reports whether d replaces stored: a version not above the
// stored one changes nothing, nor does a document meant for another one.
func (d Document) Supersedes(stored Document) bool {
	if !d.Over.IsZero() && d.Over != stored.Fingerprint() {
		return false
	}
	return d.Version == 0 || d.Version > stored.Version
}

// Fingerprint tells states of one document apart, also those that its sender
// gives no version.
func (d Document) Fingerprint() secret.Digest {
	h := sha256.New()
	for _, s := range []string{string(d.Kind), d.Ref, d.Status, d.Currency.String()} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(len(s))))
		h.Write([]byte(s))
	}
	for _, n := range []int64{
		d.Company.Int(), int64(d.Total), int64(d.Outstanding), millis(d.IssuedAt), millis(d.DueAt), d.Version, millis(d.Updated),
	} {
		h.Write(binary.BigEndian.AppendUint64(nil, uint64(n))) //nolint:gosec // two's complement is as good an encoding as any
	}
	return secret.Digest(h.Sum(nil))
}

// millis cuts a time to what every store keeps.
func millis(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return t.UnixMilli()
}

// Figures are a company's running figures.
type Figures struct {
	Documents        int64
	OpenOrders       int64
	PendingEstimates int64
	UnpaidInvoices   int64
	TotalOutstanding money.Amount
}

// Contribution is what one document adds to the figures.
func (d Document) Contribution() Figures {
	f := Figures{Documents: 1}
	switch {
	case d.Kind == Order && d.Status == "open":
		f.OpenOrders = 1
	case d.Kind == Estimate && d.Status == "pending":
		f.PendingEstimates = 1
	case d.Kind == Invoice && d.Outstanding > 0 && d.Status != "void" && d.Status != "draft":
		f.UnpaidInvoices, f.TotalOutstanding = 1, d.Outstanding
	}
	return f
}

// Plus adds what is new and takes away what was counted before.
func (f Figures) Plus(added, removed Figures) (Figures, error) {
	// The difference first: replacing a large amount by a like one must fit.
	total, err := money.Add(added.TotalOutstanding, -removed.TotalOutstanding)
	if err == nil {
		total, err = money.Add(f.TotalOutstanding, total)
	}
	if err != nil {
		return Figures{}, err
	}
	return Figures{
		Documents:        f.Documents + added.Documents - removed.Documents,
		OpenOrders:       f.OpenOrders + added.OpenOrders - removed.OpenOrders,
		PendingEstimates: f.PendingEstimates + added.PendingEstimates - removed.PendingEstimates,
		UnpaidInvoices:   f.UnpaidInvoices + added.UnpaidInvoices - removed.UnpaidInvoices,
		TotalOutstanding: total,
	}, nil
}
