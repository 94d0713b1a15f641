package fake

import (
	"crypto/rand"
	"encoding/binary"
	mathrand "math/rand/v2"
	"sync"

	"github.com/google/uuid"

	"ostiary/app/port"
	"ostiary/domain/secret"
)

var (
	_ port.Random = Random{}
	_ port.Random = (*Sequence)(nil)
)

// Random is real randomness, for tests that need nothing but unique values.
type Random struct{}

// Fill implements port.Random.
func (Random) Fill(b []byte) { _, _ = rand.Read(b) }

// UUID implements port.Random.
func (Random) UUID() [16]byte { return uuid.Must(uuid.NewV7()) }

// UUID returns an id that no other test has; later ones sort after it.
func UUID() [16]byte { return Random{}.UUID() }

// Digest returns a digest that no other test has.
func Digest() (d secret.Digest) {
	Random{}.Fill(d[:])
	return d
}

// Sequence gives the same bytes and rising ids in every run with one seed.
type Sequence struct {
	mu   sync.Mutex
	src  *mathrand.ChaCha8
	next uint64
}

// NewSequence starts a sequence.
func NewSequence(seed uint64) *Sequence {
	var key [32]byte
	binary.BigEndian.PutUint64(key[:], seed)
	return &Sequence{src: mathrand.NewChaCha8(key)}
}

// Fill implements port.Random.
func (s *Sequence) Fill(b []byte) {
	s.mu.Lock()
	defer s.mu.Unlock()
	_, _ = s.src.Read(b)
}

// UUID implements port.Random: version 7, the counter where the time stands.
func (s *Sequence) UUID() (u [16]byte) {
	s.Fill(u[:])
	s.mu.Lock()
	defer s.mu.Unlock()
	s.next++
	at := uint64(Start.UnixMilli()) + s.next //nolint:gosec // Start is after 1970
	binary.BigEndian.PutUint64(u[:8], at<<16|0x7000|uint64(u[7]))
	u[8] = u[8]&0x3f | 0x80
	return u
}
