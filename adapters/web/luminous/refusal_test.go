package luminous_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
	"ostiary/test/harness"
)

// call is one route with a body that would be accepted.
type call struct{ method, path, body string }

func (k kit) calls() []call {
	ada := k.ada()
	return []call{
		{"POST", ada + "/b2b-portal-password", `{"password":"` + fresh + `"}`},
		{"POST", ada + "/password", `{"password":"` + fresh + `"}`},
		{"POST", ada, `{"first_name":"Augusta"}`},
		{"POST", "/contacts", fmt.Sprintf(`{"first_name":"Eve","company_id":%s}`, k.Acme.Example.ID())},
		{"GET", ada, ""},
		{"GET", "/contacts", ""},
		{"GET", "/companies/" + k.Acme.Example.ID().String() + "/contacts", ""},
	}
}

func (k kit) try(t *testing.T, c call, prefix, token string, header map[string]string) harness.Answer {
	t.Helper()
	return k.Do(t, harness.Ask{Method: c.method, Path: prefix + root + c.path, Body: c.body, Token: token, Header: header})
}

func TestAuth_OneAnswerToEveryBadToken(t *testing.T) {
	t.Parallel()
	k := setup(t)
	k.promote(t)
	revoked := k.APIToken(t, harness.Code, actor.TenantPermissions()...)
	tokens, err := k.Store.APITokens.List(t.Context(), k.Acme.ID, apitoken.ID{}, 10)
	require.NoError(t, err)
	require.NoError(t, k.Store.APITokens.Revoke(t.Context(), k.Acme.ID, tokens[len(tokens)-1].Snapshot().ID, k.Clock.Now()))
	admin := k.SignIn(t).Access.Reveal()
	for _, c := range k.calls() {
		for _, token := range []string{"", "junk", k.token + "0", k.token[:len(k.token)-1] + "z", revoked, admin} {
			a := k.try(t, c, "", token, nil)

			requireError(t, a, 401, generic)
			require.Equal(t, "Bearer", a.Header.Get("WWW-Authenticate"))
		}
		for _, header := range []string{"Basic " + k.token, "bearer " + k.token, k.token, "Bearer " + k.token + " x"} {
			requireError(t, k.try(t, c, "", "", map[string]string{"Authorization": header}), 401, generic)
		}
	}
}

func TestAuth_TokenRunsOut(t *testing.T) {
	t.Parallel()
	k := setup(t)
	k.Advance(t, 365*24*time.Hour)

	for _, c := range k.calls() {
		requireError(t, k.try(t, c, "", k.token, nil), 401, generic)
	}
}

func TestAuth_Permissions(t *testing.T) {
	t.Parallel()
	k := setup(t)
	everything := k.APIToken(t, harness.Code, actor.ContactsRead, actor.ContactsWrite)
	reader := k.APIToken(t, harness.Code, actor.ContactsRead, actor.UsersWrite, actor.CompaniesWrite)
	writer := k.APIToken(t, harness.Code, actor.ContactsWrite, actor.CompaniesRead)
	for _, c := range k.calls() {
		weak, strong := reader, writer
		if c.method == "GET" {
			weak, strong = writer, reader
		}

		requireError(t, k.try(t, c, "", weak, nil), 403, forbidden)
		require.Less(t, k.try(t, c, "", strong, nil).Status, 300, c.path)
		require.Less(t, k.try(t, c, "", everything, nil).Status, 300, c.path)
	}
	requireError(t, k.Do(t, harness.Ask{Path: root + "/contacts/999999", Token: writer}), 403, forbidden)
	requireError(t, k.Do(t, harness.Ask{Path: root + "/contacts/999999/password", Token: reader, Body: `{"password":"` + fresh + `"}`}), 403, forbidden)
}

func TestTenant_AllSourcesMustAgreeWithTheToken(t *testing.T) {
	t.Parallel()
	k := serve(t, harness.Options{BaseDomain: "portals.example.com", DefaultTenant: "other"})
	k.AddTenant(t, "other")
	const contradiction = `{"message":"The request names more than one tenant."}`
	for _, c := range k.calls() {
		for prefix, header := range map[string]map[string]string{
			"":        {"X-Tenant-Code": "ACME"},
			"/t/acme": nil,
			"/t/ACME": {"Host": "acme.portals.example.com"},
		} {
			require.Less(t, k.try(t, c, prefix, k.token, header).Status, 300, c.path)
		}
		for prefix, header := range map[string]map[string]string{
			"/t/other": nil, "/t/ghost": nil, "/t/acme": {"X-Tenant-Code": "other"}, "": {"Host": "other.portals.example.com"},
		} {
			requireError(t, k.try(t, c, prefix, k.token, header), 400, contradiction)
		}
		requireError(t, k.try(t, c, "/t/-", k.token, nil), 400, `{"message":"That is not a tenant code."}`)
	}
}

func TestTenant_OperatorsTokenNeedsOneNamed(t *testing.T) {
	t.Parallel()
	k := setup(t)
	operators := k.APIToken(t, "", actor.ContactsRead, actor.ContactsWrite)
	for _, c := range k.calls() {
		for _, token := range []string{operators, harness.OperatorToken} {
			requireError(t, k.try(t, c, "", token, nil), 400, `{"message":"The request does not say which tenant it is for."}`)
			requireError(t, k.try(t, c, "/t/ghost", token, nil), 404, `{"message":"There is no such tenant."}`)
			require.Less(t, k.try(t, c, "/t/acme", token, nil).Status, 300, c.path)
		}
	}
}

func TestTenant_Suspended(t *testing.T) {
	t.Parallel()
	k := setup(t)
	k.ChangeTenant(t, k.Acme.ID, func(d *tenant.Details) { d.Status = tenant.Suspended })

	for _, c := range k.calls() {
		requireError(t, k.try(t, c, "", k.token, nil), 403, `{"message":"This tenant is suspended."}`)
	}
}

func TestForeignContact_IsLikeOneThatNeverExisted(t *testing.T) {
	t.Parallel()
	k := setup(t)
	other := k.AddTenant(t, "other")
	at := k.AddCompany(t, "other", company.Details{Name: "Abroad", Portal: company.Portal{Enabled: true}})
	var abroad contact.ID
	for i := range 8 {
		abroad = k.AddContact(t, "other", "Foreign", "", fmt.Sprintf("f%d@example.com", i), contact.Membership{Company: at.ID(), Primary: true})
	}
	k.SetPassword(t, "other", abroad, fresh)
	for _, c := range []call{
		{"GET", "", ""},
		{"POST", "", `{"first_name":"x"}`},
		{"POST", "", `{"email":"x@example.com"}`},
		{"POST", "", `{"password":"` + fresh + `"}`},
		{"POST", "/password", `{"password":"` + fresh + `"}`},
		{"POST", "/b2b-portal-password", `{"password":"short"}`},
	} {
		var seen []string
		for _, id := range []string{abroad.String(), "999999", "9007199254740991", "9007199254740992", "0", "-1", "01", "+1", "1.0", "x", "%20"} {
			a := k.try(t, call{c.method, "/contacts/" + id + c.path, c.body}, "", k.token, nil)

			requireError(t, a, 404, noContact)
			a.Header.Del("Date")
			a.Header.Del("X-Request-Id")
			a.Header.Set("X-Receipt", strings.Repeat("x", len(a.Header.Get("X-Receipt"))))
			seen = append(seen, fmt.Sprint(a.Header))
			require.Equal(t, seen[0], seen[len(seen)-1], "down to the headers")
		}
	}
	p, err := k.Store.Contacts.ByID(t.Context(), other.ID(), abroad)
	require.NoError(t, err)
	require.Equal(t, "Foreign", p.Details().FirstName)
}

func TestMalformed_IsRefusedInTheDialectsShapeWithoutEcho(t *testing.T) {
	t.Parallel()
	k := setup(t)
	before := k.get(t, "/contacts?limit=100").Body
	for _, c := range k.calls() {
		if c.method == "GET" {
			continue
		}
		for body, want := range map[string]string{
			`{`: malformed, `{"first_name":"` + planted: malformed, `{"first_name":"` + planted + `"}}`: malformed,
			`{"password":"` + planted + `","password":"` + planted + `"}`: malformed,
			`{"first_name":"\u0000` + planted + `"}`:                      malformed,
			`{"first_name":"` + planted + "\xff" + `"}`:                   malformed,
			"\xef\xbb\xbf{}": malformed, `{"a":1}{"b":2}`: malformed, `{"first_name":'` + planted + `'}`: malformed,
			strings.Repeat(`{"a":`, 40) + `1` + strings.Repeat(`}`, 40): malformed,
			" ": malformed,
		} {
			a := k.try(t, call{c.method, c.path, body}, "", k.token, nil)

			require.Equal(t, 400, a.Status, body)
			requireError(t, a, 400, want)
		}
		requireError(t, k.try(t, call{c.method, c.path, ""}, "", k.token, nil), 400, malformed)
		large := `{"first_name":"` + strings.Repeat("x", 64<<10) + `"}`
		requireError(t, k.try(t, call{c.method, c.path, large}, "", k.token, nil), 413, `{"message":"The request is too large."}`)
		for _, media := range []string{"text/plain", "application/x-www-form-urlencoded", "application/json; charset=latin1", "application/problem+json", "multipart/form-data; boundary=x"} {
			requireError(t, k.try(t, c, "", k.token, map[string]string{"Content-Type": media}), 415, `{"message":"The content type is not supported here."}`)
		}
	}
	require.Equal(t, before, k.get(t, "/contacts?limit=100").Body)
	for _, entry := range k.Logs.All() {
		require.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), planted)
	}
}

func TestWrongTypes_AreNamedByMember(t *testing.T) {
	t.Parallel()
	k := setup(t)
	for _, path := range []string{"/contacts", k.ada()} {
		for body, members := range map[string][]string{
			`{"first_name":5}`:                     {"first_name"},
			`{"first_name":["P14nted-v4lue"]}`:     {"first_name"},
			`{"is_primary":"true"}`:                {"is_primary"},
			`{"receive_quotation_pdf":1}`:          {"receive_quotation_pdf"},
			`{"company_id":1.5}`:                   {"company_id"},
			`{"company_id":1e3}`:                   {"company_id"},
			`{"company_id":0}`:                     {"company_id"},
			`{"company_id":-1}`:                    {"company_id"},
			`{"company_id":""}`:                    {"company_id"},
			`{"company_id":"01"}`:                  {"company_id"},
			`{"company_id":"P14nted-v4lue"}`:       {"company_id"},
			`{"company_id":9007199254740992}`:      {"company_id"},
			`{"company_id":{"$ne":null}}`:          {"company_id"},
			`{"company_ids":1}`:                    {"company_ids"},
			`{"company_ids":[null]}`:               {"company_ids"},
			`{"tags":"1"}`:                         {"tags"},
			`{"tags":[true]}`:                      {"tags"},
			`{"password":12345678}`:                {"password"},
			`{"first_name":1,"email":{},"tags":1}`: {"email", "first_name", "tags"},
			`[]`:                                   {"body"},
		} {
			requireError(t, k.post(t, path, body), 422, wrongType(members...))
		}
	}
}

func TestRoutes_WhatIsNotThere(t *testing.T) {
	t.Parallel()
	k := serve(t, harness.Options{Undocumented: true})
	for _, path := range []string{
		"", "/", "/contact", "/Contacts", "/contacts/", "/contacts/1/", "/contacts/1/passwords", "/contacts/1/password/x", "/companies", "/companies/1",
		"/contacts/" + planted + "/x",
	} {
		for _, prefix := range []string{"", "/t/acme"} {
			a := k.Do(t, harness.Ask{Path: prefix + root + path, Token: k.token})
			requireError(t, a, 404, `{"message":"There is nothing here."}`)
		}
	}
}

func TestRoutes_OtherMethods(t *testing.T) {
	t.Parallel()
	k := setup(t)
	for path, allowed := range map[string]string{
		k.ada() + "/b2b-portal-password": "POST",
		k.ada() + "/password":            "POST",
		k.ada():                          "GET, HEAD, POST",
		"/contacts":                      "GET, HEAD, POST",
		"/companies/1/contacts":          "GET, HEAD",
	} {
		for _, method := range []string{"PUT", "PATCH", "DELETE", "GET", "POST"} {
			if strings.Contains(allowed, method) {
				continue
			}
			a := k.Do(t, harness.Ask{Method: method, Path: root + path, Token: k.token})

			requireError(t, a, 405, `{"message":"That method is not allowed here."}`)
			require.Equal(t, allowed, a.Header.Get("Allow"))
		}
	}
}

func TestHead_AnswersLikeGetWithoutTheBody(t *testing.T) {
	t.Parallel()
	k := setup(t)
	for _, path := range []string{k.ada(), "/contacts"} {
		a := k.Do(t, harness.Ask{Method: "HEAD", Path: root + path, Token: k.token})

		require.Equal(t, 200, a.Status)
		require.Empty(t, a.Body)
		require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	}
}

func TestGet_WithABodyIsRefused(t *testing.T) {
	t.Parallel()
	k := setup(t)
	for _, path := range []string{k.ada(), "/contacts"} {
		requireError(t, k.Do(t, harness.Ask{Method: "GET", Path: root + path, Token: k.token, Body: `{}`}), 400, malformed)
	}
}

func TestOutage_Is503AndSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	k := setup(t)
	set := call{"POST", k.ada() + "/password", `{"password":"` + fresh + `"}`}
	g := k.SignIn(t)

	k.Hasher.Err = errors.New("disk on fire")
	outage := k.try(t, set, "", k.token, nil)
	k.Hasher.Err = port.ErrBusy
	busy := k.try(t, set, "", k.token, nil)
	k.Hasher.Err = nil
	k.Clock.Advance(31 * time.Second) // nothing heard from storage meanwhile
	stale := k.try(t, call{"GET", "/contacts", ""}, "", k.token, nil)

	requireError(t, outage, 503, `{"message":"Something went wrong."}`)
	require.Equal(t, "1", outage.Header.Get("Retry-After"))
	requireError(t, busy, 503, `{"message":"The service is busy. Please try again in a moment."}`)
	require.Equal(t, "2", busy.Header.Get("Retry-After"))
	requireError(t, stale, 503, `{"message":"The service cannot answer right now. Please try again."}`)
	require.Equal(t, "1", stale.Header.Get("Retry-After"))
	k.Advance(t, 0)
	k.alive(t, g)
	require.Len(t, k.Logs.FilterMessage("request failed").All(), 1, "an outage is logged once, a refusal not at all")
}
