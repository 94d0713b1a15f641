// Package session holds one sign-in of one user into one portal, the tokens
// that prove it, and the links and codes that open it. It signs and encrypts
// nothing itself.
package session

import (
	"time"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

type kind struct{}

// ID names a session.
type ID = id.UUID[kind]

// ParseID reads the canonical form.
func ParseID(s string) (ID, error) { return id.Parse[kind](s) }

// IDFromBytes wraps 16 bytes.
func IDFromBytes(b [16]byte) ID { return id.FromBytes[kind](b) }

// Refusals about sessions. Outside, all but ErrNotFound look like
// user.ErrBadCredentials.
var (
	ErrNotFound = fault.New(fault.NotFound, "session_not_found", "There is no such session.")
	ErrEnded    = fault.New(fault.Unauthenticated, "session_ended", "The session has ended.")
	ErrReused   = fault.New(fault.Unauthenticated, "refresh_reused", "The session has ended.")
	ErrForeign  = fault.New(fault.Unauthenticated, "refresh_unknown", "The session has ended.")
)

// Grace is how long the immediate predecessor of a refresh token still works.
const Grace = 10 * time.Second

// Method is how the user proved who they are (RFC 8176 values).
type Method string

// Password and one-time link or code.
const (
	ByPassword Method = "pwd"
	ByOneTime  Method = "otp"
)

// Limits bound a session without and with use.
type Limits struct {
	Idle     time.Duration
	Absolute time.Duration
}

// Client describes where a session was opened, for the user's own list.
type Client struct {
	UserAgent string // at most 200 bytes
	Address   string
}

// Snapshot is a session laid open for storage.
type Snapshot struct {
	Tenant     tenant.ID
	ID         ID
	User       user.ID
	Contact    contact.ID
	Company    company.ID
	Portal     company.PortalID
	Epoch      int64 // of the user at sign-in
	Method     Method
	Restricted bool // good for changing the password alone
	AuthTime   time.Time
	Created    time.Time
	LastUsed   time.Time
	IdleUntil  time.Time
	Until      time.Time
	Ended      time.Time // zero: live
	Client     Client
	Generation uint32
	Current    secret.Digest
	Previous   secret.Digest
	RotatedAt  time.Time
	Version    int64
}

// Session is one sign-in.
type Session struct{ s Snapshot }

// Opening is what a new session is made of.
type Opening struct {
	ID         ID
	User       *user.User
	Company    company.ID
	Portal     company.PortalID
	Method     Method
	Restricted bool
	Client     Client
	First      secret.Digest // of the first refresh secret
	Limits     Limits
	AuthTime   time.Time // zero: now
	Until      time.Time // zero: now + Limits.Absolute
}

// Open makes a live session of generation 1.
func Open(o Opening, now time.Time) *Session {
	if o.AuthTime.IsZero() {
		o.AuthTime = now
	}
	if o.Until.IsZero() {
		o.Until = now.Add(o.Limits.Absolute)
	}
	return &Session{s: Snapshot{
		Tenant: o.User.Tenant(), ID: o.ID, User: o.User.ID(), Contact: o.User.Contact(),
		Company: o.Company, Portal: o.Portal, Epoch: o.User.Epoch(), Method: o.Method, Restricted: o.Restricted,
		AuthTime: o.AuthTime, Created: now, LastUsed: now, IdleUntil: earlier(now.Add(o.Limits.Idle), o.Until), Until: o.Until,
		Client: o.Client, Generation: 1, Current: o.First, RotatedAt: now, Version: 1,
	}}
}

// Restore rebuilds a stored session.
func Restore(s Snapshot) *Session { return &Session{s: s} }

// Snapshot lays the session open for storage.
func (s *Session) Snapshot() Snapshot { return s.s }

// Live reports whether the session is neither ended nor run out, and of the
// user's present credential epoch.
func (s *Session) Live(u *user.User, now time.Time) bool {
	return s.s.Ended.IsZero() && now.Before(s.s.IdleUntil) && now.Before(s.s.Until) &&
		u.ID() == s.s.User && u.Enabled() && u.Epoch() == s.s.Epoch
}

// End ends the session; ending an ended one changes nothing.
func (s *Session) End(now time.Time) {
	if s.s.Ended.IsZero() {
		s.s.Ended = now
		s.s.Version++
	}
}

// Adopt lets the session survive a change of its own user's credentials.
func (s *Session) Adopt(epoch int64) {
	s.s.Epoch = epoch
	s.s.Version++
}

// Rotation says what became of a presented refresh token.
type Rotation uint8

// The outcomes. Rotated: a successor took its place. Repeated: the immediate
// predecessor inside its grace; the successor is already in place.
const (
	Rotated Rotation = iota + 1
	Repeated
)

// Rotate judges a presented refresh token whose tag already proved genuine
// and, when it is the current one, puts next in its place. ErrReused has
// ended the session and must be stored; the other refusals change nothing.
func (s *Session) Rotate(r Refresh, next secret.Digest, limits Limits, now time.Time) (Rotation, error) {
	switch {
	case !s.s.Ended.IsZero(), s.s.Restricted, !now.Before(s.s.IdleUntil), !now.Before(s.s.Until):
		return 0, ErrEnded
	case r.Generation == s.s.Generation && r.Digest().Equal(s.s.Current):
		s.s.Previous, s.s.Current = s.s.Current, next
		s.s.Generation++
		s.s.RotatedAt, s.s.LastUsed = now, now
		s.s.IdleUntil = earlier(now.Add(limits.Idle), s.s.Until)
		s.s.Version++
		return Rotated, nil
	case r.Generation+1 == s.s.Generation && r.Digest().Equal(s.s.Previous) && now.Sub(s.s.RotatedAt) <= Grace:
		return Repeated, nil
	default:
		s.End(now)
		return 0, ErrReused
	}
}

func earlier(a, b time.Time) time.Time {
	if a.Before(b) {
		return a
	}
	return b
}

// Tenant returns the owner.
func (s *Session) Tenant() tenant.ID { return s.s.Tenant }

// ID returns the session's id, the sid claim.
func (s *Session) ID() ID { return s.s.ID }

// User returns whose session this is.
func (s *Session) User() user.ID { return s.s.User }

// Company returns the company whose portal was entered.
func (s *Session) Company() company.ID { return s.s.Company }

// Portal returns the portal that was entered.
func (s *Session) Portal() company.PortalID { return s.s.Portal }

// Restricted reports whether the session is good for changing the password alone.
func (s *Session) Restricted() bool { return s.s.Restricted }
