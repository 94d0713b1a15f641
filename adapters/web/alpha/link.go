package alpha

import (
	"cmp"

	"ostiary/adapters/web"
	"ostiary/app/signin"
	"ostiary/domain/email"
	"ostiary/domain/secret"
	"ostiary/domain/session"
)

func (a *API) requestLink(c *web.Call) error {
	var in struct {
		Email      string `json:"email"`
		TenantCode string `json:"tenantCode"`
	}
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	to, err := email.Parse(in.Email)
	if err != nil {
		return err
	}
	h, err := a.hints(c, in.TenantCode)
	if err != nil {
		return err
	}
	binding, err := a.Links.Request(c.Context(), signin.LinkInput{Hints: h, Email: to, Origin: c.OriginKey()})
	if err != nil {
		return err
	}
	c.Set("X-Link-Binding", binding.Text())
	c.Set("Set-Cookie", a.bindingCookie(binding))
	return c.Empty(200)
}

func (a *API) validate(c *web.Call) error {
	token, code, err := linkToken(c)
	if err != nil {
		return err
	}
	parsed, err := session.ParseLinkToken(token)
	h, err := held(c, code, parsed.Tenant, err)
	if err != nil {
		return err
	}
	g, err := a.Links.Validate(c.Context(), signin.ValidateInput{Hints: h, Token: token, Client: clientOf(c), Origin: c.OriginKey()})
	if err != nil {
		return err
	}
	return c.JSON(200, a.tokensOf(g))
}

// linkToken reads the token from the query or the body. When it is in both the
// two must be equal: whoever sends two tokens cannot mean one.
func linkToken(c *web.Call) (token secret.Text, tenantCode string, err error) {
	var in struct {
		Token      secret.Text `json:"token"`
		TenantCode string      `json:"tenantCode"`
	}
	query, err := c.Query("token")
	if err != nil {
		return secret.Text{}, "", err
	}
	if c.HasBody() {
		if err := c.Decode(&in, web.Lenient); err != nil {
			return secret.Text{}, "", err
		}
	}
	token = secret.New(query)
	if token.IsZero() {
		token = in.Token
	}
	if token.IsZero() || (!in.Token.IsZero() && !in.Token.Equal(token)) {
		return secret.Text{}, "", errToken
	}
	return token, in.TenantCode, nil
}

func (a *API) validateCode(c *web.Call) error {
	var in struct {
		Email      string `json:"email"`
		Code       string `json:"code"`
		TenantCode string `json:"tenantCode"`
	}
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	to, err := email.Parse(in.Email)
	if err != nil {
		return err
	}
	if in.Code == "" {
		return errCode
	}
	binding, err := a.binding(c)
	if err != nil {
		return err
	}
	h, err := a.hints(c, in.TenantCode)
	if err != nil {
		return err
	}
	g, err := a.Links.ValidateCode(c.Context(), signin.CodeInput{
		Hints: h, Email: to, Code: in.Code, Binding: binding, Client: clientOf(c), Origin: c.OriginKey(),
	})
	if err != nil {
		return err
	}
	return c.JSON(200, a.tokensOf(g))
}

// binding prefers the header: who sends it says so on purpose.
func (a *API) binding(c *web.Call) (string, error) {
	header, err := c.Header("X-Link-Binding")
	if err != nil {
		return "", err
	}
	return cmp.Or(header, c.Fiber().Cookies(a.cookieName())), nil
}

func (a *API) cookieName() string {
	if a.cfg.HTTPS {
		return "__Host-ostiary-link"
	}
	return "ostiary-link"
}

// bindingCookie outlives the longest link. Lax, because the link is opened
// from a mail; the page that uses it posts to its own origin.
func (a *API) bindingCookie(b session.Binding) string {
	cookie := a.cookieName() + "=" + b.Text() + "; Path=/; Max-Age=2700; HttpOnly; SameSite=Lax"
	if a.cfg.HTTPS {
		cookie += "; Secure"
	}
	return cookie
}
