package jose_test

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/jose"
	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/keyset"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

const issuer = "https://portal.example.com"

// clock stands still until it is moved.
type clock struct {
	mu sync.Mutex
	t  time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.t
}

func (c *clock) move(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.t = c.t.Add(d)
}

// shelf stores one key set.
type shelf struct {
	set keyset.Set
	err error
}

func (s *shelf) Load(context.Context) (keyset.Set, error)   { return s.set, s.err }
func (s *shelf) Save(_ context.Context, k keyset.Set) error { s.set = k; return nil }

// vault seals under one key per purpose.
type vault struct{ master string }

func (v vault) gcm(purpose string) cipher.AEAD {
	key := sha256.Sum256([]byte(v.master + "/" + purpose))
	block, _ := aes.NewCipher(key[:])
	gcm, _ := cipher.NewGCM(block)
	return gcm
}

func (v vault) Seal(purpose string, plain, bound []byte) []byte {
	nonce := make([]byte, 12)
	_, _ = rand.Read(nonce)
	return v.gcm(purpose).Seal(nonce, nonce, plain, bound)
}

func (v vault) Open(purpose string, sealed, bound []byte) ([]byte, error) {
	return v.gcm(purpose).Open(nil, sealed[:12], sealed[12:], bound)
}

func (vault) MAC(string, ...[]byte) secret.Digest { panic("not needed") }

// deployment is a ring with one key of alg, and tokens over it.
type deployment struct {
	clock  *clock
	shelf  *shelf
	ring   *jose.Ring
	tokens *jose.Tokens
}

func setup(t testing.TB, alg keyset.Algorithm) deployment {
	t.Helper()
	d := deployment{clock: &clock{t: time.Date(2026, 11, 22, 10, 0, 0, 123e6, time.UTC)}, shelf: &shelf{}}
	d.ring = jose.NewRing(d.shelf, vault{master: "one"}, d.clock)
	d.tokens = newTokens(d)
	d.rotate(t, alg)
	return d
}

// newTokens knows no token yet.
func newTokens(d deployment) *jose.Tokens { return jose.NewTokens(d.ring, issuer) }

// rotate adds a key to the stored set and makes the ring follow.
func (d deployment) rotate(t testing.TB, alg keyset.Algorithm) {
	t.Helper()
	key, err := d.ring.Generate(t.Context(), alg)
	require.NoError(t, err)
	d.shelf.set = d.shelf.set.Rotate(key, d.clock.Now())
	require.NoError(t, d.ring.Reload(t.Context()))
}

func (d deployment) issue(t testing.TB, c session.Claims) string {
	t.Helper()
	token, err := d.tokens.Issue(t.Context(), c, false)
	require.NoError(t, err)
	return token.Reveal()
}

func (d deployment) refuses(t testing.TB, token string) {
	t.Helper()
	_, _, err := d.tokens.Verify(t.Context(), secret.New(token))
	require.ErrorIs(t, err, session.ErrToken)
}

// claims are those of a sign-in now.
func (d deployment) claims(t testing.TB) session.Claims {
	t.Helper()
	cid, err := company.IDOf(123456)
	require.NoError(t, err)
	who, err := contact.IDOf(789123)
	require.NoError(t, err)
	now := d.clock.Now()
	return session.Claims{
		Issuer: issuer, Audience: issuer + "/t/acme", Subject: user.IDFromBytes([16]byte{1}), Session: session.IDFromBytes([16]byte{2}),
		TokenID: "0193-jti", IssuedAt: now, Expires: now.Add(15 * time.Minute), AuthTime: now.Add(-time.Hour), Method: session.ByPassword,
		TenantCode: "acme", Tenant: tenant.IDFromBytes([16]byte{3}), Company: cid, Portal: company.PortalIDFromBytes([16]byte{4}),
		Contact: who, Scopes: []string{"support", "finance"}, Roles: []user.Role{user.Admin},
	}
}

func part(t testing.TB, token string, n int) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(rawPart(t, token, n), &out))
	return out
}

var (
	_   port.Keys  = (*shelf)(nil)
	_   port.Vault = vault{}
	b64            = base64.RawURLEncoding
)
