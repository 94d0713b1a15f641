package attack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Test037_LinksDoNotFollowTheRequest is told to a deployment that believes
// nobody's headers, and to one that believes its proxy's.
func Test037_LinksDoNotFollowTheRequest(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		const evil = "evil.example"
		d := program.Shared(t, on, program.Cheap...)
		_, box := opening(d, "t037")
		page := box.ask(program.Address).Page
		require.Equal(t, d.URL+"/t/t037/magic", page)
		for about, h := range map[string]map[string]string{
			"Host":               {"Host": evil},
			"Host with a port":   {"Host": evil + ":443"},
			"Host of the tenant": {"Host": "t037." + evil},
			"X-Forwarded-Host":   {"X-Forwarded-Host": evil},
			"Forwarded":          {"Forwarded": "for=1.2.3.4;host=" + evil + ";proto=https"},
			"X-Forwarded-Proto":  {"X-Forwarded-Proto": "https", "X-Forwarded-Port": "444", "X-Forwarded-Prefix": "/evil"},
			"others": {
				"X-Host": evil, "X-Original-Host": evil, "X-Forwarded-Server": evil, "X-HTTP-Host-Override": evil,
				"X-Original-URL": "//" + evil, "X-Rewrite-URL": "//" + evil, "Origin": "https://" + evil, "Referer": "https://" + evil + "/",
			},
		} {
			r := program.AskForLink("t037", program.Address)
			r.Header = h
			require.Equal(t, page, box.by(r).Page, about)
		}
		askOnTheWire(t, d, box, page)

		believer := program.Shared(t, on, fenced...)
		_, there := opening(believer, "t037-proxy")
		for _, name := range []string{"", "X-Forwarded-Host", "Forwarded"} {
			r := program.AskForLink("t037-proxy", program.Address)
			r.Header = map[string]string{"X-Forwarded-Proto": "https", name: evil}
			if name == "Forwarded" {
				r.Header[name] = "host=" + evil
			}
			delete(r.Header, "")
			require.Equal(t, believer.URL+"/t/t037-proxy/magic", there.by(r).Page, "from a proxy: %s", name)
		}
	})
}

// askOnTheWire says what no client library would.
func askOnTheWire(t *testing.T, d *program.Deployment, box *postbox, page string) {
	t.Helper()
	body := fmt.Sprintf(`{"email":%q,"tenantCode":%q}`, program.Address, box.code)
	const path = "/api/v1/portal/auth/request-magic-link"
	say := func(target, hosts string) string {
		return d.Wire("POST " + target + " HTTP/1.1\r\n" + hosts + "Content-Type: application/json\r\nConnection: close\r\n" +
			fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body))
	}
	for about, answer := range map[string]string{
		"two hosts":                say(path, "Host: "+d.Host()+"\r\nHost: evil.example\r\n"),
		"two hosts, the other way": say(path, "Host: evil.example\r\nHost: "+d.Host()+"\r\n"),
		"no host":                  say(path, ""),
	} {
		require.True(t, strings.HasPrefix(answer, "HTTP/1.1 400 "), "%s: %.40s", about, answer)
		require.NotContains(t, answer, "evil", about)
	}
	absolute := say("http://evil.example"+path, "Host: "+d.Host()+"\r\n")
	if strings.HasPrefix(absolute, "HTTP/1.1 200 ") {
		box.asked++
		box.sent++
	} else {
		require.True(t, strings.HasPrefix(absolute, "HTTP/1.1 400 "), "%.40s", absolute)
	}
	require.Equal(t, box.sent, box.count())
	for _, l := range d.LettersOf(box.code, box.sent) {
		require.Equal(t, page, l.Page)
	}
}

// Test038_NobodyIsSentElsewhere asks for it in every way in which others do.
func Test038_NobodyIsSentElsewhere(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		_, box := opening(d, "t038")
		bare := d.Unchecked()
		page := bare.Send(program.Request{Method: "GET", Path: "/t/t038/magic"})
		change := bare.Send(program.Request{Method: "GET", Path: "/.well-known/change-password"})
		for _, target := range []string{
			"//evil.example", "https:evil.example", `\\evil.example`, `/\evil.example`, "javascript:alert(1)", "data:text/html,evil",
			"https://portal.example@evil.example", "https://evil.example", "%2f%2fevil.example", "/%09/evil.example",
		} {
			for _, name := range []string{"redirect", "next", "redirect_uri", "return_to", "url", "continue"} {
				query := "?" + name + "=" + url.QueryEscape(target)

				alike(t, page, bare.Send(program.Request{Method: "GET", Path: "/t/t038/magic" + query}), target)
				alike(t, change, bare.Send(program.Request{Method: "GET", Path: "/.well-known/change-password" + query}), target)
			}
			asked := program.AskForLink("t038", program.Address)
			asked.Path += "?redirect=" + url.QueryEscape(target)
			asked.Body = strings.Replace(asked.Body, "{", fmt.Sprintf(`{"redirect":%q,"next":%q,"magicLinkUrl":%q,`, target, target, target), 1)
			m := box.by(asked)
			require.Equal(t, d.URL+"/t/t038/magic", m.Page)
			require.NotContains(t, m.Text+m.HTML, "evil")
			in := program.Validate(m.Token)
			in.Path += "&redirect=" + url.QueryEscape(target) + "&next=" + url.QueryEscape(target)
			opened := d.Must(http.StatusOK, in)
			require.Empty(t, opened.Header.Get("Location"))
			require.NotContains(t, string(opened.Body), "evil")
		}
	})
}

// Test038_ATenantsLinkLeadsToItsOwnPages is about the one setting that says
// where mailed links lead.
func Test038_ATenantsLinkLeadsToItsOwnPages(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		_, box := opening(d, "t038-set")
		set := func(link string) program.Request {
			return program.Operator("PATCH", "/tenants/t038-set", fmt.Sprintf(
				`{"settings":{"origins":["https://portal.example"],"magicLinkUrl":%s}}`, asJSON(t, link)))
		}
		for _, link := range []string{
			"//portal.example/#{token}", "https:portal.example/#{token}", `\\portal.example/#{token}`, "javascript:alert('{token}')#{token}",
			"https://portal.example@evil.example/#{token}", "https://user:x@portal.example/#{token}", "https://evil.example/#{token}",
			"http://portal.example/#{token}", "https://portal.example.evil.example/#{token}", "https://portal.example:444/#{token}",
			"https://portal.example/?t={token}", "https://portal.example/{token}#{token}", "https://portal.example/#", "https://portal.example/#{token}{token}",
			"https://portal.example/\r\nX: y#{token}", "https://portal.example/ #{token}", "https://p\u043ertal.example/#{token}", "data:text/html,#{token}",
		} {
			got := d.Send(set(link))

			require.Equal(t, http.StatusUnprocessableEntity, got.Status, "%q", link)
			require.NotContains(t, string(got.Body), "evil")
		}
		require.Equal(t, d.URL+"/t/t038-set/magic", box.ask(program.Address).Page, "nothing of it was kept")
	})
}

func asJSON(t testing.TB, s string) string {
	t.Helper()
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	return string(raw)
}

// Test039_NothingIsInjectedIntoMails puts markup and line ends where addresses
// and names go.
func Test039_NothingIsInjectedIntoMails(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p, box := opening(d, "t039")
		for _, mail := range []string{
			program.Address + "\r\nBcc: evil@evil.example", "evil@evil.example\r\nTo: " + program.Address, program.Address + "\n", program.Address + "\x00",
			program.Address + "\u2028", `"` + program.Address + `"`, program.Address + `">`, "<script>alert(1)</script>@globex.example",
			program.Address + "%0d%0aBcc:evil@evil.example", "=?utf-8?q?ada?=@globex.example\r\n",
		} {
			got := d.Send(program.Request{Method: "POST", Path: "/api/v1/portal/auth/request-magic-link", Body: fmt.Sprintf(
				`{"email":%s,"tenantCode":"t039"}`, asJSON(t, mail))})
			require.Equal(t, http.StatusBadRequest, got.Status, "%q", mail)
		}
		for _, size := range []int{100 << 10, 1 << 20} {
			got, err := d.Try(program.AskForLink("t039", strings.Repeat("a", size)+"@globex.example"))
			// Who goes on sending for long may find the connection closed.
			require.True(t, err != nil && size > 256<<10 || got.Status == http.StatusRequestEntityTooLarge, "%d bytes: %d (%v)", size, got.Status, err)
		}
		for _, name := range []string{"Ada\r\nBcc: evil@evil.example", "Ada\n", "Ada\x00", "Ada\u2028", strings.Repeat("A", 1000)} {
			body := fmt.Sprintf(`{"firstName":%s}`, asJSON(t, name))
			for path, body := range map[string]string{"/tenants/t039/contacts/" + p.Contact: body, "/tenants/t039": fmt.Sprintf(`{"name":%s}`, asJSON(t, name))} {
				got := d.Send(program.Operator("PATCH", path, body))
				require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, got.Status, "%.20q", name)
			}
		}
		require.Equal(t, 0, box.count())
		for _, name := range []string{
			`<script>alert(1)</script>`, `"><img src=x onerror=alert(1)>`, `Acme" <evil@evil.example>, "`, "=?utf-8?q?=0d=0aBcc:_evil@evil.example?=",
			"\u202eevil\u200b", "{{.Link}}", "https://evil.example/ http://evil.example",
		} {
			requireInert(t, d, box, p, name)
		}
	})
}

// requireInert names tenant and receiver so and reads what is mailed.
func requireInert(t *testing.T, d *program.Deployment, box *postbox, p program.Portal, name string) {
	t.Helper()
	d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/"+p.Code, fmt.Sprintf(`{"name":%s}`, asJSON(t, name))))
	d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/"+p.Code+"/contacts/"+p.Contact, fmt.Sprintf(`{"firstName":%s,"lastName":%s}`, asJSON(t, name), asJSON(t, name))))

	m := box.ask(program.Address)

	to, err := m.Header.AddressList("To")
	require.NoError(t, err, name)
	require.Len(t, to, 1, name)
	require.Equal(t, program.Address, to[0].Address)
	from, err := m.Header.AddressList("From")
	require.NoError(t, err, name)
	require.Len(t, from, 1, name)
	require.NotContains(t, from[0].Address, "evil")
	for header, values := range m.Header {
		require.Contains(t, mailHeaders, header, name)
		require.Len(t, values, 1, header)
	}
	require.NotContains(t, strings.ToLower(m.HTML), "<script", name)
	require.NotContains(t, m.HTML, "<img", name)
	require.NotContains(t, m.HTML, `href="https://evil`, name)
	require.NotContains(t, m.HTML, `href="http://evil`, name)
	require.NotContains(t, m.Text+m.HTML+m.Subject, "\u202e", name)
	require.Equal(t, 1, strings.Count(m.HTML, "href="), "the one link")
	require.Equal(t, d.URL+"/t/t039/magic", m.Page)
}

// mailHeaders are all that a mail has.
var mailHeaders = []string{
	"Date", "Mime-Version", "Message-Id", "Subject", "From", "To", "Content-Type", "Content-Transfer-Encoding", "User-Agent", "X-Mailer",
	"Auto-Submitted", "Content-Language", "X-Auto-Response-Suppress", "Reply-To",
}

// Test040_OnlyPlainAddressesAreTaken holds every route that takes an address
// to the same form.
func Test040_OnlyPlainAddressesAreTaken(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p, box := opening(d, "t040")
		const a = program.Address
		for _, mail := range []string{
			a + ",evil@evil.example", a + "; evil@evil.example", a + " evil@evil.example", "Ada <" + a + ">", "<" + a + ">", "group: " + a + ";",
			a + " (comment)", "ada(comment)@globex.example", `"ada"@globex.example`, `"a b"@globex.example`, " " + a, a + " ", "ada@globex.example@evil.example",
			"ada", "@globex.example", "ada@", "ada@globex", "ada@-globex.example", "ada@globex..example", "ada@globex.example.", "ada@[127.0.0.1]",
			"ada..l@globex.example", ".ada@globex.example", "ada.@globex.example", "mailto:" + a, strings.Repeat("a", 65) + "@globex.example",
			"ada@" + strings.Repeat("a.", 127) + "example", "ada@" + strings.Repeat("a", 64) + ".example", "", "ada@globex.example\t",
		} {
			form := url.Values{"email": {mail}}.Encode()
			for route, r := range map[string]program.Request{
				"link":     {Method: "POST", Path: "/api/v1/portal/auth/request-magic-link", Body: fmt.Sprintf(`{"email":%s,"tenantCode":"t040"}`, asJSON(t, mail))},
				"page":     pageForm("t040", "", form),
				"code":     {Method: "POST", Path: "/t/t040/api/v1/portal/auth/validate-code", Body: fmt.Sprintf(`{"email":%s,"code":"ABCDEFGH"}`, asJSON(t, mail))},
				"login":    {Method: "POST", Path: "/t/t040/api/v1/portal/auth/login", Body: fmt.Sprintf(`{"email":%s,"password":"x"}`, asJSON(t, mail))},
				"parity":   {Method: "POST", Path: "/t/t040/api/v1/auth/login", Body: fmt.Sprintf(`{"username":%s,"password":"x"}`, asJSON(t, mail))},
				"Exsited":  {Method: "POST", Path: "/t/t040/api/v3/portal/login", Body: fmt.Sprintf(`{"email":%s,"password":"x"}`, asJSON(t, mail))},
				"Luminous": {Method: "POST", Path: "/external/api/v1/contacts/" + p.Contact, Bearer: p.Token, Body: fmt.Sprintf(`{"email":%s}`, asJSON(t, mail))},
			} {
				got := d.Send(r)
				want := http.StatusBadRequest
				if route == "Luminous" {
					want = http.StatusUnprocessableEntity
				}
				require.Equal(t, want, got.Status, "%s: %q", route, mail)
			}
		}

		require.Equal(t, []string{"<" + a + ">"}, receivers(box, program.Address), "nothing was sent but this")
	})
}

// receivers asks for one link in the proper way and says to whom the tenant
// has mailed by then.
func receivers(box *postbox, mail string) (to []string) {
	box.d.T.Helper()
	box.d.Must(http.StatusOK, program.AskForLink(box.code, mail))
	box.asked++
	box.settle()
	for _, l := range box.d.LettersOf(box.code, 1) {
		to = append(to, l.To)
	}
	return to
}
