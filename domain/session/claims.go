package session

import (
	"time"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// ErrToken is returned for an access token that does not hold.
var ErrToken = fault.New(fault.Unauthenticated, "unauthenticated", "The credentials are missing, wrong or no longer valid.")

// Claims are what an access token says (RFC 9068, RFC 7519). Exactly one
// tenant and one company.
type Claims struct {
	Issuer     string
	Audience   string
	Subject    user.ID
	Session    ID
	TokenID    string // jti
	IssuedAt   time.Time
	Expires    time.Time
	AuthTime   time.Time
	Method     Method
	TenantCode tenant.Code
	Tenant     tenant.ID
	Company    company.ID
	Portal     company.PortalID
	Contact    contact.ID
	Scopes     []string
	Roles      []user.Role
}
