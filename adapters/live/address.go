package live

import (
	"context"
	"errors"

	"ostiary/domain/tenant"
)

// TenantByCode implements port.Live.
func (l *Live) TenantByCode(ctx context.Context, code tenant.Code) (*tenant.Tenant, error) {
	if err := l.Fresh(); err != nil {
		return nil, err
	}
	return resolve(ctx, l, l.codes, code, l.stores.Tenants.ByCode)
}

// TenantByHost implements port.Live.
func (l *Live) TenantByHost(ctx context.Context, host tenant.Host) (*tenant.Tenant, error) {
	if err := l.Fresh(); err != nil {
		return nil, err
	}
	return resolve(ctx, l, l.hosts, host, l.stores.Tenants.ByHost)
}

// OriginAllowed implements port.Live.
func (l *Live) OriginAllowed(ctx context.Context, origin string) (bool, error) {
	if err := l.Fresh(); err != nil {
		return false, err
	}
	return l.origins.get(ctx, origin, func(ctx context.Context) (bool, error) {
		return l.stores.Tenants.OriginAllowed(ctx, origin)
	})
}

// addresses say whose a code or a host is.
type addresses[K comparable] struct {
	*shelf[K, tenant.ID] // zero: nobody's

	finding flights[K, *tenant.Tenant]
}

func newAddresses[K comparable](limit int) (*addresses[K], error) {
	s, err := newShelf[K, tenant.ID](limit)
	return &addresses[K]{shelf: s}, err
}

// resolve remembers whose a code or host is, and also that it is nobody's, so
// that asking for an unknown tenant costs what asking for a known one does.
// Everything so remembered is dropped when any tenant changes.
func resolve[K comparable](ctx context.Context, l *Live, a *addresses[K], k K, load func(context.Context, K) (*tenant.Tenant, error)) (*tenant.Tenant, error) {
	if id, ok := a.peek(k); ok {
		if id.IsZero() {
			return nil, tenant.ErrNotFound
		}
		return l.Tenant(ctx, id)
	}
	under := a.changes.of(k)
	return a.finding.fly(ctx, k, under, func(ctx context.Context) (*tenant.Tenant, error) {
		t, err := load(ctx, k)
		switch {
		case err == nil:
			a.keep(k, t.ID(), under)
		case errors.Is(err, tenant.ErrNotFound):
			a.keep(k, tenant.ID{}, under)
		}
		return t, err
	})
}
