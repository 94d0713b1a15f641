// Package luminous speaks the dialect "Luminous" of /external/api/v1. It owns
// paths, JSON and statuses; who may do what is decided by the use cases that
// it calls.
package luminous

import (
	"ostiary/adapters/web"
	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/tenancy"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
)

// API answers the dialect.
type API struct {
	guard     *access.Guard
	resolver  *tenancy.Resolver
	contacts  *directory.Contacts
	enrolment *credential.Enrolment
}

// New puts the parts together.
func New(guard *access.Guard, resolver *tenancy.Resolver, contacts *directory.Contacts, enrolment *credential.Enrolment) *API {
	return &API{guard: guard, resolver: resolver, contacts: contacts, enrolment: enrolment}
}

const root = "/external/api/v1"

// Dialect is the table of routes.
func (a *API) Dialect() web.Dialect {
	return web.Dialect{
		Name: "luminous", Render: render, CORS: true, Tenanted: true, Prefixes: []string{root},
		Routes: []web.Route{
			{Method: "POST", Path: root + "/contacts/{contactId}/b2b-portal-password", Handler: a.setPassword},
			{Method: "POST", Path: root + "/contacts/{contactId}/password", Handler: a.setPassword},
			{Method: "GET", Path: root + "/contacts/{contactId}", Handler: a.get},
			{Method: "POST", Path: root + "/contacts/{contactId}", Handler: a.update},
			{Method: "GET", Path: root + "/contacts", Handler: a.list},
			{Method: "POST", Path: root + "/contacts", Handler: a.create},
			{Method: "GET", Path: root + "/companies/{companyId}/contacts", Handler: a.listOfCompany},
		},
	}
}

// caller proves the API token and says which tenant the call is about: a
// tenant's token names its own, the operator's leaves that to the other
// sources.
func (a *API) caller(c *web.Call) (directory.Caller, error) {
	token, err := c.RequireBearer()
	if err != nil {
		return directory.Caller{}, err
	}
	hints, err := c.Hints("")
	if err != nil {
		return directory.Caller{}, err
	}
	who, err := a.guard.Program(c.Context(), access.Bearer{Token: token, Hints: hints})
	if err != nil {
		return directory.Caller{}, err
	}
	c.SetActor(who.String())
	// Nobody handles the holders of roles by this dialect, the operator included.
	who.Admin = false
	if !who.OfOperator() {
		hints = hints.Owned(who.Tenant)
	}
	ref, err := a.resolver.Resolve(c.Context(), hints)
	if err != nil {
		return directory.Caller{}, err
	}
	c.SetTenant(ref.ID())
	return directory.Caller{Actor: who, Tenant: tenant.Code(ref.Given)}, nil
}

// named is caller with the contact of the path. What is no id names nobody.
func (a *API) named(c *web.Call) (directory.Caller, contact.ID, error) {
	who, err := a.caller(c)
	if err != nil {
		return directory.Caller{}, contact.ID{}, err
	}
	id, err := contact.ParseID(c.Param("contactId"))
	if err != nil {
		return directory.Caller{}, contact.ID{}, contact.ErrNotFound
	}
	return who, id, nil
}
