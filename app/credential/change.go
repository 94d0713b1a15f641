package credential

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ostiary/app/access"
	"ostiary/app/port"
	"ostiary/app/proof"
	"ostiary/app/tenancy"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// product is what a password must not be, beside the names of the people and
// companies involved (OWASP ASVS 5.0, 6.2.11).
const product = "ostiary"

// Changes lets users change their own passwords.
type Changes struct {
	resolver *tenancy.Resolver
	guard    *access.Guard
	proof    *proof.Passwords
	store    Store
	hasher   port.Hasher
	sys      System
}

// System is what a change of credentials needs of the machine.
type System struct {
	Clock  port.Clock
	Random port.Random
	Trail  port.Trail
}

// Store is where logins live.
type Store struct {
	Users     port.Users
	Contacts  port.Contacts
	Companies port.Companies
	Sessions  port.Sessions
	Tenants   port.Tenants
}

// NewChanges puts the parts together.
func NewChanges(resolver *tenancy.Resolver, guard *access.Guard, prover *proof.Passwords, store Store, hasher port.Hasher, sys System) *Changes {
	return &Changes{resolver: resolver, guard: guard, proof: prover, store: store, hasher: hasher, sys: sys}
}

// OwnInput changes the bearer's password.
type OwnInput struct {
	Bearer  access.Bearer
	Current secret.Text
	New     secret.Text
	Origin  string
}

// Own changes the password of the bearer and ends the user's other sessions; a
// restricted session ends with them. It returns user.ErrPassword for a new
// password of the wrong length, then user.ErrBadCredentials unless the current
// one is right, then user.ErrPassword for what else the policy refuses.
func (s *Changes) Own(ctx context.Context, in OwnInput) error {
	v, err := s.guard.Changer(ctx, in.Bearer)
	if err != nil {
		return err
	}
	ref := tenant.Ref{Given: string(v.Tenant.Code()), Tenant: v.Tenant}
	u, err := s.change(ctx, changing{ref: ref, email: v.Person.User.Email(), current: in.Current, fresh: in.New, origin: in.Origin})
	if err != nil {
		return err
	}
	now := s.sys.Clock.Now()
	err = s.store.Sessions.Update(ctx, v.Tenant.ID(), v.Session.ID(), func(cur *session.Session) error {
		if cur.Restricted() {
			cur.End(now)
			return nil
		}
		cur.Adopt(u.Epoch())
		return nil
	})
	if err != nil {
		return fmt.Errorf("keep session: %w", err)
	}
	return nil
}

// ByEmailInput changes a password by address and current password.
type ByEmailInput struct {
	Hints   tenancy.Hints
	Email   email.Address
	Current secret.Text
	New     secret.Text
	Origin  string
}

// ByEmail is Own for somebody without a session; all sessions end.
func (s *Changes) ByEmail(ctx context.Context, in ByEmailInput) error {
	ref, err := s.resolver.Resolve(ctx, in.Hints)
	if err != nil {
		return err
	}
	_, err = s.change(ctx, changing{ref: ref, email: in.Email, current: in.Current, fresh: in.New, origin: in.Origin})
	return err
}

type changing struct {
	ref            tenant.Ref
	email          email.Address
	current, fresh secret.Text
	origin         string
}

func (s *Changes) change(ctx context.Context, in changing) (*user.User, error) {
	// Unknown tenants have the default minimum, or the length would tell.
	minimum := user.MinPassword
	if in.ref.Known() {
		minimum = in.ref.Tenant.Settings().MinPassword()
	}
	if err := user.CheckLength(in.fresh, user.MinPassword); err != nil {
		return nil, err
	}
	proven, err := s.proof.Check(ctx, proof.Input{Tenant: in.ref, Email: in.email, Password: in.current, Origin: in.origin})
	if err != nil {
		return nil, s.refused(ctx, in.ref, err)
	}
	names, err := s.store.names(ctx, in.ref.Tenant, proven.Person.Contact.Details())
	if err != nil {
		return nil, err
	}
	was := proven.Person.User
	policy := user.Policy{Min: minimum, Context: names}
	if was.Temporary() {
		// A temporary password must not become the lasting one (ASVS 6.4.1).
		policy.Former = in.current.Reveal()
	}
	fresh, err := policy.NewPassword(in.fresh)
	if err != nil {
		return nil, err
	}
	hash, err := s.hasher.Hash(ctx, was.Tenant(), fresh)
	if err != nil {
		return nil, fmt.Errorf("hash password: %w", err)
	}
	var after *user.User
	now := s.sys.Clock.Now()
	err = s.store.Users.Update(ctx, was.Tenant(), was.ID(), func(u *user.User) error {
		// Of two changes at once one wins; the other proved a password that is
		// no longer the current one.
		if u.Epoch() != was.Epoch() || !u.Enabled() {
			return user.ErrBadCredentials.Traced(proven.But("changed meanwhile")...)
		}
		u.SetPassword(hash, false, now)
		after = u
		return nil
	})
	if err != nil {
		return nil, s.refused(ctx, in.ref, fmt.Errorf("store password: %w", err))
	}
	return after, s.sys.Trail.Record(ctx, audit.Event{
		Tenant: was.Tenant(), Actor: "user:" + was.ID().String(), Action: "password.changed",
		Target: "user:" + was.ID().String(), Outcome: audit.Granted,
	})
}

// refused puts a change without the right password on record.
func (s *Changes) refused(ctx context.Context, ref tenant.Ref, cause error) error {
	if !errors.Is(cause, user.ErrBadCredentials) {
		return cause
	}
	if err := s.sys.Trail.Record(ctx, audit.Refusal(ref.ID(), "password.changed", fault.Of(cause))); err != nil {
		return fmt.Errorf("record refusal: %w", err)
	}
	return cause
}

// names lists what the password of a contact as d has it must not be.
func (s Store) names(ctx context.Context, t *tenant.Tenant, d contact.Details) ([]string, error) {
	out := []string{product, t.Name(), strings.ReplaceAll(t.Name(), " ", ""), string(t.Code())}
	if key := d.Email.Key(); key != "" {
		out = append(out, string(key), key.Local(), d.Email.String())
	}
	ids := make([]company.ID, 0, 4)
	for _, m := range d.Companies {
		ids = append(ids, m.Company)
	}
	companies, err := s.Companies.ByIDs(ctx, t.ID(), ids)
	if err != nil {
		return nil, fmt.Errorf("find companies: %w", err)
	}
	for _, co := range companies {
		out = append(out, co.Name(), strings.ReplaceAll(co.Name(), " ", ""))
	}
	return out, nil
}
