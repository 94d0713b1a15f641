package attack_test

import (
	"encoding/hex"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// What is here never gets as far as storage: it runs on one engine.

// canary is a secret that no answer and no log may hold.
const canary = "canary-7f3a9c51d2"

// next is a request that must not be answered when the one before it was not
// understood: a proxy may have taken it for part of that one's body.
const next = "GET /healthz HTTP/1.1\r\nHost: a\r\n\r\n"

// get and post are requests with a secret, up to the headers that are in
// question.
const (
	get  = "GET /api/v1/portal/me HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer " + canary + "\r\n"
	post = "POST /api/v1/portal/auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nAuthorization: Bearer " + canary + "\r\n"
)

// ambiguous are requests that two parsers read differently, or that nobody
// sends who means well.
var ambiguous = map[string]string{
	"Content-Length twice":        post + "Content-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
	"Content-Length twice, equal": post + "Content-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	"Content-Length list":         post + "Content-Length: 5, 5\r\n\r\nhello",
	"Content-Length signed":       post + "Content-Length: +5\r\n\r\nhello",
	"Content-Length hexadecimal":  post + "Content-Length: 0x5\r\n\r\nhello",
	"Content-Length overflows":    post + "Content-Length: 18446744073709551621\r\n\r\nhello",
	"both lengths":                post + "Content-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"coding unknown":              post + "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\nhello",
	"coding twice":                post + "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"coding list":                 post + "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	"coding after blank":          post + "Transfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"coding on HTTP/1.0":          strings.Replace(post, "HTTP/1.1", "HTTP/1.0", 1) + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"Host twice":                  get + "Host: b\r\n\r\n",
	"Host missing":                strings.Replace(get, "Host: a\r\n", "", 1) + "\r\n",
	"Host with user":              strings.Replace(get, "Host: a", "Host: good:80@evil", 1) + "\r\n",
	"bare LF":                     strings.ReplaceAll(get+"\r\n", "\r\n", "\n"),
	"one bare LF":                 get + "X: a\n\r\n",
	"bare CR":                     get + "X: a\rb\r\n\r\n",
	"NUL in value":                get + "X: a\x00b\r\n\r\n",
	"NUL in name":                 get + "X\x00: b\r\n\r\n",
	"NUL in target":               strings.Replace(get, "/me", "/me\x00", 1) + "\r\n",
	"blank before colon":          get + "X : b\r\n\r\n",
	"folded line":                 get + "X: a\r\n b\r\n\r\n",
	"no colon":                    get + "XY\r\n\r\n",
	"HTTP/9.9":                    strings.Replace(get, "HTTP/1.1", "HTTP/9.9", 1) + "\r\n",
	"absolute form":               strings.Replace(get, "GET /", "GET http://b/", 1) + "\r\n",
	"two slashes":                 strings.Replace(get, "GET /", "GET //evil/", 1) + "\r\n",
	"fragment":                    strings.Replace(get, "/me", "/me#x", 1) + "\r\n",
	"LF in chunk extension":       post + "Transfer-Encoding: chunked\r\n\r\n5;a\nb\r\nhello\r\n0\r\n\r\n",
	"chunk size signed":           post + "Transfer-Encoding: chunked\r\n\r\n+5\r\nhello\r\n0\r\n\r\n",
	"chunk longer than its size":  post + "Transfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n",
	"trailer":                     post + "Transfer-Encoding: chunked\r\n\r\n0\r\nContent-Length: 9\r\n\r\n",
}

func Test076_Smuggling(t *testing.T) {
	t.Parallel()
	d := program.Shared(t, program.OnSQLite, program.Cheap...)
	for name, raw := range ambiguous {
		answer := d.Wire(raw + next)

		require.Regexp(t, `^HTTP/1\.1 400 `, answer, name)
		require.Equal(t, 1, strings.Count(answer, "HTTP/1.1 "), "%s: one answer only", name)
		require.Contains(t, answer, "Connection: close\r\n", name)
		require.Contains(t, answer, "X-Content-Type-Options: nosniff\r\n", name)
		require.NotContains(t, answer, canary, name)
	}
	require.Equal(t, 2, strings.Count(d.Wire(next+next), "HTTP/1.1 200 "), "what is clear is answered")
	require.Regexp(t, `(?s)^HTTP/1\.1 200 .*HTTP/1\.1 400 `, d.Wire(next+"\xff\xfe\xfd"), "nonsense after it is refused aloud")
	require.NotContains(t, d.Log(), canary)
}

func Test077_OddMethods(t *testing.T) {
	t.Parallel()
	d := program.Shared(t, program.OnSQLite, program.Cheap...)
	p := d.Found("t077")
	raw := d.Unchecked()
	for _, method := range []string{"TRACE", "PROPFIND", "FOO", "TRACK", "DEBUG", "MOVE"} {
		for _, path := range []string{"/api/v1/portal/me", "/api/v3/portal/login", "/external/api/v1/contacts", "/admin/v1/tenants", "/healthz", "/nowhere"} {
			res := raw.Send(program.Request{Method: method, Path: path, Bearer: canary})
			require.Contains(t, []int{404, 405}, res.Status, "%s %s", method, path)
			require.NotContains(t, string(res.Body), canary)
		}
	}
	require.Regexp(t, `^HTTP/1\.1 (400|405) `, d.Wire("CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n"))
	delete := "/admin/v1/tenants/t077/contacts/" + p.Contact
	for _, header := range []string{"X-HTTP-Method-Override", "X-HTTP-Method", "X-Method-Override"} {
		raw.Must(200, program.Request{Method: "GET", Path: delete, Bearer: program.OperatorToken, Header: map[string]string{header: "DELETE"}})
	}
	raw.Must(200, program.Request{Method: "GET", Path: delete + "?_method=DELETE", Bearer: program.OperatorToken})
	raw.Must(200, program.Operator("GET", "/tenants/t077/contacts/"+p.Contact, ""))
}

// Test080 breaks a head beside a secret: neither answer nor log quotes it.
func Test080_BrokenHeadWithASecret(t *testing.T) {
	t.Parallel()
	d := program.Deploy(t, append([]string{"OSTIARY_LOG_LEVEL=debug"}, program.Cheap...)...)
	d.Start()
	for name, raw := range map[string]string{
		"in a line without colon": "GET /api/v1/portal/me HTTP/1.1\r\nHost: a\r\nAuthorization Bearer " + canary + "\r\n\r\n",
		"beside a NUL":            get + "X: \x00\r\n\r\n",
		"in the target":           "GET /api/v1/auth/refresh/" + canary + "\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
		"in the method":           canary + "\x01 / HTTP/1.1\r\nHost: a\r\n\r\n",
		"in a long head":          get + "X: " + strings.Repeat(canary, 1000) + "\r\n\r\n",
		"in a header's name":      "GET / HTTP/1.1\r\nHost: a\r\n" + canary + " : x\r\n\r\n",
		"in the host":             "GET / HTTP/1.1\r\nHost: " + canary + "@a\r\n\r\n",
	} {
		answer := d.Wire(raw)

		require.Regexp(t, `^HTTP/1\.1 4\d\d `, answer, name)
		require.NotContains(t, answer, canary, name)
		require.Contains(t, answer, "X-Request-Id: ", name)
	}
	require.NotContains(t, d.Log(), canary)
	require.NotContains(t, string(d.Must(200, program.Request{Method: "GET", Path: "/metrics", Bearer: program.OperatorToken}).Body), canary)
}

func Test081_OtherProtocols(t *testing.T) {
	t.Parallel()
	d := program.Shared(t, program.OnSQLite, program.Cheap...)
	hello, err := hex.DecodeString("16030100c8010000c403036f73746961727900000000000000000000000000000000000000000000")
	require.NoError(t, err)
	random := make([]byte, 4096)
	seed := rand.New(rand.NewPCG(1, 2))
	for i := range random {
		random[i] = byte(seed.Uint32())
	}
	for name, raw := range map[string]string{
		"TLS": string(hello), "HTTP/2": "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "random": string(random), "SSH": "SSH-2.0-OpenSSH_9.9\r\n",
		"SMTP": "EHLO a\r\nMAIL FROM:<a@b>\r\n", "Redis": "*1\r\n$4\r\nPING\r\n", "PROXY": "PROXY TCP4 1.2.3.4 5.6.7.8 1 2\r\n" + next, "empty lines": "\r\n\r\n" + next,
	} {
		answer := d.Wire(raw)

		require.Regexp(t, `^(HTTP/1\.1 400 |$)`, answer, name)
		require.LessOrEqual(t, strings.Count(answer, "HTTP/1.1 "), 1, name)
	}
}

// Test082 sends requests that were good before some of their bytes changed.
func Test082_MutatedRequests(t *testing.T) {
	t.Parallel()
	d := program.Deploy(t, program.Cheap...)
	d.Start()
	p := d.Found("t082")
	g := d.SignIn(p)
	seed := uint64(time.Now().UnixNano())
	t.Logf("seed %d", seed)
	random := rand.New(rand.NewPCG(seed, 0))
	good := mutable(p, g)
	before, _ := d.Memory()
	n := times(2_000, 1_000_000)
	for i := range n {
		raw := mutate(random, good[i%len(good)])
		answer := d.Wire(raw)
		require.NotRegexp(t, `(?m)^HTTP/1\.1 5(0[0-24-9]|[1-9]\d) `, answer, "%q", raw)
	}
	after, _ := d.Memory()
	figure(t, "requests", n)
	figure(t, "memory_before_MiB", before>>20)
	figure(t, "memory_after_MiB", after>>20)
	d.Must(200, program.Request{Method: "GET", Path: "/readyz"})
	require.Equal(t, 0, d.Stop(), "one process from start to end")
}

// mutable are good requests of every dialect and kind of body.
func mutable(p program.Portal, g program.Granted) []string {
	raw := func(method, path, bearer, body string) string {
		return fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a\r\nAuthorization: Bearer %s\r\nContent-Type: application/json\r\nContent-Length: %d\r\nConnection: close\r\n\r\n%s",
			method, path, bearer, len(body), body)
	}
	contact := `{"first_name":"Ben","company_id":` + p.Globex + `,"email":"ben@globex.example","tags":[1],"is_primary":true}`
	return []string{
		raw("POST", "/t/t082/api/v1/portal/auth/login", "", `{"email":"`+program.Address+`","password":"`+program.FirstPassword+`","portal":null}`),
		raw("GET", "/t/t082/api/v3/portal/login", "", `{"email":"`+program.Address+`","password":"x"}`),
		raw("POST", "/api/v1/portal/auth/refresh", "", `{"refreshToken":"`+g.Refresh+`"}`),
		raw("POST", "/external/api/v1/contacts", p.Token, contact),
		raw("GET", "/external/api/v1/contacts?page=1&limit=10&first_name=Ada", p.Token, ""),
		raw("PATCH", "/admin/v1/tenants/t082", program.OperatorToken, `{"settings":{"locale":"nl","magicLinkMinutes":10},"scopes":{"finance":null}}`),
		raw("PUT", "/admin/v1/tenants/t082/companies/"+p.Globex+"/documents/invoice/F-9", program.OperatorToken, `{"currency":"EUR","status":"sent","total":"12.34","outstanding":"1.00"}`),
		raw("POST", "/admin/v1/tenants/t082/documents:batch", program.OperatorToken, `{"company":1,"kind":"order","ref":"a"}`+"\n"),
		raw("GET", "/api/v1/portal/me?x=1", g.Access, ""),
		raw("GET", "/admin/v1/tenants/t082/contacts?limit=3&q=A&cursor=abc", program.OperatorToken, ""),
	}
}

// mutate changes, removes, doubles or moves up to four stretches of bytes.
func mutate(random *rand.Rand, s string) string {
	b := []byte(s)
	odd := []string{"\x00", "\r\n", "\n", "\"", "{", "}", "[", "%00", "%2e%2e/", "\\u0000", "'", "\xff\xfe", "9999999999999999999", "null", "..", "﷽"}
	for range 1 + random.IntN(4) {
		at := random.IntN(len(b))
		end := min(len(b), at+1+random.IntN(8))
		switch random.IntN(5) {
		case 0:
			b[at] ^= 1 << random.IntN(8)
		case 1:
			b = append(b[:at:at], b[end:]...)
		case 2:
			b = append(b[:end:end], b[at:]...)
		case 3:
			b = append(b[:at:at], append([]byte(odd[random.IntN(len(odd))]), b[at:]...)...)
		default:
			b = append(b[:at:at], append([]byte(odd[random.IntN(len(odd))]), b[end:]...)...)
		}
		if len(b) == 0 {
			return ""
		}
	}
	return string(b)
}
