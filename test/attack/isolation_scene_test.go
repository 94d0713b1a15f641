package attack_test

import (
	"bytes"
	"fmt"
	"image"
	"image/png"
	"net/url"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// victimMarker stands in everything of the victim's that an answer could show.
const victimMarker = "zanzibar"

// smallPNG is a small PNG.
var smallPNG = func() string {
	var out bytes.Buffer
	if err := png.Encode(&out, image.NewGray(image.Rect(0, 0, 4, 4))); err != nil {
		panic(err)
	}
	return out.String()
}()

// every permission that a tenant can give.
const everyPermission = `"settings:read","settings:write","scopes:read","scopes:write","companies:read","companies:write",` +
	`"contacts:read","contacts:write","users:write","documents:write","tokens:write","audit:read"`

// intrusion is a victim, and two who are after it: another tenant, and another
// company of the victim's own.
type intrusion struct {
	d             *program.Deployment
	operations    []documentedCall
	victim, never world
	granted       program.Granted // the victim's session
	link          string          // the victim's unopened link
	attacker      string          // code
	kinds         []credentialKind
}

// kind is a way to ask, with the tenant that it belongs to.
type credentialKind struct {
	name, tenant string
	ends         string // what uses it up
	mint         func() string
	proof        func(token string) program.Request // succeeds while it is good
}

func stageIntrusion(d *program.Deployment, code string) *intrusion {
	d.T.Helper()
	s := &intrusion{d: d, attacker: code + "a", operations: documented(d.T)}
	s.stageAttacker()
	s.stageVictim(code + "v")
	return s
}

func (s *intrusion) admin(status int, method, path, body string) program.Reply {
	s.d.T.Helper()
	return s.d.Must(status, program.Operator(method, path, body))
}

// stageVictim comes after the attacker and makes more of everything, so that
// its ids mean nothing in the other tenant.
func (s *intrusion) stageVictim(code string) {
	s.d.T.Helper()
	at := "/tenants/" + code
	s.admin(201, "POST", "/tenants", `{"code":"`+code+`","name":"Zanzibar Group","currency":"EUR","scopes":{"finance":true,"vault":true}}`)
	company := func(name string) string {
		return s.admin(201, "POST", at+"/companies", `{"name":"`+name+`"}`).Number(s.d.T)
	}
	sibling := company("Sibling")
	for range 4 {
		company("Zanzibar filler")
	}
	w := world{"tenant": code, "kind": "invoice", "ref": "ZANZIBAR-1", "mail": "vic@zanzibar.example", "name": "Zanz", "asset": "none"}
	w["company"] = company("Zanzibar Trading")
	w["tag"] = s.admin(201, "POST", at+"/tags", `{"name":"Zanzibar tag"}`).Number(s.d.T)
	hired := func(mail, company string) string {
		return s.admin(201, "POST", at+"/contacts", fmt.Sprintf(
			`{"firstName":"Zanzibar","email":"%s","companies":[{"id":%s,"isPrimary":true}]}`, mail, company)).Number(s.d.T)
	}
	spy := s.admin(201, "POST", at+"/contacts", fmt.Sprintf(
		`{"firstName":"Sam","email":"sam@sibling.example","companies":[{"id":%s,"isPrimary":true}]}`, sibling)).Number(s.d.T)
	for i := range 4 {
		hired(fmt.Sprintf("filler%d@zanzibar.example", i), w["company"])
	}
	w["contact"] = hired(w["mail"], w["company"])
	s.admin(200, "PATCH", at+"/contacts/"+w["contact"], `{"tags":[`+w["tag"]+`]}`)
	for _, id := range []string{spy, w["contact"]} {
		s.admin(200, "PUT", at+"/contacts/"+id+"/password", `{"password":"`+program.FirstPassword+`"}`)
	}
	s.admin(200, "PUT", at+"/companies/"+w["company"]+"/documents/invoice/"+w["ref"], documentBody)
	w["token"] = s.admin(201, "POST", at+"/api-tokens", `{"name":"zanzibar","permissions":[`+everyPermission+`]}`).Text(s.d.T, "id")
	w["profile"] = "goroutine"
	w["kid"] = fmt.Sprint(itemsOf(s.d.T, s.admin(200, "GET", "/keys", ""))[0]["kid"])
	s.portrait(at, w)
	s.kinds = append(s.kinds, s.user("access token of another company", code, "sam@sibling.example"), s.refresh("refresh token of another company", code, "sam@sibling.example"))
	s.victim = w
	s.never = world{
		"tenant": s.attacker + "ghost", "company": "4503599627370497", "contact": "4503599627370497", "tag": "4503599627370497",
		"token": "01890a5d-ac96-774b-bcce-b302099a8057", "session": "01890a5d-ac96-774b-bcce-b302099a8057", "blob": "01890a5d-ac96-774b-bcce-b302099a8057",
		"portal": "01890a5d-ac96-774b-bcce-b302099a8057", "user": "01890a5d-ac96-774b-bcce-b302099a8057", "receipt": strings.Repeat("A", len(w["receipt"])),
		"mail": "nobody@nowhere.example", "name": "Nobo", "kind": "invoice", "ref": "NEVER-1", "asset": "never", "sig": w["sig"], "kid": "never", "profile": "never",
	}
}

// portrait gives the victim what only a signed-in user has.
func (s *intrusion) portrait(at string, w world) {
	s.d.T.Helper()
	s.d.Must(200, program.Request{
		Method: "PUT", Path: "/admin/v1" + at + "/companies/" + w["company"] + "/avatar", Bearer: program.OperatorToken, Body: smallPNG,
		Header: map[string]string{"Content-Type": "image/png"},
	})
	s.granted = program.TokensOf(s.d.T, s.d.Must(200, program.LoginAs(w["tenant"], w["mail"], program.FirstPassword)))
	w["user"] = s.granted.User
	avatar, _ := s.d.Must(200, program.Visit("/client", s.granted)).Members(s.d.T, "avatar", "billingAddress", "email", "id", "name", "phone")["avatar"].(map[string]any)
	w["blob"], _ = avatar["blobId"].(string)
	require.NotEmpty(s.d.T, w["blob"])
	mine := itemsOf(s.d.T, s.d.Must(200, program.Visit("/auth/sessions", s.granted)))
	w["session"], w["portal"] = fmt.Sprint(mine[0]["id"]), fmt.Sprint(mine[0]["portal"])
	w["receipt"] = s.d.Must(404, program.Visit("/blobs/"+w["session"], s.granted)).Header.Get("X-Receipt")
	s.admin(200, "GET", at+"/receipts/"+w["receipt"], "")
	w["sig"] = s.signature()
	s.d.Must(200, program.AskForLink(w["tenant"], w["mail"]))
	s.link = s.d.LettersOf(w["tenant"], 1)[0].Token
}

// signature is one that is good for a picture of the attacker's own.
func (s *intrusion) signature() string {
	s.d.T.Helper()
	got := s.d.Must(200, program.Request{
		Method: "POST", Path: "/t/" + s.attacker + "/api/v3/portal/login", Body: `{"email":"` + program.Address + `","password":"` + program.FirstPassword + `"}`,
	})
	user, _ := got.Members(s.d.T, "user")["user"].(map[string]any)
	at, err := url.Parse(fmt.Sprint(user["image_uri"]))
	require.NoError(s.d.T, err)
	sig := at.Query().Get("sig")
	require.NotEmpty(s.d.T, sig)
	require.NotEmpty(s.d.T, path.Base(at.Path))
	return sig
}

// stageAttacker makes another tenant with every kind of credential.
func (s *intrusion) stageAttacker() {
	s.d.T.Helper()
	p := s.d.Found(s.attacker)
	at := "/tenants/" + s.attacker
	s.d.Must(200, program.SetPassword(p, program.FirstPassword))
	s.d.Must(200, program.Request{
		Method: "PUT", Path: "/admin/v1" + at + "/contacts/" + p.Contact + "/avatar", Bearer: program.OperatorToken, Body: smallPNG,
		Header: map[string]string{"Content-Type": "image/png"},
	})
	for _, name := range []string{"chief", "fresh"} {
		id := s.admin(201, "POST", at+"/contacts", fmt.Sprintf(
			`{"firstName":"%s","email":"%s@globex.example","companies":[{"id":%s,"isPrimary":true}]}`, name, name, p.Globex)).Number(s.d.T)
		if name == "fresh" {
			s.admin(200, "PATCH", at, `{"settings":{"adminPasswords":"temporary"}}`)
		}
		s.admin(200, "PUT", at+"/contacts/"+id+"/password", `{"password":"`+program.FirstPassword+`"}`)
		if name == "chief" {
			s.admin(200, "PATCH", at+"/contacts/"+id+"/user", `{"roles":["admin"]}`)
		}
	}
	s.kinds = append(s.kinds,
		credentialKind{name: "no credential", tenant: s.attacker, mint: func() string { return "" }},
		credentialKind{name: "malformed credential", tenant: s.attacker, mint: func() string { return "not-a-token" }},
		s.user("access token of another tenant", s.attacker, program.Address),
		s.user("access token of another tenant's admin", s.attacker, "chief@globex.example"),
		s.restricted("fresh@globex.example"),
		s.ended(),
		s.api("API token of another tenant", `]`, false),
		s.api("revoked API token of another tenant", `]`, true),
		s.api("expired API token of another tenant", `],"expiresAt":"%s"`, false),
		s.refresh("refresh token of another tenant", s.attacker, program.Address),
		s.spent(),
		s.linked(),
	)
}

// requireApart proves that the ids of the victim lead nowhere in the other
// tenant.
func (s *intrusion) requireApart() {
	s.d.T.Helper()
	for _, noun := range []string{"companies/{company}", "contacts/{contact}", "tags/{tag}"} {
		s.admin(200, "GET", "/tenants/"+s.victim.fill("{tenant}/"+noun), "")
		if noun != "tags/{tag}" {
			s.admin(404, "GET", "/tenants/"+s.attacker+"/"+s.victim.fill(noun), "")
		}
	}
}

// until waits for a time that a request decides.
func (s *intrusion) until(status int, r program.Request) {
	s.d.T.Helper()
	require.Eventually(s.d.T, func() bool { return s.d.Send(r).Status == status }, program.Patience, 20*time.Millisecond)
}

func itemsOf(t testing.TB, r program.Reply) []map[string]any {
	t.Helper()
	var out []map[string]any
	var body map[string]any
	readReply(t, r, &body)
	items, _ := body["items"].([]any)
	for _, item := range items {
		m, ok := item.(map[string]any)
		require.True(t, ok)
		out = append(out, m)
	}
	require.NotEmpty(t, out)
	return out
}
