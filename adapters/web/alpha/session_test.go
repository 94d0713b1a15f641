package alpha_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/alpha"
	"ostiary/test/harness"
)

func refresh(t *testing.T, w *harness.World, token string) harness.Answer {
	t.Helper()
	return w.Do(t, harness.Ask{Path: portal + "/auth/refresh", Body: body("refreshToken", token)})
}

func TestRefresh_RotatesAndForgivesALostAnswer(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)

	first := tokensIn(t, refresh(t, w, in.RefreshToken))
	again := tokensIn(t, refresh(t, w, in.RefreshToken))

	require.NotEqual(t, in.RefreshToken, first.RefreshToken)
	require.Equal(t, first.RefreshToken, again.RefreshToken)
}

func TestRefresh_ReuseEndsTheSession(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)
	next := tokensIn(t, refresh(t, w, in.RefreshToken))
	tokensIn(t, refresh(t, w, next.RefreshToken))

	stolen := refresh(t, w, in.RefreshToken)

	requireRefusal(t, stolen, 401, "unauthenticated")
	requireRefusal(t, w.Do(t, harness.Ask{Path: portal + "/me", Token: next.AccessToken}), 401, "unauthenticated")
}

func TestRefresh_RefusesWhatIsNoToken(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)

	requireRefusal(t, refresh(t, w, "garbage"), 401, "unauthenticated")
	requireRefusal(t, refresh(t, w, ""), 400, "malformed")
	requireRefusal(t, w.Do(t, harness.Ask{Path: "/t/other" + portal + "/auth/refresh", Body: body("refreshToken", in.RefreshToken)}), 400, "malformed")
	requireRefusal(t, w.Do(t, harness.Ask{
		Path: "/t/other" + portal + "/auth/refresh", Body: body("refreshToken", "garbage"), Header: map[string]string{"X-Tenant-Code": "acme"},
	}), 400, "malformed")
	tokensIn(t, refresh(t, w, in.RefreshToken)) // the contradiction spent nothing
}

func TestHeldTokens_AreNotSpentForAnotherTenantInTheBody(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)
	refuse := func(path, token string, members ...string) {
		t.Helper()
		got := w.Do(t, harness.Ask{Path: portal + path, Token: token, Body: body(append(members, "tenantCode", "other")...)})
		requireRefusal(t, got, 400, "malformed")
	}

	refuse("/auth/refresh", "", "refreshToken", in.RefreshToken)
	refuse("/auth/logout", "", "refreshToken", in.RefreshToken)
	refuse("/auth/logout", in.AccessToken)
	refuse("/auth/change-password", in.AccessToken, "currentPassword", harness.Password, "newPassword", "Harbour-Lamp-73")

	tokensIn(t, refresh(t, w, in.RefreshToken))
}

func TestParityRefreshAndLogout_TakeTheTokenFromThePath(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)

	head := w.Do(t, harness.Ask{Method: "HEAD", Path: parity + "/refresh/" + in.RefreshToken})
	next := tokensIn(t, w.Do(t, harness.Ask{Path: parity + "/refresh/" + in.RefreshToken}))
	gone := w.Do(t, harness.Ask{Path: parity + "/logout/" + in.RefreshToken})
	unknown := w.Do(t, harness.Ask{Path: parity + "/logout/unknown"})

	require.Equal(t, 405, head.Status)
	require.Equal(t, 204, gone.Status)
	require.Equal(t, 204, unknown.Status)
	requireRefusal(t, refresh(t, w, next.RefreshToken), 401, "unauthenticated")
	requireRefusal(t, w.Do(t, harness.Ask{Path: parity + "/refresh/unknown"}), 401, "unauthenticated")
	for _, entry := range w.Logs.All() {
		require.NotContains(t, fmt.Sprint(entry.Message, entry.ContextMap()), in.RefreshToken)
	}
}

func TestLogout_EndsWhatEitherCredentialNames(t *testing.T) {
	t.Parallel()
	w := setup(t)
	dead := func(in tokens) {
		t.Helper()
		require.Equal(t, 401, w.Do(t, harness.Ask{Path: portal + "/me", Token: in.AccessToken}).Status)
	}
	logout := func(token, body string) harness.Answer {
		return w.Do(t, harness.Ask{Method: "POST", Path: portal + "/auth/logout", Token: token, Body: body})
	}

	byBearer, byRefresh, byBoth := login(t, w), login(t, w), login(t, w)
	require.Equal(t, 204, logout(byBearer.AccessToken, "").Status)
	require.Equal(t, 204, logout("", body("refreshToken", byRefresh.RefreshToken)).Status)
	require.Equal(t, 204, logout("expired", body("refreshToken", byBoth.RefreshToken)).Status)
	dead(byBearer)
	dead(byRefresh)
	dead(byBoth)

	require.Equal(t, 204, logout("", body("refreshToken", byRefresh.RefreshToken)).Status, "ended already")
	require.Equal(t, 204, logout("", body("refreshToken", "unknown")).Status)
	requireRefusal(t, logout("", ""), 401, "unauthenticated")
	requireRefusal(t, logout("", "{}"), 401, "unauthenticated")
	requireRefusal(t, logout("expired", ""), 401, "unauthenticated")
}

func TestLogout_LetsTheBrowserForgetWhatItKept(t *testing.T) {
	t.Parallel()
	w := setup(t)
	byBearer, byRefresh, byPath := login(t, w), login(t, w), login(t, w)

	for _, a := range []harness.Answer{
		w.Do(t, harness.Ask{Method: "POST", Path: portal + "/auth/logout", Token: byBearer.AccessToken}),
		w.Do(t, harness.Ask{Path: portal + "/auth/logout", Body: body("refreshToken", byRefresh.RefreshToken)}),
		w.Do(t, harness.Ask{Path: parity + "/logout/" + byPath.RefreshToken}),
	} {
		require.Equal(t, 204, a.Status)
		require.Equal(t, `"cache"`, a.Header.Get("Clear-Site-Data"))
		require.Empty(t, a.Header.Get("Set-Cookie"))
	}
	require.Empty(t, w.Do(t, harness.Ask{Method: "POST", Path: portal + "/auth/logout"}).Header.Get("Clear-Site-Data"))
}

func TestSwitch_GoesOnAtAnotherCompany(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)
	w.Advance(t, 5*time.Minute)
	ask := func(token, portalID string) harness.Answer {
		return w.Do(t, harness.Ask{Path: portal + "/auth/switch", Token: token, Body: body("portal", portalID)})
	}

	there := tokensIn(t, ask(in.AccessToken, w.Acme.Second.Portal().ID.String()))

	require.Contains(t, w.Do(t, harness.Ask{Path: portal + "/me", Token: there.AccessToken}).Body, `"clientName":"Second BV"`)
	require.Equal(t, 401, w.Do(t, harness.Ask{Path: portal + "/me", Token: in.AccessToken}).Status)
	require.Equal(t, 403, ask(there.AccessToken, "019ab3c4-5d6e-7f80-9123-456789abcdef").Status)
	require.Equal(t, 400, ask(there.AccessToken, "elsewhere").Status)
}

func TestSessions_AreListedAndEnded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	older := login(t, w)
	w.Advance(t, time.Minute)
	here := tokensIn(t, w.Do(t, harness.Ask{
		Path: portal + "/auth/login", Header: map[string]string{"User-Agent": "Browser/1"},
		Body: body("email", harness.AdaMail, "password", harness.Password, "tenantCode", harness.Code),
	}))

	list := w.Do(t, harness.Ask{Path: portal + "/auth/sessions", Token: here.AccessToken})

	ids := idsIn(t, list.Body)
	require.Len(t, ids, 2)
	site := w.Acme.Example.Portal().ID
	require.Equal(t, fmt.Sprintf(
		`{"items":[{"id":"%s","current":true,"createdAt":"2026-03-04T05:07:07Z","lastUsedAt":"2026-03-04T05:07:07Z","userAgent":"Browser/1","address":"127.0.0.1","portal":"%s"},`+
			`{"id":"%s","current":false,"createdAt":"2026-03-04T05:06:07Z","lastUsedAt":"2026-03-04T05:06:07Z","userAgent":"Go-http-client/1.1","address":"127.0.0.1","portal":"%s"}]}`,
		ids[0], site, ids[1], site,
	), list.Body)

	end := func(id string) harness.Answer {
		return w.Do(t, harness.Ask{Method: "DELETE", Path: portal + "/auth/sessions/" + id, Token: here.AccessToken})
	}
	require.Equal(t, 204, end(ids[1]).Status)
	require.Equal(t, 404, end(ids[1]).Status)
	require.Equal(t, 404, end("no-session").Status)
	require.Equal(t, 401, w.Do(t, harness.Ask{Path: portal + "/me", Token: older.AccessToken}).Status)
}

func TestSessions_AllButThisOneAreEnded(t *testing.T) {
	t.Parallel()
	w := setup(t)
	others := []tokens{login(t, w), login(t, w)}
	here := login(t, w)

	a := w.Do(t, harness.Ask{Method: "DELETE", Path: portal + "/auth/sessions", Token: here.AccessToken})

	require.Equal(t, 204, a.Status)
	for _, other := range others {
		require.Equal(t, 401, refresh(t, w, other.RefreshToken).Status)
	}
	require.Len(t, idsIn(t, w.Do(t, harness.Ask{Path: portal + "/auth/sessions", Token: here.AccessToken}).Body), 1)
}

func TestBearer_BadOnesAreTheGeneric401BeforeAnythingIsRead(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{}, alpha.Config{})
	for _, r := range []harness.Ask{
		{Path: portal + "/me"},
		{Path: portal + "/client"},
		{Path: portal + "/scopes"},
		{Path: portal + "/dashboard/stats"},
		{Path: portal + "/blobs/x"},
		{Path: portal + "/auth/sessions"},
		{Method: "DELETE", Path: portal + "/auth/sessions"},
		{Method: "DELETE", Path: portal + "/auth/sessions/x"},
		{Method: "POST", Path: portal + "/auth/switch"},
		{Method: "POST", Path: portal + "/auth/switch", Body: "{"},
		{Method: "POST", Path: portal + "/auth/change-password"},
		{Method: "POST", Path: portal + "/auth/logout"},
	} {
		missing := w.Do(t, r)
		requireRefusal(t, missing, 401, "unauthenticated")
		for _, header := range []string{"Bearer garbage", "Bearer a.b.c", "bearer x", "Basic YTpi", "Bearer", "Bearer "} {
			r.Header = map[string]string{"Authorization": header}
			require.Equal(t, withoutReceipt(t, missing), withoutReceipt(t, w.Do(t, r)), "%s %s", r.Path, header)
		}
	}
}

// A token whose key was removed is refused like one that nobody ever signed,
// and the session that it was issued for goes on under another key.
func TestRemovedKey_EndsItsTokensAndNoSession(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)
	me := func(token string) harness.Answer { return w.Do(t, harness.Ask{Path: portal + "/me", Token: token}) }
	require.Equal(t, 200, me(in.AccessToken).Status)
	keys, err := w.Keys.List(t.Context(), harness.Operator())
	require.NoError(t, err)

	require.NoError(t, w.Keys.Remove(t.Context(), harness.Operator(), keys.Signer))

	got, bad := me(in.AccessToken), me("garbage")
	requireRefusal(t, got, 401, "unauthenticated")
	require.Equal(t, withoutReceipt(t, bad), withoutReceipt(t, got))
	require.Equal(t, bad.Header.Get("Www-Authenticate"), got.Header.Get("Www-Authenticate"))
	published, err := w.Ring.JWKS(t.Context())
	require.NoError(t, err)
	require.NotContains(t, string(published), keys.Signer)
	next := tokensIn(t, refresh(t, w, in.RefreshToken))
	require.Equal(t, 200, me(next.AccessToken).Status)
	requireRefusal(t, me(in.AccessToken), 401, "unauthenticated")
}
