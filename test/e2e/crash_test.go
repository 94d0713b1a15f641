package e2e_test

import (
	"encoding/json"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"ostiary/test/program"

	"github.com/stretchr/testify/require"
)

// TestCrash_DeliversAcceptedMail kills the program after it accepted a wish
// for a link that it could not deliver yet.
func TestCrash_DeliversAcceptedMail(t *testing.T) { program.OnEach(t, deliversAcceptedMail) }

func deliversAcceptedMail(t *testing.T, on program.Engine) {
	d := deployOn(t, on)
	// A mail server that answers nobody: the wish stays in the outbox.
	silent, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = silent.Close() })
	d.Env = []string{"OSTIARY_MAIL=smtp://" + silent.Addr().String() + "?from=portal@acme.example"}
	d.Start()
	p := d.Found("acme")
	before := d.SignIn(p)
	d.Must(200, program.AskForLink("acme", program.Address))
	d.Kill()

	issuer := d.URL
	d.Env = []string{"OSTIARY_LISTEN=" + strings.TrimPrefix(issuer, "http://")}
	d.Start()

	require.Equal(t, issuer, d.URL)
	d.Must(200, program.Visit("/me", before))
	d.Tokens(d.Must(200, program.Refresh(before.Refresh)))
	got := d.Letters(1)[0]
	require.Contains(t, got.To, program.Address)
	d.Tokens(d.Must(200, program.Validate(got.Token)))
}

// TestStart_SecretsNeverShow starts with values that are wrong and secret.
func TestStart_SecretsNeverShow(t *testing.T) {
	t.Parallel()
	d := deploy(t)
	d.Env = []string{
		"OSTIARY_MASTER_KEY=canary-master-key", "OSTIARY_OPERATOR_TOKEN=canary-operator",
		"OSTIARY_MAIL=smtp://canary-user:canary-password@mail.example", "OSTIARY_STORAGE=mysql://canary-storage@db",
		"OSTIARY_STALE_SECONDS=never",
	}
	stdout, stderr, code := d.CLI("serve")

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
	d.Start()

	d.Must(401, program.Request{Method: "GET", Path: "/metrics"})
	figures := string(d.Must(200, program.Request{Method: "GET", Path: "/metrics", Bearer: program.OperatorToken}).Body)
	for _, name := range []string{"ostiary_http_request_seconds", "ostiary_password_hashes_total", "ostiary_password_hash_queue", "ostiary_storage_lag_seconds", "ostiary_revocation_seconds_bucket", "go_goroutines"} {
		require.Contains(t, figures, name)
	}
	res, err := http.Get("http://" + free.Addr().String() + "/metrics")
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	require.Equal(t, 200, res.StatusCode)
	require.Equal(t, 0, d.Stop())
}

func TestStart_RefusesAKeyOfAnotherStore(t *testing.T) { program.OnEach(t, refusesAKeyOfAnotherStore) }

func refusesAKeyOfAnotherStore(t *testing.T, on program.Engine) {
	d := deployOn(t, on)
	d.Start()
	require.Equal(t, 0, d.Stop())
	d.Env = []string{"OSTIARY_MASTER_KEY=AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="}

	_, stderr, code := d.CLI("serve", "--log-level=error")

	require.Equal(t, 1, code)
	require.Equal(t, "ostiary: OSTIARY_MASTER_KEY=[secret]: accepted is the key that this store was made with\n", stderr)
}

func TestCommandLine(t *testing.T) { program.OnEach(t, commandLine) }

func commandLine(t *testing.T, on program.Engine) {
	d := deployOn(t, on)
	for _, args := range [][]string{{}, {"nonsense"}, {"tenant"}, {"tenant", "create"}, {"tenant", "show", "not a code!"}, {"serve", "--nonsense"}} {
		_, stderr, code := d.CLI(args...)
		require.Equal(t, 2, code, "%v", args)
		require.NotEmpty(t, stderr, "%v", args)
	}
	out, errs, code := d.CLI("tenant", "create", "acme", "--name", "Acme", "--scope", "finance", "--json")
	require.Equal(t, 0, code, errs)
	var made map[string]any
	require.NoError(t, json.Unmarshal([]byte(out), &made))
	require.Equal(t, "acme", made["code"])
	_, errs, code = d.CLI("tenant", "create", "ACME", "--name", "Twin")
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
		{"openapi"},
		{"version"},
	} {
		out, errs, code := d.CLI(args...)
		require.Equal(t, 0, code, "%v: %s%s", args, out, errs)
		require.NotEmpty(t, out, "%v", args)
		out, errs, code = d.CLI(append(args, "--json")...)
		require.Equal(t, 0, code, "%v: %s", args, errs)
		require.True(t, json.Valid([]byte(out)), "%v", args)
	}
	d.doctorFindsNothing()
}

// doctorFindsNothing but what a server that takes MongoDB's place in tests
// lacks.
func (d deployment) doctorFindsNothing() {
	t := d.T
	t.Helper()
	text, errs, _ := d.CLI("doctor")
	require.Contains(t, text, "signing keys", errs)
	out, errs, code := d.CLI("doctor", "--json")
	var checks []struct {
		Check, Text string
		OK          bool
	}
	require.NoError(t, json.Unmarshal([]byte(out), &checks), errs)
	lacks := 0
	for _, c := range checks {
		if c.OK {
			continue
		}
		lacks++
		require.Contains(t, []string{"topology", "indexes"}, c.Check, c.Text)
	}
	require.Equal(t, min(lacks, 1), code)
	require.True(t, lacks == 0 || d.On.Name == program.OnMongoDB.Name)
}

// TestCommandLine_ActsOnARunningService gives a token and takes it away while
// another process serves.
func TestCommandLine_ActsOnARunningService(t *testing.T) { program.OnEach(t, actsOnARunningService) }

func actsOnARunningService(t *testing.T, on program.Engine) {
	d := deployOn(t, on)
	d.Start()
	p := d.Found("acme")
	out, errs, code := d.CLI("token", "create", "ci", "--tenant", "acme", "--permission", "contacts:read", "--json")
	require.Equal(t, 0, code, errs)
	var made struct{ ID, Token string }
	require.NoError(t, json.Unmarshal([]byte(out), &made))
	read := program.Request{Method: "GET", Path: "/external/api/v1/contacts/" + p.Contact, Bearer: made.Token}
	d.Must(200, read)

	_, errs, code = d.CLI("token", "revoke", made.ID, "--tenant", "acme")

	require.Equal(t, 0, code, errs)
	require.Eventually(t, func() bool { return d.Send(read).Status == 401 }, program.Patience, 50*time.Millisecond)
}

// TestCommandLine_RemovesAKeyOfARunningService is the emergency.
func TestCommandLine_RemovesAKeyOfARunningService(t *testing.T) { program.OnEach(t, removesAKey) }

func removesAKey(t *testing.T, on program.Engine) {
	d := deployOn(t, on)
	d.Start()
	p := d.Found("acme")
	d.SignIn(p)
	g := d.Tokens(d.Must(200, program.Login("acme", program.FirstPassword)))
	d.Must(200, program.Visit("/me", g))
	type listed struct{ KID, Status string }
	keys := func(args ...string) (out []listed) {
		text, errs, code := d.CLI(append([]string{"keys"}, append(args, "--json")...)...)
		require.Equal(t, 0, code, errs)
		require.NoError(t, json.Unmarshal([]byte(text), &out))
		return out
	}
	before := keys("list")
	require.Len(t, before, 1)

	after := keys("remove", before[0].KID)

	require.Len(t, after, 1)
	require.Equal(t, "active", after[0].Status)
	require.NotEqual(t, before[0].KID, after[0].KID)
	require.Eventually(t, func() bool { return d.Send(program.Visit("/me", g)).Status == 401 }, program.Patience, 5*time.Millisecond)
	g = d.Tokens(d.Must(200, program.Request{Method: "POST", Path: "/api/v1/portal/auth/refresh", Body: `{"refreshToken":"` + g.Refresh + `"}`}))
	d.Must(200, program.Visit("/me", g))
	jwks := string(d.Must(200, program.Request{Method: "GET", Path: "/.well-known/jwks.json"}).Body)
	require.NotContains(t, jwks, before[0].KID)
	require.Contains(t, jwks, after[0].KID)
	_, errs, code := d.CLI("keys", "remove", before[0].KID)
	require.Equal(t, 1, code)
	require.Contains(t, errs, "no such signing key")
}

func TestContactImport(t *testing.T) { program.OnEach(t, contactImport) }

func contactImport(t *testing.T, on program.Engine) {
	d := deployOn(t, on)
	d.Start()
	p := d.Found("acme")
	csv := "first_name,last_name,email,company_ids,password_hash\n" +
		"Ben,Okafor,ben@globex.example," + p.Globex + ",$2a$04$ZhaG25yo9YBRfVB6HoQFfOVlZr0pnZTMEDYC0Z3UDqJzFEBvL9dwm\n" +
		"Cleo,Janssen,not an address," + p.Globex + ",\n"
	require.NoError(t, os.WriteFile(d.Dir+"/people.csv", []byte(csv), 0o600))

	out, errs, code := d.CLI("contact", "import", d.Dir+"/people.csv", "--tenant", "acme", "--json")

	require.Equal(t, 1, code)
	require.JSONEq(t, `{"created":1,"updated":0,"unchanged":0,"refused":1}`, out)
	require.Contains(t, errs, "row 2")
	require.NotContains(t, errs, "not an address")
}
