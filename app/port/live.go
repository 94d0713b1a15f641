package port

import (
	"context"
	"time"

	"ostiary/domain/apitoken"
	"ostiary/domain/company"
	"ostiary/domain/portal"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
)

// Live is what this process knows of what token checks need: cached, bounded,
// following every change of this process at once and of others within a
// second. When nothing was heard from the store for longer than the configured
// time, every method returns ErrUnavailable rather than a stale answer.
//
// The aggregates are shared: callers read them only.
type Live interface {
	LiveTenants

	// Fresh returns ErrUnavailable when nothing was heard for too long. Once it
	// returns nil again the key set, too, was read since.
	Fresh() error
	// Standing returns what a session stands on, never nil. Whether the session
	// lives is for the caller to judge, by now: one that is kept here and does not
	// was read again. The first that is missing, of tenant, session, person and
	// company in this order, comes with its error, nil as all after it; what was
	// found before it is there.
	Standing(ctx context.Context, t tenant.ID, id session.ID, now time.Time) (*Standing, error)
	Company(ctx context.Context, t tenant.ID, id company.ID) (*company.Company, error)
	APIToken(ctx context.Context, t tenant.ID, id apitoken.ID) (*apitoken.Token, error)
}

// Standing is a session with whose it is and where, as things are now, and what
// follows from them. It is shared: read it only.
type Standing struct {
	Tenant  *tenant.Tenant
	Session *session.Session
	Person  Person
	Company *company.Company

	Actor string       // the user, as kind:id, for audit records and logs, when nothing is missing
	Open  bool         // nothing is missing, and the portal that the session is for may be entered
	Entry portal.Entry // that portal, when it may
}

// NewStanding decides what follows when nothing is missing.
func NewStanding(t *tenant.Tenant, s *session.Session, p Person, c *company.Company) *Standing {
	out := &Standing{Tenant: t, Session: s, Person: p, Company: c, Actor: "user:" + s.User().String()}
	entry, err := portal.Choose(portal.Entries(t, p.User, p.Contact, []*company.Company{c}), s.Portal())
	out.Entry, out.Open = entry, err == nil
	return out
}

// LiveTenants is the part of Live that tells whose a request is.
type LiveTenants interface {
	Tenant(ctx context.Context, id tenant.ID) (*tenant.Tenant, error)
	TenantByCode(ctx context.Context, code tenant.Code) (*tenant.Tenant, error)
	TenantByHost(ctx context.Context, host tenant.Host) (*tenant.Tenant, error)
	OriginAllowed(ctx context.Context, origin string) (bool, error)
}

// ChangeKind says what a change is about.
type ChangeKind string

// The kinds of change that other processes must hear of. A change of a contact
// that has a login is announced as one of its user.
const (
	TenantChanged   ChangeKind = "tenant"
	CompanyChanged  ChangeKind = "company"
	UserChanged     ChangeKind = "user"
	SessionEnded    ChangeKind = "session"
	APITokenChanged ChangeKind = "token"
	KeysChanged     ChangeKind = "keys"
)

// Change announces that something changed or ended. ID is the canonical form
// of the aggregate's id.
type Change struct {
	Tenant tenant.ID
	Kind   ChangeKind
	ID     string
}

// Announcement is a change as it was written down for others to hear of. Entry
// is one and the same whenever the same announcement is told of, and another
// one for every other announcement. Age is how long before it was told of by
// Since it was made, by the store's clock, which is the one that all processes
// share; OnLocal does not tell it. Settled is told by OnLocal alone: the write
// is over and known to have been made, so that who forgot what it changed has
// nothing to fear from hearing of it again.
type Announcement struct {
	Change
	Entry   string
	Age     time.Duration
	Settled bool
}

// Cursor is a place in the sequence of changes, opaque to callers.
type Cursor string

// Changes lets processes hear of each other's changes. Stores write them
// themselves, with or before the effect: a change of a tenant, company, user
// (and its contact), API token or the key set, and every end of a session,
// epoch changes included as a change of the user.
type Changes interface {
	// Latest returns the present place.
	Latest(ctx context.Context) (Cursor, error)

	// Since returns what was announced after the cursor, and the new place. A
	// change may come more than once, never not at all: ErrVersion when the
	// cursor is older than what is kept, and everything known must be dropped.
	Since(ctx context.Context, after Cursor) ([]Announcement, Cursor, error)

	// OnLocal registers what to call, before the writing method returns, with
	// the changes that this process made.
	OnLocal(func([]Announcement))
}
