package jose

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/go-json-experiment/json"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
)

var errReserved = errors.New("jose: that audience is reserved for changing the password")

// Tokens issues and verifies access tokens with the keys of a Ring.
type Tokens struct {
	ring   *Ring
	issuer string
	proven *proven
}

var _ port.Tokens = (*Tokens)(nil)

// NewTokens takes the iss of all tokens: the public URL, without a slash at
// its end.
func NewTokens(ring *Ring, issuer string) *Tokens {
	return &Tokens{ring: ring, issuer: issuer, proven: newProven(provenBytes, ring.clock.Now)}
}

// restricted is the audience of tokens that are good for changing the password
// alone. It is all that tells them apart, so a backend that checks the
// audience, as it must, refuses them.
func (t *Tokens) restricted(code tenant.Code) string {
	return t.issuer + "/t/" + string(code) + "/change-password"
}

// Issue signs c. The issuer is the deployment's own, whatever c says; a
// restricted token also gets its own audience. What Verify would refuse is not
// issued.
func (t *Tokens) Issue(_ context.Context, c session.Claims, restricted bool) (secret.Text, error) {
	p, err := t.ring.signer()
	if err != nil {
		return secret.Text{}, err
	}
	c.Issuer = t.issuer
	if restricted {
		c.Audience = t.restricted(c.TenantCode)
	} else if c.Audience == t.restricted(c.TenantCode) {
		return secret.Text{}, errReserved
	}
	out := fromDomain(c)
	read, err := t.judge(out, t.ring.clock.Now())
	if err != nil {
		return secret.Text{}, fmt.Errorf("issue token: %w", err)
	}
	if len(read.Scopes) != len(c.Scopes) { // a name with a blank in it would read as two
		return secret.Text{}, fmt.Errorf("issue token: %w", errClaim)
	}
	payload, err := json.Marshal(out)
	if err != nil {
		return secret.Text{}, fmt.Errorf("issue token: %w", err)
	}
	signed := p.header + "." + strict.EncodeToString(payload)
	signature, err := p.signer.Sign([]byte(signed), p.private)
	if err != nil {
		return secret.Text{}, fmt.Errorf("sign token: %w", err)
	}
	token := signed + "." + strict.EncodeToString(signature)
	if len(token) > maxToken {
		return secret.Text{}, fmt.Errorf("issue token: %w", errShape)
	}
	return secret.New(token), nil
}

// Verify returns session.ErrToken for every token that does not hold; the
// cause says why and holds nothing of the token. It returns
// port.ErrUnavailable while no key set is known.
func (t *Tokens) Verify(_ context.Context, token secret.Text) (session.Claims, bool, error) {
	known := t.ring.known.Load()
	if known == nil {
		return session.Claims{}, false, port.ErrUnavailable.After(time.Second)
	}
	p, err := t.verify(known, token.Reveal())
	if err != nil {
		return session.Claims{}, false, session.ErrToken.Because(err)
	}
	return p.claims, p.restricted, nil
}

func (t *Tokens) verify(known *known, token string) (*proof, error) {
	now, name := t.ring.clock.Now(), digest(token)
	if p, ok := t.proven.find(known, name, now); ok {
		return p, p.raw.check(t.issuer, now)
	}
	cutUp, err := cut(token)
	if err != nil {
		return nil, err
	}
	h, err := readHeader(cutUp.head)
	if err != nil {
		return nil, err
	}
	key := known.published(h.KeyID, now)
	if key == nil {
		return nil, errKey
	}
	raw, err := readClaims(cutUp.payload)
	if err != nil {
		return nil, err
	}
	c, err := t.judge(raw, now)
	if err != nil {
		return nil, err
	}
	if err := key.holds(h, cutUp); err != nil {
		return nil, err
	}
	p := &proof{raw: raw, claims: c, kid: h.KeyID, restricted: c.Audience == t.restricted(c.TenantCode)}
	t.proven.keep(name, p)
	return p, nil
}

func (t *Tokens) judge(raw claims, now time.Time) (session.Claims, error) {
	if err := raw.check(t.issuer, now); err != nil {
		return session.Claims{}, err
	}
	return raw.domain()
}
