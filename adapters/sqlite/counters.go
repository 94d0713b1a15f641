package sqlite

import (
	"context"
	"time"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/throttle"
)

// Counters implements port.Counters.
type Counters struct{ db *DB }

var _ port.Counters = (*Counters)(nil)

// NewCounters returns the counters of db.
func NewCounters(db *DB) *Counters { return &Counters{db: db} }

// Get implements port.Counters.
func (s *Counters) Get(ctx context.Context, keys ...secret.Digest) ([]throttle.State, error) {
	out := make([]throttle.State, len(keys))
	err := s.db.read(ctx, "read counters", func(x rx) (err error) {
		for i, k := range keys {
			if out[i], err = loadCounter(x, k); err != nil {
				return err
			}
		}
		return nil
	})
	return out, err
}

func loadCounter(x rx, k secret.Digest) (s throttle.State, err error) {
	_, err = x.oneShared("SELECT count, at FROM counters WHERE digest = ?1", func(r *row) {
		s = throttle.State{Count: int(r.int()), At: r.time()}
	}, k[:])
	return s, err
}

// Apply implements port.Counters.
func (s *Counters) Apply(ctx context.Context, changes ...port.CounterChange) error {
	return s.db.write(ctx, "apply counters", func(x *tx) error {
		for _, c := range changes {
			if err := applyCounter(x, c); err != nil {
				return err
			}
		}
		return nil
	})
}

func applyCounter(x *tx, c port.CounterChange) error {
	before, err := loadCounter(x.rx, c.Key)
	if err != nil {
		return err
	}
	now := c.Change(before)
	switch {
	case now.Count == 0 && now.At.IsZero():
		_, err = x.execShared("DELETE FROM counters WHERE digest = ?1", c.Key[:])
	case now.Count != before.Count || !now.At.Equal(before.At):
		_, err = x.execShared(`
			INSERT INTO counters (digest, count, at, forget) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (digest) DO UPDATE SET count = excluded.count, at = excluded.at, forget = excluded.forget`,
			c.Key[:], now.Count, now.At, forgetAt(c, now))
	}
	return err
}

// forgetAt keeps a state for a day when the caller does not say how long it
// matters.
func forgetAt(c port.CounterChange, s throttle.State) time.Time {
	if c.Forget == nil {
		return s.At.Add(24 * time.Hour)
	}
	return c.Forget(s)
}
