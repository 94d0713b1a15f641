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

// resolve remembers whose a code or host is, and also that it is nobody's, so
// that asking for an unknown tenant costs what asking for a known one does.
// Everything so remembered is dropped when any tenant changes.
func resolve[K comparable](ctx context.Context, l *Live, s *shelf[K, tenant.ID], k K, load func(context.Context, K) (*tenant.Tenant, error)) (*tenant.Tenant, error) {
	if id, ok := s.peek(k); ok {
		if id.IsZero() {
			return nil, tenant.ErrNotFound
		}
		return l.Tenant(ctx, id)
	}
	count := s.changes.of(k)
	t, err := load(ctx, k)
	switch {
	case err == nil:
		s.keep(k, t.ID(), count)
	case errors.Is(err, tenant.ErrNotFound):
		s.keep(k, tenant.ID{}, count)
	}
	return t, err
}
