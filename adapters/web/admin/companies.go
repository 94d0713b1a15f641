package admin

import (
	"ostiary/app/directory"
	"ostiary/domain/company"
	"ostiary/domain/id"
)

// company is the one that the path names; text that is no id names none.
func (r *request) company() company.ID {
	out, _ := company.ParseID(r.Param("id"))
	return out
}

func (a *API) createCompany(r *request) (answer, error) {
	var in companyState
	if err := r.decode(&in); err != nil {
		return answer{}, err
	}
	unspoken := in.Portal == nil
	if unspoken {
		in.Portal = &portalState{}
	}
	if in.Portal.Enabled == nil {
		enabled := true
		in.Portal.Enabled = &enabled
	}
	d, err := readCompany(in)
	if err != nil {
		return answer{}, err
	}
	c, err := a.use.Companies.Create(r.Context(), directory.CreateCompanyInput{Caller: r.directory(), Details: d, DefaultPortal: unspoken})
	if err != nil {
		return answer{}, err
	}
	out, err := companyAnswer(201, c)
	out.Location = r.path("companies", c.ID().String())
	return out, err
}

func (a *API) listCompanies(r *request) (answer, error) {
	var f form
	s, err := spanOf(r, &f, company.ParseID)
	if err != nil {
		return answer{}, err
	}
	if err := f.err(); err != nil {
		return answer{}, err
	}
	items, more, err := a.use.Companies.List(r.Context(), directory.ListCompaniesInput{Caller: r.directory(), After: s.after, Limit: s.limit})
	if err != nil {
		return answer{}, err
	}
	return listed(items, more, showCompany, keyOf)
}

// keyOf is the cursor of what is listed by rising number.
func keyOf[K any, A interface{ ID() id.Number[K] }](item A) string { return item.ID().String() }

func (a *API) getCompany(r *request) (answer, error) {
	c, err := a.use.Companies.Get(r.Context(), directory.GetCompanyInput{Caller: r.directory(), ID: r.company()})
	if err != nil {
		return answer{}, err
	}
	return companyAnswer(200, c)
}

func (a *API) changeCompany(r *request) (answer, error) {
	patch, err := r.patchOf(&companyState{})
	if err != nil {
		return answer{}, err
	}
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	var c *company.Company
	err = match.try(func(version int64) (err error) {
		c, err = a.use.Companies.Update(r.Context(), directory.UpdateCompanyInput{
			Caller: r.directory(), ID: r.company(), IfMatch: version, Edit: editing(patch, companyStateOf, readCompany),
		})
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return companyAnswer(200, c)
}

func (a *API) deleteCompany(r *request) (answer, error) {
	match, err := r.versions()
	if err != nil {
		return answer{}, err
	}
	err = match.try(func(version int64) error {
		return a.use.Companies.Delete(r.Context(), directory.DeleteCompanyInput{Caller: r.directory(), ID: r.company(), IfMatch: version})
	})
	if err != nil {
		return answer{}, err
	}
	return gone()
}
