package admin

import (
	"encoding/json"

	"ostiary/app/tenancy"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

func (a *API) createTenant(r *request) (answer, error) {
	var in struct {
		Code string `json:"code"`
		newTenant
	}
	if err := r.decode(&in); err != nil {
		return answer{}, err
	}
	var f form
	code, err := tenant.ParseCode(in.Code)
	f.refuse("/code", err)
	d := in.details(&f)
	if err := f.err(); err != nil {
		return answer{}, err
	}
	t, err := a.use.Tenants.Create(r.Context(), tenancy.CreateInput{Actor: r.actor, Code: code, Details: d})
	if err != nil {
		return answer{}, err
	}
	out, err := tenantAnswer(201, t)
	out.Location = tenantsPath + "/" + string(t.Code())
	return out, err
}

func (a *API) listTenants(r *request) (answer, error) {
	var f form
	s, err := spanOf(r, &f, tenant.ParseCode)
	if err != nil {
		return answer{}, err
	}
	if err := f.err(); err != nil {
		return answer{}, err
	}
	items, more, err := a.use.Tenants.List(r.Context(), tenancy.ListInput{Actor: r.actor, After: s.after, Limit: s.limit})
	if err != nil {
		return answer{}, err
	}
	return listed(items, more, showTenant, func(t *tenant.Tenant) string { return string(t.Code()) })
}

func (a *API) getTenant(r *request) (answer, error) {
	t, err := a.use.Tenants.Get(r.Context(), tenancy.GetInput{Actor: r.actor, Tenant: r.code})
	if err != nil {
		return answer{}, err
	}
	return tenantAnswer(200, t)
}

func (a *API) changeTenant(r *request) (answer, error) {
	var sent struct {
		Code json.RawMessage `json:"code"`
		tenantState
	}
	patch, err := r.patchOf(&sent)
	if err != nil {
		return answer{}, err
	}
	if sent.Code != nil {
		return answer{}, fault.At("/code", "code_immutable", "The code of a tenant never changes.")
	}
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	var t *tenant.Tenant
	err = match.try(func(version int64) (err error) {
		t, err = a.use.Tenants.Update(r.Context(), tenancy.UpdateInput{
			Actor: r.actor, Tenant: r.code, IfMatch: version, Edit: editing(patch, stateOf, readTenant),
		})
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return tenantAnswer(200, t)
}

func (a *API) deleteTenant(r *request) (answer, error) {
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	err = match.try(func(version int64) error {
		return a.use.Tenants.Delete(r.Context(), tenancy.DeleteInput{Actor: r.actor, Tenant: r.code, IfMatch: version})
	})
	if err != nil {
		return answer{}, err
	}
	return gone()
}

func (a *API) getScopes(r *request) (answer, error) {
	t, err := a.use.Tenants.Scopes(r.Context(), tenancy.GetInput{Actor: r.actor, Tenant: r.code})
	if err != nil {
		return answer{}, err
	}
	return scopesAnswer(t)
}

func (a *API) putScopes(r *request) (answer, error) {
	var in map[string]*bool
	if err := r.decode(&in); err != nil {
		return answer{}, err
	}
	var f form
	f.unless(in != nil, "", "required", "An object of scope names is required.")
	scopes := f.scopes("", in)
	if err := f.err(); err != nil {
		return answer{}, err
	}
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	var t *tenant.Tenant
	err = match.try(func(version int64) (err error) {
		t, err = a.use.Tenants.PutScopes(r.Context(), tenancy.PutScopesInput{
			Actor: r.actor, Tenant: r.code, IfMatch: version, Scopes: scopes,
		})
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return scopesAnswer(t)
}
