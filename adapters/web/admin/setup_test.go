package admin_test

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"net"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/imaging"
	"ostiary/adapters/web/admin"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/operation"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/harness"
)

const (
	base = "/admin/v1/tenants/acme"
	root = "/admin/v1"
)

// world is a deployment that answers on the admin API, with one of everything
// in the tenant acme and a second tenant.
type world struct {
	*harness.World
	other *tenant.Tenant
	at    *strings.Replacer // of {company}, {contact}, … in paths
}

func newWorld(t testing.TB, o harness.Options) *world {
	t.Helper()
	if o.Imager == nil {
		o.Imager = imaging.New()
	}
	w := &world{World: harness.New(t, o)}
	w.Serve(t, admin.New(admin.UseCases{
		Guard: w.Guard, Tenants: w.Tenancy, Companies: w.Companies, Contacts: w.Contacts, Tags: w.Tags, Avatars: w.Avatars,
		Logins: w.Logins, Ledger: w.Ledger, Tokens: w.APITokens, Audit: w.Audit, Receipts: w.Receipts, Keys: w.Keys,
		Idempotency: w.Idempotency,
	}).Dialect())
	w.other = w.AddTenant(t, "other")
	w.furnish(t)
	return w
}

// furnish makes what paths name: a company without contacts but with a
// document, a tag, tokens and a receipt. The contact is Bob, who has a login.
func (w *world) furnish(t testing.TB) {
	t.Helper()
	ctx := t.Context()
	c := w.AddCompany(t, harness.Code, company.Details{Name: "Third", Portal: company.Portal{Enabled: true}})
	tag, err := w.Tags.Create(ctx, directory.CreateTagInput{Caller: harness.Caller(), Details: contact.TagDetails{Name: "buyer"}})
	require.NoError(t, err)
	token := func(code tenant.Code) string {
		tok, _, err := w.APITokens.Create(ctx, operation.CreateTokenInput{
			Caller: operation.Caller{Actor: harness.Operator(), Tenant: code}, Name: "spare", Permissions: []actor.Permission{actor.AuditRead},
		})
		require.NoError(t, err)
		return tok.Snapshot().ID.String()
	}
	keys, err := w.Keys.List(ctx, harness.Operator())
	require.NoError(t, err)
	w.at = strings.NewReplacer(
		"{key}", keys.Signer,
		"{company}", c.ID().String(), "{contact}", w.Acme.Bob.String(), "{tag}", tag.ID().String(),
		"{token}", token(harness.Code), "{operator-token}", token(""),
		"{receipt}", w.Receipts.Issue(w.Acme.ID, "request-1", session.ErrToken),
	)
	w.ask(t, "PUT", base+"/companies/{company}/documents/order/O-1", harness.OperatorToken, document, 200)
}

const document = `{"status":"open","currency":"EUR","total":"1.00","outstanding":"0.50"}`

// ask sends JSON, expects the status and returns the answer.
func (w *world) ask(t testing.TB, method, path, token, body string, status int) harness.Answer {
	t.Helper()
	return w.send(t, harness.Ask{Method: method, Path: path, Token: token, Body: body}, status)
}

func (w *world) send(t testing.TB, a harness.Ask, status int) harness.Answer {
	t.Helper()
	a.Path = w.at.Replace(a.Path)
	out := w.Do(t, a)
	require.Equal(t, status, out.Status, out.Body)
	return out
}

// announce sends a head that promises so many bytes, and as many of them as
// are read at once, and returns the status. The rest would meet a connection
// that is closed already.
func (w *world) announce(t testing.TB, method, path, media string, size int) int {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", strings.TrimPrefix(w.URL, "http://"))
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	_, err = fmt.Fprintf(c, "%s %s HTTP/1.1\r\nHost: localhost\r\nAuthorization: Bearer %s\r\nContent-Type: %s\r\nContent-Length: %d\r\n\r\n%s",
		method, w.at.Replace(path), harness.OperatorToken, media, size, strings.Repeat(" ", 64<<10))
	require.NoError(t, err)
	res, err := http.ReadResponse(bufio.NewReader(c), nil)
	require.NoError(t, err)
	defer res.Body.Close()
	return res.StatusCode
}

// operate is ask by the configured operator token.
func (w *world) operate(t testing.TB, method, path, body string, status int) harness.Answer {
	t.Helper()
	return w.ask(t, method, path, harness.OperatorToken, body, status)
}

// all is a token of the tenant that may do everything a tenant may, but not
// what is named.
func (w *world) all(t testing.TB, code tenant.Code, but ...actor.Permission) string {
	t.Helper()
	held := actor.TenantPermissions()
	if code == "" {
		held = actor.OperatorPermissions()
	}
	return w.APIToken(t, code, without(held, but)...)
}

func without(ps, but []actor.Permission) (out []actor.Permission) {
	for _, p := range ps {
		keep := true
		for _, b := range but {
			keep = keep && p != b
		}
		if keep {
			out = append(out, p)
		}
	}
	return out
}

// admin gives Ada the role and signs her in; member signs Cy in, who has none.
func (w *world) admin(t testing.TB) string {
	t.Helper()
	_, err := w.Logins.Change(t.Context(), credential.UserInput{
		Target: credential.Target{Actor: harness.Operator(), Needs: actor.UsersWrite, Tenant: harness.Code, Contact: w.Acme.Ada},
		Roles:  []user.Role{user.Admin},
	})
	require.NoError(t, err)
	return w.SignIn(t).Access.Reveal()
}

func (w *world) member(t testing.TB) string {
	t.Helper()
	w.SetPassword(t, harness.Code, w.Acme.Cy, harness.Password)
	g, err := w.Passwords.Login(t.Context(), signin.PasswordInput{
		Hints: tenancy.Hints{Path: harness.Code}, Email: fake.Address(t, harness.CyMail), Password: secret.New(harness.Password), Origin: "test",
	})
	require.NoError(t, err)
	return g.Access.Reveal()
}

// object reads a JSON object.
func object(t testing.TB, body string) map[string]any {
	t.Helper()
	out := map[string]any{}
	require.NoError(t, json.Unmarshal([]byte(body), &out), body)
	return out
}

func items(t testing.TB, body string) []any {
	t.Helper()
	out, ok := object(t, body)["items"].([]any)
	require.True(t, ok, body)
	return out
}

// refused returns the code of a problem and the pointers of its errors.
func refused(t testing.TB, a harness.Answer) (code string, pointers []string) {
	t.Helper()
	require.Equal(t, "application/problem+json", a.Header.Get("Content-Type"))
	var p struct {
		Code   string
		Status int
		Errors []struct{ Pointer string }
	}
	require.NoError(t, json.Unmarshal([]byte(a.Body), &p), a.Body)
	require.Equal(t, a.Status, p.Status)
	for _, e := range p.Errors {
		pointers = append(pointers, e.Pointer)
	}
	return p.Code, pointers
}

func picture(t testing.TB) string {
	t.Helper()
	var out bytes.Buffer
	require.NoError(t, png.Encode(&out, image.NewRGBA(image.Rect(0, 0, 40, 30))))
	return out.String()
}

// together asks n times at once.
func together(n int, ask func(i int) harness.Answer) []harness.Answer {
	out := make([]harness.Answer, n)
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() { out[i] = ask(i) })
	}
	wg.Wait()
	return out
}
