package attack_test

import (
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

func decode(t testing.TB, r program.Reply, into any) {
	t.Helper()
	require.NoError(t, json.Unmarshal(r.Body, into))
}

func Test088_NothingPersonalIsKept(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t088")
		g := d.SignIn(p)
		bare := d.Unchecked()
		requests := map[string]program.Request{
			"login": program.Login("t088", program.FirstPassword), "login refused": program.Login("t088", "wrong"), "refresh": program.Refresh(g.Refresh),
			"refresh refused": program.Refresh("AAAA"), "link": program.AskForLink("t088", program.Address), "validate refused": program.Validate("AAAA"),
			"page": {Method: "GET", Path: "/t/t088/magic"}, "page refused": pageForm("t088", "", "token=AAAA"),
			"Exsited":         {Method: "POST", Path: "/t/t088/api/v3/portal/login", Body: `{"email":"` + program.Address + `","password":"` + program.FirstPassword + `"}`},
			"Exsited refused": {Method: "GET", Path: "/t/t088/api/v3/portal/login", Body: `{"email":"` + program.Address + `","password":"wrong"}`},
			"Luminous":        {Method: "GET", Path: "/external/api/v1/contacts/" + p.Contact, Bearer: p.Token},
			"Luminous list":   {Method: "GET", Path: "/external/api/v1/contacts", Bearer: p.Token},
			"admin":           program.Operator("GET", "/tenants/t088/contacts/"+p.Contact, ""),
			"audit":           program.Operator("GET", "/tenants/t088/audit-events", ""),
			"metrics":         {Method: "GET", Path: "/metrics", Bearer: program.OperatorToken},
			"not found":       program.Visit("/nothing", g), "malformed": program.Visit("/me?x=%zz", g), "forbidden": program.Visit("/me", program.Granted{Access: "x"}),
			"method": {Method: "PUT", Path: "/api/v1/portal/me", Bearer: g.Access},
		}
		for _, path := range []string{"/me", "/client", "/scopes", "/dashboard/stats", "/auth/sessions"} {
			requests[path] = program.Visit(path, g)
			requests["HEAD "+path] = program.Request{Method: "HEAD", Path: "/api/v1/portal" + path, Bearer: g.Access}
		}
		for about, r := range requests {
			got := bare.Send(r)

			require.Equal(t, "no-store", got.Header.Get("Cache-Control"), about)
			require.Empty(t, got.Header.Get("Expires"), about)
			require.Empty(t, got.Header.Get("Age"), about)
			for _, tag := range []string{"*", got.Header.Get("ETag")} {
				r.Header = mergedHeader(r.Header, "If-None-Match", tag)
				r.Header = mergedHeader(r.Header, "If-Modified-Since", "Fri, 01 Jan 2100 00:00:00 GMT")
				require.Equal(t, "no-store", bare.Send(r).Header.Get("Cache-Control"), "%s, known already", about)
			}
		}
	})
}

// Test089_TextStaysText puts markup where people are named and where requests
// are refused. Only a browser could run it, so what is checked is that no
// answer with such text is one that a browser takes for a page, and that in
// the page and in mails it is escaped.
func Test089_TextStaysText(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p, box := opening(d, "t089")
		bare := d.Unchecked()
		for _, evil := range []string{`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `'-alert(1)-'`, `{{7*7}}`, `</title><svg/onload=alert(1)>`} {
			named(t, d, p, evil)
			g := program.TokensOf(t, d.Must(http.StatusOK, program.Login("t089", program.FirstPassword)))
			shown := 0
			for about, r := range showing(p, g) {
				got := bare.Send(r)
				require.Equal(t, http.StatusOK, got.Status, about)
				require.Contains(t, []string{"application/json", "application/problem+json"}, got.Header.Get("Content-Type"), about)
				require.Equal(t, "nosniff", got.Header.Get("X-Content-Type-Options"), about)
				if strings.Contains(string(got.Body), strings.ReplaceAll(evil, `"`, `\"`)) {
					shown++
				}
			}
			require.Positive(t, shown, "somewhere it is shown")
			for about, r := range echoing(evil) {
				got := bare.Send(r)
				require.NotContains(t, string(got.Body), evil, about)
				require.NotContains(t, fmt.Sprint(got.Header), evil, about)
			}
			m := box.ask(program.Address)
			page := string(d.Must(http.StatusOK, pageForm("t089", m.Binding, "token="+m.Token)).Body)
			for _, html := range []string{m.HTML, page} {
				require.NotContains(t, strings.ToLower(html), "<script>", evil)
				require.NotContains(t, html, "<img", evil)
				require.NotContains(t, html, "<svg", evil)
			}
			if strings.HasPrefix(evil, "{{") {
				require.Contains(t, m.HTML, evil, "nothing is worked out")
			}
		}
		const odd = "o'hara&{{7*7}}=`x`@globex.example"
		enrol(d, p, odd)
		m := box.ask(odd)
		page := string(d.Must(http.StatusOK, pageForm("t089", m.Binding, "token="+m.Token)).Body)
		require.Contains(t, page, "o&#39;hara&amp;{{7*7}}=", "the one thing of a person that the page shows")
		require.NotContains(t, page, odd)
	})
}

// named gives everything that has a name the same one.
func named(t *testing.T, d *program.Deployment, p program.Portal, name string) {
	t.Helper()
	q := asJSON(t, name)
	for path, body := range map[string]string{
		"":                       `{"name":%s}`,
		"/companies/" + p.Globex: `{"name":%[1]s,"phone":%[1]s,"portal":{"displayName":%[1]s}}`,
		"/contacts/" + p.Contact: `{"firstName":%[1]s,"lastName":%[1]s}`,
	} {
		d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/"+p.Code+path, fmt.Sprintf(body, q)))
	}
}

// showing are the requests that answer with names.
func showing(p program.Portal, g program.Granted) map[string]program.Request {
	return map[string]program.Request{
		"me": program.Visit("/me", g), "client": program.Visit("/client", g),
		"Exsited":  {Method: "POST", Path: "/t/" + p.Code + "/api/v3/portal/login", Body: `{"email":"` + program.Address + `","password":"` + program.FirstPassword + `"}`},
		"Luminous": {Method: "GET", Path: "/external/api/v1/contacts/" + p.Contact, Bearer: p.Token},
		"tenant":   program.Operator("GET", "/tenants/"+p.Code, ""),
		"company":  program.Operator("GET", "/tenants/"+p.Code+"/companies", ""),
		"contacts": program.Operator("GET", "/tenants/"+p.Code+"/contacts", ""),
	}
}

// echoing are the requests that are refused, or answered, without what they said.
func echoing(evil string) map[string]program.Request {
	escaped := strings.NewReplacer("<", "%3C", ">", "%3E", `"`, "%22", "'", "%27", "/", "%2F", " ", "%20", "{", "%7B", "}", "%7D").Replace(evil)
	get := func(path string) program.Request { return program.Request{Method: "GET", Path: path} }
	return map[string]program.Request{
		"page of a tenant": get("/t/" + escaped + "/magic"), "asset": get("/t/t089/magic/" + escaped), "query of the page": get("/t/t089/magic?error=" + escaped + "&redirect=" + escaped),
		"path": get("/" + escaped), "Alpha": get("/api/v1/portal/" + escaped), "docs": get("/docs/" + escaped), "docs, query": get("/docs?url=" + escaped),
		"redirect": get("/.well-known/change-password?x=" + escaped), "admin": program.Operator("GET", "/tenants/"+escaped, ""),
		"filter": program.Operator("GET", "/tenants/t089/audit-events?since="+escaped, ""), "token": program.Validate(escaped),
		"page's form": pageForm("t089", "", "email="+escaped+"&code="+escaped), "page's token": pageForm("t089", "", "token="+escaped),
		"login":   {Method: "POST", Path: "/t/t089/api/v1/portal/auth/login", Body: fmt.Sprintf(`{"email":%q,"password":%q}`, evil, evil)},
		"setting": program.Operator("PATCH", "/tenants/t089", fmt.Sprintf(`{"settings":{"magicLinkUrl":%q,"locale":%q}}`, evil, evil)),
		"origin":  {Method: "GET", Path: "/healthz", Header: map[string]string{"Origin": "https://" + evil, "X-Request-Id": evil, "User-Agent": evil}},
	}
}

// Test090_LogoutLeavesNothing. That the back button shows nothing hangs on
// no-store (088) and on Clear-Site-Data; to see it happen takes a browser.
func Test090_LogoutLeavesNothing(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t090")
		d.SignIn(p)
		for about, leave := range map[string]func(program.Granted) program.Request{
			"bearer": func(g program.Granted) program.Request {
				return program.Request{Method: "POST", Path: "/api/v1/portal/auth/logout", Bearer: g.Access}
			},
			"refresh token": func(g program.Granted) program.Request {
				return program.Request{Method: "POST", Path: "/api/v1/portal/auth/logout", Body: `{"refreshToken":"` + g.Refresh + `"}`}
			},
			"parity": func(g program.Granted) program.Request {
				return program.Request{Method: "GET", Path: "/api/v1/auth/logout/" + g.Refresh}
			},
		} {
			in := d.Must(http.StatusOK, program.Login("t090", program.FirstPassword))
			require.Empty(t, in.Header.Values("Set-Cookie"), "there is no cookie that could be left")
			g := program.TokensOf(t, in)
			require.Equal(t, "no-store", d.Must(http.StatusOK, program.Visit("/me", g)).Header.Get("Cache-Control"))

			out := d.Must(http.StatusNoContent, leave(g))

			require.Equal(t, `"cache"`, out.Header.Get("Clear-Site-Data"), about)
			require.Equal(t, "no-store", out.Header.Get("Cache-Control"), about)
			d.Must(http.StatusUnauthorized, program.Refresh(g.Refresh))
			d.Must(http.StatusUnauthorized, program.Visit("/me", g))
			d.Must(http.StatusUnauthorized, program.Visit("/auth/sessions", g))
		}
	})
}

// Test091_NoAddressInASettingIsFetched listens where settings and fields of
// every kind point to.
func Test091_NoAddressInASettingIsFetched(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p, box := opening(d, "t091")
		heard, port := eavesdrop(t)
		for _, link := range []string{"http://169.254.169.254/#{token}", "file:///etc/passwd#{token}", "gopher://127.0.0.1/#{token}", "https://169.254.169.254/latest/#{token}"} {
			d.Must(http.StatusUnprocessableEntity, program.Operator("PATCH", "/tenants/t091", fmt.Sprintf(`{"settings":{"origins":["https://portal.example"],"magicLinkUrl":%q}}`, link)))
		}
		for _, host := range []string{"169.254.169.254", "127.0.0.1", "localhost", "127.0.0.1:" + port} {
			d.Must(http.StatusUnprocessableEntity, program.Operator("PATCH", "/tenants/t091", fmt.Sprintf(`{"hosts":[%q]}`, host)))
		}
		// A name that may come to mean any address is as good as the address.
		for _, name := range []string{"127.0.0.1", "localhost"} {
			base := "https://" + name + ":" + port
			d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/t091", fmt.Sprintf(
				`{"settings":{"origins":[%q,"http://%s:%s","http://169.254.169.254"],"magicLinkUrl":"%s/x#token={token}","audience":"http://%s:%s/aud"}}`, base, name, port, base, name, port)))
			d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/t091/companies/"+p.Globex, fmt.Sprintf(`{"externalRef":"%s/ref","email":"a@localhost.example","phone":"%s"}`, base, base)))
			tag := d.Send(program.Operator("POST", "/tenants/t091/tags", fmt.Sprintf(`{"name":"t %s","icon":"%s/icon.png","color":"#fff","description":"%s"}`, name, base, base)))
			require.Contains(t, []int{http.StatusCreated, http.StatusUnprocessableEntity}, tag.Status)
			for media, body := range map[string]string{
				"image/svg+xml": `<svg xmlns:xlink="http://www.w3.org/1999/xlink"><image xlink:href="` + base + `/x.png"/></svg>`,
				"image/png":     base + "/x.png", "text/uri-list": base + "/x.png",
			} {
				put := program.Operator("PUT", "/tenants/t091/contacts/"+p.Contact+"/avatar", body)
				put.Header = map[string]string{"Content-Type": media}
				require.Contains(t, []int{http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusUnprocessableEntity}, d.Unchecked().Send(put).Status, media)
			}
			d.Must(http.StatusOK, ofOrigin(base, program.AskForLink("t091", program.Address)))
			box.asked++
			box.settle()
			for _, r := range []program.Request{
				program.Login("t091", program.FirstPassword),
				{Method: "GET", Path: "/t/t091/magic"},
				{Method: "GET", Path: "/t/t091/.well-known/jwks.json"},
				{Method: "POST", Path: "/t/t091/api/v3/portal/login", Body: `{"email":"` + program.Address + `","password":"` + program.FirstPassword + `"}`},
			} {
				d.Unchecked().Must(http.StatusOK, r)
			}
		}

		require.Zero(t, heard(), "somebody called")
	})
}

// eavesdrop listens and counts who calls.
func eavesdrop(t *testing.T) (heard func() int64, port string) {
	t.Helper()
	var calls atomic.Int64
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			calls.Add(1)
			_ = c.Close()
		}
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	_, port, err = net.SplitHostPort(listener.Addr().String())
	require.NoError(t, err)
	return calls.Load, port
}
