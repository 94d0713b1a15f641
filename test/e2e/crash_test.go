package e2e_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// signIn gives the portal's contact a password and signs it in.
func (d *deployment) signIn(p portal) granted {
	d.t.Helper()
	d.must(200, request{method: "POST", path: "/external/api/v1/contacts/" + p.contact + "/password", bearer: p.token, body: `{"password":"` + firstPassword + `"}`})
	return d.tokens(d.must(200, request{method: "POST", path: "/t/acme/api/v1/portal/auth/login", body: `{"email":"` + address + `","password":"` + firstPassword + `"}`}))
}

// TestCrash_DeliversAcceptedMail kills the program after it accepted a wish
// for a link that it could not deliver yet.
func TestCrash_DeliversAcceptedMail(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	// A mail server that answers nobody: the wish stays in the outbox.
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	d.env = []string{"OSTIARY_MAIL=smtp://" + silent.Addr().String() + "?from=portal@acme.example"}
	d.start()
	p := d.found("acme")
	before := d.signIn(p)
	d.must(200, request{method: "POST", path: "/api/v1/portal/auth/request-magic-link", body: `{"email":"` + address + `","tenantCode":"acme"}`})
	d.kill()

	issuer := d.base
	d.env = []string{"OSTIARY_LISTEN=" + strings.TrimPrefix(issuer, "http://")}
	d.start()

	require.Equal(t, issuer, d.base)
	d.must(200, request{method: "GET", path: "/api/v1/portal/me", bearer: before.access})
	d.tokens(d.must(200, request{method: "POST", path: "/api/v1/portal/auth/refresh", body: `{"refreshToken":"` + before.refresh + `"}`}))
	got := d.letters(1)[0]
	require.Contains(t, got.to, address)
	d.tokens(d.must(200, request{method: "POST", path: "/api/v1/portal/auth/validate?token=" + got.token}))
}

// parallel sends the same request n times at once and counts the answers.
func (d *deployment) parallel(n int, r request) map[int][]reply {
	d.t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[int][]reply{}
	for range n {
		wg.Go(func() {
			res := d.send(r)
			mu.Lock()
			defer mu.Unlock()
			out[res.status] = append(out[res.status], res)
		})
	}
	wg.Wait()
	return out
}

func TestRace_OneLinkOpensOneSession(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.start()
	p := d.found("acme")
	d.signIn(p)
	d.must(200, request{method: "POST", path: "/api/v1/portal/auth/request-magic-link", body: `{"email":"` + address + `","tenantCode":"acme"}`})
	token := d.letters(1)[0].token

	got := d.parallel(100, request{method: "POST", path: "/api/v1/portal/auth/validate?token=" + token})

	require.Len(t, got[200], 1)
	require.Len(t, got[401], 99)
}

func TestRace_OneRefreshTokenHasOneSuccessor(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.start()
	p := d.found("acme")
	g := d.signIn(p)

	got := d.parallel(100, request{method: "POST", path: "/api/v1/portal/auth/refresh", body: `{"refreshToken":"` + g.refresh + `"}`})

	require.Len(t, got[200], 100, "all are within the grace of the first")
	successors := map[string]bool{}
	for _, r := range got[200] {
		successors[r.text(t, "refreshToken")] = true
	}
	require.Len(t, successors, 1)
}

// TestStart_SecretsNeverShow starts with values that are wrong and secret.
func TestStart_SecretsNeverShow(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.env = []string{
		"OSTIARY_MASTER_KEY=canary-master-key", "OSTIARY_OPERATOR_TOKEN=canary-operator",
		"OSTIARY_MAIL=smtp://canary-user:canary-password@mail.example", "OSTIARY_STORAGE=mysql://canary-storage@db",
		"OSTIARY_STALE_SECONDS=never",
	}
	stdout, stderr, code := d.cli("serve")

	require.Equal(t, 1, code)
	require.Empty(t, stdout)
	require.NotContains(t, stderr, "canary")
	for _, name := range []string{"OSTIARY_MASTER_KEY", "OSTIARY_OPERATOR_TOKEN", "OSTIARY_MAIL", "OSTIARY_STORAGE", `OSTIARY_STALE_SECONDS="never"`} {
		require.Contains(t, stderr, name)
	}
	require.Len(t, strings.Split(strings.TrimSpace(stderr), "\n"), 5, "one line each")
}

func TestMetrics_HaveAListenerOfTheirOwn(t *testing.T) {
	t.Parallel()
	free, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, free.Close())
	d := deploy(t, "OSTIARY_METRICS_LISTEN="+free.Addr().String())
	d.start()

	d.must(401, request{method: "GET", path: "/metrics"})
	figures := string(d.must(200, request{method: "GET", path: "/metrics", bearer: operatorToken}).body)
	for _, name := range []string{"ostiary_http_request_seconds", "ostiary_password_hashes_total", "ostiary_password_hash_queue", "ostiary_storage_lag_seconds", "go_goroutines"} {
		require.Contains(t, figures, name)
	}
	res, err := http.Get("http://" + free.Addr().String() + "/metrics")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, 0, d.stop())
}

func TestStart_RefusesAKeyOfAnotherStore(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.start()
	require.Equal(t, 0, d.stop())
	d.env = []string{"OSTIARY_MASTER_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}

	_, stderr, code := d.cli("serve", "--log-level=error")

	require.Equal(t, 1, code)
	require.Equal(t, "ostiary: OSTIARY_MASTER_KEY=[secret]: accepted is the key that this store was made with\n", stderr)
}

func TestCommandLine(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	for _, args := range [][]string{{}, {"nonsense"}, {"tenant"}, {"tenant", "create"}, {"tenant", "show", "not a code!"}, {"serve", "--nonsense"}} {
		_, stderr, code := d.cli(args...)
		require.Equal(t, 2, code, "%v", args)
		require.NotEmpty(t, stderr, "%v", args)
	}
	out, errs, code := d.cli("tenant", "create", "acme", "--name", "Acme", "--scope", "finance", "--json")
	require.Equal(t, 0, code, errs)
	var made map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &made))
	require.Equal(t, "acme", made["code"])
	_, errs, code = d.cli("tenant", "create", "ACME", "--name", "Twin")
	require.Equal(t, 1, code)
	require.Contains(t, errs, "already in use")
	for _, args := range [][]string{
		{"tenant", "list"},
		{"tenant", "show", "acme"},
		{"tenant", "suspend", "acme"},
		{"tenant", "suspend", "acme", "--undo"},
		{"scopes", "set", "acme", "finance=true", "my-section"},
		{"scopes", "get", "acme"},
		{"keys", "rotate"},
		{"keys", "list"},
		{"token", "list", "--tenant", "acme"},
		{"audit", "verify"},
		{"doctor"},
		{"openapi"},
		{"version"},
	} {
		out, errs, code := d.cli(args...)
		require.Equal(t, 0, code, "%v: %s%s", args, out, errs)
		require.NotEmpty(t, out, "%v", args)
		out, errs, code = d.cli(append(args, "--json")...)
		require.Equal(t, 0, code, "%v: %s", args, errs)
		require.True(t, json.Valid([]byte(out)), "%v", args)
	}
}

// TestCommandLine_ActsOnARunningService gives a token and takes it away while
// another process serves.
func TestCommandLine_ActsOnARunningService(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.start()
	p := d.found("acme")
	out, errs, code := d.cli("token", "create", "ci", "--tenant", "acme", "--permission", "contacts:read", "--json")
	require.Equal(t, 0, code, errs)
	var made struct{ ID, Token string }
	require.NoError(t, json.Unmarshal([]byte(out), &made))
	read := request{method: "GET", path: "/external/api/v1/contacts/" + p.contact, bearer: made.Token}
	d.must(200, read)

	_, errs, code = d.cli("token", "revoke", made.ID, "--tenant", "acme")

	require.Equal(t, 0, code, errs)
	require.Eventually(t, func() bool { return d.send(read).status == 401 }, patience, 50*time.Millisecond)
}

func TestContactImport(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.start()
	p := d.found("acme")
	csv := "first_name,last_name,email,company_ids,password_hash\n" +
		"Ben,Okafor,ben@globex.example," + p.globex + ",$2a$04$ZhaG25yo9YBRfVB6HoQFfOVlZr0pnZTMEDYC0Z3UDqJzFEBvL9dwm\n" +
		"Cleo,Janssen,not an address," + p.globex + ",\n"
	require.NoError(t, os.WriteFile(d.dir+"/people.csv", []byte(csv), 0o600))

	out, errs, code := d.cli("contact", "import", d.dir+"/people.csv", "--tenant", "acme", "--json")

	require.Equal(t, 1, code)
	require.JSONEq(t, `{"created":1,"updated":0,"unchanged":0,"refused":1}`, out)
	require.Contains(t, errs, "row 2")
	require.NotContains(t, errs, "not an address")
}
