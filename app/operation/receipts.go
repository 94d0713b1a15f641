package operation

import (
	"context"
	"encoding/base64"
	"encoding/binary"
	"time"

	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// ErrReceipt is returned for text that is no receipt, or one of another tenant.
var ErrReceipt = fault.New(fault.NotFound, "receipt_not_found", "There is no such receipt.")

const (
	receiptPurpose = "receipt"
	receiptSize    = 512 // every receipt is padded to this, so that its length says nothing
	maxReceiptText = 64
)

// Receipts seals the decisions behind a refusal into text that only Ostiary
// can read. Nothing is stored.
type Receipts struct {
	tenants port.Tenants
	vault   port.Vault
	clock   port.Clock
}

// NewReceipts puts the parts together.
func NewReceipts(tenants port.Tenants, vault port.Vault, clock port.Clock) *Receipts {
	return &Receipts{tenants: tenants, vault: vault, clock: clock}
}

// Receipt is what a refusal leaves behind.
type Receipt struct {
	At      time.Time
	Request string
	Tenant  tenant.ID // zero: refused before a tenant was known
	Code    string
	Steps   []fault.Step
	// Cut says that not all steps fitted in.
	Cut bool
}

// Issue returns text of one length for every refusal. An outage has no code
// and no steps.
func (s *Receipts) Issue(t tenant.ID, request string, refusal error) string {
	r := Receipt{At: s.clock.Now(), Request: request, Tenant: t, Code: "internal"}
	if f := fault.Of(refusal); f != nil {
		r.Code, r.Steps = f.Code(), f.Trace()
	}
	return base64.RawURLEncoding.EncodeToString(s.vault.Seal(receiptPurpose, r.encode(), nil))
}

// OpenReceiptInput is a receipt as it was shown.
type OpenReceiptInput struct {
	Caller
	Receipt string
}

// Open needs audit:read. A tenant reads receipts of its own; the operator any.
func (s *Receipts) Open(ctx context.Context, in OpenReceiptInput) (Receipt, error) {
	t, err := tenancy.Admit(ctx, s.tenants, tenancy.Admission{Actor: in.Actor, Permission: actor.AuditRead, Tenant: in.Tenant})
	if err != nil {
		return Receipt{}, err
	}
	sealed, err := base64.RawURLEncoding.Strict().DecodeString(in.Receipt)
	if err != nil {
		return Receipt{}, ErrReceipt
	}
	plain, err := s.vault.Open(receiptPurpose, sealed, nil)
	if err != nil {
		return Receipt{}, ErrReceipt
	}
	r, ok := decodeReceipt(plain)
	if !ok || (!in.Actor.OfOperator() && r.Tenant != t.ID()) {
		return Receipt{}, ErrReceipt
	}
	return r, nil
}

// encode writes version, time, tenant, cut, step count and texts, each with
// its length before it, and pads with zeros.
func (r Receipt) encode() []byte {
	owner := r.Tenant.Bytes()
	out := make([]byte, 0, receiptSize)
	out = append(out, 1)
	out = binary.BigEndian.AppendUint64(out, uint64(r.At.UnixMilli())) //nolint:gosec // after 1970
	out = append(out, owner[:]...)
	flags := len(out)
	out = append(out, 0, 0)
	out = putText(putText(out, r.Request), r.Code)
	for _, step := range r.Steps {
		if len(out)+1+len(bounded(step.Name))+1+len(bounded(step.Outcome)) > receiptSize {
			out[flags] = 1
			break
		}
		out = putText(putText(out, step.Name), step.Outcome)
		out[flags+1]++
	}
	return out[:receiptSize]
}

func bounded(s string) string { return s[:min(len(s), maxReceiptText)] }

func putText(out []byte, s string) []byte {
	s = bounded(s)
	return append(append(out, byte(len(s))), s...)
}

func decodeReceipt(b []byte) (Receipt, bool) {
	const head = 1 + 8 + 16 + 2
	if len(b) != receiptSize || b[0] != 1 {
		return Receipt{}, false
	}
	r := Receipt{
		At:     time.UnixMilli(int64(binary.BigEndian.Uint64(b[1:9]))).UTC(), //nolint:gosec // written by encode
		Tenant: tenant.IDFromBytes([16]byte(b[9:25])),
		Cut:    b[25] == 1,
	}
	steps, rest := int(b[26]), b[head:]
	text := func() string {
		if len(rest) == 0 || len(rest) <= int(rest[0]) {
			rest = nil
			return ""
		}
		n := int(rest[0])
		s := string(rest[1 : 1+n])
		rest = rest[1+n:]
		return s
	}
	r.Request, r.Code = text(), text()
	for range steps {
		r.Steps = append(r.Steps, fault.Step{Name: text(), Outcome: text()})
	}
	return r, true
}
