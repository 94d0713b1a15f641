package fake

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"sync"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

var _ port.Hasher = (*Hasher)(nil)

// Hasher hashes fast and counts what was asked of it. Read the counts only
// when nothing runs any more.
type Hasher struct {
	Hashes, Verifies, Decoys int
	Inside                   int // admitted and not yet gone

	Weak bool  // what Verify says of a match
	Err  error // what every method but Admit returns, such as a refusal for being busy
	Full error // what Admit returns

	mu sync.Mutex
}

// Hashed returns what a Hasher makes of a password.
func Hashed(password string) secret.Text {
	sum := sha256.Sum256([]byte(password))
	return secret.New("hash:" + hex.EncodeToString(sum[:]))
}

// Admit implements port.Hasher.
func (h *Hasher) Admit(tenant.ID) (leave func(), err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.Full != nil {
		return nil, h.Full
	}
	h.Inside++
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.Inside--
	}, nil
}

// Hash implements port.Hasher.
func (h *Hasher) Hash(_ context.Context, _ tenant.ID, p user.Password) (secret.Text, error) {
	if err := h.count(&h.Hashes); err != nil {
		return secret.Text{}, err
	}
	return Hashed(p.Text().Reveal()), nil
}

// Verify implements port.Hasher.
func (h *Hasher) Verify(_ context.Context, _ tenant.ID, hash secret.Text, p user.Password) (match, weak bool, err error) {
	if err := h.count(&h.Verifies); err != nil {
		return false, false, err
	}
	match = hash.Equal(Hashed(p.Text().Reveal()))
	return match, match && h.Weak, nil
}

// Decoy implements port.Hasher.
func (h *Hasher) Decoy(context.Context, tenant.ID, user.Password) error { return h.count(&h.Decoys) }

func (h *Hasher) count(n *int) error {
	h.mu.Lock()
	defer h.mu.Unlock()
	*n++
	return h.Err
}
