package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ostiary/app/access"
	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/portal"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// System is what every sign-in needs of the machine.
type System struct {
	Clock  port.Clock
	Random port.Random
	Vault  port.Vault
}

// Grant is what a sign-in gives. Refresh is zero when the session is
// restricted.
type Grant struct {
	User          user.ID
	Email         string
	Session       session.ID
	Access        secret.Text
	AccessExpires time.Time
	Refresh       secret.Text
}

// ChangeRequired is the refusal of a sign-in by a temporary password. It
// carries a grant that is good for changing the password alone.
type ChangeRequired struct {
	Grant Grant
	steps []fault.Step
}

// Error implements error.
func (*ChangeRequired) Error() string { return user.ErrChangeRequired.Error() }

// Unwrap makes the refusal match user.ErrChangeRequired.
func (c *ChangeRequired) Unwrap() error { return user.ErrChangeRequired.Traced(c.steps...) }

// Issuer opens sessions and makes their tokens.
type Issuer struct {
	sys      System
	sessions port.Sessions
	live     port.Live
	tokens   port.Tokens
	trail    port.Trail
	names    access.Names
}

// NewIssuer puts the parts together.
func NewIssuer(sys System, sessions port.Sessions, live port.Live, tokens port.Tokens, trail port.Trail, names access.Names) *Issuer {
	return &Issuer{sys: sys, sessions: sessions, live: live, tokens: tokens, trail: trail, names: names}
}

// entries reads the companies of a person's memberships and says which
// portals may be entered.
func (i *Issuer) entries(ctx context.Context, t *tenant.Tenant, p port.Person) ([]portal.Entry, error) {
	members := p.Contact.Details().Companies
	companies := make([]*company.Company, 0, len(members))
	for _, m := range members {
		co, err := i.live.Company(ctx, t.ID(), m.Company)
		if errors.Is(err, company.ErrNotFound) {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("find company: %w", err)
		}
		companies = append(companies, co)
	}
	return portal.Entries(t, p.User, p.Contact, companies), nil
}

// opening is a sign-in that was decided.
type opening struct {
	tenant *tenant.Tenant
	person port.Person
	entry  portal.Entry
	method session.Method
	client session.Client
	// from is the session that this one continues, nil for a new sign-in.
	from *session.Session
}

// open stores the session, puts it on record and only then makes its tokens.
func (i *Issuer) open(ctx context.Context, o opening) (Grant, error) {
	now := i.sys.Clock.Now()
	first := session.Refresh{Tenant: o.tenant.ID(), Session: session.IDFromBytes(i.sys.Random.UUID()), Generation: 1}
	i.sys.Random.Fill(first.Secret[:])
	first = i.tagged(first)
	open := session.Opening{
		ID: first.Session, User: o.person.User, Company: o.entry.Company.ID(), Portal: o.entry.Portal.ID,
		Method: o.method, Client: o.client, First: first.Digest(), Limits: limitsOf(o.tenant),
		Restricted: o.method == session.ByPassword && o.person.User.Temporary(),
	}
	action := "session.opened"
	if o.from != nil {
		was := o.from.Snapshot()
		open.AuthTime, open.Until, action = was.AuthTime, was.Until, "session.switched"
	}
	s := session.Open(open, now)
	if err := i.sessions.Add(ctx, s); err != nil {
		return Grant{}, fmt.Errorf("store session: %w", err)
	}
	err := i.trail.Record(ctx, audit.Event{
		Tenant: o.tenant.ID(), Actor: "user:" + o.person.User.ID().String(), Action: action,
		Target: "session:" + s.ID().String(), Outcome: audit.Granted,
		Details: map[string]string{"method": string(o.method), "company": s.Company().String()},
	})
	if err != nil {
		return Grant{}, fmt.Errorf("record sign-in: %w", err)
	}
	g, err := i.grant(ctx, o.tenant, o.person, s, o.entry)
	if err != nil {
		return Grant{}, err
	}
	if s.Restricted() {
		return Grant{}, &ChangeRequired{Grant: g}
	}
	g.Refresh = first.Text()
	return g, nil
}

// grant makes an access token of a session as things stand now.
func (i *Issuer) grant(ctx context.Context, t *tenant.Tenant, p port.Person, s *session.Session, e portal.Entry) (Grant, error) {
	now, snap := i.sys.Clock.Now(), s.Snapshot()
	jti := i.sys.Random.UUID()
	expires := now.Add(t.Settings().AccessTTL()).Truncate(time.Second)
	c := session.Claims{
		Issuer: i.names.PublicURL, Audience: i.names.Audience(t), Subject: p.User.ID(), Session: s.ID(),
		TokenID: session.IDFromBytes(jti).String(), IssuedAt: now, Expires: expires,
		AuthTime: notAfter(snap.AuthTime, now), Method: snap.Method, TenantCode: t.Code(), Tenant: t.ID(),
		Company: s.Company(), Portal: s.Portal(), Contact: snap.Contact,
		Scopes: e.Scopes.Granted(), Roles: p.User.Roles(),
	}
	if s.Restricted() {
		c.Scopes, c.Roles = nil, nil
	}
	token, err := i.tokens.Issue(ctx, c, s.Restricted())
	if err != nil {
		return Grant{}, fmt.Errorf("sign access token: %w", err)
	}
	return Grant{User: p.User.ID(), Email: p.User.Email().String(), Session: s.ID(), Access: token, AccessExpires: expires}, nil
}

// notAfter keeps a session going whose sign-in lies ahead since the clock was
// set back: nobody accepts a token that says so.
func notAfter(t, now time.Time) time.Time {
	if t.After(now) {
		return now
	}
	return t
}

func limitsOf(t *tenant.Tenant) session.Limits {
	return session.Limits{Idle: t.Settings().RefreshIdle(), Absolute: t.Settings().RefreshAbsolute()}
}

func (i *Issuer) tagged(r session.Refresh) session.Refresh {
	tag := i.sys.Vault.MAC("refresh-tag", r.Signed())
	copy(r.Tag[:], tag[:session.TagSize])
	return r
}

// genuine reads a refresh token and proves by its tag that it was given out
// here, whatever became of its session.
func (i *Issuer) genuine(token secret.Text) (session.Refresh, error) {
	r, err := session.ParseRefresh(token)
	if err != nil {
		return session.Refresh{}, err
	}
	var shown, right secret.Digest
	want := i.tagged(r)
	copy(shown[:], r.Tag[:])
	copy(right[:], want.Tag[:])
	if !shown.Equal(right) {
		return session.Refresh{}, session.ErrForeign
	}
	return r, nil
}

func (i *Issuer) successor(r session.Refresh) session.Refresh {
	sum := i.sys.Vault.MAC("refresh-secret", r.SuccessorSeed())
	return i.tagged(r.Successor(sum))
}

// steps pairs names and outcomes, in the order of fault.Step.
func steps(first fault.Step, pairs ...string) []fault.Step {
	out := []fault.Step{first}
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, fault.Step{Name: pairs[i], Outcome: pairs[i+1]})
	}
	return out
}

// unproven is the one answer to a sign-in that failed.
func unproven(cause error, steps ...fault.Step) error {
	e := user.ErrBadCredentials
	if cause != nil {
		e = e.Because(cause)
	}
	return e.Traced(steps...)
}

// refused puts a refused sign-in on record before it is answered; other errors
// pass. The record names steps, never the address.
func (i *Issuer) refused(ctx context.Context, ref tenant.Ref, by session.Method, cause error) error {
	if !errors.Is(cause, user.ErrBadCredentials) {
		return cause
	}
	e := audit.Refusal(ref.ID(), "session.opened", fault.Of(cause))
	e.Details["method"] = string(by)
	if err := i.trail.Record(ctx, e); err != nil {
		return fmt.Errorf("record refusal: %w", err)
	}
	return cause
}
