package attack_test

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

func Test049_ChangesNeedTheCurrentPasswordAndCountAsTries(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, guarded...)
		c := assemble(d, "t049")
		small(d, "t049-same", program.Address)
		small(d, "t049-hasty", hasty)
		const fresh, abroad = `"` + program.SecondPassword + `"`, "Other-Tenants-Own-5"
		for code, mail := range map[string]string{"t049-same": program.Address, "t049-hasty": hasty} {
			d.Must(http.StatusOK, changeByMail(attempt{tenant: code, mail: mail, password: program.FirstPassword}, abroad))
		}
		g := program.TokensOf(t, d.Must(http.StatusOK, program.Login(c.Code, program.FirstPassword)))

		for _, body := range []string{`{"newPassword":` + fresh + `}`, `{"currentPassword":"","newPassword":` + fresh + `}`, `{"currentPassword":null,"newPassword":` + fresh + `}`} {
			without := changeOwn(g, "", "")
			without.Body = body
			d.Must(http.StatusBadRequest, without)
		}
		for mail, change := range map[string]func(current string) program.Request{
			program.Address: func(current string) program.Request { return changeOwn(g, `"`+current+`"`, fresh) },
			hasty: func(current string) program.Request {
				return changeByMail(attempt{tenant: c.Code, mail: hasty, password: current}, program.SecondPassword)
			},
		} {
			whileDelayed(t, func() bool {
				for _, current := range []string{wrong, program.SecondPassword, abroad} {
					d.Must(http.StatusUnauthorized, change(current))
				}
				return d.Send(program.LoginAs(c.Code, mail, program.FirstPassword)).Status == http.StatusUnauthorized
			})
			d.Must(http.StatusUnauthorized, program.LoginAs(c.Code, mail, program.SecondPassword))
		}
	})
}

func Test050_AChangeEndsEverythingElse(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.DeployOn(t, on, program.Cheap...)
		nodes := spreadWhereShared(d, 2)
		p := d.Found("t050")
		kept := nodes[0].SignIn(p)

		// Known everywhere before it ends.
		others := []program.Granted{nodes[0].Tokens(nodes[0].Must(http.StatusOK, program.Login(p.Code, program.FirstPassword)))}
		others = append(others, program.TokensOf(t, nodes[len(nodes)-1].Must(http.StatusOK, program.Login(p.Code, program.FirstPassword))))
		for _, node := range nodes {
			for _, g := range others {
				node.Must(http.StatusOK, program.Visit("/me", g))
			}
		}
		nodes[0].Must(http.StatusNoContent, changeOwn(kept, `"`+program.FirstPassword+`"`, `"`+program.SecondPassword+`"`))
		ended(t, nodes, others)
		for _, node := range nodes {
			node.Must(http.StatusOK, program.Visit("/me", kept))
			node.Must(http.StatusUnauthorized, program.Login(p.Code, program.FirstPassword))
			others = append(others[:0], program.TokensOf(t, node.Must(http.StatusOK, program.Login(p.Code, program.SecondPassword))))
		}

		others = append(others, kept)
		nodes[0].Must(http.StatusOK, program.SetPassword(p, "Quarry-Pencil-58"))
		ended(t, nodes, others)
		others = []program.Granted{program.TokensOf(t, nodes[0].Must(http.StatusOK, program.Login(p.Code, "Quarry-Pencil-58")))}
		nodes[0].Must(http.StatusOK, changeByMail(attempt{tenant: p.Code, mail: program.Address, password: "Quarry-Pencil-58"}, program.FirstPassword))
		ended(t, nodes, others)
	})
}

// ended asserts that sessions have ended: where that was done at once, on every
// other node as soon as it hears of it.
func ended(t *testing.T, nodes []*program.Deployment, gone []program.Granted) {
	t.Helper()
	began := time.Now()
	for _, g := range gone {
		nodes[0].Must(http.StatusUnauthorized, program.Visit("/me", g))
		nodes[0].Must(http.StatusUnauthorized, program.Refresh(g.Refresh))
	}
	for _, node := range nodes {
		for _, g := range gone {
			require.Eventually(t, func() bool {
				return node.Send(program.Visit("/me", g)).Status == http.StatusUnauthorized
			}, program.Patience, 5*time.Millisecond)
			node.Must(http.StatusUnauthorized, program.Refresh(g.Refresh))
		}
	}
	figure(t, "refused_everywhere_after", time.Since(began))
}

func Test051_OfTwoChangesAtOnceOneWins(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.DeployOn(t, on, program.Cheap...)
		nodes := spreadWhereShared(d, 2)
		small(d, "t051", program.Address)
		current := program.FirstPassword

		for i := range times(4, 200) {
			fresh := []string{fmt.Sprintf("Left-Shoe-%d", i), fmt.Sprintf("Right-Shoe-%d", i)}
			var got [2]program.Reply
			var both sync.WaitGroup
			for j := range fresh {
				both.Go(func() {
					got[j] = nodes[j%len(nodes)].Send(changeByMail(attempt{tenant: "t051", mail: program.Address, password: current}, fresh[j]))
				})
			}
			both.Wait()

			won := 0
			if got[1].Status == http.StatusOK {
				won = 1
			}
			require.Equal(t, http.StatusOK, got[won].Status)
			require.Equal(t, http.StatusUnauthorized, got[1-won].Status)
			for _, node := range nodes {
				node.Must(http.StatusUnauthorized, program.Login("t051", fresh[1-won]))
				node.Must(http.StatusUnauthorized, program.Login("t051", current))
				node.Must(http.StatusOK, program.Login("t051", fresh[won]))
			}
			current = fresh[won]
		}
	})
}

func Test052_TemporaryPasswordsOpenOnlyTheirChange(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t052")
		const given, own = "Canary-Given-Password-1", "Canary-Own-Password-2"
		var said strings.Builder // every answer
		send := func(status int, r program.Request) program.Reply {
			t.Helper()
			res := d.Must(status, r)
			said.Write(res.Body)
			return res
		}

		d.Must(http.StatusOK, program.SetPassword(p, given))
		d.Must(http.StatusOK, program.Login(p.Code, given)) // permanent unless the tenant says otherwise
		send(http.StatusOK, program.Operator("PATCH", "/tenants/"+p.Code, `{"settings":{"adminPasswords":"temporary"}}`))
		for name, set := range map[string]program.Request{"Luminous": program.SetPassword(p, given), "admin": setByAdmin(p.Code, p.Contact, given)} {
			send(http.StatusOK, set)
			refused := send(http.StatusForbidden, program.Login(p.Code, given))
			require.Contains(t, refused.Text(t, "type"), "password-change-required", name)
			g := program.Granted{Access: refused.Text(t, "accessToken")}
			require.NotContains(t, string(refused.Body), "refreshToken")
			for _, path := range []string{"/me", "/client", "/scopes", "/dashboard/stats", "/auth/sessions"} {
				send(http.StatusForbidden, program.Visit(path, g))
			}
			send(http.StatusBadRequest, changeOwn(g, `"`+given+`"`, `"`+given+`"`))
			send(http.StatusUnauthorized, changeOwn(g, `"`+wrong+`"`, `"`+own+`"`))
			d.Must(http.StatusNoContent, changeOwn(g, `"`+given+`"`, `"`+own+`"`))
			d.Soon(http.StatusUnauthorized, changeOwn(g, `"`+own+`"`, `"`+given+`"`))
			d.Must(http.StatusOK, program.Login(p.Code, own))
		}

		said.Write(send(http.StatusOK, program.Operator("GET", "/tenants/"+p.Code+"/audit-events?limit=500", "")).Body)
		require.Contains(t, said.String(), "password.changed")
		require.Contains(t, said.String(), "password.set")
		for _, secret := range []string{given, own} {
			require.NotContains(t, said.String(), secret)
			require.NotContains(t, d.Log(), secret)
		}
	})
}

func Test053_AdminTokensReachTheirTenantAlone(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		a, b := d.Found("t053-a"), d.Found("t053-b")
		g := d.SignIn(b)
		token := func(permissions string, rest string) (id, text string) {
			r := d.Must(http.StatusCreated, program.Operator("POST", "/tenants/t053-a/api-tokens", `{"name":"one","permissions":[`+permissions+`]`+rest+`}`))
			return r.Text(t, "id"), r.Text(t, "token")
		}
		const fresh = `{"password":"` + program.SecondPassword + `"}`
		luminous := func(contact, bearer string) program.Reply {
			return d.Send(program.Request{Method: "POST", Path: "/external/api/v1/contacts/" + contact + "/password", Bearer: bearer, Body: fresh})
		}
		admin := func(code, contact, bearer string) program.Reply {
			return d.Send(program.Request{Method: "PUT", Path: "/admin/v1/tenants/" + code + "/contacts/" + contact + "/password", Bearer: bearer, Body: fresh})
		}
		_, full := token(`"contacts:write","users:write"`, "")
		alone := contact(d, b.Code, b.Globex, "alone@globex.example") // whose number the other tenant does not have

		missing := admin("t053-none", b.Contact, full)
		require.Equal(t, http.StatusNotFound, missing.Status)
		alike(t, missing, admin(b.Code, b.Contact, full), "another tenant")
		alike(t, luminous("999999999", full), luminous(alone, full), "another tenant's contact")
		alike(t, admin(a.Code, "999999999", full), admin(a.Code, alone, full), "another tenant's contact")

		_, reader := token(`"contacts:read"`, "")
		require.Equal(t, http.StatusForbidden, luminous(a.Contact, reader).Status)
		require.Equal(t, http.StatusForbidden, admin(a.Code, a.Contact, reader).Status)
		id, revoked := token(`"contacts:write","users:write"`, "")
		d.Must(http.StatusNoContent, program.Operator("DELETE", "/tenants/t053-a/api-tokens/"+id, ""))
		_, expiring := token(`"contacts:read","contacts:write"`, `,"expiresAt":"`+time.Now().Add(2*time.Second).UTC().Format(time.RFC3339Nano)+`"`)
		require.Eventually(t, func() bool {
			return d.Send(program.Request{Method: "GET", Path: "/external/api/v1/contacts/" + a.Contact, Bearer: expiring}).Status == http.StatusUnauthorized
		}, program.Patience, 50*time.Millisecond)
		want := luminous(a.Contact, "")
		require.Equal(t, http.StatusUnauthorized, want.Status)
		for about, bearer := range map[string]string{"revoked": revoked, "expired": expiring, "cut": full[:len(full)-1], "a user's": g.Access} {
			status := luminous(a.Contact, bearer).Status
			require.Contains(t, []int{http.StatusUnauthorized, http.StatusForbidden, http.StatusNotFound}, status, about)
		}
		inQuery := program.Request{Method: "POST", Path: "/external/api/v1/contacts/" + a.Contact + "/password?access_token=" + full + "&token=" + full, Body: fresh}
		require.Equal(t, http.StatusUnauthorized, d.Unchecked().Send(inQuery).Status)

		d.Must(http.StatusUnauthorized, program.Login(a.Code, program.SecondPassword))
		d.Must(http.StatusUnauthorized, program.Login(b.Code, program.SecondPassword))
		d.Must(http.StatusOK, program.Login(b.Code, program.FirstPassword))
	})
}
