package jose

import (
	"bytes"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"ostiary/app/port"
	"ostiary/domain/keyset"
)

// Ring holds the keys of the stored set, opened and ready. Its methods may be
// called at the same time.
type Ring struct {
	keys  port.Keys
	vault port.Vault
	clock port.Clock

	loading sync.Mutex // a slow load must not replace a later one's result
	known   atomic.Pointer[known]
}

var (
	_ port.KeyRing  = (*Ring)(nil)
	_ port.KeyMaker = (*Ring)(nil)
)

// known is one state of the ring. It never changes.
type known struct {
	set   keyset.Set
	pairs map[string]*pair
}

// NewRing makes a ring that knows no key before Reload.
func NewRing(keys port.Keys, vault port.Vault, clock port.Clock) *Ring {
	return &Ring{keys: keys, vault: vault, clock: clock}
}

// Reload takes over the stored set. A key that cannot be read fails the whole:
// half a key set would refuse live tokens.
func (r *Ring) Reload(ctx context.Context) error {
	r.loading.Lock()
	defer r.loading.Unlock()
	set, err := r.keys.Load(ctx)
	if err != nil {
		return fmt.Errorf("load key set: %w", err)
	}
	now := r.clock.Now()
	next := &known{set: set, pairs: make(map[string]*pair, len(set.Keys))}
	for _, k := range set.Keys {
		if !k.Published(now) {
			continue
		}
		p, err := r.open(k, now)
		if err != nil {
			return fmt.Errorf("open signing key %q: %w", k.ID, err)
		}
		next.pairs[k.ID] = p
	}
	r.known.Store(next)
	return nil
}

// JWKS writes the published keys, oldest first.
func (r *Ring) JWKS(context.Context) ([]byte, error) {
	k := r.known.Load()
	if k == nil {
		return nil, port.ErrUnavailable.After(time.Second)
	}
	now := r.clock.Now()
	var public [][]byte
	for _, key := range k.set.Keys {
		if p := k.published(key.ID, now); p != nil {
			public = append(public, p.public)
		}
	}
	if len(public) == 0 {
		return nil, port.ErrUnavailable.After(time.Second)
	}
	out := append([]byte(`{"keys":[`), bytes.Join(public, []byte(","))...)
	return append(out, "]}"...), nil
}

// signer returns the key that signs now.
func (r *Ring) signer() (*pair, error) {
	k := r.known.Load()
	if k == nil {
		return nil, port.ErrUnavailable.After(time.Second)
	}
	key, ok := k.set.Signer(r.clock.Now())
	if !ok {
		return nil, port.ErrUnavailable.After(time.Second)
	}
	p := k.pairs[key.ID]
	if p == nil || p.private == nil {
		return nil, port.ErrUnavailable.After(time.Second)
	}
	return p, nil
}

// published returns the key with that id, nil when there is none that
// verifies now.
func (k *known) published(kid string, now time.Time) *pair {
	p := k.pairs[kid]
	if p == nil || !p.key.Published(now) {
		return nil
	}
	return p
}
