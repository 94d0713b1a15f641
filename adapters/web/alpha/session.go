package alpha

import (
	"errors"

	"ostiary/adapters/web"
	"ostiary/app/signin"
	"ostiary/domain/company"
	"ostiary/domain/secret"
	"ostiary/domain/session"
)

func (a *API) refresh(c *web.Call) error {
	var in refreshBody
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	if in.RefreshToken.IsZero() {
		return errToken
	}
	return a.renew(c, in)
}

func (a *API) parityRefresh(c *web.Call) error {
	return a.renew(c, refreshBody{RefreshToken: secret.New(c.Param("refreshToken"))})
}

func (a *API) renew(c *web.Call, sent refreshBody) error {
	in, err := sent.input(c)
	if err != nil {
		return err
	}
	g, err := a.Sessions.Refresh(c.Context(), in)
	if err != nil {
		return err
	}
	return c.JSON(200, a.tokensOf(g))
}

// refreshBody is a refresh token in hand, with the tenant it is said to be of.
type refreshBody struct {
	RefreshToken secret.Text `json:"refreshToken"`
	TenantCode   string      `json:"tenantCode"`
}

func (b refreshBody) input(c *web.Call) (signin.RefreshInput, error) {
	parsed, err := session.ParseRefresh(b.RefreshToken)
	h, err := held(c, b.TenantCode, parsed.Tenant, err)
	return signin.RefreshInput{Hints: h, Token: b.RefreshToken}, err
}

// logout ends what either credential names. A refresh token in the body is
// enough even when the bearer's token has run out meanwhile.
func (a *API) logout(c *web.Call) error {
	var in refreshBody
	if c.HasBody() {
		if err := c.Decode(&in, web.Lenient); err != nil {
			return err
		}
	}
	ended := a.endBearer(c, in.TenantCode)
	if in.RefreshToken.IsZero() || (ended != nil && !errors.Is(ended, web.ErrBearer)) {
		if ended != nil {
			return ended
		}
		return left(c)
	}
	return a.forget(c, in)
}

// left lets the browser forget the pictures that it was allowed to keep, and
// pages that it would show again without asking (OWASP ASVS 5.0, 14.3.1).
// Cookies and storage are not named: Ostiary keeps nothing there that opens
// anything, and where a front end shares its host they are the front end's.
func left(c *web.Call) error {
	c.Set("Clear-Site-Data", `"cache"`)
	return c.NoContent()
}

// endBearer returns an error that matches web.ErrBearer when no bearer proved
// anything.
func (a *API) endBearer(c *web.Call, code string) error {
	_, b, err := a.changer(c)
	if err != nil {
		return err
	}
	b.Hints.Body = code
	return a.Sessions.Logout(c.Context(), b)
}

func (a *API) parityLogout(c *web.Call) error {
	return a.forget(c, refreshBody{RefreshToken: secret.New(c.Param("refreshToken"))})
}

func (a *API) forget(c *web.Call, sent refreshBody) error {
	in, err := sent.input(c)
	if err != nil {
		return err
	}
	if err := a.Sessions.Forget(c.Context(), in); err != nil {
		return err
	}
	return left(c)
}

func (a *API) switchPortal(c *web.Call) error {
	_, b, err := a.visitor(c)
	if err != nil {
		return err
	}
	var in struct {
		Portal     string `json:"portal"`
		TenantCode string `json:"tenantCode"`
	}
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	portal, err := company.ParsePortalID(in.Portal)
	if err != nil {
		return err
	}
	b.Hints.Body = in.TenantCode
	g, err := a.Sessions.Switch(c.Context(), signin.SwitchInput{Bearer: b, Portal: portal, Client: clientOf(c)})
	if err != nil {
		return err
	}
	return c.JSON(200, a.tokensOf(g))
}

func (a *API) listSessions(c *web.Call) error {
	_, b, err := a.visitor(c)
	if err != nil {
		return err
	}
	listed, err := a.Sessions.List(c.Context(), b)
	if err != nil {
		return err
	}
	return c.JSON(200, sessionsOf(listed))
}

func (a *API) endOtherSessions(c *web.Call) error {
	_, b, err := a.visitor(c)
	if err != nil {
		return err
	}
	if err := a.Sessions.EndOthers(c.Context(), b); err != nil {
		return err
	}
	return c.NoContent()
}

func (a *API) endSession(c *web.Call) error {
	_, b, err := a.visitor(c)
	if err != nil {
		return err
	}
	id, err := session.ParseID(c.Param("id"))
	if err != nil {
		return session.ErrNotFound
	}
	if err := a.Sessions.EndOne(c.Context(), signin.EndInput{Bearer: b, Session: id}); err != nil {
		return err
	}
	return c.NoContent()
}
