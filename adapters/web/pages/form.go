package pages

import (
	"net/url"
	"strings"
	"unicode/utf8"

	"ostiary/adapters/web"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/user"
)

// errElsewhere is returned to a form that another site sent.
var errElsewhere = user.ErrBadCredentials.Traced(fault.Step{Name: "form", Outcome: "of another site"})

// submit takes the page's forms: a token, an address with a code, or an
// address alone, which asks for a mail.
func (p *Pages) submit(c *web.Call) error {
	form, err := readForm(c)
	if err != nil {
		return err
	}
	if err := p.ownForm(c); err != nil {
		return err
	}
	switch {
	case form.Get("token") != "":
		return p.byLink(c, secret.New(form.Get("token")))
	case form.Get("code") != "":
		return p.byCode(c, form.Get("email"), form.Get("code"))
	default:
		return p.ask(c, form.Get("email"))
	}
}

func (p *Pages) byLink(c *web.Call, token secret.Text) error {
	h, err := p.hints(c)
	if err != nil {
		return err
	}
	g, err := p.links.ValidateBound(c.Context(), signin.ValidateInput{
		Hints: h, Token: token, Client: clientOf(c), Origin: c.OriginKey(),
	}, c.Fiber().Cookies(p.cookieName()))
	if err != nil {
		return err
	}
	return p.done(c, g)
}

func (p *Pages) byCode(c *web.Call, address, code string) error {
	to, err := email.Parse(address)
	if err != nil {
		return err
	}
	h, err := p.hints(c)
	if err != nil {
		return err
	}
	g, err := p.links.ValidateCode(c.Context(), signin.CodeInput{
		Hints: h, Email: to, Code: code, Binding: c.Fiber().Cookies(p.cookieName()), Client: clientOf(c), Origin: c.OriginKey(),
	})
	if err != nil {
		return err
	}
	return p.done(c, g)
}

// done ends the session again: see the package comment.
func (p *Pages) done(c *web.Call, g signin.Grant) error {
	if err := p.sessions.Forget(c.Context(), signin.RefreshInput{Token: g.Refresh}); err != nil {
		return err
	}
	c.Set("Set-Cookie", p.cookieName()+"=; "+p.cookieRest("0"))
	return show(c, 200, view{State: stateDone, Email: g.Email})
}

func (p *Pages) ask(c *web.Call, address string) error {
	to, err := email.Parse(address)
	if err != nil {
		return err
	}
	h, err := p.hints(c)
	if err != nil {
		return err
	}
	binding, err := p.links.Request(c.Context(), signin.LinkInput{Hints: h, Email: to, Origin: c.OriginKey()})
	if err != nil {
		return err
	}
	c.Set("Set-Cookie", p.cookieName()+"="+binding.Text()+"; "+p.cookieRest("2700"))
	return show(c, 200, view{State: stateSent})
}

// hints says what the request tells about its tenant, and makes log and
// receipt follow the tenant that it names.
func (p *Pages) hints(c *web.Call) (tenancy.Hints, error) {
	h, err := c.Hints("")
	if err != nil {
		return tenancy.Hints{}, err
	}
	ref, err := p.resolver.Resolve(c.Context(), h)
	if err != nil {
		return tenancy.Hints{}, err
	}
	c.SetTenant(ref.ID())
	return h, nil
}

// readForm refuses a field that is there twice: two readers might take
// different ones.
func readForm(c *web.Call) (url.Values, error) {
	if !c.HasBody() {
		return nil, web.ErrMalformed
	}
	if err := c.RequireType("application/x-www-form-urlencoded"); err != nil {
		return nil, err
	}
	raw, err := c.Raw()
	if err != nil {
		return nil, err
	}
	form, err := url.ParseQuery(string(raw))
	if err != nil {
		return nil, web.ErrMalformed
	}
	for _, values := range form {
		if len(values) > 1 || !utf8.ValidString(values[0]) || strings.IndexByte(values[0], 0) >= 0 {
			return nil, web.ErrMalformed
		}
	}
	return form, nil
}

// ownForm refuses what a browser says comes from another site. The cookie,
// which is SameSite=Lax, keeps the rest out: browsers leave both headers out,
// or send "null" because of the page's referrer policy, on plain http.
func (p *Pages) ownForm(c *web.Call) error {
	site, err := c.Header("Sec-Fetch-Site")
	if err != nil {
		return err
	}
	origin, err := c.Header("Origin")
	if err != nil {
		return err
	}
	host, err := c.Header("Host")
	if err != nil {
		return err
	}
	switch {
	case site != "":
		if site != "same-origin" && site != "none" {
			return errElsewhere
		}
	case origin != "" && origin != "null" && origin != p.cfg.PublicURL && origin != "https://"+host && origin != "http://"+host:
		return errElsewhere
	}
	return nil
}

// cookieName is that of dialect Alpha: a mail may be asked for there and its
// link be opened here.
func (p *Pages) cookieName() string {
	if p.cfg.HTTPS {
		return "__Host-ostiary-link"
	}
	return "ostiary-link"
}

func (p *Pages) cookieRest(age string) string {
	rest := "Path=/; Max-Age=" + age + "; HttpOnly; SameSite=Lax"
	if p.cfg.HTTPS {
		rest += "; Secure"
	}
	return rest
}

func clientOf(c *web.Call) session.Client {
	return session.Client{UserAgent: c.UserAgent(), Address: c.Address()}
}
