package alpha

import (
	"ostiary/adapters/web"
	"ostiary/app/credential"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/company"
	"ostiary/domain/email"
	"ostiary/domain/secret"
)

func (a *API) login(c *web.Call) error {
	var in struct {
		Email      *string     `json:"email"`
		Username   *string     `json:"username"`
		Password   secret.Text `json:"password"`
		TenantCode string      `json:"tenantCode"`
		Portal     *string     `json:"portal"`
	}
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	address, err := oneOf(in.Email, in.Username)
	if err != nil {
		return err
	}
	var portal company.PortalID
	if in.Portal != nil {
		if portal, err = company.ParsePortalID(*in.Portal); err != nil {
			return err
		}
	}
	h, err := a.hints(c, in.TenantCode)
	if err != nil {
		return err
	}
	return a.byPassword(c, h, address, in.Password, portal)
}

func (a *API) parityLogin(c *web.Call) error {
	var in struct {
		Username *string     `json:"username"`
		Password secret.Text `json:"password"`
	}
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	address, err := oneOf(in.Username, nil)
	if err != nil {
		return err
	}
	h, err := a.hints(c, "")
	if err != nil {
		return err
	}
	return a.byPassword(c, h, address, in.Password, company.PortalID{})
}

func (a *API) byPassword(c *web.Call, h tenancy.Hints, address string, password secret.Text, portal company.PortalID) error {
	to, err := email.Parse(address)
	if err != nil {
		return err
	}
	if password.IsZero() {
		return errPassword
	}
	g, err := a.Passwords.Login(c.Context(), signin.PasswordInput{
		Hints: h, Email: to, Password: password, Portal: portal, Client: clientOf(c), Origin: c.OriginKey(),
	})
	if err != nil {
		return err
	}
	return c.JSON(200, a.tokensOf(g))
}

// oneOf takes the address from either member. When both are there they must
// be equal, or another reader of the request might see another user.
func oneOf(first, second *string) (string, error) {
	switch {
	case first == nil && second == nil:
		return "", errAddress
	case first == nil:
		return *second, nil
	case second != nil && *second != *first:
		return "", errAddress
	}
	return *first, nil
}

func (a *API) changePassword(c *web.Call) error {
	_, b, err := a.changer(c)
	if err != nil {
		return err
	}
	var in struct {
		Current    secret.Text `json:"currentPassword"`
		New        secret.Text `json:"newPassword"`
		TenantCode string      `json:"tenantCode"`
	}
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	if in.Current.IsZero() || in.New.IsZero() {
		return errPassword
	}
	b.Hints.Body = in.TenantCode
	err = a.Changes.Own(c.Context(), credential.OwnInput{Bearer: b, Current: in.Current, New: in.New, Origin: c.OriginKey()})
	if err != nil {
		return err
	}
	return c.NoContent()
}
