// Package profile answers what a visitor may see: themselves, their company,
// its scopes and figures, and pictures. It changes nothing.
package profile

import (
	"context"
	"crypto/subtle"
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"time"

	"ostiary/app/access"
	"ostiary/app/port"
	"ostiary/domain/avatar"
	"ostiary/domain/fault"
	"ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

// Refusals of this package.
var (
	ErrScope = fault.New(fault.Forbidden, "scope_missing", "This section of the portal is not open to you.")
	ErrBlob  = fault.New(fault.NotFound, "blob_not_found", "There is no such picture.")
)

// signedFor is how long a signed picture address works.
const signedFor = 24 * time.Hour

// Service answers for visitors that Visitor proved.
type Service struct {
	guard  *access.Guard
	ledger port.Ledger
	blobs  port.Blobs
	vault  port.Vault
	clock  port.Clock
	names  access.Names
}

// New puts the parts together.
func New(guard *access.Guard, led port.Ledger, blobs port.Blobs, vault port.Vault, clock port.Clock, names access.Names) *Service {
	return &Service{guard: guard, ledger: led, blobs: blobs, vault: vault, clock: clock, names: names}
}

// Visitor proves who is calling. Profile, company and scopes are all in it, as
// of now.
func (s *Service) Visitor(ctx context.Context, b access.Bearer) (access.Visitor, error) {
	return s.guard.Visitor(ctx, b)
}

// Stats are a company's figures in its currency.
type Stats struct {
	Currency money.Currency
	Figures  ledger.Figures
}

// Stats returns ErrScope without the scope finance. One indexed read.
func (s *Service) Stats(ctx context.Context, v access.Visitor) (Stats, error) {
	if !v.Entry.Scopes.On(scope.Finance) {
		return Stats{}, ErrScope.Traced(v.Judged()...).Traced(fault.Step{Name: "scope", Outcome: "missing"})
	}
	f, err := s.ledger.Figures(ctx, v.Tenant.ID(), v.Entry.Company.ID())
	if err != nil {
		return Stats{}, fmt.Errorf("read figures: %w", err)
	}
	return Stats{Currency: v.Entry.Company.Currency(v.Tenant), Figures: f}, nil
}

// Blob returns a picture of the visitor or of the company whose portal they
// are in; ErrBlob for every other, there or not.
func (s *Service) Blob(ctx context.Context, v access.Visitor, id avatar.BlobID) (avatar.Blob, error) {
	own, company := v.Person.Contact.Avatar(), v.Entry.Company.Avatar()
	if id.IsZero() || (id != own.Blob && id != own.Thumbnail && id != company.Blob && id != company.Thumbnail) {
		return avatar.Blob{}, ErrBlob
	}
	return s.get(ctx, v.Tenant.ID(), id)
}

// sigSize: the tenant's id, the end as Unix seconds, a MAC.
const sigSize = 16 + 8 + 32

// ImageURL returns an absolute address under which a picture may be read
// without a token for a day, "" for no picture.
func (s *Service) ImageURL(t tenant.ID, a avatar.Avatar) string {
	if a.IsZero() {
		return ""
	}
	owner := t.Bytes()
	sig := binary.BigEndian.AppendUint64(owner[:], uint64(s.clock.Now().Add(signedFor).Unix())) //nolint:gosec // after 1970
	blob := a.Blob.Bytes()
	mac := s.vault.MAC("blob-url", sig, blob[:])
	sig = append(sig, mac[:]...)
	return s.names.PublicURL + "/blobs/" + a.Blob.String() + "?sig=" + base64.RawURLEncoding.EncodeToString(sig)
}

// Signed returns a picture by such an address; ErrBlob for a signature that
// does not hold or has run out.
func (s *Service) Signed(ctx context.Context, id avatar.BlobID, sig string) (avatar.Blob, error) {
	// Even the strict decoder skips line breaks: both lengths are judged.
	raw, err := base64.RawURLEncoding.Strict().DecodeString(sig)
	if err != nil || len(raw) != sigSize || len(sig) != base64.RawURLEncoding.EncodedLen(sigSize) {
		return avatar.Blob{}, ErrBlob
	}
	blob := id.Bytes()
	mac := s.vault.MAC("blob-url", raw[:24], blob[:])
	until := time.Unix(int64(binary.BigEndian.Uint64(raw[16:24])), 0) //nolint:gosec // proven by the MAC
	if subtle.ConstantTimeCompare(mac[:], raw[24:]) != 1 || !s.clock.Now().Before(until) {
		return avatar.Blob{}, ErrBlob
	}
	return s.get(ctx, tenant.IDFromBytes([16]byte(raw[:16])), id)
}

func (s *Service) get(ctx context.Context, t tenant.ID, id avatar.BlobID) (avatar.Blob, error) {
	b, ok, err := s.blobs.Get(ctx, t, id)
	if err != nil {
		return avatar.Blob{}, fmt.Errorf("read picture: %w", err)
	}
	if !ok {
		return avatar.Blob{}, ErrBlob
	}
	return b, nil
}
