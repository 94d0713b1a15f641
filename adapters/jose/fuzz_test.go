package jose_test

import (
	"crypto"
	"crypto/ed25519"
	"crypto/x509"
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/stretchr/testify/require"

	"ostiary/adapters/jose"
	"ostiary/domain/keyset"
	"ostiary/domain/secret"
	"ostiary/domain/session"
)

// fixed is a deployment with the same key in every process: a run has many,
// and what one finds must mean the same to the others, and to later runs.
func fixed(f *testing.F) (deployment, ed25519.PrivateKey) {
	f.Helper()
	private := ed25519.NewKeyFromSeed(make([]byte, ed25519.SeedSize))
	key, err := jwk.FromRaw(private.Public())
	require.NoError(f, err)
	sum, err := key.Thumbprint(crypto.SHA256)
	require.NoError(f, err)
	kid := b64.EncodeToString(sum)
	public, err := json.Marshal(key)
	require.NoError(f, err)
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	require.NoError(f, err)
	seal := vault{master: "one"}
	d := deployment{clock: &clock{t: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC)}, shelf: &shelf{}}
	d.shelf.set = d.shelf.set.Rotate(keyset.Key{
		ID: kid, Algorithm: keyset.EdDSA, Public: public, Private: seal.Seal("signing-key", plain, []byte(kid)),
	}, d.clock.Now())
	d.ring = jose.NewRing(d.shelf, seal, d.clock)
	d.tokens = jose.NewTokens(d.ring, issuer)
	require.NoError(f, d.ring.Reload(f.Context()))
	return d, private
}

func signed(key ed25519.PrivateKey, head, payload string) string {
	text := b64.EncodeToString([]byte(head)) + "." + b64.EncodeToString([]byte(payload))
	return text + "." + b64.EncodeToString(ed25519.Sign(key, []byte(text)))
}

// Whatever is changed in a token, what is accepted says what was issued.
func FuzzVerify(f *testing.F) {
	d, _ := fixed(f)
	token := d.issue(f, d.claims(f))
	s := strings.Split(token, ".")
	for _, seed := range []string{
		token, "", "..", s[0] + "." + s[1] + ".", token + "=", s[0] + ".." + s[2], token + ".AA.AA",
		b64.EncodeToString([]byte(`{"alg":"none"}`)) + "." + s[1] + ".", `{"payload":"` + s[1] + `"}`, token[:len(token)-1] + "B",
	} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, candidate string) {
		_, _, err := d.tokens.Verify(t.Context(), secret.New(candidate))
		if err == nil {
			require.Equal(t, token, candidate)
		} else {
			require.ErrorIs(t, err, session.ErrToken)
		}
	})
}

// FuzzSigned has the deployment's own key sign anything: what is accepted must
// say to any reader of JSON, also to one that takes the first or the last of
// two members of one name, what it says to Ostiary.
func FuzzSigned(f *testing.F) {
	d, key := fixed(f)
	head, payload := goodParts(f, d)
	f.Add(head, payload)
	f.Add(strings.Replace(head, `{`, `{"crit":["x"],`, 1), payload)
	f.Add(head, strings.Replace(payload, `{`, `{"sub":"01000000-0000-0000-0000-000000000000",`, 1))
	f.Add(head, strings.Replace(payload, `{`, `{"SUB":"01000000-0000-0000-0000-000000000000",`, 1))
	f.Add(" "+head, strings.Replace(payload, `"exp":`, `"exp":1e0,"x":`, 1))
	kid := d.shelf.set.Keys[0].ID

	f.Fuzz(func(t *testing.T, head, payload string) {
		claims, _, err := d.tokens.Verify(t.Context(), secret.New(signed(key, head, payload)))
		if err != nil {
			require.ErrorIs(t, err, session.ErrToken)
			return
		}
		var header map[string]any
		require.NoError(t, json.Unmarshal([]byte(head), &header))
		require.Equal(t, map[string]any{"alg": "EdDSA", "kid": kid, "typ": "at+jwt"}, header)
		var said map[string]any
		require.NoError(t, json.Unmarshal([]byte(payload), &said))
		require.Equal(t, len(said), members(t, payload), "no member is there twice")
		require.Equal(t, claims.Subject.String(), strings.ToLower(said["sub"].(string)))
		require.Equal(t, claims.Tenant.String(), strings.ToLower(said["tid"].(string)))
		require.Equal(t, string(claims.TenantCode), said["tenant"])
		require.Equal(t, claims.Company.String(), said["company"])
		require.Equal(t, claims.Audience, said["aud"])
		require.Equal(t, issuer, said["iss"])
		require.EqualValues(t, claims.Expires.Unix(), said["exp"])
		require.Equal(t, strings.Join(claims.Scopes, " "), said["scope"])
		require.Len(t, said["roles"], len(claims.Roles))
		require.WithinRange(t, claims.Expires, d.clock.Now().Add(-31*time.Second), d.clock.Now().Add(62*time.Minute))
	})
}

// members counts those of an object, with all that share a name.
func members(t *testing.T, object string) (n int) {
	t.Helper()
	dec := json.NewDecoder(strings.NewReader(object))
	_, err := dec.Token()
	require.NoError(t, err)
	for ; dec.More(); n++ {
		_, err := dec.Token()
		require.NoError(t, err)
		require.NoError(t, dec.Decode(new(json.RawMessage)))
	}
	return n
}
