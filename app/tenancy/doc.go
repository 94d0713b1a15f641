// Package tenancy says which tenant a request belongs to, and lets the
// operator and tenant admins keep tenants, their scopes and their settings.
// It does not know how a request looks on the wire.
package tenancy
