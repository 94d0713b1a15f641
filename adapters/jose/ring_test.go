package jose_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"errors"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/coreos/go-oidc/v3/oidc"
	"github.com/stretchr/testify/require"

	"ostiary/adapters/jose"
	"ostiary/domain/keyset"
	"ostiary/domain/secret"
)

type document struct {
	Keys []map[string]any `json:"keys"`
}

func (d deployment) jwks(t testing.TB) (out document) {
	t.Helper()
	raw, err := d.ring.JWKS(t.Context())
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(raw, &out))
	return out
}

func TestJWKS_HoldsPublicMembersOnly(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	d.rotate(t, keyset.EdDSA)
	d.rotate(t, keyset.RS256)

	keys := d.jwks(t).Keys

	require.Len(t, keys, 3)
	members := map[string][]string{"EC": {"crv", "x", "y"}, "OKP": {"crv", "x"}, "RSA": {"n", "e"}}
	for i, k := range keys {
		require.Equal(t, "sig", k["use"])
		require.Equal(t, d.shelf.set.Keys[i].ID, k["kid"])
		require.Equal(t, string(d.shelf.set.Keys[i].Algorithm), k["alg"])
		want := append([]string{"kty", "use", "kid", "alg"}, members[k["kty"].(string)]...)
		got := make([]string, 0, len(k))
		for member := range k {
			got = append(got, member)
		}
		require.ElementsMatch(t, want, got)
	}
}

func TestJWKS_DropsPrivateMembersOfWhatIsStored(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	k := &d.shelf.set.Keys[0]
	var stored map[string]any
	require.NoError(t, json.Unmarshal(k.Public, &stored))
	stored["d"] = stored["x"]
	spoiled, err := json.Marshal(stored)
	require.NoError(t, err)
	k.Public = spoiled
	require.NoError(t, d.ring.Reload(t.Context()))

	raw, err := d.ring.JWKS(t.Context())

	require.NoError(t, err)
	require.NotContains(t, string(raw), `"d"`)
}

func TestJWKS_IsStable(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	d.rotate(t, keyset.ES256)
	first, err := d.ring.JWKS(t.Context())
	require.NoError(t, err)
	require.NoError(t, d.ring.Reload(t.Context()))

	second, err := d.ring.JWKS(t.Context())

	require.NoError(t, err)
	require.Equal(t, string(first), string(second))
}

func TestGenerate_NamesKeysByThumbprintAndSealsThem(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	for _, alg := range []keyset.Algorithm{keyset.ES256, keyset.EdDSA, keyset.RS256} {
		k, err := d.ring.Generate(t.Context(), alg)

		require.NoError(t, err)
		require.Len(t, k.ID, 43)
		require.Equal(t, alg, k.Algorithm)
		_, err = vault{master: "one"}.Open("signing-key", k.Private, []byte(k.ID))
		require.NoError(t, err)
		_, err = vault{master: "one"}.Open("signing-key", k.Private, []byte("another"))
		require.Error(t, err)
		require.NotContains(t, string(k.Public), `"d"`)
		var public struct{ N, Crv string }
		require.NoError(t, json.Unmarshal(k.Public, &public))
		require.Contains(t, []string{"P-256", "Ed25519", ""}, public.Crv)
		if alg == keyset.RS256 {
			require.Len(t, public.N, base64.RawURLEncoding.EncodedLen(3072/8), "128 bits of strength")
		}
	}
	_, err := d.ring.Generate(t.Context(), "HS256")
	require.ErrorIs(t, err, keyset.ErrAlgorithm)
}

// One thumbprint in 64 would be an option to a command that is given it.
func TestGenerate_GivesNoIDThatBeginsLikeAnOption(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.EdDSA)

	for range 1_000 {
		k, err := d.ring.Generate(t.Context(), keyset.EdDSA)
		require.NoError(t, err)
		require.NotEqual(t, byte('-'), k.ID[0])
	}
}

func TestGenerate_StopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()

	_, err := setup(t, keyset.ES256).ring.Generate(ctx, keyset.RS256)

	require.ErrorIs(t, err, context.Canceled)
}

func TestReload_KeepsWhatIsKnownWhenItFails(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	token := secret.New(d.issue(t, d.claims(t)))
	good := d.shelf.set
	broken := errors.New("disk on fire")
	foreign, err := jose.NewRing(d.shelf, vault{master: "two"}, d.clock).Generate(t.Context(), keyset.ES256)
	require.NoError(t, err)
	renamed := good.Keys[0]
	renamed.ID = "another"
	other := good.Keys[0]
	other.Algorithm = keyset.RS256

	d.shelf.err = broken
	require.ErrorIs(t, d.ring.Reload(t.Context()), broken)
	d.shelf.err = nil
	for _, key := range []keyset.Key{foreign, renamed, other, {ID: "x", Algorithm: keyset.ES256, Public: []byte(`{"kty":"oct","k":"AAAA"}`)}, {ID: "y"}} {
		d.shelf.set = keyset.Set{Keys: []keyset.Key{key}, Version: 9}
		require.Error(t, d.ring.Reload(t.Context()))
	}

	_, _, err = d.tokens.Verify(t.Context(), token)
	require.NoError(t, err)
}

func TestRotation_RefusesNoLiveToken(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	first := d.shelf.set.Keys[0].ID
	d.clock.move(time.Minute)
	d.rotate(t, keyset.EdDSA)
	second := d.shelf.set.Keys[1].ID

	require.Len(t, d.jwks(t).Keys, 2, "a new key is published before it signs")
	require.Equal(t, first, part(t, d.issue(t, d.claims(t)), 0)["kid"])
	d.clock.move(keyset.Publish - time.Millisecond)
	c := d.claims(t)
	c.Expires = c.IssuedAt.Add(time.Hour)
	last := secret.New(d.issue(t, c))
	require.Equal(t, first, part(t, last.Reveal(), 0)["kid"])
	d.clock.move(time.Millisecond)
	require.Equal(t, second, part(t, d.issue(t, d.claims(t)), 0)["kid"])
	d.clock.move(time.Hour)
	require.NoError(t, d.ring.Reload(t.Context()))
	_, _, err := d.tokens.Verify(t.Context(), last)
	require.NoError(t, err)
	d.clock.move(keyset.Linger - time.Hour)
	require.Len(t, d.jwks(t).Keys, 1, "the retired key goes when its time is over, also without a reload")
	d.refuses(t, last.Reveal())
}

func TestRemoval_RefusesWhatTheKeySignedAndNothingElse(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	old := d.issue(t, d.claims(t))
	d.rotate(t, keyset.ES256)
	d.clock.move(keyset.Publish + time.Minute)
	signed := d.issue(t, d.claims(t))
	gone := d.shelf.set.Keys[1].ID
	require.Equal(t, gone, part(t, signed, 0)["kid"])

	left, err := d.shelf.set.Remove(gone, d.clock.Now())
	require.NoError(t, err)
	d.shelf.set = left
	d.rotate(t, keyset.ES256)

	d.refuses(t, signed)
	_, _, err = d.tokens.Verify(t.Context(), secret.New(old))
	require.NoError(t, err)
	fresh := part(t, d.issue(t, d.claims(t)), 0)["kid"]
	require.Equal(t, d.shelf.set.Keys[1].ID, fresh)
	for _, k := range d.jwks(t).Keys {
		require.NotEqual(t, gone, k["kid"])
	}
	d.clock.move(-time.Second)
	require.Equal(t, fresh, part(t, d.issue(t, d.claims(t)), 0)["kid"], "a clock that is behind signs with it too")
}

// A second library, with nothing but the published keys, agrees.
func TestTokens_VerifyWithAnotherLibrary(t *testing.T) {
	t.Parallel()
	for _, alg := range []keyset.Algorithm{keyset.ES256, keyset.EdDSA, keyset.RS256} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			d := setup(t, alg)
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				raw, err := d.ring.JWKS(r.Context())
				if err != nil {
					w.WriteHeader(http.StatusServiceUnavailable)
				}
				_, _ = w.Write(raw)
			}))
			t.Cleanup(server.Close)
			verifier := oidc.NewVerifier(issuer, oidc.NewRemoteKeySet(t.Context(), server.URL), &oidc.Config{
				ClientID: issuer + "/t/acme", SupportedSigningAlgs: []string{string(alg)}, Now: d.clock.Now,
			})

			got, err := verifier.Verify(t.Context(), d.issue(t, d.claims(t)))
			require.NoError(t, err)
			require.Equal(t, "01000000-0000-0000-0000-000000000000", got.Subject)
			restricted, err := d.tokens.Issue(t.Context(), d.claims(t), true)
			require.NoError(t, err)
			_, err = verifier.Verify(t.Context(), restricted.Reveal())
			require.Error(t, err, "a backend that checks the audience refuses a restricted token")
		})
	}
}
