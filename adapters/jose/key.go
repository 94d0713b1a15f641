package jose

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/ed25519"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/lestrrat-go/jwx/v2/jwa"
	"github.com/lestrrat-go/jwx/v2/jwk"
	"github.com/lestrrat-go/jwx/v2/jws"

	"ostiary/domain/keyset"
)

const (
	// purpose keeps sealed signing keys apart from whatever else is sealed.
	purpose = "signing-key"
	// rsaBits gives 128 bits of strength (OWASP ASVS 5.0, 11.2.3).
	rsaBits = 3072
)

var (
	errMismatch = errors.New("jose: the key does not fit its id or algorithm")
	errNoSigner = errors.New("jose: the private key cannot sign")
)

// pair is one key ready for use.
type pair struct {
	key      keyset.Key
	header   string // the protected header, encoded
	public   []byte // JWK, public members only
	verify   crypto.PublicKey
	verifier jws.Verifier
	private  crypto.Signer // nil: signs no more
	signer   jws.Signer
}

// Generate makes a key pair. Its id is the RFC 7638 thumbprint, and one that
// does not begin with a hyphen: who has to end a key in a hurry types it on a
// command line, where that would be an option.
func (r *Ring) Generate(ctx context.Context, alg keyset.Algorithm) (keyset.Key, error) {
	var private crypto.Signer
	var kid string
	var public []byte
	for kid == "" || kid[0] == '-' {
		err := ctx.Err()
		if err != nil {
			return keyset.Key{}, fmt.Errorf("make signing key: %w", err)
		}
		if private, err = generate(alg); err != nil {
			return keyset.Key{}, err
		}
		if kid, public, err = describe(private.Public(), alg); err != nil {
			return keyset.Key{}, err
		}
	}
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	if err != nil {
		return keyset.Key{}, fmt.Errorf("encode signing key: %w", err)
	}
	sealed := r.vault.Seal(purpose, plain, []byte(kid))
	clear(plain)
	return keyset.Key{ID: kid, Algorithm: alg, Public: public, Private: sealed}, nil
}

func generate(alg keyset.Algorithm) (crypto.Signer, error) {
	switch alg {
	case keyset.ES256:
		return ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	case keyset.EdDSA:
		_, private, err := ed25519.GenerateKey(rand.Reader)
		return private, err
	case keyset.RS256:
		return rsa.GenerateKey(rand.Reader, rsaBits)
	default:
		return nil, keyset.ErrAlgorithm
	}
}

// describe returns the id and the JWK of a public key. It is made from the
// bare public key, so that nothing else can be in it.
func describe(public crypto.PublicKey, alg keyset.Algorithm) (kid string, doc []byte, err error) {
	if !fits(public, alg) {
		return "", nil, errMismatch
	}
	key, err := jwk.FromRaw(public)
	if err != nil {
		return "", nil, fmt.Errorf("describe signing key: %w", err)
	}
	sum, err := key.Thumbprint(crypto.SHA256)
	if err != nil {
		return "", nil, fmt.Errorf("name signing key: %w", err)
	}
	kid = base64.RawURLEncoding.EncodeToString(sum)
	for member, value := range map[string]string{jwk.KeyIDKey: kid, jwk.KeyUsageKey: "sig", jwk.AlgorithmKey: string(alg)} {
		if err := key.Set(member, value); err != nil {
			return "", nil, fmt.Errorf("describe signing key: %w", err)
		}
	}
	doc, err = json.Marshal(key)
	if err != nil {
		return "", nil, fmt.Errorf("describe signing key: %w", err)
	}
	return kid, doc, nil
}

// fits holds each key to its one algorithm (RFC 8725 section 3.1).
func fits(public crypto.PublicKey, alg keyset.Algorithm) bool {
	switch k := public.(type) {
	case *ecdsa.PublicKey:
		return alg == keyset.ES256 && k.Curve == elliptic.P256()
	case ed25519.PublicKey:
		return alg == keyset.EdDSA
	case *rsa.PublicKey:
		return alg == keyset.RS256 && k.N.BitLen() >= rsaBits
	default:
		return false
	}
}

// open makes a stored key ready. The private half is opened only while the
// key may still sign.
func (r *Ring) open(k keyset.Key, now time.Time) (*pair, error) {
	var raw any
	parsed, err := jwk.ParseKey(k.Public)
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	public, err := parsed.PublicKey()
	if err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	if err := public.Raw(&raw); err != nil {
		return nil, fmt.Errorf("read public key: %w", err)
	}
	kid, doc, err := describe(raw, k.Algorithm)
	if err != nil {
		return nil, err
	}
	if kid != k.ID {
		return nil, errMismatch
	}
	p := &pair{key: k, header: header(k.Algorithm, kid), public: doc, verify: raw}
	if p.verifier, err = jws.NewVerifier(jwa.SignatureAlgorithm(k.Algorithm)); err != nil {
		return nil, fmt.Errorf("prepare verifier: %w", err)
	}
	if p.signer, err = jws.NewSigner(jwa.SignatureAlgorithm(k.Algorithm)); err != nil {
		return nil, fmt.Errorf("prepare signer: %w", err)
	}
	if k.Retired.IsZero() || now.Before(k.Retired) {
		if p.private, err = r.unseal(k); err != nil {
			return nil, err
		}
	}
	p.key.Private = nil
	return p, nil
}

// unseal returns the private half after checking that it is the one which
// belongs to the id.
func (r *Ring) unseal(k keyset.Key) (crypto.Signer, error) {
	plain, err := r.vault.Open(purpose, k.Private, []byte(k.ID))
	if err != nil {
		return nil, fmt.Errorf("unseal private key: %w", err)
	}
	defer clear(plain)
	parsed, err := x509.ParsePKCS8PrivateKey(plain)
	if err != nil {
		return nil, errNoSigner // the cause could quote the key
	}
	private, ok := parsed.(crypto.Signer)
	if !ok {
		return nil, errNoSigner
	}
	kid, _, err := describe(private.Public(), k.Algorithm)
	if err != nil {
		return nil, err
	}
	if kid != k.ID {
		return nil, errMismatch
	}
	return private, nil
}

// header writes the protected header. Neither value needs escaping.
func header(alg keyset.Algorithm, kid string) string {
	return strict.EncodeToString([]byte(`{"alg":"` + string(alg) + `","kid":"` + kid + `","typ":"` + typ + `"}`))
}
