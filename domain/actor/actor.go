// Package actor says who acts on the admin API and what they may do. How they
// proved who they are is decided elsewhere.
package actor

import (
	"slices"

	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// Refusals about permissions.
var (
	ErrForbidden = fault.New(fault.Forbidden, "forbidden", "You are not allowed to do that.").
			Traced(fault.Step{Name: "permission", Outcome: "missing"})
	ErrPermission = fault.New(fault.Invalid, "permission_unknown", "That permission does not exist.")
)

// Permission is a right on the admin API.
type Permission string

// The permissions.
const (
	SettingsRead   Permission = "settings:read"
	SettingsWrite  Permission = "settings:write"
	TenantsRead    Permission = "tenants:read"
	TenantsWrite   Permission = "tenants:write"
	ScopesRead     Permission = "scopes:read"
	ScopesWrite    Permission = "scopes:write"
	CompaniesRead  Permission = "companies:read"
	CompaniesWrite Permission = "companies:write"
	ContactsRead   Permission = "contacts:read"
	ContactsWrite  Permission = "contacts:write"
	UsersWrite     Permission = "users:write"
	DocumentsWrite Permission = "documents:write"
	TokensWrite    Permission = "tokens:write"
	AuditRead      Permission = "audit:read"
	KeysWrite      Permission = "keys:write"
)

// TenantPermissions are those that a tenant's credential may hold.
func TenantPermissions() []Permission {
	return []Permission{
		SettingsRead, SettingsWrite, ScopesRead, ScopesWrite, CompaniesRead, CompaniesWrite,
		ContactsRead, ContactsWrite, UsersWrite, DocumentsWrite, TokensWrite, AuditRead,
	}
}

// OperatorPermissions are all of them.
func OperatorPermissions() []Permission {
	return append(TenantPermissions(), TenantsRead, TenantsWrite, KeysWrite)
}

// ParsePermission accepts the permissions there are.
func ParsePermission(s string) (Permission, error) {
	if !slices.Contains(OperatorPermissions(), Permission(s)) {
		return "", ErrPermission
	}
	return Permission(s), nil
}

// Kind says what kind of credential an actor showed.
type Kind string

// The kinds of actor. System is Ostiary itself, Anonymous nobody proven.
const (
	Operator  Kind = "operator"
	Token     Kind = "token"
	User      Kind = "user"
	System    Kind = "system"
	Anonymous Kind = "anonymous"
)

// Actor is who acts.
type Actor struct {
	Kind        Kind
	ID          string    // token or user id; "" for the configured operator
	Tenant      tenant.ID // zero: belongs to the operator
	Permissions []Permission
	Admin       bool // holds the role admin, or is the operator
}

// TheOperator may do everything.
func TheOperator(id string) Actor {
	return Actor{Kind: Operator, ID: id, Permissions: OperatorPermissions(), Admin: true}
}

// String names the actor in audit records: kind:id.
func (a Actor) String() string { return string(a.Kind) + ":" + a.ID }

// OfOperator reports whether the actor belongs to the operator.
func (a Actor) OfOperator() bool { return a.Tenant.IsZero() }

// Has reports whether the actor holds p.
func (a Actor) Has(p Permission) bool { return slices.Contains(a.Permissions, p) }

// May returns ErrForbidden unless the actor holds p. For another tenant's
// credential the tenant does not exist: tenant.ErrNotFound.
func (a Actor) May(p Permission, t tenant.ID) error {
	if !a.OfOperator() && a.Tenant != t {
		return tenant.ErrNotFound
	}
	if !a.Has(p) {
		return ErrForbidden
	}
	return nil
}

// MayOperate returns ErrForbidden unless the actor is of the operator and holds p.
func (a Actor) MayOperate(p Permission) error {
	if !a.OfOperator() || !a.Has(p) {
		return ErrForbidden
	}
	return nil
}

// MayGrant returns ErrForbidden when ps holds what the actor lacks.
func (a Actor) MayGrant(ps []Permission) error {
	for _, p := range ps {
		if !a.Has(p) {
			return ErrForbidden
		}
	}
	return nil
}

// MayHandleRoles reports whether the actor may give or take roles and touch
// the credentials of those who hold one.
func (a Actor) MayHandleRoles() bool { return a.Admin }
