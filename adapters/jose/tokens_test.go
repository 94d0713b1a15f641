package jose_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/jose"
	"ostiary/app/port"
	"ostiary/domain/keyset"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/user"
)

func rawPart(t testing.TB, token string, n int) []byte {
	t.Helper()
	raw, err := b64.DecodeString(strings.Split(token, ".")[n])
	require.NoError(t, err)
	return raw
}

func TestIssue_WritesTheDocumentedClaimsAndNoOthers(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)

	token := d.issue(t, d.claims(t))

	require.Equal(t, map[string]any{"alg": "ES256", "kid": d.shelf.set.Keys[0].ID, "typ": "at+jwt"}, part(t, token, 0))
	require.Equal(t, map[string]any{
		"iss": issuer, "aud": issuer + "/t/acme", "sub": "01000000-0000-0000-0000-000000000000",
		"sid": "02000000-0000-0000-0000-000000000000", "jti": "0193-jti", "iat": 1795341600.0, "nbf": 1795341600.0, "exp": 1795342500.0,
		"auth_time": 1795338000.0, "amr": []any{"pwd"}, "tenant": "acme", "tid": "03000000-0000-0000-0000-000000000000",
		"company": "123456", "portal": "04000000-0000-0000-0000-000000000000", "contact": "789123",
		"scope": "finance support", "roles": []any{"admin"},
	}, part(t, token, 1))
}

func TestIssue_RolesAreThereWhenEmpty(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	c := d.claims(t)
	c.Roles, c.Scopes = nil, nil

	payload := part(t, d.issue(t, c), 1)

	require.Equal(t, []any{}, payload["roles"])
	require.Empty(t, payload["scope"])
}

func TestVerify_ReturnsWhatWasIssued(t *testing.T) {
	t.Parallel()
	for _, alg := range []keyset.Algorithm{keyset.ES256, keyset.EdDSA, keyset.RS256} {
		t.Run(string(alg), func(t *testing.T) {
			t.Parallel()
			d := setup(t, alg)
			want := d.claims(t)

			got, restricted, err := d.tokens.Verify(t.Context(), secret.New(d.issue(t, want)))

			require.NoError(t, err)
			require.False(t, restricted)
			want.IssuedAt, want.Expires = want.IssuedAt.Truncate(time.Second), want.Expires.Truncate(time.Second)
			want.AuthTime, want.Scopes = want.AuthTime.Truncate(time.Second), []string{"finance", "support"}
			require.Equal(t, want, got)
		})
	}
}

func TestIssue_RestrictedTokenHasAnAudienceOfItsOwn(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)

	token, err := d.tokens.Issue(t.Context(), d.claims(t), true)
	require.NoError(t, err)
	got, restricted, err := d.tokens.Verify(t.Context(), token)

	require.NoError(t, err)
	require.True(t, restricted)
	require.Equal(t, issuer+"/t/acme/change-password", got.Audience)
	require.Equal(t, "at+jwt", part(t, token.Reveal(), 0)["typ"])
}

func TestIssue_RefusesTheReservedAudienceForAWholeSession(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	c := d.claims(t)
	c.Audience = issuer + "/t/acme/change-password"

	_, err := d.tokens.Issue(t.Context(), c, false)

	require.Error(t, err)
}

func TestIssue_RefusesClaimsThatVerifyWouldRefuse(t *testing.T) {
	t.Parallel()
	for name, spoil := range map[string]func(*session.Claims){
		"no session":    func(c *session.Claims) { c.Session = session.ID{} },
		"no audience":   func(c *session.Claims) { c.Audience = "" },
		"long life":     func(c *session.Claims) { c.Expires = c.IssuedAt.Add(62 * time.Minute) },
		"no life":       func(c *session.Claims) { c.Expires = c.IssuedAt },
		"bad scope":     func(c *session.Claims) { c.Scopes = []string{"a b"} },
		"unknown role":  func(c *session.Claims) { c.Roles = []user.Role{"root"} },
		"no auth time":  func(c *session.Claims) { c.AuthTime = time.Time{} },
		"unknown proof": func(c *session.Claims) { c.Method = "sms" },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := setup(t, keyset.ES256)
			c := d.claims(t)
			spoil(&c)

			_, err := d.tokens.Issue(t.Context(), c, false)

			require.Error(t, err)
		})
	}
}

func TestIssue_LargestTokenIsAccepted(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.RS256)
	c := d.claims(t)
	c.Scopes = nil
	for i := range 100 {
		c.Scopes = append(c.Scopes, fmt.Sprintf("s%031d", i))
	}
	c.Audience = strings.Repeat("a", 500)

	_, _, err := d.tokens.Verify(t.Context(), secret.New(d.issue(t, c)))

	require.NoError(t, err)
}

func TestVerify_AllowsThirtySecondsOfSkew(t *testing.T) {
	t.Parallel()
	// the deployment's clock stands at 123 ms past the second
	for name, c := range map[string]struct {
		move time.Duration
		ok   bool
	}{
		"expired, 1 s inside skew":  {15*time.Minute + 29*time.Second, true},
		"expired, 1 s beyond skew":  {15*time.Minute + 31*time.Second, false},
		"future, 1 s inside skew":   {-29 * time.Second, true},
		"future, 1 s beyond skew":   {-31 * time.Second, false},
		"at the moment of its exp":  {15 * time.Minute, true},
		"one minute after it ended": {16 * time.Minute, false},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := setup(t, keyset.ES256)
			token := secret.New(d.issue(t, d.claims(t)))
			d.clock.move(c.move)

			_, _, err := d.tokens.Verify(t.Context(), token)

			if c.ok {
				require.NoError(t, err)
			} else {
				require.ErrorIs(t, err, session.ErrToken)
			}
		})
	}
}

func TestVerify_RefusesAnotherDeployment(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	other := jose.NewTokens(d.ring, "https://other.example.com")

	_, _, err := other.Verify(t.Context(), secret.New(d.issue(t, d.claims(t))))

	require.ErrorIs(t, err, session.ErrToken)
	d.refuses(t, setup(t, keyset.ES256).issue(t, d.claims(t)))
}

func TestTokens_WithoutKeysAreUnavailable(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	token := secret.New(d.issue(t, d.claims(t)))
	bare := jose.NewRing(&shelf{}, vault{}, d.clock)
	tokens := jose.NewTokens(bare, issuer)

	_, _, err := tokens.Verify(t.Context(), token)
	require.ErrorIs(t, err, port.ErrUnavailable)
	_, err = tokens.Issue(t.Context(), d.claims(t), false)
	require.ErrorIs(t, err, port.ErrUnavailable)
	_, err = bare.JWKS(t.Context())
	require.ErrorIs(t, err, port.ErrUnavailable)

	require.NoError(t, bare.Reload(t.Context()))
	_, err = tokens.Issue(t.Context(), d.claims(t), false)
	require.ErrorIs(t, err, port.ErrUnavailable)
	_, err = bare.JWKS(t.Context())
	require.ErrorIs(t, err, port.ErrUnavailable)
}

func TestVerify_ErrorsHoldNothingOfTheToken(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.ES256)
	good := d.issue(t, d.claims(t))
	segments := strings.Split(good, ".")
	marked := b64.EncodeToString([]byte(`{"alg":"ES256","kid":"SECRET-MARK","typ":"at+jwt"}`))

	for _, token := range []string{"SECRET-MARK", "SECRET-MARK.SECRET-MARK.SECRET-MARK", marked + "." + segments[1] + "." + segments[2]} {
		_, _, err := d.tokens.Verify(t.Context(), secret.New(token))

		require.ErrorIs(t, err, session.ErrToken)
		require.NotContains(t, fmt.Sprintf("%v %+v", err, err), "SECRET-MARK")
	}
}

// forge signs any header and payload with the deployment's own private key:
// what is refused then is refused for its content.
func forge(t testing.TB, d deployment, head, payload string) string {
	t.Helper()
	k := d.shelf.set.Keys[0]
	plain, err := vault{master: "one"}.Open("signing-key", k.Private, []byte(k.ID))
	require.NoError(t, err)
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	require.NoError(t, err)
	signed := b64.EncodeToString([]byte(head)) + "." + b64.EncodeToString([]byte(payload))
	sum := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, parsed.(*ecdsa.PrivateKey), sum[:])
	require.NoError(t, err)
	var sig [64]byte
	r.FillBytes(sig[:32])
	s.FillBytes(sig[32:])
	return signed + "." + b64.EncodeToString(sig[:])
}
