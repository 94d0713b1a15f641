package alpha_test

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/alpha"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
	"ostiary/test/harness"
)

const (
	portal = "/api/v1/portal"
	parity = "/api/v1/auth"
)

func setup(t *testing.T) *harness.World {
	t.Helper()
	return serve(t, harness.Options{}, alpha.Config{Parity: true})
}

func serve(t *testing.T, o harness.Options, c alpha.Config) *harness.World {
	t.Helper()
	w := harness.New(t, o)
	c.Now = w.Clock.Now
	w.Serve(t, alpha.New(alpha.Services{
		Resolver: w.Resolver, Guard: w.Guard, Passwords: w.Passwords, Links: w.Links, Sessions: w.Sessions,
		Changes: w.Changes, Profile: w.Profile,
	}, c).Dialect())
	return w
}

type tokens struct {
	AccessExpiresUnix int64  `json:"accessExpiresUnix"`
	AccessToken       string `json:"accessToken"`
	ID                string `json:"id"`
	RefreshToken      string `json:"refreshToken"`
	Username          string `json:"username"`
}

// tokensIn also proves that the answer is byte for byte what the contract shows.
func tokensIn(t *testing.T, a harness.Answer) tokens {
	t.Helper()
	require.Equal(t, 200, a.Status, a.Body)
	require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	var got tokens
	require.NoError(t, json.Unmarshal([]byte(a.Body), &got))
	require.Equal(t, fmt.Sprintf(
		`{"accessExpiresUnix":%d,"accessToken":"%s","id":"%s","refreshToken":"%s","username":"%s"}`,
		got.AccessExpiresUnix, got.AccessToken, got.ID, got.RefreshToken, got.Username,
	), a.Body)
	return got
}

func login(t *testing.T, w *harness.World) tokens {
	t.Helper()
	return tokensIn(t, w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: body(
		"email", harness.AdaMail, "password", harness.Password, "tenantCode", harness.Code,
	)}))
}

// body writes a JSON object of texts.
func body(pairs ...string) string {
	var b strings.Builder
	for i := 0; i < len(pairs); i += 2 {
		name, _ := json.Marshal(pairs[i])
		value, _ := json.Marshal(pairs[i+1])
		fmt.Fprintf(&b, ",%s:%s", name, value)
	}
	return "{" + strings.TrimPrefix(b.String(), ",") + "}"
}

// requireRefusal compares the whole error body.
func requireRefusal(t *testing.T, a harness.Answer, status int, kind string) {
	t.Helper()
	require.Equal(t, status, a.Status, a.Body)
	var got struct{ Detail, Receipt string }
	require.NoError(t, json.Unmarshal([]byte(a.Body), &got))
	require.NotEmpty(t, got.Detail)
	require.Equal(t, got.Receipt, a.Header.Get("X-Receipt"))
	require.Equal(t, fmt.Sprintf(
		`{"title":"%s","detail":"%s","time":"2026-03-04T05:06:07Z","status":%d,"type":"%s","receipt":"%s"}`,
		http.StatusText(status), got.Detail, status, kind, got.Receipt,
	), a.Body)
	require.Equal(t, "application/json", a.Header.Get("Content-Type"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
}

const sameReceipt = "same"

// withoutReceipt makes two refusals comparable: a receipt is sealed anew each time.
func withoutReceipt(t *testing.T, a harness.Answer) string {
	t.Helper()
	receipt := a.Header.Get("X-Receipt")
	require.NotEmpty(t, receipt)
	return strings.ReplaceAll(a.Body, receipt, sameReceipt+fmt.Sprint(len(receipt)))
}

func TestMe_IsTheContractsByteForByte(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)

	a := w.Do(t, harness.Ask{Path: portal + "/me", Token: in.AccessToken})

	require.Equal(t, 200, a.Status)
	require.Equal(t, fmt.Sprintf(
		`{"avatar":null,"clientId":"%s","clientName":"Example Ltd","email":"Ada@example.com","firstName":"Ada","id":"%s","lastName":"Lovelace"}`,
		w.Acme.Example.ID(), in.ID,
	), a.Body)
}

func TestClient_IsTheContractsByteForByte(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)

	full := w.Do(t, harness.Ask{Path: portal + "/client", Token: in.AccessToken})
	other := tokensIn(t, w.Do(t, harness.Ask{
		Path: portal + "/auth/switch", Token: in.AccessToken, Body: body("portal", w.Acme.Second.Portal().ID.String()),
	}))
	bare := w.Do(t, harness.Ask{Path: portal + "/client", Token: other.AccessToken})

	require.Equal(t, fmt.Sprintf(
		`{"avatar":null,"billingAddress":{"city":"Amsterdam","country":"NL","houseNumber":"1","id":"B-1","latitude":52.3676,`+
			`"longitude":4.9041,"postalCode":"1012 AB","street":"Dam"},"email":"office@example.com","id":"%s","name":"Example Ltd",`+
			`"phone":"+31 20 123 4567"}`, w.Acme.Example.ID(),
	), full.Body)
	require.Equal(t, fmt.Sprintf(
		`{"avatar":null,"billingAddress":null,"email":"","id":"%s","name":"Second BV","phone":""}`, w.Acme.Second.ID(),
	), bare.Body)
}

func TestScopes_ListsTheStandardNames(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Path: portal + "/scopes", Token: login(t, w).AccessToken})

	require.Equal(t, `{"configurator":true,"finance":true,"support":false}`, a.Body)
}

func TestScopes_AreWrittenAsAnyEncoderWould(t *testing.T) {
	t.Parallel()
	w := setup(t)
	offer := scope.Map{scope.Support: true}
	for i := range 40 {
		name, err := scope.ParseName(fmt.Sprintf("own-%02d%s", i, strings.Repeat("x", i%20)))
		require.NoError(t, err)
		offer[name] = i%3 == 0
	}
	w.ChangeTenant(t, w.Acme.ID, func(d *tenant.Details) { d.Scopes = offer })

	a := w.Do(t, harness.Ask{Path: portal + "/scopes", Token: login(t, w).AccessToken})

	want := map[scope.Name]bool{scope.Configurator: false, scope.Finance: false}
	maps.Copy(want, offer)
	encoded, err := json.Marshal(want)
	require.NoError(t, err)
	require.Equal(t, string(encoded), a.Body)
}

func TestStats_AreExact(t *testing.T) {
	t.Parallel()
	w := setup(t)

	a := w.Do(t, harness.Ask{Path: portal + "/dashboard/stats", Token: login(t, w).AccessToken})

	require.Equal(t, `{"currency":"EUR","openOrders":3,"pendingEstimates":1,"totalOutstanding":1234.56,"unpaidInvoices":2}`, a.Body)
}

func TestStats_NeedFinanceAsOfNow(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)
	w.ChangeTenant(t, w.Acme.ID, func(d *tenant.Details) { d.Scopes = scope.Map{scope.Support: true} })

	a := w.Do(t, harness.Ask{Path: portal + "/dashboard/stats", Token: in.AccessToken})

	requireRefusal(t, a, 403, "forbidden")
}

func TestTenantPath_ServesEveryRouteAsWell(t *testing.T) {
	t.Parallel()
	w := setup(t)

	in := tokensIn(t, w.Do(t, harness.Ask{
		Path: "/t/ACME" + portal + "/auth/login", Body: body("username", "ada@EXAMPLE.com", "password", harness.Password),
	}))
	same := w.Do(t, harness.Ask{Path: "/t/acme" + portal + "/me", Token: in.AccessToken})
	other := w.Do(t, harness.Ask{Path: "/t/other" + portal + "/me", Token: in.AccessToken})

	require.Equal(t, harness.AdaMail, in.Username)
	require.Equal(t, 200, same.Status)
	requireRefusal(t, other, 400, "malformed")
}

func TestExpires_InMillisecondsUnlessConfigured(t *testing.T) {
	t.Parallel()
	w := setup(t)
	seconds := serve(t, harness.Options{}, alpha.Config{Seconds: true})
	want := fake.Start.Add(15 * time.Minute).Truncate(time.Second)

	require.Equal(t, want.UnixMilli(), login(t, w).AccessExpiresUnix)
	require.Equal(t, want.Unix(), login(t, seconds).AccessExpiresUnix)
}

func TestParity_CanBeSwitchedOff(t *testing.T) {
	t.Parallel()
	w := serve(t, harness.Options{Undocumented: true}, alpha.Config{})

	a := w.Do(t, harness.Ask{Path: parity + "/login", Body: "{}"})

	require.Equal(t, 404, a.Status)
}

func TestSuspendedTenant_IsForbiddenToItsTokensAndUnknownToThePublic(t *testing.T) {
	t.Parallel()
	w := setup(t)
	in := login(t, w)
	w.ChangeTenant(t, w.Acme.ID, func(d *tenant.Details) { d.Status = tenant.Suspended })

	own := w.Do(t, harness.Ask{Path: portal + "/me", Token: in.AccessToken})
	renewed := refresh(t, w, in.RefreshToken)
	byPath := w.Do(t, harness.Ask{Path: parity + "/refresh/" + in.RefreshToken})
	left := w.Do(t, harness.Ask{Path: parity + "/logout/" + in.RefreshToken})
	public := w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: body(
		"email", harness.AdaMail, "password", harness.Password, "tenantCode", harness.Code,
	)})
	unknown := w.Do(t, harness.Ask{Path: portal + "/auth/login", Body: body(
		"email", harness.AdaMail, "password", harness.Password, "tenantCode", "nobody",
	)})

	for _, a := range []harness.Answer{own, renewed, byPath, left} {
		requireRefusal(t, a, 403, "forbidden")
	}
	requireRefusal(t, public, 401, "unauthenticated")
	require.Equal(t, withoutReceipt(t, unknown), withoutReceipt(t, public))
}
