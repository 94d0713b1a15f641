package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/tenant"
	"ostiary/test/harness"
)

func TestUser_IsKeptByPasswordInvitationAndPatch(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	at := base + "/contacts/" + w.Acme.Cy.String()
	code, _ := refused(t, w.operate(t, "GET", at+"/user", "", 404))
	require.Equal(t, "user_not_found", code)
	w.operate(t, "DELETE", at+"/sessions", "", 404)
	w.operate(t, "PATCH", at+"/user", `{"enabled":true}`, 404)

	invited := object(t, w.operate(t, "POST", at+"/invitation", `{}`, 202).Body)
	id := invited["id"]
	w.Deliver(t)
	require.Len(t, w.Mailer.Sent(), 1)
	require.Equal(t, map[string]any{"id": id, "enabled": true, "roles": []any{}, "hasPassword": false, "temporaryPassword": false}, invited)
	require.Equal(t, true, object(t, w.operate(t, "PUT", at+"/password", `{"password":"long enough to be one"}`, 200).Body)["hasPassword"])
	changed := w.operate(t, "PATCH", at+"/user", `{"enabled":false,"roles":["admin","admin"]}`, 200)
	require.Equal(t, map[string]any{"id": id, "enabled": false, "roles": []any{"admin"}, "hasPassword": true, "temporaryPassword": false}, object(t, changed.Body))

	same := w.operate(t, "PATCH", at+"/user", `{}`, 200)
	require.Equal(t, changed.Body, same.Body)
	require.Equal(t, changed.Header.Get("ETag"), same.Header.Get("ETag"))
	require.Equal(t, []any{}, object(t, w.operate(t, "PATCH", at+"/user", `{"roles":null}`, 200).Body)["roles"])

	w.ChangeTenant(t, w.Acme.ID, func(d *tenant.Details) { d.Settings.AdminPasswords = tenant.Temporary })
	require.Equal(t, true, object(t, w.operate(t, "PUT", at+"/password", `{"password":"long enough to be one"}`, 200).Body)["temporaryPassword"])
}

func TestUser_NeedsAnAddress(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	at := w.operate(t, "POST", base+"/contacts", `{"firstName":"Eve","companies":[{"id":1}]}`, 201).Header.Get("Location")

	for _, got := range []harness.Answer{
		w.operate(t, "POST", at+"/invitation", "", 422),
		w.operate(t, "PUT", at+"/password", `{"password":"long enough to be one"}`, 422),
	} {
		code, pointers := refused(t, got)
		require.Equal(t, "email_required", code)
		require.Equal(t, []string{"/email"}, pointers)
	}
	_, pointers := refused(t, w.operate(t, "PATCH", base+"/contacts/{contact}", `{"email":null}`, 422))
	require.Equal(t, []string{"/email"}, pointers, "who has a login keeps an address")
}

func TestUser_RefusesPasswords(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	for _, bad := range []string{"short", "password1", "bob@example.com", ""} {
		got := w.operate(t, "PUT", base+"/contacts/{contact}/password", `{"password":"`+bad+`"}`, 422)
		_, pointers := refused(t, got)
		require.Equal(t, []string{"/password"}, pointers)
		if bad != "" && bad != "short" {
			require.NotContains(t, got.Body, bad)
		}
	}
	refused(t, w.operate(t, "PUT", base+"/contacts/{contact}/password", `{"password":null}`, 422))
}

func TestRoleHolder_IsForTheOperatorAndAdmins(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	boss := w.admin(t)
	token := w.all(t, harness.Code)
	ada := base + "/contacts/" + w.Acme.Ada.String()

	for _, c := range []struct{ method, path, body string }{
		{"PUT", ada + "/password", `{"password":"long enough to be one"}`},
		{"PATCH", ada + "/user", `{"enabled":false}`},
		{"PATCH", ada + "/user", `{"roles":[]}`},
		{"DELETE", ada + "/sessions", ""},
		{"POST", ada + "/invitation", ""},
		{"PATCH", ada, `{"email":"new@example.com"}`},
		{"DELETE", ada, ""},
		{"PATCH", base + "/contacts/{contact}/user", `{"roles":["admin"]}`},
	} {
		code, _ := refused(t, w.ask(t, c.method, c.path, token, c.body, http.StatusForbidden))
		require.Equal(t, "role_holder", code, c.method+c.path)
	}
	w.ask(t, "PATCH", ada, token, `{"phone":"1"}`, 200)
	w.ask(t, "GET", ada+"/user", token, "", 200)
	w.ask(t, "PATCH", base+"/contacts/{contact}/user", boss, `{"roles":["admin"]}`, 200)
	w.ask(t, "PUT", base+"/contacts/{contact}/password", boss, `{"password":"long enough to be one"}`, 200)
	w.operate(t, "DELETE", ada+"/sessions", "", 204)
	w.ask(t, "GET", base, boss, "", http.StatusUnauthorized)
}
