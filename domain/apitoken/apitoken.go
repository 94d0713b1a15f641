// Package apitoken holds the credentials of programs. They are shown once and
// stored hashed.
package apitoken

import (
	"encoding/hex"
	"slices"
	"strings"
	"time"

	"ostiary/domain/actor"
	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/line"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

type kind struct{}

// ID names an API token.
type ID = id.UUID[kind]

// ParseID reads the canonical form.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// IDFromBytes wraps 16 bytes.
func IDFromBytes(b [16]byte) ID { return id.FromBytes[kind](b) }

// Refusals about API tokens.
var (
	ErrNotFound  = fault.New(fault.NotFound, "token_not_found", "There is no such API token.")
	ErrMalformed = fault.New(fault.Unauthenticated, "unauthenticated", "The credentials are missing, wrong or no longer valid.")
)

// SecretSize is the number of random bytes in a token.
const SecretSize = 32

const (
	prefix      = "ost_"
	operatorHex = 32 // hex digits of the token's id
	tenantHex   = 64 // hex digits of the tenant's and the token's id
	secretHex   = 2 * SecretSize
)

// Bearer is an API token as a caller shows it: ost_<id>_<secret>, lower-case
// hex. The id of a tenant's token begins with the tenant's id.
type Bearer struct {
	Tenant tenant.ID // zero: the operator's
	ID     ID
	Digest secret.Digest
}

// LooksLike reports whether s claims to be an API token.
func LooksLike(s string) bool { return strings.HasPrefix(s, prefix) }

// Parse reads a shown token. One token has one spelling.
func Parse(s secret.Text) (Bearer, error) {
	rest, ok := strings.CutPrefix(s.Reveal(), prefix)
	name, sec, both := strings.Cut(rest, "_")
	if !ok || !both || len(sec) != secretHex || (len(name) != operatorHex && len(name) != tenantHex) {
		return Bearer{}, ErrMalformed
	}
	if strings.ToLower(rest) != rest {
		return Bearer{}, ErrMalformed
	}
	rawName, err := hex.DecodeString(name)
	if err != nil {
		return Bearer{}, ErrMalformed
	}
	rawSecret, err := hex.DecodeString(sec)
	if err != nil {
		return Bearer{}, ErrMalformed
	}
	var b Bearer
	if len(name) == tenantHex {
		b.Tenant = tenant.IDFromBytes([16]byte(rawName[:16]))
		rawName = rawName[16:]
	}
	b.ID = id.FromBytes[kind]([16]byte(rawName))
	b.Digest = secret.DigestOf(rawSecret)
	return b, nil
}

// Format writes the token that is shown once.
func Format(t tenant.ID, tid ID, random [SecretSize]byte) secret.Text {
	b := tid.Bytes()
	name := hex.EncodeToString(b[:])
	if !t.IsZero() {
		owner := t.Bytes()
		name = hex.EncodeToString(owner[:]) + name
	}
	return secret.New(prefix + name + "_" + hex.EncodeToString(random[:]))
}

// Snapshot is a token laid open for storage.
type Snapshot struct {
	Tenant      tenant.ID // zero: the operator's
	ID          ID
	Name        string
	Digest      secret.Digest
	Permissions []actor.Permission
	Created     time.Time
	CreatedBy   string
	Expires     time.Time // zero: never
	Revoked     time.Time // zero: not revoked
}

// Token is a stored API token.
type Token struct{ s Snapshot }

// New makes a token.
func New(s Snapshot) (*Token, error) {
	if bad := line.Check("/name", s.Name, 1, 100); bad != nil {
		return nil, fault.ErrInvalid.With(bad...)
	}
	if len(s.Permissions) == 0 {
		return nil, fault.At("/permissions", "required", "A token has at least one permission.")
	}
	if !s.Expires.IsZero() && !s.Expires.After(s.Created) {
		return nil, fault.At("/expiresAt", "past", "The end lies in the past.")
	}
	s.Permissions = slices.Clone(s.Permissions)
	slices.Sort(s.Permissions)
	s.Permissions = slices.Compact(s.Permissions)
	return &Token{s: s}, nil
}

// Restore rebuilds a stored token.
func Restore(s Snapshot) *Token { return &Token{s: s} }

// Snapshot lays the token open for storage.
func (t *Token) Snapshot() Snapshot { return t.s }

// Accepts reports whether b proves this token at the given time.
func (t *Token) Accepts(b Bearer, now time.Time) bool {
	live := t.s.Revoked.IsZero() && (t.s.Expires.IsZero() || now.Before(t.s.Expires))
	return t.s.Digest.Equal(b.Digest) && t.s.Tenant == b.Tenant && live
}

// Actor returns who acts with this token.
func (t *Token) Actor() actor.Actor {
	return actor.Actor{Kind: actor.Token, ID: t.s.ID.String(), Tenant: t.s.Tenant, Permissions: t.s.Permissions, Admin: t.s.Tenant.IsZero()}
}
