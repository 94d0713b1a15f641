package alpha_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/alpha"
	"ostiary/test/fake"
	"ostiary/test/harness"
)

// planted stands where a value is refused; no answer and no log may have it.
const planted = "P14nted-v4lue"

var bodied = []string{
	portal + "/auth/request-magic-link", portal + "/auth/validate", portal + "/auth/validate-code", portal + "/auth/login",
	portal + "/auth/refresh", portal + "/auth/logout", portal + "/auth/switch", portal + "/auth/change-password", parity + "/login",
}

func TestBadInput_IsRefusedInTheDialectsShapeWithoutEcho(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)
	deep := strings.Repeat(`{"a":`, 40) + `"` + planted + `"` + strings.Repeat("}", 40)
	for _, path := range bodied {
		for name, c := range map[string]struct {
			body, media string
			status      int
			kind        string
		}{
			"cut off":      {`{"email":"` + planted, "application/json", 400, "malformed"},
			"no object":    {`"` + planted + `"`, "application/json", 400, "malformed"},
			"duplicate":    {`{"` + planted + `":1,"` + planted + `":2}`, "application/json", 400, "malformed"},
			"two values":   {`{}{"a":"` + planted + `"}`, "application/json", 400, "malformed"},
			"not UTF-8":    {"{\"email\":\"" + planted + "\xff\"}", "application/json", 400, "malformed"},
			"NUL":          {`{"email":"` + planted + `\u0000"}`, "application/json", 400, "malformed"},
			"too deep":     {deep, "application/json", 400, "malformed"},
			"wrong media":  {`{"email":"` + planted + `"}`, "text/plain", 415, "unsupported-media-type"},
			"wrong params": {`{}`, "application/json; x=" + planted, 415, "unsupported-media-type"},
			"too large":    {`{"email":"` + strings.Repeat(planted, 6000) + `"}`, "application/json", 413, "too-large"},
		} {
			a := w.Do(t, harness.Ask{Path: path, Token: in.AccessToken, Body: c.body, Header: map[string]string{"Content-Type": c.media}})
			requireRefusal(t, a, c.status, c.kind)
			require.NotContains(t, a.Body, planted, "%s %s", path, name)
		}
	}
	for _, entry := range w.Logs.All() {
		require.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), planted)
	}
}

func TestBadInput_WrongTypesAreMalformed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)
	for path, members := range map[string][]string{
		"/auth/request-magic-link": {"email", "tenantCode"},
		"/auth/validate":           {"token"},
		"/auth/validate-code":      {"email", "code", "tenantCode"},
		"/auth/login":              {"email", "username", "password", "tenantCode", "portal"},
		"/auth/refresh":            {"refreshToken"},
		"/auth/logout":             {"refreshToken"},
		"/auth/switch":             {"portal"},
		"/auth/change-password":    {"currentPassword", "newPassword"},
	} {
		for _, member := range members {
			for _, value := range []string{"471147114711", "true", `["` + planted + `"]`, `{"a":"` + planted + `"}`} {
				a := w.Do(t, harness.Ask{Path: portal + path, Token: in.AccessToken, Body: `{"` + member + `":` + value + `}`})
				requireRefusal(t, a, 400, "malformed")
				require.NotContains(t, a.Body, planted)
				require.NotContains(t, a.Body, "471147114711")
			}
		}
	}
}

func TestUnknownRoutesAndMethods_AreTheDialectsOwn(t *testing.T) {
	t.Parallel()
	w := setup(t)
	stray := serve(t, harness.Options{Undocumented: true}, alpha.Config{Parity: true})

	for _, path := range []string{portal, portal + "/" + planted, portal + "/auth", parity + "/" + planted, "/t/acme" + portal + "/nothing"} {
		a := stray.Do(t, harness.Ask{Path: path})
		requireRefusal(t, a, 404, "not-found")
		require.NotContains(t, a.Body, planted)
	}
	for path, allow := range map[string]string{
		portal + "/auth/login":          "POST",
		portal + "/auth/sessions":       "DELETE, GET, HEAD",
		portal + "/auth/sessions/{id}":  "DELETE",
		parity + "/refresh/{anything}":  "GET",
		"/t/acme" + portal + "/me":      "GET, HEAD",
		portal + "/dashboard/stats":     "GET, HEAD",
		portal + "/auth/validate?token": "POST",
	} {
		a := w.Do(t, harness.Ask{Method: "PUT", Path: path, Body: `{"a":"` + planted + `"}`})
		requireRefusal(t, a, 405, "method-not-allowed")
		require.Equal(t, allow, a.Header.Get("Allow"), path)
	}
}

func TestGetWithABody_IsRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Method: "GET", Path: portal + "/me", Token: login(t, w).AccessToken, Body: "{}"})

	requireRefusal(t, a, 400, "malformed")
}

func TestHead_AnswersLikeGet(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Method: "HEAD", Path: portal + "/me", Token: login(t, w).AccessToken})

	require.Equal(t, 200, a.Status)
	require.Empty(t, a.Body)
}

func TestOutage_Is503WithoutDetails(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Hasher.Err = fake.ErrMail // any error that nobody expects

	a := w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: body("email", harness.AdaMail, "password", harness.Password, "tenantCode", "acme")})

	requireRefusal(t, a, 503, "unavailable")
	require.Equal(t, "1", a.Header.Get("Retry-After"))
	require.NotContains(t, a.Body, "fake")
}

func TestCORS_FollowsTheTenantThatTheRequestNames(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.AddTenant(t, "other", "https://other.example")
	allowed := func(origin, code string) string {
		a := w.Do(t, harness.Ask{
			Path: portal + "/auth/login", Header: map[string]string{"Origin": origin},
			Body: body("email", harness.AdaMail, "password", harness.Password, "tenantCode", code),
		})
		require.Contains(t, a.Header.Values("Vary"), "Origin")
		return a.Header.Get("Access-Control-Allow-Origin")
	}

	require.Equal(t, harness.Origin, allowed(harness.Origin, harness.Code))
	require.Empty(t, allowed("https://other.example", harness.Code))
	require.Empty(t, allowed("https://other.example", "nobody"))
	require.Empty(t, allowed("https://evil.example", harness.Code))
	mine := w.Do(t, harness.Ask{Path: portal + "/me", Token: login(t, w).AccessToken, Header: map[string]string{"Origin": "https://other.example"}})
	require.Empty(t, mine.Header.Get("Access-Control-Allow-Origin"))
}

func TestBlobs_AreOneselfsAndTheCompanysOnly(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)
	own, ours, stranger := w.AddBlob(t, "mine"), w.AddBlob(t, "ours"), w.AddBlob(t, "theirs")
	w.Depict(t, own, ours)
	get := func(id string) harness.Answer {
		return w.Do(t, harness.Ask{Path: portal + "/blobs/" + id, Token: in.AccessToken})
	}

	a := get(own.String())

	require.Equal(t, "mine", a.Body)
	require.Equal(t, "image/png", a.Header.Get("Content-Type"))
	require.Equal(t, "private, max-age=3600, immutable", a.Header.Get("Cache-Control"))
	require.Equal(t, `inline; filename="`+own.String()+`.png"`, a.Header.Get("Content-Disposition"))
	require.Equal(t, "ours", get(ours.String()).Body)
	requireRefusal(t, get(stranger.String()), 404, "not-found")
	requireRefusal(t, get("no-picture"), 404, "not-found")
	me := w.Do(t, harness.Ask{Path: portal + "/me", Token: in.AccessToken})
	require.Contains(t, me.Body, `{"avatar":{"blobId":"`+own.String()+`","height":3,"thumbnailBlobId":"`+own.String()+`","width":4},`)
}
