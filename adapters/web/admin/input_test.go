package admin_test

import (
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/harness"
)

const (
	contacts  = base + "/contacts"
	companies = base + "/companies"
	aCompany  = companies + "/{company}"
)

var long = strings.Repeat("c4n4ry", 40)

// input is a request that is refused, with what it is refused for.
type input struct {
	name, method, path, body string
	status                   int
	pointers                 []string
}

var aboutCompanies = []input{
	{"no JSON", "POST", companies, `{"name":"c4n4ry"`, 400, nil},
	{"two values", "POST", companies, `{"name":"N"}{}`, 400, nil},
	{"member twice", "POST", companies, `{"name":"N","name":"c4n4ry"}`, 400, []string{"/name"}},
	{"unknown member", "POST", companies, `{"name":"N","isAdmin":true}`, 400, []string{"/isAdmin"}},
	{"unknown deep member", "POST", companies, `{"name":"N","portal":{"uuid":"x"}}`, 400, []string{"/portal/uuid"}},
	{"other case", "POST", companies, `{"Name":"N"}`, 400, []string{"/Name"}},
	{"unknown member of a patch", "PATCH", aCompany, `{"id":7}`, 400, []string{"/id"}},
	{"unknown null member of a patch", "PATCH", aCompany, `{"avatar":null}`, 400, []string{"/avatar"}},
	{"unknown setting", "PATCH", base, `{"settings":{"c4n4ry":1}}`, 400, []string{"/settings/c4n4ry"}},
	{"wrong types", "POST", companies, `{"name":7,"portal":{"enabled":"c4n4ry"}}`, 422, []string{"/name", "/portal/enabled"}},
	{"body of another type", "POST", companies, `["c4n4ry"]`, 422, []string{""}},
	{"patch of another type", "PATCH", aCompany, `null`, 422, []string{""}},
	{"patch list", "PATCH", aCompany, `[]`, 422, []string{""}},
	{"wrong types of a patch", "PATCH", aCompany, `{"phone":1,"scopes":{"finance":"c4n4ry"}}`, 422, []string{"/phone", "/scopes/finance"}},
	{"name missing", "POST", companies, `{}`, 422, []string{"/name", "/portal/displayName"}},
	{"name taken away", "PATCH", aCompany, `{"name":null}`, 422, []string{"/name"}},
	{"too long", "POST", companies, `{"name":"` + long + `","phone":"` + long + `"}`, 422, []string{"/name", "/phone", "/portal/displayName"}},
	{"email", "POST", companies, `{"name":"N","email":"c4n4ry"}`, 422, []string{"/email"}},
	{"currency", "POST", companies, `{"name":"N","currency":"eur"}`, 422, []string{"/currency"}},
	{"coordinates", "POST", companies, `{"name":"N","billingAddress":{"latitude":91,"longitude":-181}}`, 422, []string{"/billingAddress/latitude", "/billingAddress/longitude"}},
	{"text coordinate", "POST", companies, `{"name":"N","billingAddress":{"latitude":"52"}}`, 422, []string{"/billingAddress/latitude"}},
	{"huge coordinate", "PATCH", aCompany, `{"billingAddress":{"latitude":1e999}}`, 422, []string{"/billingAddress/latitude"}},
	{"scope name", "POST", companies, `{"name":"N","scopes":{"C4n4ry":true}}`, 422, []string{"/scopes"}},
	{"null scope", "POST", companies, `{"name":"N","scopes":{"finance":null}}`, 422, []string{"/scopes"}},
	{"portal taken away", "PATCH", aCompany, `{"portal":null}`, 422, []string{"/portal"}},
	{"portal undecided", "PATCH", aCompany, `{"portal":{"enabled":null}}`, 422, []string{"/portal/enabled"}},
}

var aboutTheRest = []input{
	{"no company", "POST", contacts, `{"firstName":"N"}`, 422, []string{"/companies"}},
	{"unknown company", "POST", contacts, `{"firstName":"N","companies":[{"id":99}]}`, 422, []string{"/companies"}},
	{"company zero", "POST", contacts, `{"firstName":"N","companies":[{"id":1},{"id":0},null]}`, 422, []string{"/companies/1/id", "/companies/2/id"}},
	{"company as text", "POST", contacts, `{"firstName":"N","companies":[{"id":"1"}]}`, 422, []string{"/companies/0/id"}},
	{"company beyond", "POST", contacts, `{"firstName":"N","companies":[{"id":9007199254740992}]}`, 422, []string{"/companies/0/id"}},
	{"fraction", "POST", contacts, `{"firstName":"N","companies":[{"id":1.5}]}`, 422, []string{"/companies/0/id"}},
	{"two primaries", "POST", contacts, `{"firstName":"N","companies":[{"id":1,"isPrimary":true},{"id":2,"isPrimary":true}]}`, 422, []string{"/companies"}},
	{"unknown tag", "POST", contacts, `{"firstName":"N","companies":[{"id":1}],"tags":[99]}`, 422, []string{"/tags"}},
	{"tag zero", "POST", contacts, `{"firstName":"N","companies":[{"id":1}],"tags":[1,0]}`, 422, []string{"/tags/1"}},
	{"taken address", "POST", contacts, `{"firstName":"N","companies":[{"id":1}],"email":"ADA@example.com"}`, 409, nil},
	{"companies taken away", "PATCH", contacts + "/{contact}", `{"companies":null}`, 422, []string{"/companies"}},
	{"unknown role", "PATCH", contacts + "/{contact}/user", `{"roles":["admin","c4n4ry"]}`, 422, []string{"/roles/1"}},
	{"undecided login", "PATCH", contacts + "/{contact}/user", `{"enabled":null}`, 422, []string{"/enabled"}},
	{"invitation with a body", "POST", contacts + "/{contact}/invitation", `{"email":"c4n4ry"}`, 400, []string{"/email"}},

	{"tenant without a code", "POST", root + "/tenants", `{"name":"N"}`, 422, []string{"/code"}},
	{"tenant with a status", "POST", root + "/tenants", `{"code":"n","name":"N","status":"suspended"}`, 400, []string{"/status"}},
	{"status", "PATCH", base, `{"status":"c4n4ry"}`, 422, []string{"/status"}},
	{"no currency", "PATCH", base, `{"currency":null}`, 422, []string{"/currency"}},
	{"settings", "PATCH", base, `{"settings":{"magicLinkMinutes":16,"passwordMinLength":7,"locale":"c4n4ry c4n4ry"}}`, 422, []string{"/settings/magicLinkMinutes", "/settings/passwordMinLength", "/settings/locale"}},
	{"zero is no default", "PATCH", base, `{"settings":{"accessTokenMinutes":0,"adminPasswords":""}}`, 422, []string{"/settings/accessTokenMinutes", "/settings/adminPasswords"}},
	{"link", "PATCH", base, `{"settings":{"magicLinkUrl":"https://c4n4ry.example/#{token}"}}`, 422, []string{"/settings/magicLinkUrl"}},
	{"tag without a name", "POST", base + "/tags", `{"color":"red"}`, 422, []string{"/name"}},
}

func TestInput_IsRefusedWithoutAnEcho(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	for _, c := range append(aboutCompanies, aboutTheRest...) {
		t.Run(c.name, func(t *testing.T) {
			got := w.operate(t, c.method, c.path, c.body, c.status)

			_, pointers := refused(t, got)
			require.Equal(t, c.pointers, pointers)
			if !strings.Contains(c.name, "setting") {
				require.NotContains(t, strings.ToLower(got.Body), "c4n4ry")
			}
		})
	}
	require.NotContains(t, w.operate(t, "GET", aCompany, "", 200).Body, "c4n4ry")
}

func TestInput_MediaAndSizesAreJudged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	send := func(method, path, media, body string, status int) {
		t.Helper()
		refused(t, w.send(t, harness.Ask{
			Method: method, Path: path, Token: harness.OperatorToken, Body: body, Header: map[string]string{"Content-Type": media},
		}, status))
	}

	send("POST", base+"/companies", "text/plain", `{"name":"N"}`, http.StatusUnsupportedMediaType)
	send("POST", base+"/companies", "application/merge-patch+json", `{"name":"N"}`, http.StatusUnsupportedMediaType)
	send("PATCH", base, "application/json-patch+json", `[]`, http.StatusUnsupportedMediaType)
	send("POST", base+"/companies", "application/json", `{"name":"`+strings.Repeat("x", 64<<10)+`"}`, http.StatusRequestEntityTooLarge)
	for _, what := range []string{"companies/{company}", "contacts/{contact}"} {
		at := base + "/" + what + "/avatar"
		send("PUT", at, "image/gif", "GIF89a", http.StatusUnsupportedMediaType)
		send("PUT", at, "image/png", "no picture", http.StatusUnprocessableEntity)
		require.Equal(t, 413, w.announce(t, "PUT", at, "image/png", 5<<20+1))
		refused(t, w.operate(t, "PUT", at, "", http.StatusBadRequest))
	}
	refused(t, w.operate(t, "POST", base+"/companies", "", http.StatusBadRequest))
	refused(t, w.operate(t, "PATCH", base, "", http.StatusBadRequest))
}

func TestAvatar_IsStoredWithAThumbnail(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	for _, what := range []string{"/companies/{company}", "/contacts/{contact}"} {
		got := w.send(t, harness.Ask{
			Method: "PUT", Path: base + what + "/avatar", Token: harness.OperatorToken, Body: picture(t),
			Header: map[string]string{"Content-Type": "image/png"},
		}, 200)

		avatar, _ := object(t, got.Body)["avatar"].(map[string]any)
		require.InDelta(t, 40, avatar["width"], 0)
		require.InDelta(t, 30, avatar["height"], 0)
		require.NotEqual(t, avatar["blobId"], avatar["thumbnailBlobId"])
		require.Equal(t, got.Body, w.operate(t, "GET", base+what, "", 200).Body)
	}
}
