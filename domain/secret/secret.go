// Package secret holds text that must not reach a log, a page or a file by
// accident. It does not encrypt anything.
package secret

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/json"
	"errors"
	"fmt"
)

const mask = "[secret]"

// ErrNotMarshalled is returned by every attempt to marshal a secret.
var ErrNotMarshalled = errors.New("secret: refuses to be marshalled")

// Text is a secret. It prints as [secret] and refuses to be marshalled;
// Reveal is the only way out.
type Text struct {
	_ [0]func() // not comparable: == would compare the pointers
	// Package fmt calls no method of a value in an unexported member, nor for
	// the verb %p; behind a pointer it finds an address and nothing else.
	v *string
}

// New wraps s.
func New(s string) Text {
	if s == "" {
		return Text{}
	}
	return Text{v: &s}
}

// Reveal returns the secret itself.
func (t Text) Reveal() string {
	if t.v == nil {
		return ""
	}
	return *t.v
}

// IsZero reports whether there is no secret.
func (t Text) IsZero() bool { return t.v == nil }

// Len is the length in bytes.
func (t Text) Len() int { return len(t.Reveal()) }

// Equal compares in constant time for secrets of one length.
func (t Text) Equal(o Text) bool {
	return subtle.ConstantTimeCompare([]byte(t.Reveal()), []byte(o.Reveal())) == 1
}

// String implements fmt.Stringer.
func (Text) String() string { return mask }

// GoString implements fmt.GoStringer.
func (Text) GoString() string { return mask }

// Format implements fmt.Formatter, so that no verb prints the secret.
func (Text) Format(f fmt.State, _ rune) { _, _ = f.Write([]byte(mask)) }

// MarshalText implements encoding.TextMarshaler by refusing.
func (Text) MarshalText() ([]byte, error) { return nil, ErrNotMarshalled }

// MarshalJSON implements json.Marshaler by refusing.
func (Text) MarshalJSON() ([]byte, error) { return nil, ErrNotMarshalled }

var _ json.Marshaler = Text{}

// Digest is the SHA-256 of a secret with at least 112 bits of entropy
// (OWASP ASVS 5.0, 6.5.2): safe to store, useless to an attacker who reads it.
type Digest [sha256.Size]byte

// DigestOf hashes raw secret bytes.
func DigestOf(b []byte) Digest { return sha256.Sum256(b) }

// Equal compares in constant time.
func (d Digest) Equal(o Digest) bool { return subtle.ConstantTimeCompare(d[:], o[:]) == 1 }

// IsZero reports whether d was never set.
func (d Digest) IsZero() bool { return d == Digest{} }
