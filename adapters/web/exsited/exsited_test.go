package exsited_test

import (
	"encoding/json"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/exsited"
	"ostiary/domain/company"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/test/fake"
	"ostiary/test/harness"
)

const (
	root    = "/api/v3/portal"
	planted = "P14nted-v4lue"
)

func setup(t *testing.T) *harness.World {
	t.Helper()
	return serve(t, harness.Options{DefaultTenant: harness.Code}, false)
}

func serve(t *testing.T, o harness.Options, seconds bool) *harness.World {
	t.Helper()
	w := harness.New(t, o)
	w.Serve(t, exsited.New(exsited.Services{
		Resolver: w.Resolver, Passwords: w.Passwords, Changes: w.Changes, Profile: w.Profile,
	}, seconds).Dialect())
	return w
}

func login(t *testing.T, w *harness.World, method, mail, password string) harness.Answer {
	t.Helper()
	return w.Do(t, harness.Ask{Method: method, Path: root + "/login", Body: fmt.Sprintf(`{"email":%q,"password":%q}`, mail, password)})
}

func change(t *testing.T, w *harness.World, method, current, fresh string) harness.Answer {
	t.Helper()
	return w.Do(t, harness.Ask{Method: method, Path: root + "/change-password", Body: fmt.Sprintf(
		`{"email":%q,"current_password":%q,"new_password":%q}`, harness.AdaMail, current, fresh,
	)})
}

// requireRefusal compares the whole error body.
func requireRefusal(t *testing.T, a harness.Answer, status int) {
	t.Helper()
	require.Equal(t, status, a.Status, a.Body)
	var got struct{ Errors []struct{ Message string } }
	require.NoError(t, json.Unmarshal([]byte(a.Body), &got))
	require.Len(t, got.Errors, 1)
	require.NotEmpty(t, got.Errors[0].Message)
	require.Equal(t, fmt.Sprintf(`{"errors":[{"code":%d,"message":"%s"}]}`, status, got.Errors[0].Message), a.Body)
	require.NotEmpty(t, a.Header.Get("X-Receipt"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	require.Empty(t, a.Header.Get("X-Access-Token"))
	require.Empty(t, a.Header.Get("X-Refresh-Token"))
}

func TestLogin_IsTheContractsByteForByte(t *testing.T) {
	t.Parallel()
	w := setup(t)
	want := fmt.Sprintf(
		`{"user":{"type":"ACCOUNT","name":"Ada Lovelace","email_address":"Ada@example.com","image_uri":"","grant_access_portal":"true",`+
			`"portals":[{"account":"%s","display_name":"Example portal","uuid":"%s"},{"account":"%s","display_name":"Second BV","uuid":"%s"}]}}`,
		w.Acme.Example.ID(), w.Acme.Example.Portal().ID, w.Acme.Second.ID(), w.Acme.Second.Portal().ID,
	)

	for _, method := range []string{"GET", "POST"} {
		a := login(t, w, method, harness.AdaMail, harness.Password)

		require.Equal(t, 200, a.Status)
		require.Equal(t, want, a.Body)
		require.Equal(t, "application/json", a.Header.Get("Content-Type"))
		require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	}
}

func TestLogin_HandsTheSessionOverInHeaders(t *testing.T) {
	t.Parallel()
	w, seconds := setup(t), serve(t, harness.Options{DefaultTenant: harness.Code}, true)
	expires := fake.Start.Add(15 * time.Minute).Truncate(time.Second)

	a := login(t, w, "POST", harness.AdaMail, harness.Password)
	b := login(t, seconds, "POST", harness.AdaMail, harness.Password)

	require.Equal(t, strconv.FormatInt(expires.UnixMilli(), 10), a.Header.Get("X-Access-Expires-Unix"))
	require.Equal(t, strconv.FormatInt(expires.Unix(), 10), b.Header.Get("X-Access-Expires-Unix"))
	v := w.Visit(t, a.Header.Get("X-Access-Token"))
	require.Equal(t, w.Acme.AdaUser, v.Person.User.ID())
	require.Equal(t, w.Acme.Example.ID(), v.Session.Company())
	next := w.Refresh(t, a.Header.Get("X-Refresh-Token"))
	require.Equal(t, v.Session.ID(), next.Session)
}

func TestLogin_WithoutAPortalToEnterGrantsNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, c := range []*company.Company{w.Acme.Example, w.Acme.Second} {
		require.NoError(t, w.Store.Companies.Update(t.Context(), w.Acme.ID, c.ID(), func(c *company.Company) error {
			d := c.Details()
			d.Portal.Enabled = false
			return c.Change(d, w.Clock.Now())
		}))
	}

	a := login(t, w, "POST", harness.AdaMail, harness.Password)

	require.Equal(t, 200, a.Status)
	require.Equal(t, `{"user":{"type":"ACCOUNT","name":"Ada Lovelace","email_address":"Ada@example.com","image_uri":"",`+
		`"grant_access_portal":"false","portals":[]}}`, a.Body)
	for _, name := range []string{"X-Access-Token", "X-Access-Expires-Unix", "X-Refresh-Token"} {
		require.Empty(t, a.Header.Values(name), name)
	}
}

func TestLogin_ShowsThePictureByASignedAddress(t *testing.T) {
	t.Parallel()
	w := setup(t)
	picture := w.AddBlob(t, "a picture")
	w.Depict(t, picture, picture)

	a := login(t, w, "POST", harness.AdaMail, harness.Password)

	var got struct {
		User struct {
			ImageURI string `json:"image_uri"`
		}
	}
	require.NoError(t, json.Unmarshal([]byte(a.Body), &got))
	at, err := url.Parse(got.User.ImageURI)
	require.NoError(t, err)
	require.Equal(t, w.PublicURL+"/blobs/"+picture.String(), at.Scheme+"://"+at.Host+at.Path)
	b, err := w.Profile.Signed(t.Context(), picture, at.Query().Get("sig"))
	require.NoError(t, err)
	require.Equal(t, "a picture", string(b.Bytes))
}

func TestLogin_TakesTheTenantFromThePath(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{}, false)
	ask := func(prefix string) harness.Answer {
		return w.Do(t, harness.Ask{Path: prefix + root + "/login", Body: fmt.Sprintf(`{"email":%q,"password":%q}`, harness.AdaMail, harness.Password)})
	}

	require.Equal(t, 200, ask("/t/acme").Status)
	requireRefusal(t, ask("/t/other"), 401)
	requireRefusal(t, ask(""), 400)
}

func TestLogin_RefusalsCannotBeToldApart(t *testing.T) {
	t.Parallel()
	w := setup(t)

	wrong := login(t, w, "GET", harness.AdaMail, "wrong password")

	requireRefusal(t, wrong, 401)
	require.Equal(t, wrong.Body, login(t, w, "POST", "nobody@example.com", harness.Password).Body)
	require.Equal(t, wrong.Body, login(t, w, "POST", harness.BobMail, harness.Password).Body)
	require.Equal(t, 3, w.Hasher.Verifies+w.Hasher.Decoys)
}

func TestLogin_ByATemporaryPasswordIsForbidden(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.ChangeTenant(t, w.Acme.ID, func(d *tenant.Details) { d.Settings.AdminPasswords = tenant.Temporary })
	w.SetPassword(t, harness.Code, w.Acme.Ada, "a first temporary one")

	requireRefusal(t, login(t, w, "POST", harness.AdaMail, "a first temporary one"), 403)
}

func TestLogin_Limits(t *testing.T) {
	t.Parallel()
	limits := throttle.Limits{LoginTenant: throttle.Limit{Count: 1, Window: time.Minute}}
	w := serve(t, harness.Options{DefaultTenant: harness.Code, Limits: limits}, false)
	requireRefusal(t, login(t, w, "POST", harness.AdaMail, "wrong password"), 401)

	a := login(t, w, "POST", harness.AdaMail, harness.Password)

	requireRefusal(t, a, 429)
	require.Equal(t, "60", a.Header.Get("Retry-After"))
}

func TestChangePassword_ByBothMethods(t *testing.T) {
	t.Parallel()
	w := setup(t)
	before := w.SignIn(t)

	first := change(t, w, "GET", harness.Password, "the second password")
	second := change(t, w, "POST", "the second password", "the third password")

	for _, a := range []harness.Answer{first, second} {
		require.Equal(t, 200, a.Status, a.Body)
		require.Equal(t, `{"message":"Password changed successfully"}`, a.Body)
	}
	requireRefusal(t, login(t, w, "POST", harness.AdaMail, harness.Password), 401)
	require.Equal(t, 200, login(t, w, "POST", harness.AdaMail, "the third password").Status)
	_, err := w.Guard.Visitor(t.Context(), w.Bearer(before.Access))
	require.Error(t, err, "other sessions end")
}

func TestChangePassword_TellsThePolicyOnlyToWhoeverKnowsTheCurrentOne(t *testing.T) {
	t.Parallel()
	w := setup(t)

	requireRefusal(t, change(t, w, "POST", "not the current one", "short"), 400)
	requireRefusal(t, change(t, w, "POST", "not the current one", "password123"), 401)
	requireRefusal(t, change(t, w, "POST", harness.Password, "password123"), 400)
	requireRefusal(t, change(t, w, "POST", harness.Password, strings.Repeat("x", 256)), 400)
	require.Equal(t, 200, login(t, w, "POST", harness.AdaMail, harness.Password).Status)
}

func TestBadInput_IsRefusedInTheDialectsShapeWithoutEcho(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, path := range []string{"/login", "/change-password"} {
		for _, method := range []string{"GET", "POST"} {
			for name, c := range map[string]struct {
				body, media string
				status      int
			}{
				"cut off":       {`{"email":"` + planted, "application/json", 400},
				"duplicate":     {`{"email":"` + planted + `","email":"a"}`, "application/json", 400},
				"wrong type":    {`{"email":["` + planted + `"]}`, "application/json", 400},
				"no members":    {`{"` + planted + `":1}`, "application/json", 400},
				"no address":    {`{"email":"` + planted + `","password":"x"}`, "application/json", 400},
				"no password":   {`{"email":"a@example.com"}`, "application/json", 400},
				"null password": {`{"email":"a@example.com","password":null,"current_password":null}`, "application/json", 400},
				"wrong media":   {`{"email":"` + planted + `"}`, "text/plain", 415},
				"too large":     {`{"email":"` + strings.Repeat(planted, 6000) + `"}`, "application/json", 413},
			} {
				a := w.Do(t, harness.Ask{Method: method, Path: root + path, Body: c.body, Header: map[string]string{"Content-Type": c.media}})
				requireRefusal(t, a, c.status)
				require.NotContains(t, a.Body, planted, name)
			}
			requireRefusal(t, w.Do(t, harness.Ask{Method: method, Path: root + path}), 400)
		}
	}
	require.Zero(t, w.Hasher.Verifies+w.Hasher.Decoys)
}

func TestHead_DoesNothing(t *testing.T) {
	t.Parallel()
	w := setup(t)

	for _, path := range []string{"/login", "/change-password"} {
		a := w.Do(t, harness.Ask{Method: "HEAD", Path: root + path})

		require.Equal(t, 405, a.Status)
		require.Equal(t, "GET, POST", a.Header.Get("Allow"))
	}
	requireRefusal(t, w.Do(t, harness.Ask{Method: "DELETE", Path: root + "/login"}), 405)
}

func TestUnknownRoutes_AreTheDialectsOwn(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{Undocumented: true}, false)

	for _, path := range []string{root, root + "/" + planted, "/t/acme" + root + "/nothing"} {
		a := w.Do(t, harness.Ask{Path: path})
		requireRefusal(t, a, 404)
		require.NotContains(t, a.Body, planted)
	}
}

func TestOutage_Is503(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Hasher.Err = fake.ErrMail // any error that nobody expects

	a := login(t, w, "POST", harness.AdaMail, harness.Password)

	requireRefusal(t, a, 503)
	require.Equal(t, "1", a.Header.Get("Retry-After"))
}

func TestCORS_ExposesTheTokenHeadersToTheTenantsPages(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{
		Path: root + "/login", Header: map[string]string{"Origin": harness.Origin},
		Body: fmt.Sprintf(`{"email":%q,"password":%q}`, harness.AdaMail, harness.Password),
	})

	require.Equal(t, harness.Origin, a.Header.Get("Access-Control-Allow-Origin"))
	for _, name := range []string{"X-Access-Token", "X-Access-Expires-Unix", "X-Refresh-Token"} {
		require.Contains(t, a.Header.Get("Access-Control-Expose-Headers"), name)
	}
}
