package exsited

import (
	"strconv"

	"ostiary/adapters/web"
	"ostiary/app/signin"
	"ostiary/domain/email"
	"ostiary/domain/secret"
	"ostiary/domain/session"
)

func (a *API) login(c *web.Call) error {
	var in struct {
		Email    string      `json:"email"`
		Password secret.Text `json:"password"`
	}
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	address, err := email.Parse(in.Email)
	if err != nil {
		return err
	}
	if in.Password.IsZero() {
		return errPassword
	}
	h, err := a.hints(c)
	if err != nil {
		return err
	}
	out, err := a.Passwords.Account(c.Context(), signin.PasswordInput{
		Hints: h, Email: address, Password: in.Password, Origin: c.OriginKey(),
		Client: session.Client{UserAgent: c.UserAgent(), Address: c.Address()},
	})
	if err != nil {
		return err
	}
	a.hand(c, out.Grant)
	return c.JSON(200, account{User: a.userOf(out)})
}

// hand puts the session into headers: the body has no place for it.
func (a *API) hand(c *web.Call, g signin.Grant) {
	if g.Access.IsZero() {
		return
	}
	expires := g.AccessExpires.UnixMilli()
	if a.seconds {
		expires = g.AccessExpires.Unix()
	}
	c.Set("X-Access-Token", g.Access.Reveal())
	c.Set("X-Access-Expires-Unix", strconv.FormatInt(expires, 10))
	c.Set("X-Refresh-Token", g.Refresh.Reveal())
}
