package attack_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Test018 takes away what a good token stands for. On the node that did it the
// very next request is refused.
func Test018_WhoIsGone(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		refused := d.Must(401, program.Request{Method: "GET", Path: "/api/v1/portal/me", Bearer: "not-a-token"})
		for name, gone := range map[string]func(program.Portal) program.Request{
			"contact deleted": func(p program.Portal) program.Request {
				return program.Operator("DELETE", "/tenants/"+p.Code+"/contacts/"+p.Contact, "")
			},
			"login disabled": func(p program.Portal) program.Request {
				return program.Operator("PATCH", "/tenants/"+p.Code+"/contacts/"+p.Contact+"/user", `{"enabled":false}`)
			},
			"signed out everywhere": func(p program.Portal) program.Request {
				return program.Operator("DELETE", "/tenants/"+p.Code+"/contacts/"+p.Contact+"/sessions", "")
			},
			"portal closed": func(p program.Portal) program.Request {
				return program.Operator("PATCH", "/tenants/"+p.Code+"/companies/"+p.Globex, `{"portal":{"enabled":false}}`)
			},
			"tenant deleted": func(p program.Portal) program.Request { return program.Operator("DELETE", "/tenants/"+p.Code, "") },
		} {
			p := d.Found("t018-" + strings.ReplaceAll(name, " ", "-"))
			g := d.SignIn(p)
			d.Must(200, program.Visit("/me", g))

			require.Less(t, d.Send(gone(p)).Status, 300, name)

			for _, path := range []string{"/me", "/client", "/scopes", "/dashboard/stats", "/auth/sessions"} {
				alike(t, refused, d.Send(program.Visit(path, g)), name+" "+path)
			}
			require.Equal(t, 401, d.Send(program.Refresh(g.Refresh)).Status, name)
		}
	})
}

// Test019 sends a good token in every place but its own.
func Test019_OnlyTheDocumentedForm(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		g := d.SignIn(d.Found("t019"))
		raw := d.Unchecked()
		get := func(path string, header map[string]string) program.Reply {
			return raw.Send(program.Request{Method: "GET", Path: "/api/v1/portal/me" + path, Header: header})
		}
		refused := get("", nil)
		require.Equal(t, 401, refused.Status)
		for _, query := range []string{"?access_token=", "?token=", "?authorization=Bearer%20", "?bearer="} {
			alike(t, refused, get(query+g.Access, nil), query)
		}
		for _, cookie := range []string{"access_token=", "token=", "session=", "Authorization=Bearer "} {
			alike(t, refused, get("", map[string]string{"Cookie": cookie + g.Access}), "cookie "+cookie)
		}
		for _, form := range []string{"bearer %s", "BEARER %s", "Bearer  %s", "Bearer\t%s", "Bearer %s,", "Bearer %s x", "Basic %s", "Token %s", "%s", "Bearer", "Bearer \"%s\"", "Bearer%s"} {
			value := strings.ReplaceAll(form, "%s", g.Access)
			alike(t, refused, get("", map[string]string{"Authorization": value}), form)
		}
		for _, second := range []string{"Bearer " + g.Access, "Bearer other", "Basic QTpC", ""} {
			answer := d.Wire(fmt.Sprintf("GET /api/v1/portal/me HTTP/1.1\r\nHost: %s\r\nAuthorization: Bearer %s\r\nAuthorization: %s\r\nConnection: close\r\n\r\n", d.Host(), g.Access, second))
			require.Regexp(t, `^HTTP/1\.1 401 `, answer, "two Authorization headers")
		}
		for _, name := range []string{"X-Authorization", "Proxy-Authorization", "X-Access-Token", "X-Forwarded-Authorization"} {
			alike(t, refused, get("", map[string]string{name: "Bearer " + g.Access}), name)
		}
		require.Equal(t, 200, get("", map[string]string{"Authorization": "Bearer " + g.Access}).Status)
	})
}

// Test020 reads what is published of the keys.
func Test020_PublishedKeys(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		d.Found("t020")
		for _, path := range []string{"/.well-known/jwks.json", "/t/t020/.well-known/jwks.json", "/t/nobody-at-all/.well-known/jwks.json"} {
			res := d.Must(200, program.Request{Method: "GET", Path: path})
			var set struct{ Keys []map[string]any }
			require.NoError(t, json.Unmarshal(res.Body, &set))
			require.NotEmpty(t, set.Keys)
			for _, key := range set.Keys {
				var members []string
				for name := range key {
					members = append(members, name)
				}
				require.ElementsMatch(t, []string{"alg", "crv", "kid", "kty", "use", "x", "y"}, members, "and nothing private")
				require.Equal(t, "ES256", key["alg"])
				require.Equal(t, "sig", key["use"])
				require.NotEmpty(t, key["kid"])
			}
			require.Regexp(t, `^public, max-age=\d+$`, res.Header.Get("Cache-Control"))
			head := d.Must(200, program.Request{Method: "HEAD", Path: path})
			require.Empty(t, head.Body)
			for _, name := range []string{"Content-Type", "Cache-Control", "Content-Length", "ETag"} {
				require.Equal(t, res.Header.Get(name), head.Header.Get(name), name)
			}
		}
		one := d.Must(200, program.Request{Method: "GET", Path: "/t/t020/.well-known/jwks.json"})
		alike(t, one, d.Must(200, program.Request{Method: "GET", Path: "/t/nobody-at-all/.well-known/jwks.json"}), "known and unknown tenant")
	})
}
