package operation

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/audit"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// APITokens keeps the credentials of programs. All its use cases need
// tokens:write, and of the operator where they are about the deployment's own.
type APITokens struct {
	tenants port.Tenants
	tokens  port.APITokens
	random  port.Random
	clock   port.Clock
	trail   port.Trail
}

// NewAPITokens puts the parts together.
func NewAPITokens(tenants port.Tenants, tokens port.APITokens, random port.Random, clock port.Clock, trail port.Trail) *APITokens {
	return &APITokens{tenants: tenants, tokens: tokens, random: random, clock: clock, trail: trail}
}

// admit returns whose tokens the call is about: the zero id for the
// deployment's own.
func (s *APITokens) admit(ctx context.Context, c Caller) (tenant.ID, error) {
	if c.Tenant == "" {
		return tenant.ID{}, c.Actor.MayOperate(actor.TokensWrite)
	}
	t, err := tenancy.Admit(ctx, s.tenants, tenancy.Admission{Actor: c.Actor, Permission: actor.TokensWrite, Tenant: c.Tenant})
	if err != nil {
		return tenant.ID{}, err
	}
	return t.ID(), nil
}

// CreateTokenInput describes a new token. A zero Expires means never.
type CreateTokenInput struct {
	Caller
	Name        string
	Permissions []actor.Permission
	Expires     time.Time
}

// Create returns the token and its one and only showing. It returns
// actor.ErrForbidden for a permission that the actor lacks.
func (s *APITokens) Create(ctx context.Context, in CreateTokenInput) (*apitoken.Token, secret.Text, error) {
	owner, err := s.admit(ctx, in.Caller)
	if err != nil {
		return nil, secret.Text{}, err
	}
	if err := in.Actor.MayGrant(in.Permissions); err != nil {
		return nil, secret.Text{}, err
	}
	if err := holdable(owner, in.Permissions); err != nil {
		return nil, secret.Text{}, err
	}
	var random [apitoken.SecretSize]byte
	s.random.Fill(random[:])
	id := apitoken.IDFromBytes(s.random.UUID())
	token, err := apitoken.New(apitoken.Snapshot{
		Tenant: owner, ID: id, Name: in.Name, Digest: secret.DigestOf(random[:]), Permissions: in.Permissions,
		Created: s.clock.Now(), CreatedBy: in.Actor.String(), Expires: in.Expires,
	})
	if err != nil {
		return nil, secret.Text{}, err
	}
	if err := s.tokens.Add(ctx, token); err != nil {
		return nil, secret.Text{}, fmt.Errorf("add API token: %w", err)
	}
	err = record(ctx, s.trail, in.Actor.String(), audit.Event{Tenant: owner, Action: "token.created", Target: "token:" + id.String()})
	if err != nil {
		return nil, secret.Text{}, err
	}
	return token, apitoken.Format(owner, id, random), nil
}

// holdable refuses a tenant's token what only the operator's may hold, also
// when the operator is asking.
func holdable(owner tenant.ID, ps []actor.Permission) error {
	if owner.IsZero() {
		return nil
	}
	var bad []fault.Field
	for i, p := range ps {
		if !slices.Contains(actor.TenantPermissions(), p) {
			bad = append(bad, fault.Field{
				Pointer: "/permissions/" + strconv.Itoa(i), Code: "permission_operator",
				Detail: "Only the operator's own tokens hold that permission.",
			})
		}
	}
	if len(bad) > 0 {
		return fault.ErrInvalid.With(bad...)
	}
	return nil
}

// ListTokensInput selects tokens by rising id, after the given one.
type ListTokensInput struct {
	Caller
	After apitoken.ID
	Limit int
}

// List returns tokens that are not revoked. more says that the list goes on.
func (s *APITokens) List(ctx context.Context, in ListTokensInput) (items []*apitoken.Token, more bool, err error) {
	owner, err := s.admit(ctx, in.Caller)
	if err != nil {
		return nil, false, err
	}
	items, err = s.tokens.List(ctx, owner, in.After, in.Limit+1)
	if err != nil {
		return nil, false, fmt.Errorf("list API tokens: %w", err)
	}
	if len(items) > in.Limit {
		return items[:in.Limit], true, nil
	}
	return items, false, nil
}

// RevokeTokenInput names a token.
type RevokeTokenInput struct {
	Caller
	ID apitoken.ID
}

// Revoke ends a token for good. It returns apitoken.ErrNotFound, also when
// the token is revoked already.
func (s *APITokens) Revoke(ctx context.Context, in RevokeTokenInput) error {
	owner, err := s.admit(ctx, in.Caller)
	if err != nil {
		return err
	}
	if err := s.tokens.Revoke(ctx, owner, in.ID, s.clock.Now()); err != nil {
		return fmt.Errorf("revoke API token: %w", err)
	}
	return record(ctx, s.trail, in.Actor.String(), audit.Event{Tenant: owner, Action: "token.revoked", Target: "token:" + in.ID.String()})
}
