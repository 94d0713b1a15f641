package admin

import (
	"ostiary/adapters/web"
	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/ledger"
	"ostiary/app/operation"
	"ostiary/app/tenancy"
)

// UseCases are what the routes call.
type UseCases struct {
	Guard       *access.Guard
	Tenants     *tenancy.Admin
	Companies   *directory.Companies
	Contacts    *directory.Contacts
	Tags        *directory.Tags
	Avatars     *directory.Avatars
	Logins      *credential.Logins
	Ledger      *ledger.Service
	Tokens      *operation.APITokens
	Audit       *operation.Audit
	Receipts    *operation.Receipts
	Keys        *operation.Keys
	Idempotency *operation.Idempotency
}

// API answers the routes below /admin/v1.
type API struct{ use UseCases }

// New takes the use cases; all are needed.
func New(u UseCases) *API { return &API{use: u} }

const (
	root         = "/admin/v1"
	tenantsPath  = root + "/tenants"
	tenantPath   = tenantsPath + "/{code}"
	companyPath  = tenantPath + "/companies/{id}"
	contactPath  = tenantPath + "/contacts/{id}"
	documentPath = companyPath + "/documents/{kind}/{ref}"

	maxPicture = 5 << 20
	maxBatch   = 16 << 20
)

// Dialect is the whole route table. The code in a path names what is acted
// on; it is no hint at who is asking.
func (a *API) Dialect() web.Dialect {
	return web.Dialect{
		Name: "admin", Prefixes: []string{root}, CORS: true, Render: render,
		Routes: []web.Route{
			a.post(tenantsPath, a.createTenant), a.get(tenantsPath, a.listTenants),
			a.get(tenantPath, a.getTenant), a.patch(tenantPath, a.changeTenant), a.remove(tenantPath, a.deleteTenant),
			a.get(tenantPath+"/scopes", a.getScopes), a.put(tenantPath+"/scopes", a.putScopes),

			a.post(tenantPath+"/companies", a.createCompany), a.get(tenantPath+"/companies", a.listCompanies),
			a.get(companyPath, a.getCompany), a.patch(companyPath, a.changeCompany), a.remove(companyPath, a.deleteCompany),
			sized(a.put(companyPath+"/avatar", a.putCompanyAvatar), maxPicture),
			slashed(a.put(documentPath, a.putDocument)), slashed(a.remove(documentPath, a.deleteDocument)),
			sized(a.post(tenantPath+"/documents:batch", a.putDocuments), maxBatch),

			a.post(tenantPath+"/contacts", a.createContact), a.get(tenantPath+"/contacts", a.listContacts),
			a.get(contactPath, a.getContact), a.patch(contactPath, a.changeContact), a.remove(contactPath, a.deleteContact),
			sized(a.put(contactPath+"/avatar", a.putContactAvatar), maxPicture),
			a.post(contactPath+"/invitation", a.inviteContact), a.put(contactPath+"/password", a.putPassword),
			a.get(contactPath+"/user", a.getUser), a.patch(contactPath+"/user", a.changeUser),
			a.remove(contactPath+"/sessions", a.endSessions),

			a.post(tenantPath+"/tags", a.createTag), a.get(tenantPath+"/tags", a.listTags),
			a.get(tenantPath+"/tags/{id}", a.getTag), a.patch(tenantPath+"/tags/{id}", a.changeTag), a.remove(tenantPath+"/tags/{id}", a.deleteTag),

			a.post(tenantPath+"/api-tokens", a.createToken), a.get(tenantPath+"/api-tokens", a.listTokens),
			a.remove(tenantPath+"/api-tokens/{id}", a.revokeToken),
			a.post(root+"/api-tokens", a.createToken), a.get(root+"/api-tokens", a.listTokens),
			a.remove(root+"/api-tokens/{id}", a.revokeToken),

			a.get(tenantPath+"/audit-events", a.listEvents), a.get(tenantPath+"/receipts/{receipt}", a.openReceipt),
			a.get(root+"/keys", a.listKeys), a.post(root+"/keys/rotate", a.rotateKeys), a.remove(root+"/keys/{kid}", a.removeKey),
		},
	}
}

func (a *API) get(path string, h handler) web.Route {
	return web.Route{Method: "GET", Path: path, Handler: a.authenticated(fresh(h))}
}

func (a *API) post(path string, h handler) web.Route {
	return web.Route{Method: "POST", Path: path, Handler: a.authenticated(a.once(h))}
}

func (a *API) put(path string, h handler) web.Route {
	return web.Route{Method: "PUT", Path: path, Handler: a.authenticated(h)}
}

func (a *API) patch(path string, h handler) web.Route {
	return web.Route{Method: "PATCH", Path: path, Handler: a.authenticated(h)}
}

func (a *API) remove(path string, h handler) web.Route {
	return web.Route{Method: "DELETE", Path: path, Handler: a.authenticated(h)}
}

// slashed is for references: INV/2026/1 is sent as INV%2F2026%2F1.
func slashed(r web.Route) web.Route {
	r.Slashes = true
	return r
}

func sized(r web.Route, most int64) web.Route {
	r.MaxBody = most
	return r
}
