package attack_test

import (
	"database/sql"
	"fmt"
	"net/http"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	_ "modernc.org/sqlite" // to hold the file as another process may

	"ostiary/test/mongod"
	"ostiary/test/program"
)

const (
	grace   = 10 * time.Second
	parity  = "/api/v1/auth/refresh/"
	portals = "/api/v1/portal"
)

// requireDead asserts that neither token of a session is good for anything.
func requireDead(d *program.Deployment, g program.Granted, about string) {
	d.T.Helper()
	d.Soon(http.StatusUnauthorized, program.Visit("/me", g))
	require.Equal(d.T, http.StatusUnauthorized, d.Send(program.Refresh(g.Refresh)).Status, about)
	require.Equal(d.T, http.StatusUnauthorized, d.Send(program.Request{Method: "GET", Path: parity + g.Refresh}).Status, about)
}

func (h *hourglass) refreshed(token string) program.Granted {
	h.T.Helper()
	return program.TokensOf(h.T, h.Must(http.StatusOK, program.Refresh(token)))
}

func (h *hourglass) signedIn(code string) program.Granted {
	h.T.Helper()
	return program.TokensOf(h.T, h.Must(http.StatusOK, program.Login(code, program.FirstPassword)))
}

func Test092_ReuseOfARefreshTokenEndsItsFamily(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		h := turnable(t, on)
		opening(h.Deployment, "t092")
		never := h.Must(http.StatusUnauthorized, program.Refresh("AAAA"))
		for about, steal := range map[string]func(first program.Granted) program.Granted{
			"after its grace":             func(first program.Granted) program.Granted { return h.refreshed(first.Refresh) },
			"when its successor was used": func(first program.Granted) program.Granted { return h.refreshed(h.refreshed(first.Refresh).Refresh) },
			"much later": func(first program.Granted) program.Granted {
				return h.refreshed(h.refreshed(h.refreshed(first.Refresh).Refresh).Refresh)
			},
		} {
			before := len(audited(h.Deployment, "t092", "refresh.reused"))
			first, other := h.signedIn("t092"), h.signedIn("t092")
			newest := steal(first)
			if about == "after its grace" {
				h.jump(grace + time.Second)
			}

			alike(t, never, h.Send(program.Refresh(first.Refresh)), about)

			requireDead(h.Deployment, newest, about)
			require.Len(t, audited(h.Deployment, "t092", "refresh.reused"), before+1, about)
			h.Must(http.StatusOK, program.Visit("/me", other)) // a family is one session
		}
	})
}

func Test093_ALostAnswerIsForgivenForAWhile(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		h := turnable(t, on)
		opening(h.Deployment, "t093")
		for { // until this machine asked again in time
			g := h.signedIn("t093")
			began := h.now()
			lost := h.refreshed(g.Refresh)
			again := h.Send(program.Refresh(g.Refresh))
			if h.since(began) > grace && again.Status == http.StatusUnauthorized {
				continue
			}
			require.Equal(t, http.StatusOK, again.Status)
			require.Equal(t, lost.Refresh, program.TokensOf(t, again).Refresh, "the same successor")
			next := h.refreshed(lost.Refresh)
			h.Must(http.StatusOK, program.Visit("/me", next))
			require.Equal(t, unjudgedClaims(t, g.Access)["sid"], unjudgedClaims(t, next.Access)["sid"], "the same session")
			require.Empty(t, audited(h.Deployment, "t093", "refresh.reused"))
			break
		}

		g := h.signedIn("t093")
		lost := h.refreshed(g.Refresh)
		h.jump(grace + time.Second)
		h.Must(http.StatusUnauthorized, program.Refresh(g.Refresh))
		requireDead(h.Deployment, lost, "too late")
	})
}

// revocations are what must end the sessions of a portal's contact. Keeps says
// that the session which asks goes on.
var revocations = map[string]struct {
	by    func(p program.Portal, own program.Granted) program.Request
	keeps bool
	// refusal is the status for a credential of somebody who is shut out
	// rather than signed out.
	refusal int
}{
	"own password change": {keeps: true, by: func(_ program.Portal, own program.Granted) program.Request {
		return program.Request{Method: "POST", Path: portals + "/auth/change-password", Bearer: own.Access, Body: fmt.Sprintf(
			`{"currentPassword":%q,"newPassword":%q}`, program.FirstPassword, program.SecondPassword)}
	}},
	"Exsited password change": {by: func(p program.Portal, _ program.Granted) program.Request {
		return program.Request{Method: "POST", Path: "/t/" + p.Code + "/api/v3/portal/change-password", Body: fmt.Sprintf(
			`{"email":%q,"current_password":%q,"new_password":%q}`, program.Address, program.FirstPassword, program.SecondPassword)}
	}},
	"set password": {by: func(p program.Portal, _ program.Granted) program.Request {
		return program.SetPassword(p, program.SecondPassword)
	}},
	"set by an admin": {by: func(p program.Portal, _ program.Granted) program.Request {
		return program.Operator("PUT", "/tenants/"+p.Code+"/contacts/"+p.Contact+"/password", `{"password":"`+program.SecondPassword+`"}`)
	}},
	"disabled": {by: func(p program.Portal, _ program.Granted) program.Request {
		return program.Operator("PATCH", "/tenants/"+p.Code+"/contacts/"+p.Contact+"/user", `{"enabled":false}`)
	}},
	"signed out everywhere": {by: func(p program.Portal, _ program.Granted) program.Request {
		return program.Operator("DELETE", "/tenants/"+p.Code+"/contacts/"+p.Contact+"/sessions", "")
	}},
	"all others": {keeps: true, by: func(_ program.Portal, own program.Granted) program.Request {
		return program.Request{Method: "DELETE", Path: portals + "/auth/sessions", Bearer: own.Access}
	}},
	"contact deleted": {by: func(p program.Portal, _ program.Granted) program.Request {
		return program.Operator("DELETE", "/tenants/"+p.Code+"/contacts/"+p.Contact, "")
	}},
	"tenant suspended": {refusal: http.StatusForbidden, by: func(p program.Portal, _ program.Granted) program.Request {
		return program.Operator("PATCH", "/tenants/"+p.Code, `{"status":"suspended"}`)
	}},
}

func Test094_NoRefreshAfterARevocation(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		i := 0
		for about, r := range revocations {
			i++
			p := d.Found(fmt.Sprintf("t094-%d", i))
			own, other := d.SignIn(p), program.TokensOf(t, d.Must(http.StatusOK, program.Login(p.Code, program.FirstPassword)))

			got := d.Send(r.by(p, own))
			require.Contains(t, []int{http.StatusOK, http.StatusNoContent}, got.Status, "%s: %s", about, got.Body)

			refusal := max(r.refusal, http.StatusUnauthorized)
			require.Equal(t, refusal, d.Send(program.Refresh(other.Refresh)).Status, about)
			require.Equal(t, refusal, d.Send(program.Visit("/me", other)).Status, about)
			if r.keeps {
				d.Must(http.StatusOK, program.Refresh(own.Refresh))
			} else {
				require.Equal(t, refusal, d.Send(program.Refresh(own.Refresh)).Status, about)
			}
		}
	})
}

// Test094_NoScopeComesBackByARefresh takes scopes away at each of the levels
// that can.
func Test094_NoScopeComesBackByARefresh(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		for level, narrow := range map[string]func(p program.Portal) program.Request{
			"tenant": func(p program.Portal) program.Request {
				return program.Operator("PUT", "/tenants/"+p.Code+"/scopes", `{"configurator":true}`)
			},
			"company": func(p program.Portal) program.Request {
				return program.Operator("PATCH", "/tenants/"+p.Code+"/companies/"+p.Globex, `{"scopes":{"finance":false,"support":true}}`)
			},
			"contact": func(p program.Portal) program.Request {
				return program.Operator("PATCH", "/tenants/"+p.Code+"/contacts/"+p.Contact, `{"scopes":{"finance":false,"support":true}}`)
			},
		} {
			p := d.Found("t094-scope-" + level)
			g := d.SignIn(p)
			require.Equal(t, "configurator finance", unjudgedClaims(t, g.Access)["scope"])
			d.Must(http.StatusOK, program.Visit("/dashboard/stats", g))

			d.Must(http.StatusOK, narrow(p))

			d.Must(http.StatusForbidden, program.Visit("/dashboard/stats", g))
			for range 3 {
				g = program.TokensOf(t, d.Must(http.StatusOK, program.Refresh(g.Refresh)))
				require.Equal(t, "configurator", unjudgedClaims(t, g.Access)["scope"], level)
				d.Must(http.StatusForbidden, program.Visit("/dashboard/stats", g))
			}
			asks := program.Refresh(g.Refresh)
			asks.Body = strings.Replace(asks.Body, "{", `{"scope":"configurator finance support","scopes":["finance"],"roles":["admin"],`, 1)
			wider := unjudgedClaims(t, program.TokensOf(t, d.Must(http.StatusOK, asks)).Access)
			require.Equal(t, "configurator", wider["scope"])
			require.Empty(t, wider["roles"])
		}
	})
}

func Test095_SessionsEnd(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		const day = 24 * time.Hour
		h := turnable(t, on)
		p, _ := opening(h.Deployment, "t095")
		h.Must(http.StatusOK, program.Operator("PATCH", "/tenants/t095", `{"settings":{"refreshIdleDays":2,"refreshAbsoluteDays":5}}`))
		idle, used := h.signedIn("t095"), h.signedIn("t095")
		began := h.now()
		for d := 1; d < 5; d++ {
			h.jump(day)
			used = h.refreshed(used.Refresh)
			if d == 3 {
				used = switched(h, p, used)
			}
		}
		require.Equal(t, http.StatusUnauthorized, h.Send(program.Refresh(idle.Refresh)).Status, "idle for too long")

		h.jump(5*day + time.Minute - h.since(began))

		require.Equal(t, http.StatusUnauthorized, h.Send(program.Refresh(used.Refresh)).Status, "however often it was used")
		require.Equal(t, http.StatusUnauthorized, h.Send(program.Visit("/me", used)).Status)
		fresh := h.signedIn("t095")
		h.jump(2*day - time.Hour)
		fresh = h.refreshed(fresh.Refresh) // not idle for too long yet
		h.jump(2*day + time.Minute)
		require.Equal(t, http.StatusUnauthorized, h.Send(program.Refresh(fresh.Refresh)).Status, "idle for too long")
	})
}

// switched goes on at the other company.
func switched(h *hourglass, p program.Portal, g program.Granted) program.Granted {
	h.T.Helper()
	var company struct{ Portal struct{ UUID string } }
	decode(h.T, h.Must(http.StatusOK, program.Operator("GET", "/tenants/"+p.Code+"/companies/"+p.Initech, "")), &company)
	return program.TokensOf(h.T, h.Must(http.StatusOK, program.Request{
		Method: "POST", Path: portals + "/auth/switch", Bearer: g.Access, Body: `{"portal":"` + company.Portal.UUID + `"}`,
	}))
}

// unavailable lets every write of a deployment fail until it is told to mend.
// SQLite's file is held by another process, as a careless backup would; the
// network to MongoDB is cut.
func unavailable(t *testing.T, on program.Engine) (d *program.Deployment, fail, mend func()) {
	t.Helper()
	if on.Name == program.OnSQLite.Name {
		d = program.DeployOn(t, on, program.Cheap...)
		file := url.URL{Scheme: "file", Path: filepath.Join(d.Dir, "ostiary.db")}
		db, err := sql.Open("sqlite", file.String())
		require.NoError(t, err)
		t.Cleanup(func() { _ = db.Close() })
		db.SetMaxOpenConns(1)
		run := func(statement string) func() {
			return func() {
				t.Helper()
				require.Eventually(t, func() bool {
					_, err := db.ExecContext(t.Context(), statement)
					return err == nil
				}, program.Patience, 10*time.Millisecond, statement)
			}
		}
		return d, run("BEGIN IMMEDIATE"), run("ROLLBACK")
	}
	var p *mongod.FaultProxy
	d = program.DeployOn(t, program.Behind(&p), program.Cheap...)
	return d, p.Cut, p.Pass
}

// Test096_ARevocationThatIsNotStoredIsNotAnnounced lets the store fail under
// all that ends sessions at once: nobody is told that it was done, and once the
// store is back it can be.
func Test096_ARevocationThatIsNotStoredIsNotAnnounced(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d, fail, mend := unavailable(t, on)
		d.Start()
		p := d.Found("t096")
		own := d.SignIn(p)
		other := program.TokensOf(t, d.Must(http.StatusOK, program.Login("t096", program.FirstPassword)))
		requests := revoking(t, p, own, other)

		fail()
		answers := make(chan string, len(requests))
		for about, r := range requests {
			go func() {
				got, err := d.Unchecked().Try(r)
				if err != nil || got.Status < 500 || got.Header.Get("Retry-After") == "" {
					answers <- fmt.Sprintf("%s was answered %d %s (%v)", about, got.Status, got.Body, err)
					return
				}
				answers <- ""
			}()
		}
		for range requests {
			require.Empty(t, <-answers)
		}
		mend()

		d.Ready()
		require.Eventually(t, func() bool {
			return d.Send(program.Request{Method: "POST", Path: portals + "/auth/logout", Body: `{"refreshToken":"` + other.Refresh + `"}`}).Status == http.StatusNoContent
		}, program.Patience, 20*time.Millisecond, "writes again")
		requireDead(d, other, "signed out in the end")
	})
}

// revoking are all requests that end a session.
func revoking(t *testing.T, p program.Portal, own, other program.Granted) map[string]program.Request {
	t.Helper()
	sid, ok := unjudgedClaims(t, other.Access)["sid"].(string)
	require.True(t, ok)
	out := map[string]program.Request{
		"logout":          {Method: "POST", Path: portals + "/auth/logout", Bearer: other.Access},
		"logout by token": {Method: "POST", Path: portals + "/auth/logout", Body: `{"refreshToken":"` + other.Refresh + `"}`},
		"parity logout":   {Method: "GET", Path: "/api/v1/auth/logout/" + other.Refresh},
		"one session":     {Method: "DELETE", Path: portals + "/auth/sessions/" + sid, Bearer: own.Access},
	}
	for about, r := range revocations {
		out[about] = r.by(p, own)
	}
	return out
}
