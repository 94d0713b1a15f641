package port

import (
	"context"

	"ostiary/domain/tenant"
)

// Tenants stores tenants.
type Tenants interface {
	// Add returns tenant.ErrCodeTaken, ErrHostTaken or ErrAudienceTaken. An
	// unset audience is not compared.
	Add(ctx context.Context, t *tenant.Tenant) error

	// ByID, ByCode and ByHost return tenant.ErrNotFound.
	ByID(ctx context.Context, id tenant.ID) (*tenant.Tenant, error)
	ByCode(ctx context.Context, code tenant.Code) (*tenant.Tenant, error)
	ByHost(ctx context.Context, host tenant.Host) (*tenant.Tenant, error)

	// Update returns tenant.ErrNotFound, ErrHostTaken or ErrAudienceTaken.
	Update(ctx context.Context, id tenant.ID, change func(*tenant.Tenant) error) error

	// Delete removes the tenant with everything that is its own but its audit
	// records; tenant.ErrNotFound when there is none. version 0 deletes
	// whatever is there, another one only that: ErrVersion.
	Delete(ctx context.Context, id tenant.ID, version int64) error

	// List returns tenants by rising code, after the given one, at most limit.
	List(ctx context.Context, after tenant.Code, limit int) ([]*tenant.Tenant, error)

	// OriginAllowed reports whether any active tenant lists the CORS origin.
	OriginAllowed(ctx context.Context, origin string) (bool, error)
}
