package spec_test

import "strings"

// dialects are the routes that also exist below /t/{tenantCode}, written down
// from the public contract and not from the document.
const dialects = `
POST /api/v1/portal/auth/request-magic-link
POST /api/v1/portal/auth/validate
POST /api/v1/portal/auth/validate-code
POST /api/v1/portal/auth/login
POST /api/v1/portal/auth/refresh
POST /api/v1/portal/auth/logout
POST /api/v1/portal/auth/switch
POST /api/v1/portal/auth/change-password
GET /api/v1/portal/auth/sessions
DELETE /api/v1/portal/auth/sessions
DELETE /api/v1/portal/auth/sessions/{id}
GET /api/v1/portal/me
GET /api/v1/portal/client
GET /api/v1/portal/scopes
GET /api/v1/portal/dashboard/stats
GET /api/v1/portal/blobs/{blobId}
POST /api/v1/auth/login
GET /api/v1/auth/refresh/{refreshToken}
GET /api/v1/auth/logout/{refreshToken}
GET /api/v3/portal/login
POST /api/v3/portal/login
GET /api/v3/portal/change-password
POST /api/v3/portal/change-password
POST /external/api/v1/contacts/{contactId}/b2b-portal-password
POST /external/api/v1/contacts/{contactId}/password
GET /external/api/v1/contacts/{contactId}
POST /external/api/v1/contacts/{contactId}
GET /external/api/v1/contacts
POST /external/api/v1/contacts
GET /external/api/v1/companies/{companyId}/contacts`

const others = `
POST /admin/v1/tenants
GET /admin/v1/tenants
GET /admin/v1/tenants/{code}
PATCH /admin/v1/tenants/{code}
DELETE /admin/v1/tenants/{code}
GET /admin/v1/tenants/{code}/scopes
PUT /admin/v1/tenants/{code}/scopes
POST /admin/v1/tenants/{code}/companies
GET /admin/v1/tenants/{code}/companies
GET /admin/v1/tenants/{code}/companies/{id}
PATCH /admin/v1/tenants/{code}/companies/{id}
DELETE /admin/v1/tenants/{code}/companies/{id}
PUT /admin/v1/tenants/{code}/companies/{id}/avatar
PUT /admin/v1/tenants/{code}/companies/{id}/documents/{kind}/{ref}
DELETE /admin/v1/tenants/{code}/companies/{id}/documents/{kind}/{ref}
POST /admin/v1/tenants/{code}/documents:batch
POST /admin/v1/tenants/{code}/contacts
GET /admin/v1/tenants/{code}/contacts
GET /admin/v1/tenants/{code}/contacts/{id}
PATCH /admin/v1/tenants/{code}/contacts/{id}
DELETE /admin/v1/tenants/{code}/contacts/{id}
PUT /admin/v1/tenants/{code}/contacts/{id}/avatar
POST /admin/v1/tenants/{code}/contacts/{id}/invitation
PUT /admin/v1/tenants/{code}/contacts/{id}/password
GET /admin/v1/tenants/{code}/contacts/{id}/user
PATCH /admin/v1/tenants/{code}/contacts/{id}/user
DELETE /admin/v1/tenants/{code}/contacts/{id}/sessions
GET /admin/v1/tenants/{code}/receipts/{receipt}
POST /admin/v1/tenants/{code}/tags
GET /admin/v1/tenants/{code}/tags
GET /admin/v1/tenants/{code}/tags/{id}
PATCH /admin/v1/tenants/{code}/tags/{id}
DELETE /admin/v1/tenants/{code}/tags/{id}
POST /admin/v1/tenants/{code}/api-tokens
GET /admin/v1/tenants/{code}/api-tokens
DELETE /admin/v1/tenants/{code}/api-tokens/{id}
GET /admin/v1/tenants/{code}/audit-events
POST /admin/v1/api-tokens
GET /admin/v1/api-tokens
DELETE /admin/v1/api-tokens/{id}
GET /admin/v1/keys
POST /admin/v1/keys/rotate
DELETE /admin/v1/keys/{kid}
GET /healthz
GET /readyz
GET /metrics
GET /debug/pprof/{profile}
GET /openapi.json
GET /docs
GET /docs/{asset}
GET /.well-known/jwks.json
GET /t/{tenantCode}/.well-known/jwks.json
GET /.well-known/openid-configuration
GET /.well-known/change-password
GET /blobs/{id}
GET /t/{tenantCode}/magic
POST /t/{tenantCode}/magic`

func contractRoutes() []string {
	var out []string
	for route := range strings.Lines(strings.TrimSpace(dialects)) {
		method, path, _ := strings.Cut(strings.TrimSpace(route), " ")
		out = append(out, method+" "+path, method+" /t/{tenantCode}"+path)
	}
	for route := range strings.Lines(strings.TrimSpace(others)) {
		out = append(out, strings.TrimSpace(route))
	}
	return out
}
