package session

import (
	"fmt"
	"time"

	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

type link struct{}

// LinkID names a magic link.
type LinkID = id.UUID[link]

// LinkIDFromBytes wraps 16 bytes.
func LinkIDFromBytes(b [16]byte) LinkID { return id.FromBytes[link](b) }

// ErrLinkSpent is returned for a link or code that is unknown, used, void or
// run out: outside they are one.
var ErrLinkSpent = fault.New(fault.Unauthenticated, "link_spent", "The link or code is not valid.")

const (
	// CodeTries is how often a code may be guessed.
	CodeTries = 5
	// CodeLength in characters of CodeAlphabet: 40 bits.
	CodeLength = 8
	// CodeAlphabet is Crockford's base 32: no I, L, O, U to be misread.
	CodeAlphabet = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"
	// BindingSize is the number of random bytes that bind a code to a request.
	BindingSize = 32

	linkSize = 16 + SecretSize
)

// Purpose says what a link was mailed for.
type Purpose string

// SignIn is asked for by the user, Invitation sent by an admin.
const (
	SignIn     Purpose = "sign-in"
	Invitation Purpose = "invitation"
)

// InvitationTTL is how long an invitation is good for.
const InvitationTTL = 24 * time.Hour

// LinkToken is a link's token laid open: 256 secret bits beside the tenant's id.
type LinkToken struct {
	Tenant tenant.ID
	Secret [SecretSize]byte
}

// ParseLinkToken reads the opaque form; ErrLinkSpent when it has not the shape.
func ParseLinkToken(s secret.Text) (LinkToken, error) {
	raw, ok := decode(s.Reveal(), linkSize)
	if !ok {
		return LinkToken{}, ErrLinkSpent
	}
	return LinkToken{Tenant: tenant.IDFromBytes([16]byte(raw[:16])), Secret: [SecretSize]byte(raw[16:])}, nil
}

// Text writes the opaque form.
func (l LinkToken) Text() secret.Text {
	t := l.Tenant.Bytes()
	return secret.New(strict.EncodeToString(append(t[:], l.Secret[:]...)))
}

// Format implements fmt.Formatter, so that no verb prints the secret.
func (LinkToken) Format(f fmt.State, _ rune) { masked.Format(f, 'v') }

// MarshalText implements encoding.TextMarshaler by refusing.
func (LinkToken) MarshalText() ([]byte, error) { return masked.MarshalText() }

// Digest is what is stored of the token.
func (l LinkToken) Digest() secret.Digest { return secret.DigestOf(l.Secret[:]) }

// Binding ties a typed code to the request that asked for it.
type Binding struct{ b [BindingSize]byte }

// NewBinding wraps random bytes.
func NewBinding(b [BindingSize]byte) Binding { return Binding{b: b} }

// ParseBinding reads the form of the cookie and the X-Link-Binding header.
func ParseBinding(s string) (Binding, error) {
	raw, ok := decode(s, BindingSize)
	if !ok {
		return Binding{}, ErrLinkSpent
	}
	return Binding{b: [BindingSize]byte(raw)}, nil
}

// Text writes the form of the cookie and the header.
func (b Binding) Text() string { return strict.EncodeToString(b.b[:]) }

// Format implements fmt.Formatter, so that no verb prints the bytes.
func (Binding) Format(f fmt.State, _ rune) { masked.Format(f, 'v') }

// Digest is what is stored of the binding.
func (b Binding) Digest() secret.Digest { return secret.DigestOf(b.b[:]) }

// NormalCode folds a typed code: blanks and hyphens are dropped, letters
// raised, I and L read as 1, O as 0. ErrLinkSpent when it is none.
func NormalCode(s string) (string, error) {
	out := make([]byte, 0, CodeLength)
	for i := range len(s) {
		c := s[i]
		switch {
		case c == ' ' || c == '-':
			continue
		case c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		switch c {
		case 'I', 'L':
			c = '1'
		case 'O':
			c = '0'
		}
		digit := c >= '0' && c <= '9'
		letter := c >= 'A' && c <= 'Z' && c != 'U'
		if (!digit && !letter) || len(out) == CodeLength {
			return "", ErrLinkSpent
		}
		out = append(out, c)
	}
	if len(out) != CodeLength {
		return "", ErrLinkSpent
	}
	return string(out), nil
}

// Link is a minted magic link. Code is a keyed digest over the binding and the
// code (40 bits would not stand a plain hash); both are zero where no request
// was made, as for an invitation.
type Link struct {
	Tenant  tenant.ID
	ID      LinkID
	User    user.ID
	Epoch   int64 // of the user at minting: a changed password voids the link
	Purpose Purpose
	Token   secret.Digest
	Binding secret.Digest
	Code    secret.Digest
	Tries   int
	Minted  time.Time
	Expires time.Time
	Used    time.Time // zero: not used
	Void    bool
}
