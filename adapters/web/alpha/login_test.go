package alpha_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/alpha"
	"ostiary/domain/company"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/test/harness"
)

func TestLogin_RefusalsCannotBeToldApart(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ask := func(mail, password, code string) harness.Answer {
		return w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: body("email", mail, "password", password, "tenantCode", code)})
	}
	wrong := ask(harness.AdaMail, "wrong password", harness.Code)

	requireRefusal(t, wrong, 401, "unauthenticated")
	require.Equal(t, "Bearer", wrong.Header.Get("WWW-Authenticate"))
	for name, a := range map[string]harness.Answer{
		"unknown address":  ask("nobody@example.com", harness.Password, harness.Code),
		"unknown tenant":   ask(harness.AdaMail, harness.Password, "nobody"),
		"no password":      ask(harness.BobMail, harness.Password, harness.Code),
		"no login":         ask(harness.CyMail, harness.Password, harness.Code),
		"password of 5 KB": ask(harness.AdaMail, fmt.Sprintf("%5000d", 7), harness.Code),
	} {
		require.Equal(t, wrong.Status, a.Status, name)
		require.Equal(t, withoutReceipt(t, wrong), withoutReceipt(t, a), name)
	}
	require.Equal(t, 6, w.Hasher.Verifies+w.Hasher.Decoys)
}

func TestLogin_ChoosesThePortal(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ask := func(id company.PortalID) harness.Answer {
		return w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: body(
			"email", harness.AdaMail, "password", harness.Password, "tenantCode", harness.Code, "portal", id.String(),
		)})
	}

	second := tokensIn(t, ask(w.Acme.Second.Portal().ID))
	stranger := ask(company.PortalIDFromBytes([16]byte{6: 0x70, 8: 0x80, 15: 1}))

	me := w.Do(t, harness.Ask{Path: portal + "/me", Token: second.AccessToken})
	require.Contains(t, me.Body, `"clientName":"Second BV"`)
	requireRefusal(t, stranger, 401, "unauthenticated")
}

func TestLogin_TakesTheTenantFromEverySource(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{BaseDomain: "portals.example"}, alpha.Config{})
	who := body("email", harness.AdaMail, "password", harness.Password)

	for name, header := range map[string]map[string]string{
		"header": {"X-Tenant-Code": "Acme"},
		"host":   {"Host": "acme.portals.example"},
	} {
		a := w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: who, Header: header})
		require.Equal(t, 200, a.Status, name)
	}
	contradiction := w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: who, Header: map[string]string{
		"Host": "acme.portals.example", "X-Tenant-Code": "other",
	}})
	none := w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: who})

	requireRefusal(t, contradiction, 400, "malformed")
	requireRefusal(t, none, 400, "malformed")
}

func TestLogin_IgnoresAuthorizationAndUnknownMembers(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{
		Path: portal + "/auth/login", Token: "not-a-token",
		Body: `{"remember":true,"email":"ada@example.com","username":"ada@example.com","password":"` + harness.Password + `","tenantCode":"acme"}`,
	})

	tokensIn(t, a)
}

func TestLogin_OutOfFormIsMalformed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for name, in := range map[string]string{
		"no address":       body("password", "x", "tenantCode", "acme"),
		"two addresses":    body("email", "a@example.com", "username", "b@example.com", "password", "x", "tenantCode", "acme"),
		"address null":     `{"email":null,"password":"x","tenantCode":"acme"}`,
		"no password":      body("email", "a@example.com", "tenantCode", "acme"),
		"empty password":   body("email", "a@example.com", "password", "", "tenantCode", "acme"),
		"no mail address":  body("email", "a example.com", "password", "x", "tenantCode", "acme"),
		"portal no uuid":   body("email", "a@example.com", "password", "x", "tenantCode", "acme", "portal", "1"),
		"tenant malformed": body("email", "a@example.com", "password", "x", "tenantCode", "a_b"),
		"display name":     body("email", "A <a@example.com>", "password", "x", "tenantCode", "acme"),
	} {
		a := w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: in})
		require.Equal(t, 400, a.Status, name)
	}
	require.Zero(t, w.Hasher.Verifies+w.Hasher.Decoys)
}

func TestLogin_TemporaryPasswordOpensTheChangeAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.ChangeTenant(t, w.Acme.ID, func(d *tenant.Details) { d.Settings.AdminPasswords = tenant.Temporary })
	w.SetPassword(t, harness.Code, w.Acme.Ada, "a first temporary one")
	ask := harness.Ask{Path: portal + "/auth/login", Body: body(
		"email", harness.AdaMail, "password", "a first temporary one", "tenantCode", harness.Code,
	)}

	a := w.Do(t, ask)

	require.Equal(t, 403, a.Status)
	var got struct {
		Type, AccessToken string
		AccessExpiresUnix int64
	}
	require.NoError(t, json.Unmarshal([]byte(a.Body), &got))
	require.Equal(t, "password-change-required", got.Type)
	require.Equal(t, w.Clock.Now().Add(15*time.Minute).Truncate(time.Second).UnixMilli(), got.AccessExpiresUnix)
	me := w.Do(t, harness.Ask{Path: portal + "/me", Token: got.AccessToken})
	requireRefusal(t, me, 403, "password-change-required")
	changed := w.Do(t, harness.Ask{Path: portal + "/auth/change-password", Token: got.AccessToken, Body: body(
		"currentPassword", "a first temporary one", "newPassword", "and this one is my own",
	)})
	require.Equal(t, 204, changed.Status, changed.Body)
	ask.Body = body("email", harness.AdaMail, "password", "and this one is my own", "tenantCode", harness.Code)
	tokensIn(t, w.Do(t, ask))
}

func TestLogin_LimitsSayWhenToComeBack(t *testing.T) {
	t.Parallel()
	limits := throttle.Limits{LoginAddress: throttle.Limit{Count: 2, Window: time.Minute}}
	w := serve(t, harness.Options{Limits: limits}, alpha.Config{})
	ask := harness.Ask{Path: portal + "/auth/login", Body: body("email", harness.AdaMail, "password", "wrong one", "tenantCode", "acme")}
	require.Equal(t, 401, w.Do(t, ask).Status)
	require.Equal(t, 401, w.Do(t, ask).Status)

	a := w.Do(t, ask)

	requireRefusal(t, a, 429, "limited")
	require.Equal(t, "30", a.Header.Get("Retry-After"))
}

func TestParityLogin_IsTheOriginalProducts(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{DefaultTenant: "acme"}, alpha.Config{Parity: true})

	in := tokensIn(t, w.Do(t, harness.Ask{Path: parity + "/login", Body: body("username", harness.AdaMail, "password", harness.Password)}))
	wrong := w.Do(t, harness.Ask{Path: parity + "/login", Body: body("username", harness.AdaMail, "password", "not this one")})
	missing := w.Do(t, harness.Ask{Path: parity + "/login", Body: body("email", harness.AdaMail, "password", harness.Password)})

	require.Equal(t, w.Acme.AdaUser.String(), in.ID)
	requireRefusal(t, wrong, 401, "unauthenticated")
	requireRefusal(t, missing, 400, "malformed")
}

func TestChangePassword_EndsTheOtherSessions(t *testing.T) {
	t.Parallel()
	w := setup(t)
	here, elsewhere := login(t, w), login(t, w)
	ask := func(current, fresh string) harness.Answer {
		return w.Do(t, harness.Ask{Path: portal + "/auth/change-password", Token: here.AccessToken, Body: body(
			"currentPassword", current, "newPassword", fresh,
		)})
	}

	wrong := ask("not the current one", "a new one that is long")
	short := ask(harness.Password, "short")
	common := ask(harness.Password, "password123")
	done := ask(harness.Password, "a new one that is long")

	requireRefusal(t, wrong, 401, "unauthenticated")
	requireRefusal(t, short, 400, "invalid")
	requireRefusal(t, common, 400, "invalid")
	require.Contains(t, common.Body, "most common or breached")
	require.Equal(t, 204, done.Status)
	require.Empty(t, done.Body)
	require.Equal(t, 200, w.Do(t, harness.Ask{Path: portal + "/me", Token: here.AccessToken}).Status)
	require.Equal(t, 401, w.Do(t, harness.Ask{Path: portal + "/me", Token: elsewhere.AccessToken}).Status)
}
