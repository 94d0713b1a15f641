package pages_test

import (
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/alpha"
	"ostiary/adapters/web/pages"
	"ostiary/app/credential"
	"ostiary/app/signin"
	"ostiary/domain/actor"
	"ostiary/domain/secret"
	"ostiary/domain/throttle"
	"ostiary/test/harness"
)

const (
	page    = "/t/acme/magic"
	planted = "P14nted-v4lue"
	policy  = "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)

func setup(t *testing.T) *harness.World {
	t.Helper()
	return serve(t, harness.Options{})
}

// serve also has dialect Alpha: a mail may be asked for there.
func serve(t *testing.T, o harness.Options) *harness.World {
	t.Helper()
	w := harness.New(t, o)
	https := strings.HasPrefix(w.PublicURL, "https:")
	w.Serve(
		t,
		pages.New(w.Resolver, w.Links, w.Sessions, pages.Config{PublicURL: w.PublicURL, HTTPS: https}).Dialect(),
		alpha.New(alpha.Services{
			Resolver: w.Resolver, Guard: w.Guard, Passwords: w.Passwords, Links: w.Links, Sessions: w.Sessions,
			Changes: w.Changes, Profile: w.Profile,
		}, alpha.Config{Now: w.Clock.Now, HTTPS: https}).Dialect(),
	)
	return w
}

// submit sends the page's own form as a browser would; an empty cookie is none.
func submit(t *testing.T, w *harness.World, cookie string, fields ...string) harness.Answer {
	t.Helper()
	return send(t, w, map[string]string{"Cookie": cookie, "Sec-Fetch-Site": "same-origin", "Origin": w.PublicURL}, fields...)
}

func send(t *testing.T, w *harness.World, header map[string]string, fields ...string) harness.Answer {
	t.Helper()
	form := url.Values{}
	for i := 0; i < len(fields); i += 2 {
		form.Add(fields[i], fields[i+1])
	}
	all := map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	for name, value := range header {
		if value != "" {
			all[name] = value
		}
	}
	return w.Do(t, harness.Ask{Path: page, Body: form.Encode(), Header: all})
}

// ask asks for a mail by the page and returns the browser's cookie.
func ask(t *testing.T, w *harness.World, mail string) string {
	t.Helper()
	a := submit(t, w, "", "email", mail)
	requirePage(t, a, 200)
	cookie, rest, _ := strings.Cut(a.Header.Get("Set-Cookie"), ";")
	require.Contains(t, rest, "HttpOnly; SameSite=Lax")
	return cookie
}

func mailed(t *testing.T, w *harness.World) (token, code string) {
	t.Helper()
	w.Deliver(t)
	all := w.Mailer.Sent()
	require.NotEmpty(t, all)
	newest := all[len(all)-1]
	_, token, ok := strings.Cut(newest.Link.Reveal(), "#token=")
	require.True(t, ok)
	return token, newest.Code.Reveal()
}

// requirePage checks what every answer of the page has in common.
func requirePage(t *testing.T, a harness.Answer, status int) {
	t.Helper()
	require.Equal(t, status, a.Status, a.Body)
	require.Equal(t, "text/html; charset=utf-8", a.Header.Get("Content-Type"))
	require.Equal(t, policy, a.Header.Get("Content-Security-Policy"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	require.Equal(t, "no-referrer", a.Header.Get("Referrer-Policy"))
	require.Equal(t, "DENY", a.Header.Get("X-Frame-Options"))
	require.True(t, strings.HasPrefix(a.Body, "<!doctype html>\n<html lang="))
	for _, attribute := range regexp.MustCompile(`(?:src|href|action)="([^"]*)"`).FindAllStringSubmatch(a.Body, -1) {
		require.True(t, attribute[1] == "magic" || strings.HasPrefix(attribute[1], "magic/"), attribute[1])
	}
	require.NotRegexp(t, `<script>|<style|style=|\son[a-z]+=`, a.Body)
}

// stillGood proves by Alpha, which needs no binding, that a link was not used up.
func stillGood(t *testing.T, w *harness.World, token string) {
	t.Helper()
	_, err := w.Links.Validate(t.Context(), signin.ValidateInput{Token: secret.New(token)})
	require.NoError(t, err)
}

func TestOpening_ShowsTheSameForEveryCodeAndUsesNothingUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	ask(t, w, harness.AdaMail)
	token, _ := mailed(t, w)

	a := w.Do(t, harness.Ask{Path: page})
	unknown := w.Do(t, harness.Ask{Path: "/t/nobody/magic"})
	head := w.Do(t, harness.Ask{Method: "HEAD", Path: page})
	guess := w.Do(t, harness.Ask{Path: page + "?token=" + token})

	requirePage(t, a, 200)
	require.Equal(t, a.Body, unknown.Body)
	require.Equal(t, a.Body, guess.Body)
	require.Equal(t, 200, head.Status)
	require.Equal(t, a.Header.Get("Content-Type"), head.Header.Get("Content-Type"))
	require.Empty(t, a.Header.Get("Set-Cookie"))
	stillGood(t, w, token)
}

func TestOpening_SpeaksTheReadersLanguage(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for accepted, lang := range map[string]string{
		"":                        "en",
		"nl":                      "nl",
		"nl-BE,nl;q=0.9,en;q=0.8": "nl",
		"en-GB,en;q=0.9,nl;q=0.8": "en",
		"de-DE, fr;q=0.9":         "en",
		"en;q=0.2, NL;q=0.5":      "nl",
		"nl;q=0":                  "en",
		"nl;q=" + planted:         "en",
	} {
		a := w.Do(t, harness.Ask{Path: page, Header: map[string]string{"Accept-Language": accepted}})

		requirePage(t, a, 200)
		require.Contains(t, a.Body, `<html lang="`+lang+`">`, accepted)
		require.Equal(t, lang, a.Header.Get("Content-Language"))
		require.Contains(t, a.Header.Values("Vary"), "Accept-Language")
	}
}

func TestOpening_IsUsableByEverybody(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Path: page})

	for _, input := range regexp.MustCompile(`<input id="([^"]+)" name="(?:email|code)"`).FindAllStringSubmatch(a.Body, -1) {
		require.Contains(t, a.Body, `<label for="`+input[1]+`">`)
	}
	require.Contains(t, a.Body, "<noscript>")
	require.Contains(t, a.Body, `autocomplete="one-time-code"`)
	require.Contains(t, a.Body, `<section id="link" aria-labelledby="link-head" hidden>`)
}

func TestAssets_AreOfTheSameOrigin(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{Undocumented: true})

	js := w.Do(t, harness.Ask{Path: page + "/page.js"})
	css := w.Do(t, harness.Ask{Path: "/t/nobody/magic/page.css"})
	none := w.Do(t, harness.Ask{Path: page + "/" + planted})

	require.Equal(t, "text/javascript; charset=utf-8", js.Header.Get("Content-Type"))
	require.Contains(t, js.Body, "location.hash")
	require.NotRegexp(t, `fetch|XMLHttpRequest|submit\(|click\(`, js.Body, "a script that sends would spend links for mail scanners")
	require.Equal(t, "text/css; charset=utf-8", css.Header.Get("Content-Type"))
	require.Equal(t, 404, none.Status)
	require.NotContains(t, none.Body, planted)
}

// The one script turns no text into markup or code, keeps nothing in the
// browser and speaks to no other window or server.
func TestScript_WritesNoMarkupAndKeepsNothing(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{Undocumented: true})

	js := w.Do(t, harness.Ask{Path: page + "/page.js"})

	require.Contains(t, js.Body, "history.replaceState")
	require.NotRegexp(t, `innerHTML|outerHTML|insertAdjacent|document\.write|eval|new Function|setTimeout|createElement|__proto__|prototype|`+
		`Object\.assign|localStorage|sessionStorage|indexedDB|document\.cookie|postMessage|fetch|XMLHttpRequest|sendBeacon`, js.Body)
}

func TestLink_SignsInWithTheBrowsersBinding(t *testing.T) {
	t.Parallel()
	w := setup(t)
	cookie := ask(t, w, harness.AdaMail)
	token, _ := mailed(t, w)

	a := submit(t, w, cookie, "token", token)

	requirePage(t, a, 200)
	require.Contains(t, a.Body, "Confirmed for <strong>Ada@example.com</strong>")
	require.NotContains(t, a.Body, "<form")
	require.True(t, strings.HasPrefix(a.Header.Get("Set-Cookie"), "ostiary-link=; Path=/; Max-Age=0;"))
	requirePage(t, submit(t, w, cookie, "token", token), 401)
	events := w.Actions(t)
	require.Contains(t, events, "session.opened")
	require.Equal(t, []string{"session.opened", "session.ended"}, events[:2], "the second try is refused; nobody holds the tokens of the first")
}

func TestLink_IsNotUsedUpWithoutItsBinding(t *testing.T) {
	t.Parallel()
	w := setup(t)
	own := ask(t, w, harness.AdaMail)
	foreign := ask(t, w, "nobody@example.com")
	token, _ := mailed(t, w)

	none := submit(t, w, "", "token", token)
	other := submit(t, w, foreign, "token", token)
	garbage := submit(t, w, "ostiary-link="+planted, "token", token)
	crossSite := send(t, w, map[string]string{"Cookie": own, "Sec-Fetch-Site": "cross-site"}, "token", token)
	sameSite := send(t, w, map[string]string{"Cookie": own, "Sec-Fetch-Site": "same-site"}, "token", token)
	origin := send(t, w, map[string]string{"Cookie": own, "Origin": "https://evil.example"}, "token", token)

	for _, a := range []harness.Answer{none, other, garbage, crossSite, sameSite, origin} {
		requirePage(t, a, 401)
		require.Contains(t, a.Body, "Open the link in that browser")
		require.Equal(t, none.Body, a.Body)
		require.NotContains(t, a.Body, token)
		require.NotContains(t, a.Body, planted)
	}
	requirePage(t, submit(t, w, own, "token", token), 200)
}

func TestLink_OfAnotherTenantIsNotUsedUp(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.AddTenant(t, "other")
	cookie := ask(t, w, harness.AdaMail)
	token, _ := mailed(t, w)

	a := w.Do(t, harness.Ask{Path: "/t/other/magic", Body: "token=" + token, Header: map[string]string{
		"Content-Type": "application/x-www-form-urlencoded", "Cookie": cookie,
	}})

	requirePage(t, a, 400)
	stillGood(t, w, token)
}

func TestLink_OfAnInvitationAsksForAMailInThisBrowser(t *testing.T) {
	t.Parallel()
	w := setup(t)
	require.NoError(t, w.Logins.Invite(t.Context(), credential.Target{
		Actor: harness.Operator(), Needs: actor.UsersWrite, Tenant: harness.Code, Contact: w.Acme.Cy,
	}))
	invitation, _ := mailed(t, w)

	refused := submit(t, w, "ostiary-link="+strings.Repeat("A", 43), "token", invitation)
	cookie := ask(t, w, harness.CyMail)
	token, _ := mailed(t, w)

	requirePage(t, refused, 401)
	requirePage(t, submit(t, w, cookie, "token", token), 200)
}

func TestCode_WorksWithoutScripts(t *testing.T) {
	t.Parallel()
	w := setup(t)
	cookie := ask(t, w, harness.AdaMail)
	_, code := mailed(t, w)

	none := submit(t, w, "", "email", harness.AdaMail, "code", code)
	wrong := submit(t, w, cookie, "email", harness.AdaMail, "code", "ZZZZZZZZ")
	right := submit(t, w, cookie, "email", harness.AdaMail, "code", strings.ToLower(code))

	requirePage(t, none, 401)
	requirePage(t, wrong, 401)
	requirePage(t, right, 200)
	require.Contains(t, right.Body, "Confirmed for")
}

func TestBinding_OfAlphaIsThePages(t *testing.T) {
	t.Parallel()
	for _, public := range []string{"", "https://login.example"} {
		w := serve(t, harness.Options{PublicURL: public})
		asked := w.Do(t, harness.Ask{
			Path: "/api/v1/portal/auth/request-magic-link", Body: `{"email":"ada@example.com","tenantCode":"acme"}`,
		})
		cookie, _, _ := strings.Cut(asked.Header.Get("Set-Cookie"), ";")
		token, _ := mailed(t, w)

		requirePage(t, submit(t, w, cookie, "token", token), 200)
	}
}

func TestAsking_AnswersAlikeForKnownAndUnknown(t *testing.T) {
	t.Parallel()
	w := setup(t)

	known := submit(t, w, "", "email", harness.AdaMail)
	unknown := submit(t, w, "", "email", "nobody@example.com")

	requirePage(t, known, 200)
	require.Equal(t, known.Body, unknown.Body)
	require.NotContains(t, known.Body, harness.AdaMail)
	require.Len(t, unknown.Header.Get("Set-Cookie"), len(known.Header.Get("Set-Cookie")))
}

func TestAsking_TooOftenSaysWhenToComeBack(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{Limits: throttle.Limits{LinkAddress: throttle.Limit{Count: 1, Window: time.Hour}}})
	ask(t, w, harness.AdaMail)

	a := submit(t, w, "", "email", harness.AdaMail)

	requirePage(t, a, 429)
	require.Equal(t, "3600", a.Header.Get("Retry-After"))
}

func TestBadForms_AreRefusedWithoutEcho(t *testing.T) {
	t.Parallel()
	w := setup(t)
	const form = "application/x-www-form-urlencoded"
	for name, c := range map[string]struct {
		body, media string
		status      int
	}{
		"empty":        {"", form, 400},
		"nothing":      {planted + "=1", form, 400},
		"no address":   {"email=" + planted, form, 400},
		"escape":       {"email=%zz" + planted, form, 400},
		"twice":        {"token=" + planted + "&token=b", form, 400},
		"not UTF-8":    {"email=" + planted + "%ff", form, 400},
		"NUL":          {"email=" + planted + "%00", form, 400},
		"markup":       {"email=%3Cscript%3E" + planted + "%40example.com", form, 400},
		"json":         {`{"token":"` + planted + `"}`, "application/json", 415},
		"plain text":   {"token=" + planted, "text/plain", 415},
		"too large":    {"token=" + strings.Repeat(planted, 1000), form, 413},
		"no such link": {"token=" + planted, form, 401},
	} {
		a := w.Do(t, harness.Ask{Method: "POST", Path: page, Body: c.body, Header: map[string]string{"Content-Type": c.media}})

		require.Equal(t, c.status, a.Status, name)
		requirePage(t, a, c.status)
		require.NotContains(t, a.Body, planted, name)
	}
}

func TestOtherMethods_AreRefused(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Method: "PUT", Path: page})

	require.Equal(t, 405, a.Status)
	require.Equal(t, "GET, HEAD, POST", a.Header.Get("Allow"))
	require.Equal(t, `{"type":"method-not-allowed","title":"Method Not Allowed","status":405,"detail":"That method is not allowed here.","code":"method_not_allowed"}`, a.Body)
}

func TestOutage_IsAPageThatSaysToComeBack(t *testing.T) {
	t.Parallel()
	w := setup(t)
	w.Clock.Advance(time.Minute) // the caches have heard of nothing since

	a := submit(t, w, "", "email", harness.AdaMail)

	requirePage(t, a, 503)
	require.Equal(t, "1", a.Header.Get("Retry-After"))
}

func TestCookie_OnHTTPSIsForThisHostAlone(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{PublicURL: "https://login.example"})

	a := submit(t, w, "", "email", harness.AdaMail)

	require.Regexp(t, `^__Host-ostiary-link=[A-Za-z0-9_-]{43}; Path=/; Max-Age=2700; HttpOnly; SameSite=Lax; Secure$`, a.Header.Get("Set-Cookie"))
}
