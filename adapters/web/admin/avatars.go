package admin

import (
	"ostiary/adapters/web"
	"ostiary/app/directory"
	"ostiary/domain/company"
	"ostiary/domain/contact"
)

func (a *API) putCompanyAvatar(r *request) (answer, error) {
	raw, match, err := r.picture()
	if err != nil {
		return answer{}, err
	}
	var c *company.Company
	err = match.try(func(version int64) (err error) {
		c, err = a.use.Avatars.PutCompany(r.Context(), directory.CompanyAvatarInput{
			Caller: r.directory(), ID: r.company(), IfMatch: version, Raw: raw,
		})
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return companyAnswer(200, c)
}

func (a *API) putContactAvatar(r *request) (answer, error) {
	raw, match, err := r.picture()
	if err != nil {
		return answer{}, err
	}
	var c *contact.Contact
	err = match.try(func(version int64) (err error) {
		c, err = a.use.Avatars.PutContact(r.Context(), directory.ContactAvatarInput{
			Caller: r.directory(), ID: r.contact(), IfMatch: version, Raw: raw,
		})
		return err
	})
	if err != nil {
		return answer{}, err
	}
	return contactAnswer(200, c)
}

// picture reads the body; what it really is, the bytes decide.
func (r *request) picture() ([]byte, condition[int64], error) {
	match, err := r.versions()
	if err != nil {
		return nil, match, err
	}
	if !r.HasBody() {
		return nil, match, web.ErrMalformed
	}
	if err := r.RequireType("image/png", "image/jpeg", "image/webp"); err != nil {
		return nil, match, err
	}
	raw, err := r.Raw()
	return raw, match, err
}
