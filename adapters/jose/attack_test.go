package jose_test

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"

	"ostiary/domain/keyset"
	"ostiary/domain/secret"
)

func goodParts(t testing.TB, d deployment) (head, payload string) {
	t.Helper()
	token := d.issue(t, d.claims(t))
	return string(rawPart(t, token, 0)), string(rawPart(t, token, 1))
}

func TestForge_MakesTokensThatHold(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	head, payload := goodParts(t, d)

	_, _, err := d.tokens.Verify(t.Context(), secret.New(forge(t, d, head, payload)))

	require.NoError(t, err)
}

func TestVerify_RefusesHeaders(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	kid := d.shelf.set.Keys[0].ID
	_, payload := goodParts(t, d)
	with := func(extra string) string {
		return `{"alg":"ES256","kid":"` + kid + `","typ":"at+jwt",` + extra + `}`
	}
	named := func(kid string) string { return `{"alg":"ES256","kid":` + kid + `,"typ":"at+jwt"}` }
	alg := func(alg string) string { return `{"alg":"` + alg + `","kid":"` + kid + `","typ":"at+jwt"}` }
	for name, head := range map[string]string{
		"none": alg("none"), "None": alg("None"), "nOnE": alg("nOnE"), "RS256": alg("RS256"), "PS512": alg("PS512"),
		"ES384": alg("ES384"), "HS256": alg("HS256"), "EdDSA": alg("EdDSA"), "lower case": alg("es256"), "no alg": alg(""),
		"traversal": named(`"../../dev/null"`), "sql": named(`"' OR 1=1--"`), "object": named(`{"$ne":1}`), "url": named(`"https://evil.example/k"`),
		"array": named(`["` + kid + `"]`), "null": named(`null`), "number": named(`1`), "empty": named(`""`), "long": named(`"` + strings.Repeat("k", 5000) + `"`),
		"absent":      `{"alg":"ES256","typ":"at+jwt"}`,
		"jku":         with(`"jku":"https://evil.example/jwks"`),
		"x5u":         with(`"x5u":"https://evil.example/x"`),
		"x5c":         with(`"x5c":["AA"]`),
		"jwk":         with(`"jwk":{"kty":"EC"}`),
		"crit":        with(`"crit":["exp"]`),
		"b64":         with(`"b64":false,"crit":["b64"]`),
		"zip":         with(`"zip":"DEF"`),
		"cty":         with(`"cty":"JWT"`),
		"dup alg":     with(`"alg":"ES256"`),
		"dup kid":     with(`"kid":"` + kid + `"`),
		"escaped dup": with(`"\u0061lg":"none"`),
		"case twin":   `{"ALG":"ES256","kid":"` + kid + `","typ":"at+jwt"}`,
		"typ JWT":     `{"alg":"ES256","kid":"` + kid + `","typ":"JWT"}`,
		"typ case":    `{"alg":"ES256","kid":"` + kid + `","typ":"AT+JWT"}`,
		"typ long":    `{"alg":"ES256","kid":"` + kid + `","typ":"application/at+jwt"}`,
		"no typ":      `{"alg":"ES256","kid":"` + kid + `"}`,
		"trailing":    alg("ES256") + `{}`,
		"array head":  `[` + alg("ES256") + `]`,
		"null head":   `null`,
		"bom":         "\ufeff" + alg("ES256"),
		"bad utf-8":   named("\"" + kid + "\xff\""),
		"deep":        strings.Repeat("[", 5000),
		"comment":     alg("ES256") + `//`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.refuses(t, forge(t, d, head, payload))
		})
	}
}

func TestVerify_RefusesPayloads(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	head, payload := goodParts(t, d)
	spoiled := map[string]string{
		"duplicate":  strings.Replace(payload, `{`, `{"sub":"01000000-0000-0000-0000-000000000000",`, 1),
		"nested dup": strings.Replace(payload, `{`, `{"x":{"a":1,"a":2},`, 1),
		"trailing":   payload + `{}`,
		"not JSON":   "hello", "null": "null", "array": "[]", "empty object": "{}",
		"bad utf-8": strings.Replace(payload, "acme", "acm\xff", 1),
		"deep":      strings.Repeat(`{"a":`, 800) + "1" + strings.Repeat("}", 800),
	}
	replace := func(name, member, value string) {
		var all map[string]json.RawMessage
		require.NoError(t, json.Unmarshal([]byte(payload), &all))
		if delete(all, member); value != "" {
			all[member] = json.RawMessage(value)
		}
		out, err := json.Marshal(all)
		require.NoError(t, err)
		spoiled[member+" "+name] = string(out)
	}
	for member := range part(t, d.issue(t, d.claims(t)), 1) {
		replace("absent", member, "")
		replace("null", member, "null")
		replace("object", member, `{"$ne":1}`)
		replace("true", member, "true")
	}
	for _, time := range []string{"iat", "nbf", "exp", "auth_time"} {
		for _, value := range []string{"0", "-1", `"1795341600"`, "1e18", "1795341600.5", "1.7953416e9", "1000000000000000000", "99999999999999999999", "1795341600000"} {
			replace(value, time, value)
		}
	}
	replace("1e308", "exp", "1e308")
	replace("array", "aud", `["`+issuer+`/t/acme"]`)
	replace("empty", "aud", `""`)
	replace("other", "iss", `"https://evil.example"`)
	replace("slash", "iss", `"`+issuer+`/"`)
	replace("number", "company", "123456")
	replace("leading zero", "company", `"0123456"`)
	replace("upper case", "tenant", `"ACME"`)
	replace("string", "amr", `"pwd"`)
	replace("two", "amr", `["pwd","otp"]`)
	replace("unknown", "amr", `["none"]`)
	replace("unknown", "roles", `["root"]`)
	replace("blanks", "scope", `"finance  support"`)
	replace("long life", "exp", fmt.Sprint(d.clock.Now().Add(62*time.Minute).Unix()))
	replace("future", "nbf", fmt.Sprint(d.clock.Now().Add(31*time.Second).Unix()))
	replace("future", "auth_time", fmt.Sprint(d.clock.Now().Add(time.Hour).Unix()))
	for name, payload := range spoiled {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d.refuses(t, forge(t, d, head, payload))
		})
	}
}

func TestVerify_IgnoresClaimsOfALaterVersion(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	head, payload := goodParts(t, d)

	_, _, err := d.tokens.Verify(t.Context(), secret.New(forge(t, d, head, strings.Replace(payload, `{`, `{"later":[1],`, 1))))

	require.NoError(t, err)
}

func TestVerify_RefusesShapes(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	token := d.issue(t, d.claims(t))
	s := strings.Split(token, ".")
	alphabet := "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_"
	// 64 bytes leave four bits unused in the last character: setting one spells
	// the same signature in another way.
	twin := token[:len(token)-1] + string(alphabet[strings.IndexByte(alphabet, token[len(token)-1])|1])
	for name, shape := range map[string]string{
		"empty": "", "dots": "..", "one part": s[0], "two parts": s[0] + "." + s[1], "no signature": s[0] + "." + s[1] + ".",
		"detached": s[0] + ".." + s[2], "four parts": token + ".", "JWE": token + ".AAAA.AAAA", "leading dot": "." + token,
		"leading blank": " " + token, "trailing blank": token + " ", "line end": token + "\n", "inner line end": token[:30] + "\r\n" + token[30:],
		"padded": token + "==", "standard alphabet": strings.ReplaceAll(strings.ReplaceAll(token, "-", "+"), "_", "/") + "+",
		"NUL": token + "\x00", "bearer": "Bearer " + token, "not canonical": twin, "truncated": token[:len(token)-2],
		"no bytes": s[0] + "." + s[1] + ".AA", "swapped": s[0] + "." + s[2] + "." + s[1],
		"general JSON":   `{"payload":"` + s[1] + `","signatures":[{"protected":"` + s[0] + `","signature":"` + s[2] + `"}]}`,
		"flattened JSON": `{"payload":"` + s[1] + `","protected":"` + s[0] + `","signature":"` + s[2] + `"}`,
		"16 KB":          strings.Repeat("A", 16<<10), "10 MB": strings.Repeat("A", 10<<20), "10 MB of dots": strings.Repeat(".", 10<<20),
		"huge signature": token + strings.Repeat("A", 8192),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			require.NotEqual(t, token, shape)
			d.refuses(t, shape)
		})
	}
}

func TestVerify_RefusesEveryFlippedSignatureByte(t *testing.T) {
	t.Parallel()
	for _, alg := range []keyset.Algorithm{keyset.ES256, keyset.EdDSA} {
		d := setup(t, alg)
		s := strings.Split(d.issue(t, d.claims(t)), ".")
		sig, err := b64.DecodeString(s[2])
		require.NoError(t, err)
		for i := range sig {
			sig[i] ^= 1
			d.refuses(t, s[0]+"."+s[1]+"."+b64.EncodeToString(sig))
			sig[i] ^= 1
		}
	}
}

func TestVerify_RefusesThePublicKeyAsSharedSecret(t *testing.T) {
	t.Parallel()
	for _, alg := range []keyset.Algorithm{keyset.ES256, keyset.RS256} {
		d := setup(t, alg)
		k := d.shelf.set.Keys[0]
		_, payload := goodParts(t, d)
		parsed, err := jwk.ParseKey(k.Public)
		require.NoError(t, err)
		var raw any
		require.NoError(t, parsed.Raw(&raw))
		der, err := x509.MarshalPKIXPublicKey(raw)
		require.NoError(t, err)
		pemmed := pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der})
		for _, key := range [][]byte{der, pemmed, []byte(strings.TrimSpace(string(pemmed))), k.Public, []byte(k.ID), []byte(base64.StdEncoding.EncodeToString(der)), {}} {
			for _, name := range []string{"HS256", string(alg)} {
				signed := b64.EncodeToString([]byte(`{"alg":"`+name+`","kid":"`+k.ID+`","typ":"at+jwt"}`)) + "." + b64.EncodeToString([]byte(payload))
				mac := hmac.New(sha256.New, key)
				mac.Write([]byte(signed))
				d.refuses(t, signed+"."+b64.EncodeToString(mac.Sum(nil)))
			}
		}
	}
}

func TestVerify_RefusesAForeignKeyUnderAKnownKid(t *testing.T) {
	t.Parallel()
	d, evil := setup(t, keyset.ES256), setup(t, keyset.ES256)
	head, payload := goodParts(t, d)

	d.refuses(t, forge(t, evil, head, payload))
	d.refuses(t, forge(t, evil, strings.Replace(head, d.shelf.set.Keys[0].ID, evil.shelf.set.Keys[0].ID, 1), payload))
}
