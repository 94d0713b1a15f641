package signin

import (
	"context"
	"errors"
	"fmt"
	"time"

	"ostiary/app/port"
	"ostiary/app/proof"
	"ostiary/app/tenancy"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/outbox"
	"ostiary/domain/portal"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
)

// Links signs in by magic link and by code.
type Links struct {
	resolver *tenancy.Resolver
	gate     *proof.Gate
	outbox   port.Outbox
	links    port.Links
	users    port.Users
	issuer   *Issuer
	wake     func()
}

// NewLinks puts the parts together; wake tells the postman of new work.
func NewLinks(resolver *tenancy.Resolver, gate *proof.Gate, box port.Outbox, links port.Links, users port.Users, issuer *Issuer, wake func()) *Links {
	return &Links{resolver: resolver, gate: gate, outbox: box, links: links, users: users, issuer: issuer, wake: wake}
}

// LinkInput asks for a magic link.
type LinkInput struct {
	Hints  tenancy.Hints
	Email  email.Address
	Origin string
}

// Request accepts a wish for a link in one write, the same for known and
// unknown tenants and addresses; everything else happens later. It returns the
// binding that the mailed code will work with, or throttle.ErrLimited.
func (s *Links) Request(ctx context.Context, in LinkInput) (session.Binding, error) {
	ref, err := s.resolver.Resolve(ctx, in.Hints)
	if err != nil {
		return session.Binding{}, err
	}
	sys := s.issuer.sys
	var raw [session.BindingSize]byte
	sys.Random.Fill(raw[:])
	binding := session.NewBinding(raw)
	now := sys.Clock.Now()
	origin, limit := s.gate.LinkOrigin(in.Origin)
	err = s.outbox.Put(ctx, outbox.Job{
		ID: outbox.IDFromBytes(sys.Random.UUID()), Kind: outbox.Link, Tenant: ref.Given, Address: in.Email.String(),
		Binding: binding.Digest(), Origin: origin, Request: port.RequestOf(ctx), Asked: now, Due: now,
	}, limit)
	if errors.Is(err, throttle.ErrLimited) {
		return session.Binding{}, fault.Of(err).Traced(steps(ref.Judged(), "limits", "refused")...)
	}
	if err != nil {
		return session.Binding{}, fmt.Errorf("accept link request: %w", err)
	}
	s.wake()
	return binding, nil
}

// ValidateInput spends a link.
type ValidateInput struct {
	Hints  tenancy.Hints
	Token  secret.Text
	Client session.Client
	Origin string
}

// Validate opens a session for a link's token. Every cause of refusal is
// user.ErrBadCredentials; a contradiction of tenants spends nothing.
func (s *Links) Validate(ctx context.Context, in ValidateInput) (Grant, error) {
	return s.guessed(ctx, in.Origin, func(ref *tenant.Ref) (Grant, error) { return s.spend(ctx, in, s.links.Use, ref) })
}

// guessed counts a failure against the network address that it came from, and
// puts it on record for the tenant that try found.
func (s *Links) guessed(ctx context.Context, origin string, try func(*tenant.Ref) (Grant, error)) (Grant, error) {
	if err := s.gate.Admit(ctx, origin); err != nil {
		if e := fault.Of(err); e != nil && e.Kind() == fault.Limited {
			return Grant{}, e.Traced(fault.Step{Name: "limits", Outcome: "refused"})
		}
		return Grant{}, err
	}
	var ref tenant.Ref
	g, err := try(&ref)
	if err == nil || !errors.Is(err, user.ErrBadCredentials) {
		return g, err
	}
	if err := s.gate.Missed(ctx, origin); err != nil {
		return Grant{}, err
	}
	return Grant{}, s.issuer.refused(ctx, ref, session.ByOneTime, err)
}

// ValidateBound is Validate for a page that a mail scanner may open as well as
// its reader: it also needs the binding of the request that asked for the
// link, and without it spends nothing. An invitation was asked for by nobody,
// so it never holds here.
func (s *Links) ValidateBound(ctx context.Context, in ValidateInput, shown string) (Grant, error) {
	binding, err := session.ParseBinding(shown)
	if err != nil {
		return Grant{}, s.misshapen(ctx, in.Hints, err, "without its binding")
	}
	use := func(ctx context.Context, t tenant.ID, token secret.Digest, now time.Time) (session.Link, error) {
		return s.links.UseBound(ctx, t, token, binding.Digest(), now)
	}
	return s.guessed(ctx, in.Origin, func(ref *tenant.Ref) (Grant, error) { return s.spend(ctx, in, use, ref) })
}

type use func(ctx context.Context, t tenant.ID, token secret.Digest, now time.Time) (session.Link, error)

func (s *Links) spend(ctx context.Context, in ValidateInput, use use, found *tenant.Ref) (Grant, error) {
	token, err := session.ParseLinkToken(in.Token)
	if err != nil {
		return Grant{}, s.misshapen(ctx, in.Hints, err, "malformed")
	}
	ref, err := s.resolver.Resolve(ctx, in.Hints.Owned(token.Tenant))
	if err != nil {
		return Grant{}, err
	}
	*found = ref
	if !ref.Known() {
		return Grant{}, unproven(nil, ref.Judged())
	}
	link, err := use(ctx, ref.ID(), token.Digest(), s.issuer.sys.Clock.Now())
	if errors.Is(err, session.ErrLinkSpent) {
		return Grant{}, unproven(err, steps(ref.Judged(), "credential", notUsable)...)
	}
	if err != nil {
		return Grant{}, fmt.Errorf("spend link: %w", err)
	}
	return s.enter(ctx, ref.Tenant, link, in.Client)
}

// notUsable is all that one conditional write can tell of a credential that it
// did not find as it should be.
const notUsable = "wrong, spent or expired"

// misshapen refuses what cannot be a credential, unless the request contradicts
// itself: that is said first.
func (s *Links) misshapen(ctx context.Context, h tenancy.Hints, cause error, outcome string) error {
	if err := s.resolver.Consistent(ctx, h); err != nil {
		return err
	}
	return unproven(cause, fault.Step{Name: "credential", Outcome: outcome})
}

// CodeInput spends a code.
type CodeInput struct {
	Hints   tenancy.Hints
	Email   email.Address
	Code    string
	Binding string // as the cookie or header has it
	Client  session.Client
	Origin  string
}

// ValidateCode opens a session for a code together with the binding of the
// request that asked for it.
func (s *Links) ValidateCode(ctx context.Context, in CodeInput) (Grant, error) {
	return s.guessed(ctx, in.Origin, func(ref *tenant.Ref) (Grant, error) { return s.spendCode(ctx, in, ref) })
}

func (s *Links) spendCode(ctx context.Context, in CodeInput, found *tenant.Ref) (Grant, error) {
	ref, err := s.resolver.Resolve(ctx, in.Hints)
	if err != nil {
		return Grant{}, err
	}
	*found = ref
	code, err := session.NormalCode(in.Code)
	if err != nil {
		return Grant{}, unproven(err, steps(ref.Judged(), "credential", "malformed")...)
	}
	binding, err := session.ParseBinding(in.Binding)
	if err != nil {
		return Grant{}, unproven(err, steps(ref.Judged(), "credential", "without its binding")...)
	}
	person, err := s.users.ByEmail(ctx, ref.ID(), in.Email.Key())
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		return Grant{}, fmt.Errorf("find user: %w", err)
	}
	if err != nil {
		// The write that a known address costs is made for nobody as well.
		_, useErr := s.links.UseCode(ctx, ref.ID(), user.ID{}, binding.Digest(), secret.Digest{}, s.issuer.sys.Clock.Now())
		if useErr != nil && !errors.Is(useErr, session.ErrLinkSpent) {
			return Grant{}, fmt.Errorf("spend code: %w", useErr)
		}
		return Grant{}, unproven(err, steps(ref.Judged(), "user", "unknown")...)
	}
	digest := codeDigest(s.issuer.sys.Vault, person.User, binding.Digest(), code)
	link, err := s.links.UseCode(ctx, ref.ID(), person.User.ID(), binding.Digest(), digest, s.issuer.sys.Clock.Now())
	if errors.Is(err, session.ErrLinkSpent) {
		return Grant{}, unproven(err, steps(ref.Judged(), "user", "found", "credential", notUsable)...)
	}
	if err != nil {
		return Grant{}, fmt.Errorf("spend code: %w", err)
	}
	return s.enter(ctx, ref.Tenant, link, in.Client)
}

// enter opens the session of a spent link, unless the login changed since it
// was minted.
func (s *Links) enter(ctx context.Context, t *tenant.Tenant, l session.Link, client session.Client) (Grant, error) {
	person, err := s.users.ByID(ctx, t.ID(), l.User)
	if errors.Is(err, user.ErrNotFound) {
		return Grant{}, unproven(err, steps(resolved, "user", "unknown")...)
	}
	if err != nil {
		return Grant{}, fmt.Errorf("find user: %w", err)
	}
	if !person.User.Enabled() {
		return Grant{}, unproven(nil, steps(resolved, "user", "disabled")...)
	}
	if person.User.Epoch() != l.Epoch {
		return Grant{}, unproven(nil, steps(resolved, "user", "found", "credential", "older than a change of the login")...)
	}
	entries, err := s.issuer.entries(ctx, t, person)
	if err != nil {
		return Grant{}, err
	}
	if len(entries) == 0 {
		return Grant{}, unproven(portal.ErrClosed, steps(resolved, "user", "found", "credential", "right", "portal", "none")...)
	}
	// Who can read the mail need not wait for what a guesser has done.
	if err := s.gate.Forgive(ctx, string(t.Code()), person.User.Email().Key()); err != nil {
		return Grant{}, err
	}
	return s.issuer.open(ctx, opening{
		tenant: t, person: person, entry: entries[0], method: session.ByOneTime, client: client,
	})
}

// codeDigest keys the digest: 40 bits would not stand a plain hash.
func codeDigest(v port.Vault, u *user.User, binding secret.Digest, code string) secret.Digest {
	uid := u.ID().Bytes()
	return v.MAC("link-code", uid[:], binding[:], []byte(code))
}
