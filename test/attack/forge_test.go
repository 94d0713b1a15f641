package attack_test

import (
	"crypto/ecdsa"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mongo"
	"ostiary/adapters/seal"
	"ostiary/adapters/sqlite"
	"ostiary/adapters/system"
	"ostiary/app/port"
	"ostiary/domain/keyset"
	"ostiary/domain/secret"
	"ostiary/test/program"
)

var b64 = base64.RawURLEncoding

// forger has stolen the store and the master key of a deployment: what it
// signs is signed as well as any token, so that only what the token says can
// be refused.
type forger struct {
	kid string
	key *ecdsa.PrivateKey
}

func steal(t testing.TB, d *program.Deployment) forger {
	t.Helper()
	vault, err := seal.New(masterKeyOf(t, d), system.NewRandom())
	require.NoError(t, err)
	set, err := keysOf(t, d).Load(t.Context())
	require.NoError(t, err)
	signer, ok := set.Signer(time.Now())
	require.True(t, ok)
	require.Equal(t, keyset.ES256, signer.Algorithm)
	plain, err := vault.Open("signing-key", signer.Private, []byte(signer.ID))
	require.NoError(t, err)
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	require.NoError(t, err)
	key, ok := parsed.(*ecdsa.PrivateKey)
	require.True(t, ok)
	return forger{signer.ID, key}
}

func masterKeyOf(t testing.TB, d *program.Deployment) []byte {
	t.Helper()
	text := program.MasterKey
	if d.On.Name == program.OnSQLite.Name {
		raw, err := os.ReadFile(filepath.Join(d.Dir, "ostiary.db.key"))
		require.NoError(t, err)
		text = string(raw)
	}
	key, err := seal.ParseKey(secret.New(text))
	require.NoError(t, err)
	return key
}

// keysOf opens the store as one more process would.
func keysOf(t testing.TB, d *program.Deployment) port.Keys {
	t.Helper()
	if d.On.Name == program.OnSQLite.Name {
		db, err := sqlite.Open(t.Context(), filepath.Join(d.Dir, "ostiary.db"), sqlite.Options{})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })
		return sqlite.NewKeys(db)
	}
	db, err := mongo.Open(t.Context(), strings.TrimPrefix(d.Storage[0], "OSTIARY_STORAGE="), mongo.Options{Timeout: program.Patience})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return mongo.NewKeys(db)
}

// head is what every good token has.
func (f forger) head() string { return `{"alg":"ES256","kid":"` + f.kid + `","typ":"at+jwt"}` }

// sign makes a compact JWS by ES256 (RFC 7518 section 3.4).
func (f forger) sign(t testing.TB, head, payload string) string {
	t.Helper()
	signed := b64.EncodeToString([]byte(head)) + "." + b64.EncodeToString([]byte(payload))
	digest := sha256.Sum256([]byte(signed))
	r, s, err := ecdsa.Sign(rand.Reader, f.key, digest[:])
	require.NoError(t, err)
	signature := append(r.FillBytes(make([]byte, 32)), s.FillBytes(make([]byte, 32))...)
	return signed + "." + b64.EncodeToString(signature)
}

// payloadOf is the payload of a token as it was issued.
func payloadOf(t testing.TB, token string) string {
	t.Helper()
	raw, err := b64.DecodeString(strings.Split(token, ".")[1])
	require.NoError(t, err)
	return string(raw)
}

// with replaces one claim by JSON, or takes it away when that is empty.
func with(t testing.TB, payload, claim, value string) string {
	t.Helper()
	var all map[string]json.RawMessage
	require.NoError(t, json.Unmarshal([]byte(payload), &all))
	delete(all, claim)
	if value != "" {
		all[claim] = json.RawMessage(value)
	}
	out, err := json.Marshal(all)
	require.NoError(t, err)
	return string(out)
}
