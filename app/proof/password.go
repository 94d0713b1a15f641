package proof

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"ostiary/app/port"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Passwords proves passwords.
type Passwords struct {
	users  port.Users
	hasher port.Hasher
	gate   *Gate
}

// NewPasswords puts the parts together.
func NewPasswords(users port.Users, hasher port.Hasher, gate *Gate) *Passwords {
	return &Passwords{users: users, hasher: hasher, gate: gate}
}

// Input is a password to be proven.
type Input struct {
	Tenant   tenant.Ref
	Email    email.Address
	Password secret.Text
	Origin   string
}

// Proof says whose password was proven. Weak asks for a new hash of it; Steps
// are the decisions so far, for a refusal that comes after them.
type Proof struct {
	Person port.Person
	Weak   bool
	Steps  []fault.Step
}

// But returns the steps with another end: what became of the credential that
// was right.
func (p Proof) But(credential string) []fault.Step {
	return append(slices.Clone(p.Steps[:len(p.Steps)-1]), fault.Step{Name: "credential", Outcome: credential})
}

// Check returns user.ErrBadCredentials, after the same work and the same
// writes, for an unknown tenant or address, a login without password, a wrong
// password, a disabled login and one that must wait.
func (s *Passwords) Check(ctx context.Context, in Input) (Proof, error) {
	leave, err := s.hasher.Admit(in.Tenant.Queue())
	if err != nil {
		return Proof{}, fmt.Errorf("admit: %w", err)
	}
	defer leave()
	pass, err := s.gate.Enter(ctx, Attempt{Tenant: in.Tenant.Given, Email: in.Email.Key(), Origin: in.Origin})
	if err != nil {
		if e := fault.Of(err); e != nil {
			return Proof{}, e.Traced(in.Tenant.Judged(), fault.Step{Name: "limits", Outcome: "refused"})
		}
		return Proof{}, err
	}
	proof, proven, err := s.compare(ctx, in, pass.Locked)
	if err != nil {
		pass.Cancel()
		return Proof{}, err
	}
	if err := pass.Done(ctx, proven); err != nil {
		return Proof{}, err
	}
	if !proven {
		return Proof{}, user.ErrBadCredentials.Traced(proof.Steps...)
	}
	return proof, nil
}

// compare reports whether the password is proven. The steps are those of
// either case.
func (s *Passwords) compare(ctx context.Context, in Input, locked bool) (Proof, bool, error) {
	candidate := user.Candidate(in.Password)
	person, err := s.users.ByEmail(ctx, in.Tenant.ID(), in.Email.Key())
	if err != nil && !errors.Is(err, user.ErrNotFound) {
		return Proof{}, false, fmt.Errorf("find user: %w", err)
	}
	known := err == nil
	enabled := known && person.User.Enabled()
	steps := []fault.Step{
		in.Tenant.Judged(),
		{Name: "user", Outcome: outcome(known, outcome(enabled, "found", "disabled"), "unknown")},
		{Name: "limits", Outcome: outcome(!locked, "passed", "delayed")},
	}
	if !known || person.User.Hash().IsZero() {
		if err := s.hasher.Decoy(ctx, in.Tenant.Queue(), candidate); err != nil {
			return Proof{}, false, fmt.Errorf("decoy hash: %w", err)
		}
		return Proof{Steps: append(steps, fault.Step{Name: "credential", Outcome: "none"})}, false, nil
	}
	match, weak, err := s.hasher.Verify(ctx, in.Tenant.ID(), person.User.Hash(), candidate)
	if err != nil {
		return Proof{}, false, fmt.Errorf("check password: %w", err)
	}
	steps = append(steps, fault.Step{Name: "credential", Outcome: outcome(match, "right", "wrong")})
	return Proof{Person: person, Weak: weak, Steps: steps}, match && !locked && enabled, nil
}

// Rehash replaces a weak hash of a password that was just proven. It gives way
// to any change made meanwhile.
func (s *Passwords) Rehash(ctx context.Context, p port.Person, password secret.Text, clock port.Clock) error {
	hash, err := s.hasher.Hash(ctx, p.User.Tenant(), user.Candidate(password))
	if err != nil {
		return fmt.Errorf("hash anew: %w", err)
	}
	now := clock.Now()
	err = s.users.Update(ctx, p.User.Tenant(), p.User.ID(), func(u *user.User) error {
		if !u.Hash().Equal(p.User.Hash()) {
			return port.Keep
		}
		u.Rehash(hash, now)
		return nil
	})
	if err != nil {
		return fmt.Errorf("store new hash: %w", err)
	}
	return nil
}

func outcome(ok bool, yes, no string) string {
	if ok {
		return yes
	}
	return no
}
