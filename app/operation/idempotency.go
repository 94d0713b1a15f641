package operation

import (
	"context"
	"fmt"
	"time"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// Refusals of a request that names itself.
var (
	ErrIdempotencyKey      = fault.New(fault.Malformed, "idempotency_key_malformed", "An idempotency key is 1 to 255 visible ASCII characters.")
	ErrIdempotencyMismatch = fault.New(fault.Invalid, "idempotency_mismatch", "That idempotency key was used for another request.")
	ErrIdempotencyRunning  = fault.New(fault.Conflict, "idempotency_running", "A request with that idempotency key is still running.")
)

// idempotencyLease is when a claim is taken over whose owner vanished. It
// exceeds the longest request.
const idempotencyLease = 2 * time.Minute

const idempotencyPurpose = "idempotency"

// Idempotency lets a request be sent again without being done again.
type Idempotency struct {
	store port.Idempotency
	vault port.Vault
	clock port.Clock
}

// NewIdempotency puts the parts together.
func NewIdempotency(store port.Idempotency, vault port.Vault, clock port.Clock) *Idempotency {
	return &Idempotency{store: store, vault: vault, clock: clock}
}

// IdempotencyInput names a request: the same actor, tenant, route and key
// stand for one request, whose body must stay the same.
type IdempotencyInput struct {
	Actor  actor.Actor
	Tenant tenant.ID // zero: the deployment's own routes
	Route  string
	Key    string
	Body   []byte
}

// Run does the request once and replays its answer afterwards. Only what
// succeeded is kept: a refusal or an outage is answered by trying again, so
// that a caller who mends the cause need not invent a new key. Answers may
// hold secrets and are sealed.
func (s *Idempotency) Run(ctx context.Context, in IdempotencyInput, do func() ([]byte, error)) (answer []byte, replayed bool, err error) {
	if !visible(in.Key) {
		return nil, false, ErrIdempotencyKey
	}
	owner := in.Tenant.Bytes()
	key := port.IdempotencyKey(s.vault.MAC(idempotencyPurpose, []byte(in.Actor.String()), owner[:], []byte(in.Route), []byte(in.Key)))
	// A keyed digest: a body may hold a password that could be guessed from a plain one.
	body := s.vault.MAC("idempotency-body", in.Body)
	state, stored, sealed, err := s.store.Begin(ctx, in.Tenant, key, body, s.clock.Now(), idempotencyLease)
	if err != nil {
		return nil, false, fmt.Errorf("claim idempotency key: %w", err)
	}
	if state == port.Fresh {
		answer, err = s.first(ctx, in.Tenant, key, do)
		return answer, false, err
	}
	if !stored.Equal(body) {
		return nil, false, ErrIdempotencyMismatch
	}
	if state == port.Running {
		return nil, false, ErrIdempotencyRunning
	}
	answer, err = s.vault.Open(idempotencyPurpose, sealed, key[:])
	if err != nil {
		return nil, false, fmt.Errorf("open stored answer: %w", err)
	}
	return answer, true, nil
}

func (s *Idempotency) first(ctx context.Context, t tenant.ID, key port.IdempotencyKey, do func() ([]byte, error)) ([]byte, error) {
	// What was begun is ended also for a caller who has gone.
	after := context.WithoutCancel(ctx)
	done := false
	defer func() {
		if !done {
			// The lease frees the key when this fails.
			_ = s.store.Abandon(after, t, key)
		}
	}()
	answer, err := do()
	if err != nil {
		return nil, err
	}
	done = true
	// The request has been done: to call it failed because its answer could
	// not be kept would invite the caller to do it twice.
	_ = s.store.Finish(after, t, key, s.vault.Seal(idempotencyPurpose, answer, key[:]), s.clock.Now())
	return answer, nil
}

func visible(key string) bool {
	if key == "" || len(key) > 255 {
		return false
	}
	for i := range len(key) {
		if key[i] <= ' ' || key[i] > '~' {
			return false
		}
	}
	return true
}
