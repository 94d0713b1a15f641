package attack_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// forwarded is what a proxy says of a client at an address of its own.
func forwarded(address string) map[string]string {
	return map[string]string{"X-Forwarded-For": address}
}

// fenced limits guesses and mails, and believes the proxy that each test is,
// so that no test is counted with another.
var fenced = slices.Concat(program.Cheap, []string{
	fmt.Sprintf("OSTIARY_LIMITS=login-user=10/15m,login-address=%d/24h,login-tenant=1000000/24h,link-user=%d/1h,link-address=1000000/1h", fencedGuesses, fencedMails),
	"OSTIARY_TRUSTED_PROXIES=127.0.0.1/32",
})

const (
	fencedGuesses = 20
	fencedMails   = 3
)

// postbox follows the mails of one tenant.
type postbox struct {
	d           *program.Deployment
	code        string
	asked, sent int
}

// mailed is a letter with the binding of the request for it.
type mailed struct {
	program.Letter
	Binding string
}

// ask asks for a link and returns when its mail was handed over, after which
// older links are void.
func (b *postbox) ask(mail string) mailed {
	b.d.T.Helper()
	return b.by(program.AskForLink(b.code, mail))
}

// by is ask by any request.
func (b *postbox) by(r program.Request) mailed {
	b.d.T.Helper()
	res := b.d.Must(http.StatusOK, r)
	b.sent++
	b.asked++
	b.settle()
	all := b.d.LettersOf(b.code, b.sent)
	require.Len(b.d.T, all, b.sent)
	return mailed{Letter: all[b.sent-1], Binding: bindingOf(b.d.T, res)}
}

// vain asks for a link that nobody is to get.
func (b *postbox) vain(r program.Request) program.Reply {
	b.d.T.Helper()
	res := b.d.Must(http.StatusOK, r)
	b.asked++
	return res
}

// settle returns when it was decided for each request so far whether a mail is
// sent, and it was.
func (b *postbox) settle() {
	b.d.T.Helper()
	require.Eventually(b.d.T, func() bool { return len(audited(b.d, b.code, "link.asked")) >= b.asked }, program.Patience, 20*time.Millisecond, "%d requests for links", b.asked)
}

// count is how many letters of the tenant there are once all is settled.
func (b *postbox) count() int {
	b.d.T.Helper()
	b.settle()
	return len(b.d.LettersOf(b.code, 0))
}

// bindingOf reads what a request for a link was answered with, by the page or
// by dialect Alpha.
func bindingOf(t testing.TB, r program.Reply) string {
	t.Helper()
	cookie, _, _ := strings.Cut(r.Header.Get("Set-Cookie"), ";")
	_, binding, ok := strings.Cut(cookie, "=")
	require.True(t, ok)
	require.NotEmpty(t, binding)
	if header := r.Header.Get("X-Link-Binding"); header != "" {
		require.Equal(t, header, binding)
	}
	return binding
}

// unboundReply hides the binding, but not its length: each is drawn anew.
func unboundReply(t testing.TB, r program.Reply) program.Reply {
	t.Helper()
	binding := bindingOf(t, r)
	r.Header = r.Header.Clone()
	for name, values := range r.Header {
		for i, v := range values {
			r.Header[name][i] = strings.ReplaceAll(v, binding, lengthOnly(binding))
		}
	}
	return r
}

type auditEvent struct {
	Action, Target, Outcome string
	Details                 map[string]string
}

// audited lists a tenant's audit events of one action, newest first.
func audited(d *program.Deployment, code, action string) []auditEvent {
	d.T.Helper()
	var all []auditEvent
	for cursor := ""; ; {
		var page struct {
			Items      []auditEvent
			NextCursor string
		}
		r := d.Must(http.StatusOK, program.Operator("GET", "/tenants/"+code+"/audit-events?limit=500&action="+action+cursor, ""))
		require.NoError(d.T, json.Unmarshal(r.Body, &page))
		all = append(all, page.Items...)
		if page.NextCursor == "" {
			return all
		}
		cursor = "&cursor=" + page.NextCursor
	}
}

// grantedSignIns counts the sign-ins of a tenant that were let in.
func grantedSignIns(d *program.Deployment, code string) (n int) {
	d.T.Helper()
	for _, e := range audited(d, code, "session.opened") {
		if e.Outcome == "granted" {
			n++
		}
	}
	return n
}

var codeLine = regexp.MustCompile(`(?m)^([0-9A-HJKMNP-TV-Z]{8})\r?$`)

// typed is the code in a letter.
func (m mailed) typed(t testing.TB) string {
	t.Helper()
	found := codeLine.FindStringSubmatch(m.Text)
	require.NotNil(t, found, "the mail has no code")
	return found[1]
}

// byCode trades a typed code in; without a binding none is sent.
func byCode(tenant, mail, code, binding string) program.Request {
	r := program.Request{
		Method: "POST", Path: "/t/" + tenant + "/api/v1/portal/auth/validate-code",
		Body: fmt.Sprintf(`{"email":%q,"code":%q}`, mail, code),
	}
	if binding != "" {
		r.Header = map[string]string{"X-Link-Binding": binding}
	}
	return r
}

// bodyToken trades a link's token in where no address shows it.
func bodyToken(token string) program.Request {
	return program.Request{Method: "POST", Path: "/api/v1/portal/auth/validate", Body: fmt.Sprintf(`{"token":%q}`, token)}
}

// pageForm is the hosted page's own form, sent by a browser that has the
// cookie, if any.
func pageForm(tenant, binding, body string) program.Request {
	h := map[string]string{"Content-Type": "application/x-www-form-urlencoded", "Sec-Fetch-Site": "same-origin"}
	if binding != "" {
		h["Cookie"] = "ostiary-link=" + binding
	}
	return program.Request{Method: "POST", Path: "/t/" + tenant + "/magic", Body: body, Header: h}
}

// forged is a token that names the same tenant and was never given out.
func forged(t testing.TB, token string) string {
	t.Helper()
	raw := opened(t, token)
	raw[len(raw)-1] ^= 1
	return base64.RawURLEncoding.EncodeToString(raw)
}

// opened is the bytes of an opaque token.
func opened(t testing.TB, token string) []byte {
	t.Helper()
	raw, err := base64.RawURLEncoding.DecodeString(token)
	require.NoError(t, err)
	return raw
}

// unjudgedClaims reads an access token without judging it.
func unjudgedClaims(t testing.TB, access string) map[string]any {
	t.Helper()
	parts := strings.Split(access, ".")
	require.Len(t, parts, 3)
	var claims map[string]any
	require.NoError(t, json.Unmarshal(opened(t, parts[1]), &claims))
	return claims
}

// enrol makes a contact with a login at a company of a portal.
func enrol(d *program.Deployment, p program.Portal, mail string) (id string) {
	d.T.Helper()
	id = d.Must(http.StatusCreated, program.Operator("POST", "/tenants/"+p.Code+"/contacts",
		fmt.Sprintf(`{"firstName":"Kim","email":%q,"companies":[{"id":%s,"isPrimary":true}]}`, mail, p.Globex))).Number(d.T)
	d.Must(http.StatusOK, program.Operator("PUT", "/tenants/"+p.Code+"/contacts/"+id+"/password", fmt.Sprintf(`{"password":%q}`, program.FirstPassword)))
	return id
}

// opening founds a portal whose contact has a login, and follows its mails.
func opening(d *program.Deployment, code string) (program.Portal, *postbox) {
	d.T.Helper()
	p := d.Found(code)
	d.Must(http.StatusOK, program.SetPassword(p, program.FirstPassword))
	return p, &postbox{d: d, code: code}
}
