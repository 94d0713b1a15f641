package sqlite

import (
	"context"
	"time"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// Janitor implements port.Janitor.
type Janitor struct{ db *DB }

var _ port.Janitor = (*Janitor)(nil)

// NewJanitor returns the janitor of db.
func NewJanitor(db *DB) *Janitor { return &Janitor{db: db} }

// keepEnded is how long a session is kept after its end, so that a late
// refresh with it is told from a guess.
const keepEnded = time.Hour

// Sweep implements port.Janitor. Every write removes one batch at most.
func (s *Janitor) Sweep(ctx context.Context, now time.Time) error {
	for _, old := range []struct {
		query string
		args  []any
	}{
		{"DELETE FROM counters WHERE digest IN (SELECT digest FROM counters WHERE forget <= ?1 LIMIT ?2)", []any{now}},
		{
			`DELETE FROM outbox WHERE id IN
			(SELECT id FROM outbox WHERE done IS NOT NULL AND done <= ?1 AND counts_until <= ?2 LIMIT ?3)`,
			[]any{now.Add(-keepDone), now},
		},
		{"DELETE FROM changes WHERE seq IN (SELECT seq FROM changes WHERE at < ?1 LIMIT ?2)", []any{now.Add(-keepChanges)}},
	} {
		err := s.repeat(ctx, func(x *tx) (int64, error) { return x.execShared(old.query, append(old.args, batch)...) })
		if err != nil {
			return err
		}
	}
	for _, old := range []struct {
		table, key string
		before     time.Time
	}{
		{"links", "token", now},
		{"sessions", "id", now.Add(-keepEnded)},
		{"idempotency", "digest", now},
	} {
		if err := s.sweepOwned(ctx, old.table, old.key, old.before); err != nil {
			return err
		}
	}
	return s.db.buryAll(ctx)
}

// repeat removes batch after batch until one is not full.
func (s *Janitor) repeat(ctx context.Context, remove func(*tx) (int64, error)) error {
	for n := int64(batch); n >= batch; {
		err := s.db.write(ctx, "sweep", func(x *tx) (err error) {
			n, err = remove(x)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// sweepOwned goes from tenant to tenant and writes only where there is
// something to remove.
func (s *Janitor) sweepOwned(ctx context.Context, table, key string, before time.Time) error {
	after := []byte{0} // below every id
	for {
		t, old, err := s.nextOld(ctx, table, after, before)
		if err != nil || t == nil {
			return err
		}
		if old {
			err := s.repeat(ctx, func(x *tx) (int64, error) {
				return x.exec(*t, "DELETE FROM "+table+" WHERE tenant = ?1 AND "+key+" IN (SELECT "+key+" FROM "+table+
					" WHERE tenant = ?1 AND expires <= ?2 LIMIT ?3)", before, batch)
			})
			if err != nil {
				return err
			}
		}
		b := t.Bytes()
		after = b[:]
	}
}

// nextOld finds the next tenant with rows in the table, nil after the last,
// and whether any of them is old.
func (s *Janitor) nextOld(ctx context.Context, table string, after []byte, before time.Time) (t *tenant.ID, old bool, err error) {
	err = s.db.read(ctx, "sweep", func(x rx) error {
		if t, err = nextTenant(x, table, after); err != nil || t == nil {
			return err
		}
		old, err = x.has(*t, "SELECT 1 FROM "+table+" WHERE tenant = ?1 AND expires <= ?2 LIMIT 1", before)
		return err
	})
	return t, old, err
}
