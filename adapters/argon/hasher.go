// Package argon hashes passwords with argon2id and verifies what other
// systems hashed. It owns the cost of that: how much one hash may take, how
// many run at once, and who waits. What a password may be is the domain's
// business; counting failures is throttle's.
package argon

import (
	"context"
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"time"

	"golang.org/x/crypto/argon2"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

var _ port.Hasher = (*Hasher)(nil)

// ErrStored is returned for a stored hash that is none, or whose parameters
// are out of bounds. It never holds a part of the hash.
var ErrStored = errors.New("argon: the stored hash cannot be verified")

const (
	saltSize = 16
	keySize  = 32

	maxMemoryKiB   = 1 << 20 // of the configuration
	maxIterations  = 16
	maxParallelism = 16

	defaultQueue = 1024

	// retry is what a caller is told whose job was not done.
	retry = time.Second
)

// Config says what a hash costs and how many there may be. A zero in the
// second half means the default; Waited may be nil.
type Config struct {
	MemoryKiB   uint32
	Iterations  uint32
	Parallelism uint8

	Workers   int                 // hashes at once; one per core, fewer when one hash uses several
	Queue     int                 // callers that wait, 1024
	PerTenant int                 // callers of one tenant that wait, half of Queue
	Waited    func(time.Duration) // told how long a caller waited for its turn
	Worker    Worker              // Work
}

func (c Config) check() error {
	switch {
	case c.Iterations < 1 || c.Iterations > maxIterations:
		return fmt.Errorf("argon: iterations are 1 to %d", maxIterations)
	case c.Parallelism < 1 || c.Parallelism > maxParallelism:
		return fmt.Errorf("argon: parallelism is 1 to %d", maxParallelism)
	case c.MemoryKiB < 8*uint32(c.Parallelism) || c.MemoryKiB > maxMemoryKiB:
		return fmt.Errorf("argon: memory is %d to %d KiB", 8*uint32(c.Parallelism), maxMemoryKiB)
	case c.Workers < 0 || c.Queue < 0 || c.PerTenant < 0:
		return errors.New("argon: workers and queue are not negative")
	default:
		return nil
	}
}

func (c Config) filled() Config {
	if c.Workers == 0 {
		c.Workers = max(1, runtime.GOMAXPROCS(0)/int(c.Parallelism))
	}
	if c.Queue == 0 {
		c.Queue = defaultQueue
	}
	if c.PerTenant == 0 {
		c.PerTenant = max(1, c.Queue/2)
	}
	if c.Worker == nil {
		c.Worker = Work
	}
	return c
}

// Stats say what a Hasher has done and what waits.
type Stats struct {
	Hashes  uint64        // made and verified, decoys included
	Spent   time.Duration // in them, all workers together
	Busy    uint64        // refusals for want of room
	Left    uint64        // callers whose context ended while they waited
	Running int
	Waiting int
}

// Limits are how many may run and wait.
func (h *Hasher) Limits() Limits { return h.gate.limits }

// Hasher implements port.Hasher.
type Hasher struct {
	config Config
	now    func() time.Time
	bounds bounds
	gate   *Gate
	decoy  secret.Text

	mu     sync.Mutex
	hashes uint64
	spent  time.Duration
}

// New hashes nothing: the decoy is a hash that no password has. now measures
// durations, and what is left of a context's time.
func New(c Config, now func() time.Time) (*Hasher, error) {
	if err := c.check(); err != nil {
		return nil, err
	}
	c = c.filled()
	h := &Hasher{
		config: c, now: now, bounds: boundsOf(c),
		gate: NewGate(Limits{Slots: c.Workers, Queue: c.Queue, PerTenant: c.PerTenant}, now),
	}
	h.decoy = decoyOf(c)
	return h, nil
}

// decoyOf writes what a hash of c looks like around random bytes: comparing
// with it costs what comparing with a real one costs, and never matches.
func decoyOf(c Config) secret.Text {
	var random [saltSize + keySize]byte
	_, _ = rand.Read(random[:]) // never fails: it ends the process instead
	b64 := base64.RawStdEncoding
	return secret.New(fmt.Sprintf("$argon2id$v=%d$m=%d,t=%d,p=%d$%s$%s", argon2.Version,
		c.MemoryKiB, c.Iterations, c.Parallelism, b64.EncodeToString(random[:saltSize]), b64.EncodeToString(random[saltSize:])))
}

// Hash implements port.Hasher.
func (h *Hasher) Hash(ctx context.Context, t tenant.ID, p user.Password) (secret.Text, error) {
	done, err := h.work(ctx, t, "", p)
	return secret.New(done.Hash), err
}

// Verify implements port.Hasher. A stored hash that cannot be verified costs
// the work of a decoy all the same, or its owner's address would be told from
// unknown ones by time. A foreign hash costs what its own parameters say,
// until the first success replaces it.
func (h *Hasher) Verify(ctx context.Context, t tenant.ID, hash secret.Text, p user.Password) (match, weak bool, err error) {
	stored, err := h.bounds.parse(hash.Reveal())
	if err != nil {
		if busy := h.Decoy(ctx, t, p); busy != nil {
			return false, false, busy
		}
		return false, false, err
	}
	done, err := h.work(ctx, t, hash.Reveal(), p)
	return done.Match, done.Match && stored.weak, err
}

// Decoy implements port.Hasher.
func (h *Hasher) Decoy(ctx context.Context, t tenant.ID, p user.Password) error {
	_, _, err := h.Verify(ctx, t, h.decoy, p)
	return err
}

// Accepts returns ErrStored for a hash that Verify could not verify, without
// doing the work: for imports.
func (h *Hasher) Accepts(hash secret.Text) error {
	_, err := h.bounds.parse(hash.Reveal())
	return err
}

// Stats returns the present figures.
func (h *Hasher) Stats() Stats {
	s := h.gate.stats()
	h.mu.Lock()
	defer h.mu.Unlock()
	s.Hashes, s.Spent = h.hashes, h.spent
	return s
}

// Admit implements port.Hasher.
func (h *Hasher) Admit(t tenant.ID) (leave func(), err error) { return h.gate.Admit(t) }

// work has a job done when it is the tenant's turn.
func (h *Hasher) work(ctx context.Context, t tenant.ID, stored string, p user.Password) (_ Done, err error) {
	asked := h.now()
	turn, err := h.gate.Enter(ctx, t)
	if err != nil {
		return Done{}, err
	}
	defer func() { h.count(turn.Leave(), err) }()
	if h.config.Waited != nil {
		h.config.Waited(max(0, turn.begun.Sub(asked)))
	}
	c := h.config
	done, err := c.Worker(Job{
		MemoryKiB: c.MemoryKiB, Iterations: c.Iterations, Parallelism: c.Parallelism,
		Stored: stored, Password: []byte(p.Text().Reveal()),
	})
	if err != nil {
		return Done{}, port.ErrUnavailable.Because(err).After(retry)
	}
	return done, nil
}

func (h *Hasher) count(took time.Duration, err error) {
	if err != nil {
		return
	}
	h.mu.Lock()
	defer h.mu.Unlock()
	h.hashes++
	h.spent += took
}
