package signin

import (
	"context"
	"errors"
	"fmt"

	"ostiary/app/access"
	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/portal"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Sessions renews, switches, lists and ends sessions.
type Sessions struct {
	resolver *tenancy.Resolver
	guard    *access.Guard
	sessions port.Sessions
	live     port.Live
	issuer   *Issuer
}

// NewSessions puts the parts together.
func NewSessions(resolver *tenancy.Resolver, guard *access.Guard, sessions port.Sessions, live port.Live, issuer *Issuer) *Sessions {
	return &Sessions{resolver: resolver, guard: guard, sessions: sessions, live: live, issuer: issuer}
}

// RefreshInput is a refresh token in hand.
type RefreshInput struct {
	Hints tenancy.Hints
	Token secret.Text
}

// Refresh rotates a refresh token (RFC 9700 section 4.14). The immediate
// predecessor inside session.Grace gets the same successor again; anything
// older ends the session. It returns user.ErrBadCredentials,
// tenancy.ErrContradict or tenant.ErrSuspended.
func (s *Sessions) Refresh(ctx context.Context, in RefreshInput) (Grant, error) {
	r, t, err := s.owner(ctx, in)
	if err != nil {
		return Grant{}, err
	}
	// What is known of the session names its user and portal, which stay;
	// whether it lives, and which token is its last, is judged by what is stored.
	now := s.issuer.sys.Clock.Now()
	st, err := s.live.Standing(ctx, t.ID(), r.Session, now)
	before, person := st.Session, st.Person
	switch {
	case before == nil:
		return Grant{}, gone(err, steps(resolved, "credential", "session unknown")...)
	case person.User == nil:
		return Grant{}, gone(err, steps(resolved, "user", "unknown")...)
	case !person.User.Enabled():
		return Grant{}, unproven(nil, steps(resolved, "user", "disabled")...)
	case !before.Live(person.User, now):
		return Grant{}, gone(session.ErrEnded, sessionEnded...)
	case st.Company == nil:
		return Grant{}, gone(err, shut...)
	case !st.Open:
		return Grant{}, unproven(portal.ErrClosed, shut...)
	}
	next := s.issuer.successor(r)
	after, err := s.rotate(ctx, t, person, r, next)
	if err != nil {
		return Grant{}, s.reused(ctx, after, err)
	}
	g, err := s.issuer.grant(ctx, t, person, after, st.Entry)
	if err != nil {
		return Grant{}, err
	}
	g.Refresh = next.Text()
	return g, nil
}

var (
	resolved     = fault.Step{Name: "tenant", Outcome: "resolved"}
	sessionEnded = steps(resolved, "user", "found", "credential", "session ended")
	portalClosed = steps(resolved, "user", "found", "credential", "right", "portal", "closed")
	// shut is portalClosed where the credential is judged only once it would be
	// spent.
	shut = steps(resolved, "user", "found", "portal", "closed")
)

// owner proves a refresh token genuine and finds its tenant.
func (s *Sessions) owner(ctx context.Context, in RefreshInput) (session.Refresh, *tenant.Tenant, error) {
	r, err := s.issuer.genuine(in.Token)
	if err != nil {
		if err := s.resolver.Consistent(ctx, in.Hints); err != nil {
			return session.Refresh{}, nil, err
		}
		return session.Refresh{}, nil, unproven(err, fault.Step{Name: "credential", Outcome: "foreign"})
	}
	if _, err := s.resolver.Resolve(ctx, in.Hints.Owned(r.Tenant)); err != nil {
		return session.Refresh{}, nil, err
	}
	t, err := s.live.Tenant(ctx, r.Tenant)
	if err != nil {
		return session.Refresh{}, nil, gone(err, tenant.Ref{}.Judged())
	}
	if !t.Active() {
		return session.Refresh{}, nil, tenant.ErrSuspended
	}
	return r, t, nil
}

// rotate returns the session as it stands afterwards, also when the refusal
// has ended it.
func (s *Sessions) rotate(ctx context.Context, t *tenant.Tenant, p port.Person, r, next session.Refresh) (*session.Session, error) {
	now := s.issuer.sys.Clock.Now()
	var verdict error
	var after *session.Session
	err := s.sessions.Update(ctx, t.ID(), r.Session, func(cur *session.Session) error {
		after = cur
		if !cur.Live(p.User, now) {
			verdict = session.ErrEnded
			return port.Keep
		}
		var how session.Rotation
		how, verdict = cur.Rotate(r, next.Digest(), limitsOf(t), now)
		if how == session.Rotated || errors.Is(verdict, session.ErrReused) {
			return nil
		}
		return port.Keep
	})
	if err != nil {
		return nil, gone(err, sessionEnded...)
	}
	return after, verdict
}

// reused puts a theft on record; other refusals pass as they are.
func (s *Sessions) reused(ctx context.Context, stolen *session.Session, cause error) error {
	if !errors.Is(cause, session.ErrReused) {
		return gone(cause, sessionEnded...)
	}
	err := s.issuer.trail.Record(ctx, audit.Event{
		Tenant: stolen.Tenant(), Actor: audit.Anonymous, Action: "refresh.reused",
		Target: "session:" + stolen.ID().String(), Outcome: audit.Refused,
	})
	if err != nil {
		return fmt.Errorf("record reuse: %w", err)
	}
	return unproven(cause, steps(resolved, "user", "found", "credential", "reused")...)
}

// LogoutByToken ends the session of the current or any earlier refresh token.
// A session that ended already is no error; a token that was never given out
// is user.ErrBadCredentials.
func (s *Sessions) LogoutByToken(ctx context.Context, in RefreshInput) error {
	r, t, err := s.owner(ctx, in)
	if err != nil {
		return err
	}
	err = s.end(ctx, t.ID(), r.Session, "refresh:")
	if errors.Is(err, session.ErrNotFound) {
		return nil
	}
	return err
}

// Forget is LogoutByToken for a dialect that answers alike for every token.
func (s *Sessions) Forget(ctx context.Context, in RefreshInput) error {
	err := s.LogoutByToken(ctx, in)
	if errors.Is(err, user.ErrBadCredentials) {
		return nil
	}
	return err
}

// Logout ends the session of the bearer.
func (s *Sessions) Logout(ctx context.Context, b access.Bearer) error {
	v, err := s.guard.Changer(ctx, b)
	if err != nil {
		return err
	}
	return s.end(ctx, v.Tenant.ID(), v.Session.ID(), v.Actor)
}

// SwitchInput asks for another portal of the same person.
type SwitchInput struct {
	Bearer access.Bearer
	Portal company.PortalID
	Client session.Client
}

// Switch ends the session and opens one at another company's portal; the time
// of sign-in and the absolute limit stay. portal.ErrClosed when that portal
// may not be entered.
func (s *Sessions) Switch(ctx context.Context, in SwitchInput) (Grant, error) {
	v, err := s.guard.Visitor(ctx, in.Bearer)
	if err != nil {
		return Grant{}, err
	}
	entries, err := s.issuer.entries(ctx, v.Tenant, v.Person)
	if err != nil {
		return Grant{}, err
	}
	entry, err := portal.Choose(entries, in.Portal)
	if err != nil {
		return Grant{}, portal.ErrClosed.Traced(portalClosed...)
	}
	now := s.issuer.sys.Clock.Now()
	err = s.sessions.Update(ctx, v.Tenant.ID(), v.Session.ID(), func(cur *session.Session) error {
		if !cur.Live(v.Person.User, now) {
			return session.ErrEnded
		}
		cur.End(now)
		return nil
	})
	if err != nil {
		return Grant{}, gone(err, sessionEnded...)
	}
	return s.issuer.open(ctx, opening{
		tenant: v.Tenant, person: v.Person, entry: entry, method: v.Session.Snapshot().Method,
		client: in.Client, from: v.Session,
	})
}

// Listed is one of a user's own sessions.
type Listed struct {
	session.Snapshot
	IsCurrent bool
}

// List returns the bearer's live sessions, newest first.
func (s *Sessions) List(ctx context.Context, b access.Bearer) ([]Listed, error) {
	v, err := s.guard.Visitor(ctx, b)
	if err != nil {
		return nil, err
	}
	all, err := s.mine(ctx, v)
	if err != nil {
		return nil, err
	}
	out := make([]Listed, 0, len(all))
	for _, one := range all {
		out = append(out, Listed{Snapshot: one.Snapshot(), IsCurrent: one.ID() == v.Session.ID()})
	}
	return out, nil
}

// EndInput names one of the bearer's own sessions.
type EndInput struct {
	Bearer  access.Bearer
	Session session.ID
}

// EndOne ends one of the bearer's own sessions; session.ErrNotFound for any
// other, ended or not.
func (s *Sessions) EndOne(ctx context.Context, in EndInput) error {
	v, err := s.guard.Visitor(ctx, in.Bearer)
	if err != nil {
		return err
	}
	target, err := s.sessions.ByID(ctx, v.Tenant.ID(), in.Session)
	if err != nil {
		return err
	}
	if target.User() != v.Person.User.ID() || !target.Live(v.Person.User, s.issuer.sys.Clock.Now()) {
		return session.ErrNotFound
	}
	return s.end(ctx, v.Tenant.ID(), in.Session, v.Actor)
}

// EndOthers ends all of the bearer's sessions but this one.
func (s *Sessions) EndOthers(ctx context.Context, b access.Bearer) error {
	v, err := s.guard.Visitor(ctx, b)
	if err != nil {
		return err
	}
	for {
		all, err := s.mine(ctx, v)
		if err != nil {
			return err
		}
		ended := 0
		for _, one := range all {
			if one.ID() == v.Session.ID() {
				continue
			}
			if err := s.end(ctx, v.Tenant.ID(), one.ID(), v.Actor); err != nil {
				return err
			}
			ended++
		}
		if ended == 0 {
			return nil
		}
	}
}

func (s *Sessions) mine(ctx context.Context, v access.Visitor) ([]*session.Session, error) {
	u := v.Person.User
	all, err := s.sessions.ByUser(ctx, v.Tenant.ID(), u.ID(), u.Epoch(), s.issuer.sys.Clock.Now())
	if err != nil {
		return nil, fmt.Errorf("list sessions: %w", err)
	}
	return all, nil
}

func (s *Sessions) end(ctx context.Context, t tenant.ID, id session.ID, by string) error {
	now, ended := s.issuer.sys.Clock.Now(), false
	err := s.sessions.Update(ctx, t, id, func(cur *session.Session) error {
		if ended = cur.Snapshot().Ended.IsZero(); !ended {
			return port.Keep
		}
		cur.End(now)
		return nil
	})
	if err != nil || !ended {
		return err
	}
	return s.issuer.trail.Record(ctx, audit.Event{
		Tenant: t, Actor: by, Action: "session.ended", Target: "session:" + id.String(),
		Outcome: audit.Granted,
	})
}

// gone turns what does not exist or has ended into the one answer to a bad
// credential; outages stay outages.
func gone(err error, trace ...fault.Step) error {
	f := fault.Of(err)
	if f == nil {
		return fmt.Errorf("renew session: %w", err)
	}
	if f.Kind() == fault.NotFound || f.Kind() == fault.Unauthenticated {
		return unproven(err, trace...)
	}
	return err
}
