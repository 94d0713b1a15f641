package exsited

import (
	"ostiary/adapters/web"
	"ostiary/app/credential"
	"ostiary/domain/email"
	"ostiary/domain/secret"
)

func (a *API) changePassword(c *web.Call) error {
	var in struct {
		Email   string      `json:"email"`
		Current secret.Text `json:"current_password"`
		New     secret.Text `json:"new_password"`
	}
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	address, err := email.Parse(in.Email)
	if err != nil {
		return err
	}
	if in.Current.IsZero() || in.New.IsZero() {
		return errPassword
	}
	h, err := a.hints(c)
	if err != nil {
		return err
	}
	err = a.Changes.ByEmail(c.Context(), credential.ByEmailInput{
		Hints: h, Email: address, Current: in.Current, New: in.New, Origin: c.OriginKey(),
	})
	if err != nil {
		return err
	}
	return c.JSON(200, message{Message: "Password changed successfully"})
}
