package session

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"

	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

const (
	// SecretSize is the number of secret bytes in refresh and link tokens.
	SecretSize = 32
	// TagSize is the length of the tag that proves a refresh token genuine.
	TagSize     = 16
	refreshSize = 16 + 16 + 4 + SecretSize + TagSize
)

// masked prints in the place of what must not be printed.
var masked secret.Text

var strict = base64.RawURLEncoding.Strict()

// decode refuses what a lenient decoder would read: one token, one spelling.
// Even the strict decoder skips line breaks, so both lengths are judged.
func decode(s string, size int) ([]byte, bool) {
	if len(s) != strict.EncodedLen(size) {
		return nil, false
	}
	raw, err := strict.DecodeString(s)
	return raw, err == nil && len(raw) == size
}

// Refresh is a refresh token laid open: the tenant and session it is for,
// which in the row of its session it is, 256 secret bits, and a tag under the
// deployment's key, by which any token ever given out is known from a guess
// although only two digests are stored.
type Refresh struct {
	Tenant     tenant.ID
	Session    ID
	Generation uint32
	Secret     [SecretSize]byte
	Tag        [TagSize]byte
}

// ParseRefresh reads the opaque form; ErrForeign when it has not the shape.
func ParseRefresh(s secret.Text) (Refresh, error) {
	raw, ok := decode(s.Reveal(), refreshSize)
	if !ok {
		return Refresh{}, ErrForeign
	}
	r := Refresh{
		Tenant:     tenant.IDFromBytes([16]byte(raw[0:16])),
		Session:    IDFromBytes([16]byte(raw[16:32])),
		Generation: binary.BigEndian.Uint32(raw[32:36]),
	}
	copy(r.Secret[:], raw[36:68])
	copy(r.Tag[:], raw[68:])
	return r, nil
}

// Signed returns the bytes that the tag covers.
func (r Refresh) Signed() []byte {
	t, s := r.Tenant.Bytes(), r.Session.Bytes()
	out := make([]byte, 0, refreshSize)
	out = append(append(out, t[:]...), s[:]...)
	out = binary.BigEndian.AppendUint32(out, r.Generation)
	return append(out, r.Secret[:]...)
}

// Text writes the opaque form.
func (r Refresh) Text() secret.Text {
	return secret.New(strict.EncodeToString(append(r.Signed(), r.Tag[:]...)))
}

// Format implements fmt.Formatter, so that no verb prints the secret.
func (Refresh) Format(f fmt.State, _ rune) { masked.Format(f, 'v') }

// MarshalText implements encoding.TextMarshaler by refusing.
func (Refresh) MarshalText() ([]byte, error) { return masked.MarshalText() }

// Digest is what is stored of the token.
func (r Refresh) Digest() secret.Digest { return secret.DigestOf(r.Secret[:]) }

// SuccessorSeed returns the bytes from which the key makes the secret of the
// next generation: with the same predecessor it is always the same.
func (r Refresh) SuccessorSeed() []byte {
	next := r
	next.Generation++
	return next.Signed()
}

// Successor is the token of the next generation with the given secret; its
// tag is still to be made.
func (r Refresh) Successor(sec [SecretSize]byte) Refresh {
	return Refresh{Tenant: r.Tenant, Session: r.Session, Generation: r.Generation + 1, Secret: sec}
}
