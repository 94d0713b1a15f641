package tenancy

import (
	"context"
	"slices"
)

// OriginAllowed reports whether a page of origin may read answers about the
// tenant that the hints name. Without any hint, as in a preflight that names
// no tenant, it is enough that one active tenant lists the origin: the answer
// itself is then judged again. What cannot be decided is not allowed.
func (r *Resolver) OriginAllowed(ctx context.Context, h Hints, origin string) bool {
	given, err := r.named(ctx, h)
	if err != nil {
		return false
	}
	if given == "" {
		allowed, err := r.live.OriginAllowed(ctx, origin)
		return err == nil && allowed
	}
	ref, err := r.Resolve(ctx, h)
	return err == nil && ref.Known() && slices.Contains(ref.Tenant.Settings().Origins, origin)
}
