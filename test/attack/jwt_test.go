package attack_test

import (
	"bytes"
	"compress/flate"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// bearers is one good token, whoever can forge what is like it, and the answer
// to a bad one.
type bearers struct {
	d       *program.Deployment
	p       program.Portal
	g       program.Granted
	forger  forger
	payload string
	refused program.Reply
}

func newBearers(t *testing.T, on program.Engine, code string) bearers {
	t.Helper()
	d := program.Shared(t, on, program.Cheap...)
	p := d.Found(code)
	g := d.SignIn(p)
	d.Must(200, program.Visit("/me", g))
	b := bearers{d: d, p: p, g: g, forger: steal(t, d), payload: payloadOf(t, g.Access)}
	b.refused = d.Must(401, program.Request{Method: "GET", Path: "/api/v1/portal/me", Bearer: "not-a-token"})
	b.accepts(t, b.forger.sign(t, b.forger.head(), b.payload), "the forger can forge")
	return b
}

func (b bearers) accepts(t testing.TB, token, about string) {
	t.Helper()
	require.Equal(t, 200, b.d.Send(program.Request{Method: "GET", Path: "/api/v1/portal/me", Bearer: token}).Status, about)
}

// refuses asserts the one answer that all bad tokens get, on a route that asks
// storage and on one that does not.
func (b bearers) refuses(t testing.TB, token, about string) {
	t.Helper()
	for _, path := range []string{"/me", "/scopes"} {
		alike(t, b.refused, b.d.Send(program.Request{Method: "GET", Path: "/api/v1/portal" + path, Bearer: token}), about+" on "+path)
	}
}

func (b bearers) named(alg string) string {
	return `{"alg":"` + alg + `","kid":"` + b.forger.kid + `","typ":"at+jwt"}`
}

func Test001_NoAlgorithm(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t001")
		good := strings.Split(b.g.Access, ".")
		for _, alg := range []string{"none", "None", "nOnE", "NONE", ""} {
			unsigned := b64.EncodeToString([]byte(b.named(alg))) + "." + good[1] + "."
			b.refuses(t, unsigned, alg+", no signature")
			b.refuses(t, unsigned+good[2], alg+", a signature")
		}
		b.refuses(t, good[0]+"."+good[1]+".", "empty signature")
		b.refuses(t, good[0]+"."+good[1], "no signature")
	})
}

func Test002_PublicKeyAsSharedSecret(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t002")
		der, err := x509.MarshalPKIXPublicKey(&b.forger.key.PublicKey)
		require.NoError(t, err)
		pemmed := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		jwk := b.d.Must(200, program.Request{Method: "GET", Path: "/.well-known/jwks.json"}).Body
		point, err := b.forger.key.PublicKey.Bytes()
		require.NoError(t, err)
		for name, key := range map[string][]byte{
			"DER": der, "PEM": pemmed, "PEM without line end": bytes.TrimSpace(pemmed), "JWKS": jwk, "kid": []byte(b.forger.kid), "point": point, "x": point[1:33], "nothing": {},
		} {
			for _, alg := range []string{"HS256", "HS384", "ES256"} {
				signed := b64.EncodeToString([]byte(b.named(alg))) + "." + b64.EncodeToString([]byte(b.payload))
				mac := hmac.New(sha256.New, key)
				mac.Write([]byte(signed))
				b.refuses(t, signed+"."+b64.EncodeToString(mac.Sum(nil)), alg+" by "+name)
			}
		}
	})
}

func Test003_OtherAlgorithmOrKey(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t003")
		for _, alg := range []string{"RS256", "PS512", "ES384", "ES512", "EdDSA", "Ed25519", "es256", "ES256K"} {
			b.refuses(t, b.forger.sign(t, b.named(alg), b.payload), alg+" by the right key")
		}
		foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		b.refuses(t, forger{b.forger.kid, foreign}.sign(t, b.forger.head(), b.payload), "foreign key under a known kid")
		other := forger{"foreign", foreign}
		b.refuses(t, other.sign(t, other.head(), b.payload), "foreign key under its own kid")
	})
}

func Test004_KeyIDIsNoPath(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t004")
		contacted := listen(t)
		for _, kid := range []string{
			`"../../dev/null"`, `"/etc/passwd"`, `"' OR 1=1--"`, `{"$ne":1}`, `"http://` + contacted.address + `/k"`, `["` + b.forger.kid + `"]`, `null`, `1`, `""`,
			`"` + strings.Repeat("k", 3000) + `"`, `"` + b.forger.kid + ` "`, `"` + strings.ToLower(b.forger.kid) + `x"`,
		} {
			b.refuses(t, b.forger.sign(t, `{"alg":"ES256","kid":`+kid+`,"typ":"at+jwt"}`, b.payload), kid[:min(len(kid), 40)])
		}
		b.refuses(t, b.forger.sign(t, `{"alg":"ES256","typ":"at+jwt"}`, b.payload), "absent")
		require.Zero(t, contacted.count.Load(), "nobody is asked for a key")
	})
}

// witness counts who connects to it.
type witness struct {
	address string
	count   atomic.Int64
}

func listen(t testing.TB) *witness {
	t.Helper()
	ln, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	w := &witness{address: ln.Addr().String()}
	go func() {
		for {
			c, err := ln.Accept()
			if err != nil {
				return
			}
			w.count.Add(1)
			_ = c.Close()
		}
	}()
	return w
}

func Test005_KeysFromTheToken(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t005")
		contacted := listen(t)
		foreign, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
		require.NoError(t, err)
		point, err := foreign.PublicKey.Bytes()
		require.NoError(t, err)
		own := fmt.Sprintf(`{"kty":"EC","crv":"P-256","x":%q,"y":%q,"kid":%q,"alg":"ES256"}`, b64.EncodeToString(point[1:33]), b64.EncodeToString(point[33:]), b.forger.kid)
		for _, extra := range []string{
			`"jku":"http://` + contacted.address + `/jwks"`, `"x5u":"http://` + contacted.address + `/x"`, `"jwk":` + own, `"x5c":["AAAA"]`, `"x5t":"AAAA"`,
		} {
			head := strings.TrimSuffix(b.forger.head(), "}") + "," + extra + "}"
			b.refuses(t, forger{b.forger.kid, foreign}.sign(t, head, b.payload), "attacker's key, "+extra[:5])
			b.refuses(t, b.forger.sign(t, head, b.payload), "right key, "+extra[:5])
		}
		require.Zero(t, contacted.count.Load(), "nobody is asked for a key")
	})
}

func Test006_CriticalHeaders(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t006")
		for _, extra := range []string{
			`"crit":["exp"]`, `"crit":["unknown"],"unknown":1`, `"crit":[]`, `"b64":false,"crit":["b64"]`, `"b64":true`, `"zip":"DEF"`, `"cty":"JWT"`, `"alg":"none"`, `"typ":"JWT"`,
		} {
			b.refuses(t, b.forger.sign(t, strings.TrimSuffix(b.forger.head(), "}")+","+extra+"}", b.payload), extra)
		}
	})
}

// skew is how far clocks may differ.
const skew = 30 * time.Second

func Test007_Expiry(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t007")
		now := time.Now()
		at := func(d time.Duration) string { return fmt.Sprint(now.Add(d).Unix()) }
		aged := func(expired time.Duration) string {
			p := b.payload
			for _, claim := range []string{"iat", "nbf", "auth_time"} {
				p = with(t, p, claim, at(-10*time.Minute))
			}
			return b.forger.sign(t, b.forger.head(), with(t, p, "exp", at(-expired)))
		}

		b.accepts(t, aged(skew/3), "inside the skew")
		b.refuses(t, aged(skew+2*time.Second), "beyond the skew")
		b.refuses(t, aged(time.Hour), "long ago")
	})
}

func Test008_NotYet(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t008")
		for _, claim := range []string{"nbf", "iat", "auth_time"} {
			// A minute more than the skew: the test itself takes time.
			value := fmt.Sprint(time.Now().Add(skew + time.Minute).Unix())
			b.refuses(t, b.forger.sign(t, b.forger.head(), with(t, b.payload, claim, value)), claim+" in the future")
		}
	})
}

func Test009_OddExpiry(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t009")
		later := fmt.Sprint(time.Now().Add(10 * time.Minute).Unix())
		for _, value := range []string{
			"", "0", "-1", `"` + later + `"`, "1e18", "1e308", "null", later + ".5", later + "000", "99999999999999999999", "true", "[" + later + "]", "{}",
			fmt.Sprint(time.Now().Add(48 * time.Hour).Unix()),
		} {
			b.refuses(t, b.forger.sign(t, b.forger.head(), with(t, b.payload, "exp", value)), "exp "+value)
		}
	})
}

func Test010_IssuerAndAudience(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t010")
		other := b.d.Found("t010other")
		aud := b.d.URL + "/t/t010"
		for _, value := range []string{
			"", "null", `""`, `"https://evil.example"`, `"` + aud + `/"`, `["` + aud + `","https://evil.example"]`, `["` + aud + `"]`, `"` + b.d.URL + "/t/" + other.Code + `"`, `"` + strings.ToUpper(aud) + `"`, "1", "{}",
		} {
			b.refuses(t, b.forger.sign(t, b.forger.head(), with(t, b.payload, "aud", value)), "aud "+value)
		}
		for _, value := range []string{"", "null", `""`, `"https://evil.example"`, `"` + b.d.URL + `/"`, `["` + b.d.URL + `"]`, `"` + strings.ToUpper(b.d.URL) + `"`, "1"} {
			b.refuses(t, b.forger.sign(t, b.forger.head(), with(t, b.payload, "iss", value)), "iss "+value)
		}
	})
}

func Test011_TokensInEachOthersPlace(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t011")
		d := b.d
		d.Must(200, program.AskForLink(b.p.Code, program.Address))
		link := d.LettersOf(b.p.Code, 1)[0].Token
		for name, token := range map[string]string{"refresh token": b.g.Refresh, "link": link, "API token": b.p.Token, "operator token": program.OperatorToken} {
			b.refuses(t, token, name)
		}
		for _, typ := range []string{`"JWT"`, `"jwt"`, `"AT+JWT"`, `"application/at+jwt"`, `"rt+jwt"`, `null`, `["at+jwt"]`} {
			b.refuses(t, b.forger.sign(t, `{"alg":"ES256","kid":"`+b.forger.kid+`","typ":`+typ+`}`, b.payload), "typ "+typ)
		}
		b.refuses(t, b.forger.sign(t, `{"alg":"ES256","kid":"`+b.forger.kid+`"}`, b.payload), "no typ")
		spent := d.Must(401, program.Refresh(strings.Repeat("A", 90)))
		for name, token := range map[string]string{"access token": b.g.Access, "link": link, "API token": b.p.Token} {
			alike(t, spent, d.Send(program.Refresh(token)), name+" as refresh token")
			if name != "link" {
				alike(t, spent, d.Send(program.Validate(token)), name+" as link")
			}
		}
		alike(t, spent, d.Send(program.Validate(b.g.Refresh)), "refresh token as link")
		d.Must(200, program.Validate(link))
		d.Must(200, program.Refresh(b.g.Refresh))
	})
}

// Test012 holds that a token of one tenant does nothing at another, whatever
// names that other.
func Test012_OtherTenant(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t012")
		b.d.Found("t012other")
		here := program.Request{Method: "GET", Path: "/api/v1/portal/me", Bearer: b.g.Access}
		for name, there := range map[string]program.Request{
			"path":    {Method: "GET", Path: "/t/t012other/api/v1/portal/me", Bearer: b.g.Access},
			"header":  {Method: "GET", Path: "/api/v1/portal/me", Bearer: b.g.Access, Header: map[string]string{"X-Tenant-Code": "t012other"}},
			"unknown": {Method: "GET", Path: "/t/t012nobody/api/v1/portal/me", Bearer: b.g.Access},
		} {
			res := b.d.Send(there)
			require.Equal(t, 400, res.Status, "%s: sources that contradict each other serve nothing: %s", name, res.Body)
			require.NotContains(t, string(res.Body), "Lovelace")
		}
		// A token that says it is another tenant's, but for one claim or two.
		other := payloadOf(t, b.d.SignIn(b.d.Found("t012third")).Access)
		var theirs map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(other), &theirs))
		for _, claim := range []string{"tid", "tenant", "sub", "sid", "portal", "aud"} {
			b.refuses(t, b.forger.sign(t, b.forger.head(), with(t, b.payload, claim, string(theirs[claim]))), "another tenant's "+claim)
		}
		for claim, value := range map[string]string{"company": `"` + b.p.Initech + `"`, "contact": `"999"`} {
			b.refuses(t, b.forger.sign(t, b.forger.head(), with(t, b.payload, claim, value)), "another "+claim)
		}
		// Scopes and roles are judged by what is, not by what a token says.
		greedy := b.forger.sign(t, b.forger.head(), with(t, with(t, b.payload, "scope", `"configurator finance support"`), "roles", `["admin"]`))
		require.Contains(t, string(b.d.Must(200, program.Request{Method: "GET", Path: "/api/v1/portal/scopes", Bearer: greedy}).Body), `"support":false`)
		b.d.Must(403, program.Request{Method: "GET", Path: "/admin/v1/tenants/t012", Bearer: greedy})
		b.d.Must(200, here)
	})
}

func Test013_MangledOpaqueTokens(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t013")
		d := b.d
		spent := d.Must(401, program.Refresh(strings.Repeat("A", 90)))
		for name, mangled := range manglings(b.g.Refresh) {
			alike(t, spent, d.Send(program.Refresh(mangled)), "refresh token "+name)
		}
		list := func(token string) program.Request {
			return program.Request{Method: "GET", Path: "/external/api/v1/contacts", Bearer: token}
		}
		unknown := d.Must(401, list("ost_x_y"))
		for name, mangled := range manglings(b.p.Token) {
			alike(t, unknown, d.Send(list(mangled)), "API token "+name)
		}
		d.Must(200, list(b.p.Token))
		d.Must(200, program.Refresh(b.g.Refresh))
	})
}

// manglings are spellings of a token that are not its own.
func manglings(token string) map[string]string {
	last := token[len(token)-1]
	flipped := byte('A')
	if last == 'A' {
		flipped = 'B'
	}
	swapped := strings.Map(func(r rune) rune {
		switch {
		case r >= 'a' && r <= 'z':
			return r - 32
		case r >= 'A' && r <= 'Z':
			return r + 32
		}
		return r
	}, token)
	return map[string]string{
		"truncated": token[:len(token)-1], "halved": token[:len(token)/2], "longer": token + "A", "padded": token + "=", "another case": swapped,
		"another end": token[:len(token)-1] + string(flipped), "doubled": token + token,
	}
}

func Test014_OtherSerialisations(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t014")
		s := strings.Split(b.g.Access, ".")
		refresh := b.d.Must(401, program.Refresh(strings.Repeat("A", 90)))
		for name, token := range map[string]string{
			"detached": s[0] + ".." + s[2], "four parts": b.g.Access + ".AAAA", "dot at the end": b.g.Access + ".", "dot before": "." + b.g.Access,
			"padded": b.g.Access + "==", "swapped": s[0] + "." + s[2] + "." + s[1],
		} {
			b.refuses(t, token, name)
		}
		for name, token := range map[string]string{
			"general":        `{"payload":"` + s[1] + `","signatures":[{"protected":"` + s[0] + `","signature":"` + s[2] + `"}]}`,
			"two signatures": `{"payload":"` + s[1] + `","signatures":[{"protected":"` + s[0] + `","signature":"` + s[2] + `"},{"protected":"` + s[0] + `","signature":"AAAA"}]}`,
			"flattened":      `{"payload":"` + s[1] + `","protected":"` + s[0] + `","signature":"` + s[2] + `"}`,
		} {
			b.refuses(t, token, name)
			body, err := json.Marshal(map[string]string{"refreshToken": token})
			require.NoError(t, err)
			alike(t, refresh, b.d.Send(program.Request{Method: "POST", Path: "/api/v1/portal/auth/refresh", Body: string(body)}), name+" as refresh token")
		}
	})
}

func Test015_EncryptedTokens(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t015")
		var bomb bytes.Buffer
		w, err := flate.NewWriter(&bomb, flate.BestCompression)
		require.NoError(t, err)
		_, err = w.Write(make([]byte, 1<<20))
		require.NoError(t, err)
		require.NoError(t, w.Close())
		began := time.Now()
		for _, head := range []string{
			`{"alg":"PBES2-HS256+A128KW","enc":"A128GCM","p2c":2000000000,"p2s":"AAAA","kid":"` + b.forger.kid + `","typ":"at+jwt"}`,
			`{"alg":"dir","enc":"A128GCM","zip":"DEF","kid":"` + b.forger.kid + `","typ":"at+jwt"}`,
		} {
			b.refuses(t, b64.EncodeToString([]byte(head))+".AAAA.AAAA."+b64.EncodeToString(bomb.Bytes())+".AAAA", "JWE")
		}
		figure(t, "4_requests", time.Since(began))
	})
}

func Test016_LongTokens(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t016")
		d := b.d.Unchecked()
		before, _ := d.Memory()
		began := time.Now()
		for _, size := range []int{16 << 10, 1 << 20, 10 << 20} {
			long := strings.Repeat("A", size)
			res, err := d.Try(program.Request{Method: "GET", Path: "/api/v1/portal/me", Bearer: long})
			// The rest of a head that is too long may meet a closed connection.
			require.True(t, err != nil || res.Status == 431, "%d bytes in a head: %d", size, res.Status)
			body, err := d.Try(program.Refresh(long))
			want := []int{401, 413}
			if size > 64<<10 {
				want = []int{413}
			}
			require.True(t, err != nil || body.Status == want[0] || body.Status == want[len(want)-1], "%d bytes in a body: %d", size, body.Status)
		}
		figure(t, "6_requests", time.Since(began))
		after, _ := d.Memory()
		figure(t, "memory_MiB", (after-before)>>20)
		b.accepts(t, b.g.Access, "everybody else is served")
	})
}

func Test017_DeepHeaders(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		b := newBearers(t, on, "t017")
		began := time.Now()
		for _, deep := range []string{strings.Repeat("[", 2800), strings.Repeat(`{"a":`, 550), `{"alg":` + strings.Repeat("[", 2000)} {
			b.refuses(t, b64.EncodeToString([]byte(deep))+"."+strings.Split(b.g.Access, ".")[1]+".AAAA", "deep header")
			b.refuses(t, b.forger.sign(t, b.forger.head(), deep), "deep payload")
		}
		figure(t, "12_requests", time.Since(began))
		refused := b.d.Must(401, program.Refresh(strings.Repeat("A", 90)))
		alike(t, refused, b.d.Send(program.Refresh(strings.Repeat("[", 9000))), "9,000 brackets as refresh token")
		// The rest of a body that is too long may meet a closed connection.
		res, err := b.d.Unchecked().Try(program.Refresh(strings.Repeat("[", 2_000_000)))
		require.True(t, err != nil || res.Status == 413)
	})
}
