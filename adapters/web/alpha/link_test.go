package alpha_test

import (
	"encoding/json"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/alpha"
	"ostiary/app/credential"
	"ostiary/domain/actor"
	"ostiary/domain/secret"
	"ostiary/domain/throttle"
	"ostiary/test/harness"
)

func idsIn(t *testing.T, text string) (ids []string) {
	t.Helper()
	var list struct{ Items []struct{ ID string } }
	require.NoError(t, json.Unmarshal([]byte(text), &list))
	for _, one := range list.Items {
		ids = append(ids, one.ID)
	}
	return ids
}

func requestLink(t *testing.T, w *harness.World, mail, code string) harness.Answer {
	t.Helper()
	return w.Do(t, harness.Ask{Path: portal + "/auth/request-magic-link", Body: body("email", mail, "tenantCode", code)})
}

// mailed delivers and returns the token and the code of the newest mail.
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

func validate(t *testing.T, w *harness.World, token string) harness.Answer {
	t.Helper()
	return w.Do(t, harness.Ask{Method: "POST", Path: portal + "/auth/validate?token=" + url.QueryEscape(token)})
}

func TestRequestLink_AnswersAlikeForKnownAndUnknown(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, a := range []harness.Answer{
		requestLink(t, w, harness.AdaMail, harness.Code),
		requestLink(t, w, "nobody@example.com", harness.Code),
		requestLink(t, w, harness.CyMail, harness.Code),
		requestLink(t, w, harness.AdaMail, "nobody"),
	} {
		require.Equal(t, 200, a.Status)
		require.Empty(t, a.Body)
		require.Empty(t, a.Header.Get("Content-Type"))
		binding := a.Header.Get("X-Link-Binding")
		require.Len(t, binding, 43)
		require.Equal(t, "ostiary-link="+binding+"; Path=/; Max-Age=2700; HttpOnly; SameSite=Lax", a.Header.Get("Set-Cookie"))
	}

	w.Deliver(t)

	require.Len(t, w.Mailer.Sent(), 1)
	require.True(t, strings.HasPrefix(w.Mailer.Sent()[0].Link.Reveal(), w.PublicURL+"/t/acme/magic#token="))
}

func TestRequestLink_BindsByAHostCookieOnHTTPS(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{PublicURL: "https://login.example"}, alpha.Config{HTTPS: true})

	a := requestLink(t, w, harness.AdaMail, harness.Code)

	require.Equal(t, "__Host-ostiary-link="+a.Header.Get("X-Link-Binding")+"; Path=/; Max-Age=2700; HttpOnly; SameSite=Lax; Secure", a.Header.Get("Set-Cookie"))
	w.Deliver(t)
	require.True(t, strings.HasPrefix(w.Mailer.Sent()[0].Link.Reveal(), "https://login.example/t/acme/magic#token="))
}

func TestRequestLink_OutOfFormIsMalformed(t *testing.T) {
	t.Parallel()
	w := setup(t)
	for _, in := range []string{
		"{}", `{"email":""}`, body("email", "a,b@example.com", "tenantCode", "acme"), body("email", "a@example.com\r\nBcc: b@example.com", "tenantCode", "acme"),
		body("email", "ada@example.com"),
	} {
		require.Equal(t, 400, w.Do(t, harness.Ask{Path: portal + "/auth/request-magic-link", Body: in}).Status, in)
	}
}

func TestValidate_SpendsALinkOnce(t *testing.T) {
	t.Parallel()
	w := setup(t)
	requestLink(t, w, harness.AdaMail, harness.Code)
	token, _ := mailed(t, w)

	contradiction := w.Do(t, harness.Ask{Method: "POST", Path: "/t/other" + portal + "/auth/validate?token=" + token})
	twice := w.Do(t, harness.Ask{Path: portal + "/auth/validate?token=" + token, Body: body("token", "another")})
	in := tokensIn(t, w.Do(t, harness.Ask{Path: portal + "/auth/validate?token=" + token, Body: body("token", token)}))
	spent := validate(t, w, token)

	requireRefusal(t, contradiction, 400, "malformed")
	requireRefusal(t, twice, 400, "malformed")
	require.Equal(t, w.Acme.AdaUser.String(), in.ID)
	requireRefusal(t, spent, 401, "unauthenticated")
	require.Equal(t, withoutReceipt(t, spent), withoutReceipt(t, validate(t, w, "unknown")))
	requireRefusal(t, w.Do(t, harness.Ask{Method: "POST", Path: portal + "/auth/validate"}), 400, "malformed")
}

func TestValidate_TakesTheTokenFromTheBodyAlone(t *testing.T) {
	t.Parallel()
	w := setup(t)
	requestLink(t, w, harness.BobMail, harness.Code)
	token, _ := mailed(t, w)

	in := tokensIn(t, w.Do(t, harness.Ask{Path: portal + "/auth/validate", Body: body("token", token)}))

	require.Equal(t, w.Acme.BobUser.String(), in.ID)
}

func TestValidate_RefusesALinkThatRanOut(t *testing.T) {
	t.Parallel()
	w := setup(t)
	requestLink(t, w, harness.AdaMail, harness.Code)
	token, _ := mailed(t, w)
	w.Advance(t, 10*time.Minute)

	require.Equal(t, 401, validate(t, w, token).Status)
}

func TestValidate_AcceptsAnInvitation(t *testing.T) {
	t.Parallel()
	w := setup(t)
	require.NoError(t, w.Logins.Invite(t.Context(), credential.Target{
		Actor: harness.Operator(), Needs: actor.UsersWrite, Tenant: harness.Code, Contact: w.Acme.Cy,
	}))
	token, code := mailed(t, w)
	w.Advance(t, 23*time.Hour)

	in := tokensIn(t, validate(t, w, token))

	require.Empty(t, code)
	require.Equal(t, harness.CyMail, in.Username)
}

func TestValidateCode_NeedsTheBindingOfItsRequest(t *testing.T) {
	t.Parallel()
	w := setup(t)
	own := requestLink(t, w, harness.AdaMail, harness.Code).Header.Get("X-Link-Binding")
	foreign := requestLink(t, w, "nobody@example.com", harness.Code).Header.Get("X-Link-Binding")
	_, code := mailed(t, w)
	ask := func(code string, header map[string]string) harness.Answer {
		return w.Do(t, harness.Ask{Path: portal + "/auth/validate-code", Header: header, Body: body(
			"email", harness.AdaMail, "code", code, "tenantCode", harness.Code,
		)})
	}

	none := ask(code, nil)
	other := ask(code, map[string]string{"X-Link-Binding": foreign})
	wrong := ask("00000000", map[string]string{"X-Link-Binding": own})
	in := tokensIn(t, ask(strings.ToLower(code[:4])+"-"+code[4:], map[string]string{"Cookie": "a=b; ostiary-link=" + own}))

	requireRefusal(t, none, 401, "unauthenticated")
	require.Equal(t, withoutReceipt(t, none), withoutReceipt(t, other))
	require.Equal(t, withoutReceipt(t, none), withoutReceipt(t, wrong))
	require.Equal(t, w.Acme.AdaUser.String(), in.ID)
	require.Equal(t, 401, ask(code, map[string]string{"X-Link-Binding": own}).Status)
	require.Equal(t, 400, ask("", map[string]string{"X-Link-Binding": own}).Status)
}

func TestValidateCode_DiesAfterFiveTries(t *testing.T) {
	t.Parallel()
	w := setup(t)
	binding := map[string]string{"X-Link-Binding": requestLink(t, w, harness.AdaMail, harness.Code).Header.Get("X-Link-Binding")}
	token, code := mailed(t, w)
	ask := func(code string) harness.Answer {
		return w.Do(t, harness.Ask{Path: "/t/acme" + portal + "/auth/validate-code", Header: binding, Body: body(
			"email", harness.AdaMail, "code", code,
		)})
	}
	for range 5 {
		require.Equal(t, 401, ask("ZZZZZZZZ").Status)
	}

	late := ask(code)

	require.Equal(t, 401, late.Status)
	tokensIn(t, validate(t, w, token)) // guessing the code does not void the link
}

func TestValidate_FailuresOfOneAddressAreLimited(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{Limits: throttle.Limits{LoginAddress: throttle.Limit{Count: 3, Window: time.Minute}}}, alpha.Config{})
	wrong := harness.Ask{Method: "POST", Path: "/t/acme" + portal + "/auth/validate?token=no-such-token"}

	for range 3 {
		requireRefusal(t, w.Do(t, wrong), 401, "unauthenticated")
	}

	limited := w.Do(t, wrong)
	requireRefusal(t, limited, 429, "limited")
	require.NotEmpty(t, limited.Header.Get("Retry-After"))
}

func TestLockOut_EndsByOtherProof(t *testing.T) {
	t.Parallel()
	for name, prove := range map[string]func(*testing.T, *harness.World){
		"Link": func(t *testing.T, w *harness.World) {
			requestLink(t, w, harness.AdaMail, harness.Code)
			token, _ := mailed(t, w)
			tokensIn(t, validate(t, w, token))
		},
		"AdminPassword": func(t *testing.T, w *harness.World) {
			require.NoError(t, w.Logins.Set(t.Context(), credential.SetInput{
				Target:   credential.Target{Actor: actor.TheOperator(""), Needs: actor.UsersWrite, Tenant: harness.Code, Contact: w.Acme.Ada},
				Password: secret.New(harness.Password),
			}))
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			w := serve(t, harness.Options{Limits: throttle.Limits{LoginUser: throttle.Limit{Count: 2, Window: time.Hour}}}, alpha.Config{})
			for _, password := range []string{"wrong-one", "wrong-two", harness.Password} {
				requireRefusal(t, w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: body(
					"email", harness.AdaMail, "password", password, "tenantCode", harness.Code,
				)}), 401, "unauthenticated")
			}

			prove(t, w)

			login(t, w)
		})
	}
}
