package attack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// ways are all routes that take an address and a password.
var ways = map[string]func(attempt) program.Request{
	"Alpha": func(a attempt) program.Request { return program.LoginAs(a.tenant, a.mail, a.password) },
	"Alpha, tenant in the body": func(a attempt) program.Request {
		return program.Request{Method: "POST", Path: "/api/v1/portal/auth/login", Body: fmt.Sprintf(
			`{"username":%q,"password":%q,"tenantCode":%q}`, a.mail, a.password, a.tenant)}
	},
	"parity": func(a attempt) program.Request {
		return program.Request{
			Method: "POST", Path: "/api/v1/auth/login", Header: map[string]string{"X-Tenant-Code": a.tenant},
			Body: fmt.Sprintf(`{"username":%q,"password":%q}`, a.mail, a.password),
		}
	},
	"Exsited": func(a attempt) program.Request {
		return program.Request{Method: "POST", Path: "/t/" + a.tenant + "/api/v3/portal/login", Body: fmt.Sprintf(
			`{"email":%q,"password":%q}`, a.mail, a.password)}
	},
	"Exsited change": func(a attempt) program.Request {
		return changeByMail(a, program.SecondPassword)
	},
}

func changeByMail(a attempt, fresh string) program.Request {
	return program.Request{Method: "POST", Path: "/t/" + a.tenant + "/api/v3/portal/change-password", Body: fmt.Sprintf(
		`{"email":%q,"current_password":%q,"new_password":%q}`, a.mail, a.password, fresh)}
}

func Test021_RefusedSignInsLookAlike(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, guarded...)
		c := assemble(d, "t021")
		all := c.refusedOnes()
		must := attempt{about: "must wait", tenant: c.Code, mail: hasty, password: program.FirstPassword}

		for name, way := range ways {
			want := d.Must(http.StatusUnauthorized, way(all[0]))
			for _, a := range all[1:] {
				alike(t, want, d.Send(way(a)), name+": "+a.about)
			}
			if name == "Exsited change" {
				continue // a success would change the password that the others try
			}
			whileDelayed(t, func() bool {
				fail(d, way(attempt{tenant: must.tenant, mail: must.mail, password: wrong}))
				got := d.Send(way(must))
				if got.Status == http.StatusOK {
					return false
				}
				alike(t, want, got, name+": "+must.about)
				return true
			})
		}
		codesLookAlike(t, d, c)
	})
}

// codesLookAlike guesses the code of a mail.
func codesLookAlike(t *testing.T, d *program.Deployment, c cast) {
	t.Helper()
	guess := func(a attempt) program.Reply {
		binding := d.Must(http.StatusOK, program.AskForLink(a.tenant, a.mail)).Header.Get("X-Link-Binding")
		return d.Send(program.Request{
			Method: "POST", Path: "/t/" + a.tenant + "/api/v1/portal/auth/validate-code",
			Header: map[string]string{"X-Link-Binding": binding}, Body: fmt.Sprintf(`{"email":%q,"code":"ABCD-EFGH"}`, a.mail),
		})
	}
	all := c.asked()
	want := guess(all[0])
	require.Equal(t, http.StatusUnauthorized, want.Status)
	for _, a := range all[1:] {
		alike(t, want, guess(a), "code: "+a.about)
	}
}

func Test022_LinkRequestsLookAlike(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, guarded...)
		c := assemble(d, "t022")
		all := c.asked()

		want := unbound(t, d.Must(http.StatusOK, program.AskForLink(c.Code, program.Address)))
		require.Empty(t, want.Body)
		for _, a := range all[1:] {
			alike(t, want, unbound(t, d.Send(program.AskForLink(a.tenant, a.mail))), a.about)
		}
		for range 4 { // two of them are mailed
			alike(t, want, unbound(t, d.Send(program.AskForLink(c.Code, hasty))), "throttled")
		}
		d.Must(http.StatusOK, program.AskForLink(c.Code, invited))

		// An invitation, one mail for the known one, two for the hasty one and
		// the last, which everything was asked before.
		sent := map[string]int{}
		for _, l := range d.LettersOf(c.Code, 5) {
			sent[l.To]++
		}
		require.Equal(t, map[string]int{"<" + program.Address + ">": 1, "<" + hasty + ">": 2, "<" + invited + ">": 2}, sent)
		require.Len(t, d.LettersOf(c.other, 0), 0)
	})
}

// unbound hides what is drawn anew for each link that is asked for, but not
// its length.
func unbound(t testing.TB, r program.Reply) program.Reply {
	t.Helper()
	binding := r.Header.Get("X-Link-Binding")
	require.NotEmpty(t, binding)
	r.Header = r.Header.Clone()
	for _, name := range []string{"X-Link-Binding", "Set-Cookie"} {
		require.Contains(t, r.Header.Get(name), binding)
		r.Header.Set(name, strings.Replace(r.Header.Get(name), binding, lengthOnly(binding), 1))
	}
	return r
}

func Test023_UnknownTenantsLookLikeKnownOnes(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, guarded...)
		c := assemble(d, "t023")
		inPath := func(method, path, body string) func(string) program.Request {
			return func(code string) program.Request {
				return program.Request{Method: method, Path: "/t/" + code + path, Body: body}
			}
		}
		for about, ask := range map[string]func(code string) program.Request{
			"login":     func(code string) program.Request { return program.LoginAs(code, nobody, wrong) },
			"exsited":   inPath("POST", "/api/v3/portal/login", `{"email":"`+nobody+`","password":"`+wrong+`"}`),
			"exsited 2": inPath("GET", "/api/v3/portal/login", `{"email":"`+nobody+`","password":"`+wrong+`"}`),
			"change": func(code string) program.Request {
				return ways["Exsited change"](attempt{tenant: code, mail: nobody, password: wrong})
			},
			"short new": func(code string) program.Request {
				return changeByMail(attempt{tenant: code, mail: nobody, password: wrong}, "short")
			},
			"link":     func(code string) program.Request { return program.AskForLink(code, nobody) },
			"validate": inPath("POST", "/api/v1/portal/auth/validate?token=AAAA", ""),
			"code":     inPath("POST", "/api/v1/portal/auth/validate-code", `{"email":"`+nobody+`","code":"ABCDEFGH"}`),
			"refresh":  inPath("POST", "/api/v1/portal/auth/refresh", `{"refreshToken":"AAAA"}`),
			"logout":   inPath("POST", "/api/v1/portal/auth/logout", `{"refreshToken":"AAAA"}`),
			"profile":  inPath("GET", "/api/v1/portal/me", ""),
			"contact":  inPath("GET", "/external/api/v1/contacts/1", ""),
			"keys":     inPath("GET", "/.well-known/jwks.json", ""),
			"page":     inPath("GET", "/magic", ""),
			"preflight": func(code string) program.Request {
				return program.Request{Method: "OPTIONS", Path: "/t/" + code + "/api/v1/portal/auth/login", Header: map[string]string{
					"Origin": "https://evil.example", "Access-Control-Request-Method": "POST",
				}}
			},
		} {
			seenBy := func(code string) program.Reply {
				r := d.Unchecked().Send(ask(code))
				if about == "link" {
					r = unbound(t, r)
				}
				return r
			}
			want := seenBy(c.unknown)
			require.Less(t, want.Status, 500, about)
			alike(t, want, seenBy(c.Code), about+": known")
			alike(t, want, seenBy(c.suspended), about+": suspended")
		}
	})
}

// Test026_LockOutTellsNothing lets somebody fail who exists and somebody who
// does not, well beyond the limit.
func Test026_LockOutTellsNothing(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, guarded...)
		c := assemble(d, "t026")
		first := d.Must(http.StatusUnauthorized, program.LoginAs(c.Code, program.Address, wrong))

		for i := range times(2*tries, 100) {
			for _, a := range c.refusedOnes() {
				alike(t, first, d.Send(program.LoginAs(a.tenant, a.mail, wrong)), fmt.Sprintf("%s after %d failures", a.about, i))
			}
		}

		whileDelayed(t, func() bool {
			fail(d, program.LoginAs(c.Code, program.Address, wrong))
			right, guessed := d.Send(program.Login(c.Code, program.FirstPassword)), d.Send(program.Login(c.Code, wrong))
			if right.Status == http.StatusOK {
				return false
			}
			alike(t, guessed, right, "the right password, while it must wait")
			return true
		})
	})
}

func Test027_PortalsAreNamedAfterProof(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t027")
		login(d, p.Code, p.Contact, program.FirstPassword)
		d.Must(http.StatusCreated, program.Operator("POST", "/tenants/"+p.Code+"/companies", `{"name":"Hooli"}`))
		names := func(password string) (status int, body string, portals []string) {
			r := d.Send(ways["Exsited"](attempt{tenant: p.Code, mail: program.Address, password: password}))
			var out struct {
				User struct {
					Portals []struct {
						Account string `json:"account"`
					} `json:"portals"`
				} `json:"user"`
			}
			require.NoError(t, json.Unmarshal(r.Body, &out))
			for _, one := range out.User.Portals {
				portals = append(portals, one.Account)
			}
			return r.Status, string(r.Body), portals
		}

		status, body, _ := names(wrong)
		require.Equal(t, http.StatusUnauthorized, status)
		for _, secret := range []string{"portals", "Globex", "Initech"} {
			require.NotContains(t, body, secret)
		}
		_, body, portals := names(program.FirstPassword)
		require.ElementsMatch(t, []string{p.Globex, p.Initech}, portals)
		require.NotContains(t, body, "Hooli", "of others")

		d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/"+p.Code+"/companies/"+p.Initech, `{"portal":{"enabled":false}}`))
		_, body, portals = names(program.FirstPassword)
		require.Equal(t, []string{p.Globex}, portals)
		require.NotContains(t, body, "Initech", "closed")
	})
}
