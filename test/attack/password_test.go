package attack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// quoted writes text as a JSON value.
func quoted(t testing.TB, s string) string {
	t.Helper()
	raw, err := json.Marshal(s)
	require.NoError(t, err)
	return string(raw)
}

// loginWith is a try with whatever password.
func loginWith(t testing.TB, code, mail, password string) program.Request {
	t.Helper()
	r := program.LoginAs(code, mail, "")
	r.Body = fmt.Sprintf(`{"email":%q,"password":%s}`, mail, quoted(t, password))
	return r
}

// setter is a route that takes a new password for the contact of a portal.
type setter struct {
	ask     func(d *program.Deployment, p program.Portal, current, fresh string) program.Request
	success int
	refusal int
}

var setters = map[string]setter{
	"Luminous": {func(d *program.Deployment, p program.Portal, _, fresh string) program.Request {
		r := program.SetPassword(p, "")
		r.Body = `{"password":` + quoted(d.T, fresh) + `}`
		return r
	}, http.StatusOK, http.StatusUnprocessableEntity},
	"Luminous portal": {func(d *program.Deployment, p program.Portal, _, fresh string) program.Request {
		return program.Request{
			Method: "POST", Path: "/external/api/v1/contacts/" + p.Contact + "/b2b-portal-password", Bearer: p.Token,
			Body: `{"password":` + quoted(d.T, fresh) + `}`,
		}
	}, http.StatusOK, http.StatusUnprocessableEntity},
	"admin": {func(d *program.Deployment, p program.Portal, _, fresh string) program.Request {
		return program.Operator("PUT", "/tenants/"+p.Code+"/contacts/"+p.Contact+"/password", `{"password":`+quoted(d.T, fresh)+`}`)
	}, http.StatusOK, http.StatusUnprocessableEntity},
	"Exsited change": {func(d *program.Deployment, p program.Portal, current, fresh string) program.Request {
		r := changeByMail(attempt{tenant: p.Code}, "")
		r.Body = fmt.Sprintf(`{"email":%q,"current_password":%s,"new_password":%s}`, program.Address, quoted(d.T, current), quoted(d.T, fresh))
		return r
	}, http.StatusOK, http.StatusBadRequest},
	"Alpha change": {func(d *program.Deployment, p program.Portal, current, fresh string) program.Request {
		g := program.TokensOf(d.T, d.Must(http.StatusOK, loginWith(d.T, p.Code, program.Address, current)))
		return changeOwn(g, quoted(d.T, current), quoted(d.T, fresh))
	}, http.StatusNoContent, http.StatusBadRequest},
}

// changeOwn takes both passwords as JSON values.
func changeOwn(g program.Granted, current, fresh string) program.Request {
	r := program.Visit("/auth/change-password", g)
	r.Method, r.Body = "POST", `{"currentPassword":`+current+`,"newPassword":`+fresh+`}`
	return r
}

// each runs a check on every route that sets a password, where the contact of
// a portal has the first password to begin with.
func each(t *testing.T, d *program.Deployment, p program.Portal, check func(name string, set func(current, fresh string, ok bool))) {
	t.Helper()
	for name, s := range setters {
		d.Must(http.StatusOK, setByAdmin(p.Code, p.Contact, program.FirstPassword))
		check(name, func(current, fresh string, ok bool) {
			t.Helper()
			got, want := d.Send(s.ask(d, p, current, fresh)), s.refusal
			if ok {
				want = s.success
			}
			require.Equal(t, want, got.Status, "%s: %q: %s", name, fresh, got.Body)
			if !ok {
				require.NotContains(t, string(got.Body), fresh, "a refused value comes back")
				d.Must(http.StatusOK, loginWith(t, p.Code, program.Address, current))
				return
			}
			d.Must(http.StatusOK, loginWith(t, p.Code, program.Address, fresh))
			d.Must(http.StatusUnauthorized, loginWith(t, p.Code, program.Address, current))
		})
	}
}

func Test045_LengthIsJudgedInCharactersAndNothingIsCutOff(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t045")
		const eight = "kq7#zpw!"
		long := strings.Repeat(eight, 32)[:255]

		each(t, d, p, func(_ string, set func(current, fresh string, ok bool)) {
			set(program.FirstPassword, eight[:7], false)
			set(program.FirstPassword, "éèêëàâä", false)
			set(program.FirstPassword, long+"x", false)
			set(program.FirstPassword, eight, true)
			set(eight, long, true)
			for _, other := range []string{long[:254], long[:72], long[:72] + "x" + long[73:], long + "x"} {
				d.Must(http.StatusUnauthorized, loginWith(t, p.Code, program.Address, other))
			}
			set(long, "😀😁😂🤣😃😄😅😆", true)
		})

		d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/"+p.Code, `{"settings":{"passwordMinLength":12}}`))
		each(t, d, p, func(_ string, set func(current, fresh string, ok bool)) {
			set(program.FirstPassword, eight+"abc", false)
			set(program.FirstPassword, eight+"abcd", true)
		})
	})
}

// Test046_HugePasswordsAreNotHashed never comes near the store.
func Test046_HugePasswordsAreNotHashed(t *testing.T) {
	t.Parallel()
	d := program.Deploy(t, program.Cheap...)
	d.Start()
	p := d.Found("t046")
	g := d.SignIn(p)
	before := hashes(d)
	const at = "%s %s HTTP/1.1\r\nHost: %s\r\nContent-Type: application/json\r\nAuthorization: Bearer %s\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s"

	for _, size := range []int{1 << 20, 64 << 20} {
		huge := strings.Repeat("x", size)
		for path, body := range map[string]string{
			"/t/t046/api/v1/portal/auth/login":                           `{"email":"ada@globex.example","password":"` + huge + `"}`,
			"/t/t046/api/v1/portal/auth/change-password":                 `{"currentPassword":"` + huge + `","newPassword":"x"}`,
			"/t/t046/api/v3/portal/login":                                `{"email":"ada@globex.example","password":"` + huge + `"}`,
			"/t/t046/api/v3/portal/change-password":                      `{"email":"ada@globex.example","current_password":"` + huge + `","new_password":"` + wrong + `"}`,
			"/external/api/v1/contacts/" + p.Contact + "/password":       `{"password":"` + huge + `"}`,
			"/admin/v1/tenants/t046/contacts/" + p.Contact + "/password": `{"password":"` + huge + `"}`,
		} {
			method, bearer := "POST", g.Access
			switch {
			case strings.HasPrefix(path, "/external"):
				bearer = p.Token
			case strings.HasPrefix(path, "/admin"):
				method, bearer = "PUT", program.OperatorToken
			}
			got := d.Wire(fmt.Sprintf(at, method, path, d.Host(), bearer, len(body), body))
			require.Regexp(t, `^HTTP/1.1 (400|413) `, got, path)
		}
	}

	require.Equal(t, before, hashes(d), "hashes")
	now, peak := d.Memory()
	figure(t, "memory_MiB", now>>20)
	figure(t, "memory_peak_MiB", peak>>20)
}

// hashes reads how many password hashes the process has made and compared.
func hashes(d *program.Deployment) int {
	d.T.Helper()
	metrics := d.Must(http.StatusOK, program.Request{Method: "GET", Path: "/metrics", Bearer: program.OperatorToken})
	for line := range strings.SplitSeq(string(metrics.Body), "\n") {
		if value, ok := strings.CutPrefix(line, "ostiary_password_hashes_total "); ok {
			n, err := strconv.ParseFloat(value, 64)
			require.NoError(d.T, err)
			return int(n)
		}
	}
	require.Fail(d.T, "the hashes are not counted")
	return 0
}

func Test047_WhatWasSetLogsIn(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t047")

		for _, row := range []struct {
			set  string
			same []string // RFC 8265, OpaqueString: composed as NFC, every blank is one blank
			no   []string
		}{
			{"  two  blanks  ", nil, []string{"two  blanks", " two  blanks  ", "  two blanks  ", "  two  blanks"}},
			{"pass\U0001f600\U0001f3fdword", nil, []string{"pass\U0001f600word", "password"}},
			{"Cre\u0300me bru\u0302le\u0301e", []string{"Crème brûlée", "Crème\u00a0brûlée", "Crème\u3000brûlée"}, []string{"Creme brulee", "crème brûlée", "CRÈME BRÛLÉE"}},
			{"Ångström-unit", []string{"A\u030angstro\u0308m-unit"}, []string{"Angstrom-unit"}},
			{`quote"back\slash'`, nil, []string{`quote"backslash'`, `quote\"back\\slash'`}},
			{"Straße-und-Gasse", nil, []string{"Strasse-und-Gasse", "STRASSE-UND-GASSE"}},
			{"плоскость-9-мая", nil, []string{"Плоскость-9-мая"}},
			{"\uff37ide-letters-x", nil, []string{"Wide-letters-x"}},
			{"$2a$10$not-a-hash", nil, []string{"$2a$10$not-a-has"}},
		} {
			set := setters["Luminous"].ask(d, p, "", row.set)
			d.Must(http.StatusOK, set)
			for _, same := range append(row.same, row.set) {
				require.Equal(t, http.StatusOK, d.Send(loginWith(t, p.Code, program.Address, same)).Status, "%q for %q", same, row.set)
			}
			for _, other := range append(row.no, row.set+" ", strings.ToUpper(row.set)+"x") {
				require.Equal(t, http.StatusUnauthorized, d.Send(loginWith(t, p.Code, program.Address, other)).Status, "%q for %q", other, row.set)
			}
		}

		d.Must(http.StatusOK, setByAdmin(p.Code, p.Contact, program.FirstPassword))
		for _, never := range []string{"Tulip\x00Bridge", program.FirstPassword + "\x00", "Tulip\tBridge-29", "Tulip\u200eBridge\ufff9-29"} {
			got := d.Send(setters["Luminous"].ask(d, p, "", never))
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnprocessableEntity}, got.Status, "%q", never)
			got = d.Send(loginWith(t, p.Code, program.Address, never))
			require.Contains(t, []int{http.StatusBadRequest, http.StatusUnauthorized}, got.Status, "%q", never)
		}
	})
}

// common are at the top of every list of breached passwords, as long as they
// must be.
var common = []string{
	"12345678", "123456789", "password", "1234567890", "qwerty123", "qwertyuiop", "password1", "iloveyou", "11111111", "1q2w3e4r5t",
	"sunshine", "princess", "football", "baseball", "superman", "trustno1", "starwars", "computer", "michelle", "corvette", "Password1", "PASSWORD123",
	"1qaz2wsx", "zaq12wsx", "q1w2e3r4", "letmein1", "welcome1", "abcd1234", "passw0rd", "P@ssw0rd", "jennifer", "whatever", "dragon123", "monkey123",
}

func Test048_PasswordsThatAreGuessedFirstAreRefused(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t048-harbour")
		company := d.Must(http.StatusCreated, program.Operator("POST", "/tenants/"+p.Code+"/companies", `{"name":"Hooli Works"}`)).Number(t)
		d.Must(http.StatusOK, program.Operator("PATCH", "/tenants/"+p.Code+"/contacts/"+p.Contact,
			`{"companies":[{"id":`+p.Globex+`,"isPrimary":true},{"id":`+company+`,"isPrimary":false}]}`))

		for _, password := range common {
			got := d.Send(setters["admin"].ask(d, p, "", password))
			require.Equal(t, http.StatusUnprocessableEntity, got.Status, password)
		}
		each(t, d, p, func(_ string, set func(current, fresh string, ok bool)) {
			for _, password := range []string{
				common[0], "Iloveyou", p.Code, "T048-HARBOUR", "Acme Portal", "acmeportal", "Acme-Portal-2026!", "Hooli Works", "hooliworks1",
				program.Address, "Ostiary1", "ostiary-2026",
			} {
				set(program.FirstPassword, password, false)
			}
			set(program.FirstPassword, "Acme Portal by the sea", true)
		})
	})
}
