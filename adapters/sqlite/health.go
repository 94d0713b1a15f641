package sqlite

import (
	"context"

	"ostiary/app/port"
)

// Health implements port.Health.
type Health struct{ db *DB }

var _ port.Health = (*Health)(nil)

// NewHealth returns the health of db.
func NewHealth(db *DB) *Health { return &Health{db: db} }

// Ping implements port.Health. It reads the file, not just a connection.
func (s *Health) Ping(ctx context.Context) error {
	return s.db.read(ctx, "ping", func(x rx) error {
		_, err := x.oneShared(kept, func(*row) {})
		return err
	})
}
