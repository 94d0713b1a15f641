package attack_test

import (
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

const friend = "https://portal.acme.example"

// ofOrigin is a request that a page of an origin sends.
func ofOrigin(origin string, r program.Request) program.Request {
	r.Header = map[string]string{"Origin": origin, "Cookie": "ostiary-link=x; session=y"}
	return r
}

// preflight is what a browser asks before it sends r.
func preflight(origin string, r program.Request) program.Request {
	return program.Request{Method: "OPTIONS", Path: r.Path, Header: map[string]string{
		"Origin": origin, "Access-Control-Request-Method": r.Method, "Access-Control-Request-Headers": "authorization,content-type",
	}}
}

func Test083_OtherOriginsReadNothing(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t083")
		g := d.SignIn(p)
		d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/t083", `{"settings":{"origins":["`+friend+`"]}}`))
		bare := d.Unchecked()
		routes := []program.Request{
			program.Login("t083", program.FirstPassword), program.Login("t083", "wrong"), program.AskForLink("t083", program.Address),
			program.Validate("AAAA"), program.Refresh("AAAA"), program.Visit("/me", g), program.Visit("/nothing", g),
			{Method: "GET", Path: "/t/t083/api/v1/portal/scopes", Bearer: g.Access},
			{Method: "POST", Path: "/t/t083/api/v3/portal/login", Body: `{"email":"` + program.Address + `","password":"` + program.FirstPassword + `"}`},
			{Method: "GET", Path: "/external/api/v1/contacts/" + p.Contact, Bearer: p.Token},
			program.Operator("GET", "/tenants/t083", ""),
			pageForm("t083", "", "token=AAAA"),
		}
		for _, r := range routes {
			for _, origin := range []string{
				"https://evil.example", "null", friend + ".evil.example", "https://xportal.acme.example", "https://portal.acme.example.", "http://portal.acme.example",
				friend + ":444", "https://PORTAL.acme.example", "https://sub.portal.acme.example", "https://portal-acme.example", "*", friend + "/", friend + " https://evil.example",
			} {
				for _, got := range []program.Reply{bare.Send(ofOrigin(origin, r)), bare.Send(preflight(origin, r))} {
					require.Less(t, got.Status, 500, "%s %s", r.Path, origin)
					for name := range got.Header {
						require.False(t, strings.HasPrefix(name, "Access-Control-"), "%s of %s tells %s something", name, r.Path, origin)
					}
				}
			}
		}
		for _, r := range routes[:10] {
			got := bare.Send(ofOrigin(friend, r))
			require.Contains(t, got.Header.Values("Vary"), "Origin", r.Path)
			require.Empty(t, got.Header.Values("Access-Control-Allow-Credentials"), r.Path)
		}
		require.Equal(t, friend, bare.Send(ofOrigin(friend, routes[0])).Header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, friend, bare.Send(preflight(friend, routes[0])).Header.Get("Access-Control-Allow-Origin"))
		for _, path := range []string{"/openapi.json", "/.well-known/jwks.json", "/t/t083/.well-known/jwks.json"} {
			got := bare.Send(ofOrigin("https://evil.example", program.Request{Method: "GET", Path: path}))
			require.Empty(t, got.Header.Values("Access-Control-Allow-Credentials"), "what everybody may read, nobody reads as somebody")
		}
	})
}

// Test084_OtherSitesSendNothing covers the two routes that look at a cookie and
// those that sign in. The refusal is the one generic 401 of the page, or 415.
func Test084_OtherSitesSendNothing(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p, box := opening(d, "t084")
		enrol(d, p, "other@globex.example")
		foreign := box.ask("other@globex.example").Binding
		m := box.ask(program.Address)
		form := "token=" + m.Token
		sent := func(binding string, header map[string]string, body string) program.Reply {
			r := pageForm("t084", binding, body)
			for name, value := range header {
				r.Header[name] = value
			}
			return d.Send(r)
		}
		refused := sent("", nil, form)
		require.Equal(t, http.StatusUnauthorized, refused.Status)
		for about, got := range map[string]program.Reply{
			"another request's cookie": sent(foreign, nil, form),
			"made up":                  sent(forged(t, m.Binding), nil, form),
			"cross-site":               sent(m.Binding, map[string]string{"Sec-Fetch-Site": "cross-site"}, form),
			"same-site":                sent(m.Binding, map[string]string{"Sec-Fetch-Site": "same-site"}, form),
			"another origin":           sent(m.Binding, map[string]string{"Sec-Fetch-Site": "", "Origin": "https://evil.example"}, form),
			"code, cross-site":         sent(m.Binding, map[string]string{"Sec-Fetch-Site": "cross-site"}, "email="+program.Address+"&code="+m.typed(t)),
			"asking, cross-site":       sent("", map[string]string{"Sec-Fetch-Site": "cross-site"}, "email="+program.Address),
		} {
			alike(t, refused, got, about)
		}
		for _, media := range []string{"text/plain", "multipart/form-data; boundary=x", "application/json"} {
			require.Equal(t, http.StatusUnsupportedMediaType, sent(m.Binding, map[string]string{"Content-Type": media}, form).Status, media)
		}
		for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "text/json"} {
			for _, r := range []program.Request{
				program.Login("t084", program.FirstPassword), byCode("t084", program.Address, m.typed(t), m.Binding), bodyToken(m.Token), program.Refresh("AAAA"),
				program.AskForLink("t084", program.Address), program.SetPassword(p, program.SecondPassword),
			} {
				r.Header = map[string]string{"Content-Type": media, "Cookie": "ostiary-link=" + m.Binding, "X-Link-Binding": m.Binding}
				require.Equal(t, http.StatusUnsupportedMediaType, d.Send(r).Status, "%s as %s", r.Path, media)
			}
		}
		require.Zero(t, grantedSignIns(d, "t084"))
		require.Equal(t, box.sent, box.count(), "no mail was asked for from elsewhere")

		require.Equal(t, http.StatusOK, sent(m.Binding, nil, form).Status)

		alike(t, refused, sent(m.Binding, nil, form), "used again")
	})
}

// Test085_NothingPlantedIsAdopted is about ids that a visitor brings along.
func Test085_NothingPlantedIsAdopted(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p, box := opening(d, "t085")
		planted := forged(t, bindingOf(t, box.vain(program.AskForLink("t085", program.Address))))
		box.sent++
		bring := func(r program.Request) program.Request {
			r.Header = map[string]string{"Cookie": "ostiary-link=" + planted + "; session=" + planted + "; sid=" + planted, "X-Link-Binding": planted, "X-Session-Id": planted}
			return r
		}

		m := box.by(bring(program.AskForLink("t085", program.Address)))
		require.NotEqual(t, planted, m.Binding)
		d.Must(http.StatusUnauthorized, byCode("t085", program.Address, m.typed(t), planted))
		byPage := d.Must(http.StatusOK, pageForm("t085", planted, "email="+program.Address))
		box.asked++
		require.NotEqual(t, planted, bindingOf(t, byPage))

		seen := map[any]bool{}
		var last program.Granted
		for range 3 {
			res := d.Must(http.StatusOK, bring(program.Login("t085", program.FirstPassword)))
			require.Empty(t, res.Header.Values("Set-Cookie"))
			last = program.TokensOf(t, res)
			require.NotContains(t, last.Refresh+fmt.Sprint(unjudgedClaims(t, last.Access)), planted)
			seen[unjudgedClaims(t, last.Access)["sid"]] = true
		}
		var portals struct{ Portal struct{ UUID string } }
		decode(t, d.Must(http.StatusOK, program.Operator("GET", "/tenants/t085/companies/"+p.Initech, "")), &portals)
		elsewhere := program.TokensOf(t, d.Must(http.StatusOK, program.Request{
			Method: "POST", Path: "/api/v1/portal/auth/switch", Bearer: last.Access, Body: `{"portal":"` + portals.Portal.UUID + `"}`,
		}))
		seen[unjudgedClaims(t, elsewhere.Access)["sid"]] = true
		require.Len(t, seen, 4, "a session of its own for each sign-in, and for going elsewhere")
		d.Soon(http.StatusUnauthorized, program.Visit("/me", last))
	})
}

// secured is a deployment whose users come by https through a proxy.
var secured = slices.Concat(program.Cheap, []string{"OSTIARY_PUBLIC_URL=https://login.example", "OSTIARY_TRUSTED_PROXIES=127.0.0.1/32"})

func Test086_CookiesAreForThisHostAlone(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, secured...)
		_, box := opening(d, "t086")
		m := box.ask(program.Address)
		page := pageForm("t086", "", "token="+m.Token)
		page.Header["Cookie"] = "__Host-ostiary-link=" + m.Binding
		set := regexp.MustCompile(`^__Host-ostiary-link=([A-Za-z0-9_-]{43})?; Path=/; Max-Age=[0-9]+; HttpOnly; SameSite=Lax; Secure$`)
		cookies := 0
		for _, r := range []program.Request{
			page, // before a newer mail makes its link void
			program.AskForLink("t086", program.Address), pageForm("t086", "", "email="+program.Address), program.Login("t086", program.FirstPassword),
			{Method: "GET", Path: "/t/t086/magic"},
			{Method: "GET", Path: "/docs"},
			program.Validate("AAAA"), program.Operator("GET", "/tenants/t086", ""),
			{Method: "POST", Path: "/t/t086/api/v3/portal/login", Body: `{"email":"` + program.Address + `","password":"` + program.FirstPassword + `"}`},
		} {
			for _, cookie := range d.Unchecked().Send(r).Header.Values("Set-Cookie") {
				require.Regexp(t, set, cookie, r.Path)
				cookies++
			}
		}
		require.Equal(t, 3, cookies, "by Alpha, by the page, and taken back when it has done its work")

		box.asked, box.sent = box.asked+2, box.sent+2
		box.settle()
		again := box.ask(program.Address)
		plain := pageForm("t086", "", "token="+again.Token)
		plain.Header["Cookie"] = "ostiary-link=" + again.Binding
		d.Must(http.StatusUnauthorized, plain)
	})
}

// Test087_AnswersCannotBeFramedOrRebuilt looks at answers of every kind, those
// to what could not be read included.
func Test087_AnswersCannotBeFramedOrRebuilt(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, secured...)
		_, box := opening(d, "t087")
		bare := d.Unchecked()
		for about, r := range answersOfEveryKind("t087", box.ask(program.Address)) {
			for _, proto := range []string{"", "https", "http"} {
				if proto != "" {
					r.Header = mergedHeader(r.Header, "X-Forwarded-Proto", proto)
				}
				requireGuarded(t, about, bare.Send(r))
			}
		}
		for about, raw := range unreadable("AAAA") {
			answer := bare.Wire(raw)
			for _, header := range []string{"Content-Security-Policy: default-src 'none'", "X-Content-Type-Options: nosniff", "Strict-Transport-Security: max-age=31536000", "Cache-Control: no-store"} {
				require.True(t, answer == "" || strings.Contains(answer, header), "%s: %s", about, header)
			}
		}
		for _, r := range []program.Request{{Method: "GET", Path: "/t/t087/magic"}, pageForm("t087", "", "token=AAAA"), {Method: "GET", Path: "/docs"}} {
			page := string(bare.Send(r).Body)
			require.Contains(t, page, "<html")
			require.NotRegexp(t, `(?i)<script[^>]*>[^<]|\son[a-z]+\s*=|javascript:`, page, "script in the page itself")
			require.NotRegexp(t, `(?i)(src|href|action)\s*=\s*["']?(https?:)?//`, page, "something of another origin")
		}
	})
}

func mergedHeader(h map[string]string, name, value string) map[string]string {
	out := map[string]string{name: value}
	for n, v := range h {
		out[n] = v
	}
	return out
}

func requireGuarded(t *testing.T, about string, r program.Reply) {
	t.Helper()
	policy := map[string]string{}
	for one := range strings.SplitSeq(r.Header.Get("Content-Security-Policy"), ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(one), " ")
		policy[name] = sources
	}
	require.Equal(t, "'none'", policy["default-src"], about)
	require.Equal(t, "'none'", policy["frame-ancestors"], about)
	require.Equal(t, "'none'", policy["base-uri"], about)
	require.NotContains(t, policy["script-src"], "unsafe", about)
	require.NotContains(t, policy["script-src"], "http", about)
	require.Equal(t, "DENY", r.Header.Get("X-Frame-Options"), about)
	require.Equal(t, "nosniff", r.Header.Get("X-Content-Type-Options"), about)
	require.Equal(t, "same-origin", r.Header.Get("Cross-Origin-Opener-Policy"), about)
	require.Equal(t, "no-referrer", r.Header.Get("Referrer-Policy"), about)
	require.Regexp(t, `^max-age=31536000(;|$)`, r.Header.Get("Strict-Transport-Security"), about)
	require.NotContains(t, r.Header, "Server", about)
}

// answersOfEveryKind has every dialect and every class of status.
func answersOfEveryKind(code string, m mailed) map[string]program.Request {
	get := func(path string) program.Request { return program.Request{Method: "GET", Path: path} }
	typed := program.Login(code, "x")
	typed.Header = map[string]string{"Content-Type": "text/xml"}
	spoiled := program.Login(code, "x")
	spoiled.Body = "{"
	huge := program.Login(code, strings.Repeat("x", 100_000))
	return map[string]program.Request{
		"page": get("/t/" + code + "/magic"), "script": get("/t/" + code + "/magic/page.js"), "style": get("/t/" + code + "/magic/page.css"),
		"page refused": pageForm(code, "", "token="+m.Token), "page malformed": pageForm(code, "", "email=x"), "docs": get("/docs"),
		"document": get("/openapi.json"), "keys": get("/.well-known/jwks.json"), "metadata": get("/.well-known/openid-configuration"),
		"health": get("/healthz"), "ready": get("/readyz"), "metrics refused": get("/metrics"), "root": get("/"), "nobody's": get("/nothing/here"),
		"redirect": get("/.well-known/change-password"), "login": program.Login(code, program.FirstPassword), "login refused": program.Login(code, "wrong"),
		"link": program.AskForLink(code, program.Address), "validate refused": program.Validate("AAAA"), "refresh refused": program.Refresh("AAAA"),
		"no bearer": get("/api/v1/portal/me"), "Exsited": {Method: "POST", Path: "/t/" + code + "/api/v3/portal/login", Body: `{"email":"a@b.example","password":"x"}`},
		"Luminous": get("/external/api/v1/contacts"), "admin": program.Operator("GET", "/tenants/"+code, ""), "admin refused": get("/admin/v1/tenants"),
		"admin missing": program.Operator("GET", "/tenants/nobody", ""), "picture": get("/blobs/x?sig=y"), "media type": typed, "malformed": spoiled, "too large": huge,
		"method": {Method: "PUT", Path: "/api/v1/portal/me"}, "preflight": preflight(friend, program.Login(code, "x")), "bad path": get("/api/v1/portal/%00"),
	}
}
