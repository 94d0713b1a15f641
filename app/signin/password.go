package signin

import (
	"context"
	"errors"
	"slices"

	"ostiary/app/proof"
	"ostiary/app/tenancy"
	"ostiary/domain/company"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/portal"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"

	"ostiary/app/port"
)

// Passwords signs in by password.
type Passwords struct {
	resolver *tenancy.Resolver
	proof    *proof.Passwords
	issuer   *Issuer
}

// NewPasswords puts the parts together.
func NewPasswords(resolver *tenancy.Resolver, prover *proof.Passwords, issuer *Issuer) *Passwords {
	return &Passwords{resolver: resolver, proof: prover, issuer: issuer}
}

// PasswordInput is a sign-in by password.
type PasswordInput struct {
	Hints    tenancy.Hints
	Email    email.Address
	Password secret.Text
	Portal   company.PortalID // zero: the primary company's, or the next that may be entered
	Client   session.Client
	Origin   string // key of the network address, for the limits
}

// Outcome is what Account answers: who signed in, what may be entered, and a
// grant unless that is nothing.
type Outcome struct {
	Person  port.Person
	Tenant  *tenant.Tenant
	Entries []portal.Entry
	Grant   Grant // zero without an entry

	steps []fault.Step
}

// Login opens a session. It returns user.ErrBadCredentials for every cause,
// also when there is no portal to enter, *ChangeRequired for a temporary
// password, throttle.ErrLimited, or a refusal of the hints.
func (s *Passwords) Login(ctx context.Context, in PasswordInput) (Grant, error) {
	out, err := s.Account(ctx, in)
	if err != nil {
		return Grant{}, err
	}
	if len(out.Entries) == 0 {
		return Grant{}, s.closed(ctx, out, "none")
	}
	return out.Grant, nil
}

// Account is Login for a dialect in which somebody without a portal signs in
// as well, to be told so.
func (s *Passwords) Account(ctx context.Context, in PasswordInput) (Outcome, error) {
	ref, err := s.resolver.Resolve(ctx, in.Hints)
	if err != nil {
		return Outcome{}, err
	}
	p, err := s.proof.Check(ctx, proof.Input{Tenant: ref, Email: in.Email, Password: in.Password, Origin: in.Origin})
	if err != nil {
		return Outcome{}, s.issuer.refused(ctx, ref, session.ByPassword, err)
	}
	if p.Weak {
		if err := s.proof.Rehash(ctx, p.Person, in.Password, s.issuer.sys.Clock); err != nil {
			return Outcome{}, err
		}
	}
	return s.enter(ctx, ref.Tenant, p, in)
}

func (s *Passwords) enter(ctx context.Context, t *tenant.Tenant, p proof.Proof, in PasswordInput) (Outcome, error) {
	entries, err := s.issuer.entries(ctx, t, p.Person)
	if err != nil {
		return Outcome{}, err
	}
	out := Outcome{Person: p.Person, Tenant: t, Entries: entries, steps: p.Steps}
	if len(entries) == 0 {
		return out, nil
	}
	entry, err := portal.Choose(entries, in.Portal)
	if err != nil {
		return Outcome{}, s.closed(ctx, out, "closed")
	}
	out.Grant, err = s.issuer.open(ctx, opening{
		tenant: t, person: p.Person, entry: entry, method: session.ByPassword, client: in.Client,
	})
	var change *ChangeRequired
	if errors.As(err, &change) {
		change.steps = p.But("temporary")
	}
	return out, err
}

// closed refuses somebody who proved a password for want of a portal, and puts
// that on record like any other refusal.
func (s *Passwords) closed(ctx context.Context, o Outcome, how string) error {
	ref := tenant.Ref{Given: string(o.Tenant.Code()), Tenant: o.Tenant}
	trace := append(slices.Clone(o.steps), fault.Step{Name: "portal", Outcome: how})
	return s.issuer.refused(ctx, ref, session.ByPassword, unproven(portal.ErrClosed, trace...))
}
