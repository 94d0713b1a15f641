package sqlite

import (
	"context"
	"time"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// Idempotency implements port.Idempotency.
type Idempotency struct{ db *DB }

var _ port.Idempotency = (*Idempotency)(nil)

// NewIdempotency returns the remembered requests of db.
func NewIdempotency(db *DB) *Idempotency { return &Idempotency{db: db} }

// remembered is how long an answer is kept.
const remembered = 24 * time.Hour

// claimed is what is stored under a key.
type claimed struct {
	state  port.IdempotencyState
	body   secret.Digest
	answer []byte
}

// Begin implements port.Idempotency. It takes a key that is free, forgotten,
// or whose owner vanished.
func (s *Idempotency) Begin(ctx context.Context, t tenant.ID, k port.IdempotencyKey, body secret.Digest, now time.Time,
	lease time.Duration,
) (port.IdempotencyState, secret.Digest, []byte, error) {
	var c claimed
	err := s.db.write(ctx, "begin request", func(x *tx) error {
		n, err := x.exec(t, `
			INSERT INTO idempotency (tenant, digest, body, lease, expires) VALUES (?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (tenant, digest) DO UPDATE SET body = excluded.body, lease = excluded.lease, answered = NULL,
			  answer = NULL, expires = excluded.expires
			WHERE expires <= ?6 OR (answered IS NULL AND lease <= ?6)`,
			k[:], body[:], now.Add(lease), now.Add(remembered), now)
		if err != nil {
			return err
		}
		if n == 1 {
			c = claimed{state: port.Fresh, body: body}
			return nil
		}
		c, err = loadClaim(x, t, k)
		return err
	})
	return c.state, c.body, c.answer, err
}

func loadClaim(x *tx, t tenant.ID, k port.IdempotencyKey) (c claimed, err error) {
	_, err = x.one(t, "SELECT body, answered, answer FROM idempotency WHERE tenant = ?1 AND digest = ?2", func(r *row) {
		c.body, c.state = r.digest(), port.Running
		if answered := r.time(); !answered.IsZero() {
			c.state = port.Answered
		}
		c.answer = r.bytes()
	}, k[:])
	return c, err
}

// Finish implements port.Idempotency. The first answer stands.
func (s *Idempotency) Finish(ctx context.Context, t tenant.ID, k port.IdempotencyKey, answer []byte, now time.Time) error {
	return s.db.write(ctx, "finish request", func(x *tx) error {
		_, err := x.exec(t, `
			UPDATE idempotency SET answered = ?3, answer = ?4, expires = ?5
			WHERE tenant = ?1 AND digest = ?2 AND answered IS NULL`, k[:], now, answer, now.Add(remembered))
		return err
	})
}

// Abandon implements port.Idempotency.
func (s *Idempotency) Abandon(ctx context.Context, t tenant.ID, k port.IdempotencyKey) error {
	return s.db.write(ctx, "abandon request", func(x *tx) error {
		_, err := x.exec(t, "DELETE FROM idempotency WHERE tenant = ?1 AND digest = ?2 AND answered IS NULL", k[:])
		return err
	})
}
