package tenancy

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"ostiary/app/port"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// Refusals of a request whose tenant is not clear.
var (
	ErrMissing    = fault.New(fault.Malformed, "tenant_missing", "The request does not say which tenant it is for.").Traced(judged("missing"))
	ErrContradict = fault.New(fault.Malformed, "tenant_contradiction", "The request names more than one tenant.").Traced(judged("contradiction"))
	ErrMalformed  = fault.New(fault.Malformed, "tenant_malformed", "That is not a tenant code.").Traced(judged("malformed"))
)

func judged(outcome string) fault.Step { return fault.Step{Name: "tenant", Outcome: outcome} }

// Hints are what a request says about its tenant, "" or empty when it does
// not. Host is a host name without port that a trusted hop vouches for.
// Owners are the tenants of credentials in hand: bearer, refresh, link and API
// tokens.
type Hints struct {
	Path   string
	Header string
	Host   string
	Body   string
	Owners []tenant.ID
}

// Owned returns the hints with one more credential's tenant.
func (h Hints) Owned(by tenant.ID) Hints {
	h.Owners = append(append([]tenant.ID(nil), h.Owners...), by)
	return h
}

// Resolver finds the one tenant that all of a request's sources name.
type Resolver struct {
	live     port.LiveTenants
	base     string
	public   string
	fallback tenant.Code
}

// NewResolver takes the deployment's base domain and default tenant ("" when
// unset) and the host name of its public URL, which names no tenant.
func NewResolver(live port.LiveTenants, baseDomain, publicHost string, fallback tenant.Code) *Resolver {
	return &Resolver{live: live, base: strings.ToLower(baseDomain), public: strings.ToLower(publicHost), fallback: fallback}
}

// stranger stands for the tenant of a credential whose tenant does not exist;
// no code can be equal to it.
const stranger = "?"

// Resolve returns ErrContradict unless all sources name one tenant, and
// ErrMissing when there is none and no default. A tenant that does not exist
// or is suspended is no error: the reference then is not Known.
func (r *Resolver) Resolve(ctx context.Context, h Hints) (tenant.Ref, error) {
	given, err := r.named(ctx, h)
	if err != nil {
		return tenant.Ref{}, err
	}
	if given == "" {
		given = string(r.fallback)
	}
	if given == "" {
		return tenant.Ref{}, ErrMissing
	}
	if given == stranger {
		return tenant.Ref{Given: given}, nil
	}
	t, err := r.live.TenantByCode(ctx, tenant.Code(given))
	if errors.Is(err, tenant.ErrNotFound) || (err == nil && !t.Active()) {
		return tenant.Ref{Given: given}, nil
	}
	if err != nil {
		return tenant.Ref{}, fmt.Errorf("find tenant: %w", err)
	}
	return tenant.Ref{Given: given, Tenant: t}, nil
}

// Served returns the tenant that the sources of a request name, zero when they
// name none that is served.
func (r *Resolver) Served(ctx context.Context, h Hints) tenant.ID {
	ref, err := r.Resolve(ctx, h)
	if err != nil {
		return tenant.ID{}
	}
	return ref.ID()
}

// Agree returns ErrContradict when any source names another tenant than t.
func (r *Resolver) Agree(ctx context.Context, h Hints, t *tenant.Tenant) error {
	given, err := r.named(ctx, h)
	if err != nil {
		return err
	}
	if given != "" && given != string(t.Code()) {
		return ErrContradict
	}
	return nil
}

// Consistent returns ErrContradict when two sources name different tenants,
// and nil when there is none: a credential that is no credential names nobody.
func (r *Resolver) Consistent(ctx context.Context, h Hints) error {
	_, err := r.named(ctx, h)
	return err
}

// named returns the code that all sources agree on, "" without a source.
func (r *Resolver) named(ctx context.Context, h Hints) (string, error) {
	var given string
	agree := func(code string) bool {
		if given == "" {
			given = code
		}
		return given == code
	}
	for _, s := range []string{h.Path, h.Header, h.Body} {
		if s == "" {
			continue
		}
		code, err := tenant.ParseCode(s)
		if err != nil {
			return "", ErrMalformed
		}
		if !agree(string(code)) {
			return "", ErrContradict
		}
	}
	code, err := r.byHost(ctx, h.Host)
	if err != nil {
		return "", err
	}
	if code != "" && !agree(code) {
		return "", ErrContradict
	}
	for _, owner := range h.Owners {
		code, err := r.codeOf(ctx, owner)
		if err != nil {
			return "", err
		}
		if !agree(code) {
			return "", ErrContradict
		}
	}
	return given, nil
}

func (r *Resolver) byHost(ctx context.Context, host string) (string, error) {
	host = strings.ToLower(strings.TrimSuffix(host, "."))
	if host == "" || host == r.public || host == r.base {
		return "", nil
	}
	if label, ok := strings.CutSuffix(host, "."+r.base); ok && r.base != "" {
		code, err := tenant.ParseCode(label)
		if err != nil {
			return "", ErrMalformed
		}
		return string(code), nil
	}
	name, err := tenant.ParseHost(host)
	if err != nil {
		return "", nil //nolint:nilerr // a host that nobody can register, such as an address, names no tenant
	}
	t, err := r.live.TenantByHost(ctx, name)
	if errors.Is(err, tenant.ErrNotFound) {
		return "", nil
	}
	if err != nil {
		return "", fmt.Errorf("find tenant by host: %w", err)
	}
	return string(t.Code()), nil
}

func (r *Resolver) codeOf(ctx context.Context, owner tenant.ID) (string, error) {
	t, err := r.live.Tenant(ctx, owner)
	if errors.Is(err, tenant.ErrNotFound) {
		return stranger, nil
	}
	if err != nil {
		return "", fmt.Errorf("find tenant of credential: %w", err)
	}
	return string(t.Code()), nil
}
