package web_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const page = "Origin: https://portal.acme.example"

func TestCORS_PreflightAllowsWhatIsListed(t *testing.T) {
	t.Parallel()
	addr, d, _ := setup(t, nil)
	for _, path := range []string{"/t/acme/toy/v1/echo", "/toy/v1/echo"} {
		got := do(t, addr, "OPTIONS", path, "", page, "Access-Control-Request-Method: POST", "Access-Control-Request-Headers: authorization")

		require.Equal(t, 204, got.status)
		require.Equal(t, "https://portal.acme.example", got.header.Get("Access-Control-Allow-Origin"))
		require.Equal(t, "POST", got.header.Get("Access-Control-Allow-Methods"))
		require.Equal(t, "Authorization, Content-Type, X-Tenant-Code, X-Link-Binding, If-Match, Idempotency-Key", got.header.Get("Access-Control-Allow-Headers"))
		require.Equal(t, []string{"Origin"}, got.header.Values("Vary"))
		require.Empty(t, got.header.Get("Access-Control-Allow-Credentials"))
	}
	require.Zero(t, d.calls.Load())
}

func TestCORS_StrangersGetNoHeader(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	for _, origin := range []string{
		"https://evil.example", "null", "https://portal.acme.example.evil.example", "https://xportal.acme.example",
		"http://portal.acme.example", "https://portal.acme.example:444", "https://PORTAL.acme.example", "*",
		"https://portal.acme.example\r\nOrigin: https://evil.example", "",
	} {
		preflight := do(t, addr, "OPTIONS", "/t/acme/toy/v1/echo", "", "Origin: "+origin, "Access-Control-Request-Method: POST")
		answer := do(t, addr, "GET", "/t/acme/toy/v1/where", "", "Origin: "+origin)

		for _, got := range []reply{preflight, answer} {
			require.Empty(t, got.header.Get("Access-Control-Allow-Origin"), origin)
			require.Empty(t, got.header.Get("Access-Control-Allow-Headers"), origin)
			require.Equal(t, []string{"Origin"}, got.header.Values("Vary"), origin)
		}
	}
	other := do(t, addr, "OPTIONS", "/t/globex/toy/v1/echo", "", page, "Access-Control-Request-Method: POST")
	require.Empty(t, other.header.Get("Access-Control-Allow-Origin"))
}

func TestCORS_AnswerIsJudgedByTheTenantItTurnedOutToBe(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)

	byHeader := do(t, addr, "GET", "/toy/v1/where", "", page, "X-Tenant-Code: acme")
	elsewhere := do(t, addr, "GET", "/toy/v1/where", "", page, "X-Tenant-Code: globex")
	resolved := do(t, addr, "GET", "/t/globex/toy/v1/items/1", "", page)
	refused := do(t, addr, "GET", "/t/acme/toy/v1/fail/teapot", "", page)

	require.Equal(t, "https://portal.acme.example", byHeader.header.Get("Access-Control-Allow-Origin"))
	require.Contains(t, byHeader.header.Get("Access-Control-Expose-Headers"), "X-Refresh-Token")
	require.Empty(t, elsewhere.header.Get("Access-Control-Allow-Origin"))
	require.NotEmpty(t, resolved.header.Get("Access-Control-Allow-Origin"), "the handler said which tenant it was")
	require.NotEmpty(t, refused.header.Get("Access-Control-Allow-Origin"), "pages may read refusals")
}
