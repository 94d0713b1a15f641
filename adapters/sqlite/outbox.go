package sqlite

import (
	"context"
	"slices"
	"time"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/outbox"
	"ostiary/domain/throttle"
)

// Outbox implements port.Outbox.
type Outbox struct{ db *DB }

var _ port.Outbox = (*Outbox)(nil)

// NewOutbox returns the outbox of db.
func NewOutbox(db *DB) *Outbox { return &Outbox{db: db} }

// keepDone is how long a job is kept after it is done, or longer when it still
// counts against its origin.
const keepDone = 2 * time.Hour

const jobColumns = "id, kind, code, address, contact, binding, origin, request, asked, due, attempts, done"

// jobRow lists the values for jobColumns.
func jobRow(j outbox.Job) []any {
	return []any{
		j.ID, string(j.Kind), j.Tenant, j.Address, j.Contact, j.Binding, j.Origin, j.Request, j.Asked, j.Due, j.Attempts, j.Done,
	}
}

func jobFromRow(r *row) outbox.Job {
	return outbox.Job{
		ID: outbox.IDFromBytes(r.uuid()), Kind: outbox.Kind(r.text()), Tenant: r.text(), Address: r.text(),
		Contact: number(r, contact.IDOf), Binding: r.digest(), Origin: r.digest(), Request: r.text(),
		Asked: r.time(), Due: r.time(), Attempts: int(r.int()), Done: r.time(),
	}
}

// Put implements port.Outbox.
func (s *Outbox) Put(ctx context.Context, j outbox.Job, limit throttle.Limit) error {
	return s.db.write(ctx, "put job", func(x *tx) error {
		wait, err := full(x, j, limit)
		if err != nil {
			return err
		}
		if wait > 0 {
			return throttle.ErrLimited.After(wait)
		}
		_, err = x.execShared("INSERT INTO outbox ("+jobColumns+`, counts_until)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`, append(jobRow(j), j.Asked.Add(limit.Window))...)
		return err
	})
}

// full returns how long the origin of a job must wait: until the oldest of its
// newest jobs, as many as the limit allows, leaves the window.
func full(x *tx, j outbox.Job, limit throttle.Limit) (time.Duration, error) {
	if limit.Off() || j.Origin.IsZero() {
		return 0, nil
	}
	var oldest time.Time
	n := 0
	err := x.allShared("SELECT asked FROM outbox WHERE origin = ?1 AND asked > ?2 ORDER BY asked DESC LIMIT ?3",
		func(r *row) { oldest, n = r.time(), n+1 }, j.Origin, j.Asked.Add(-limit.Window), limit.Count)
	if err != nil || n < limit.Count {
		return 0, err
	}
	return oldest.Add(limit.Window).Sub(j.Asked), nil
}

// Lease implements port.Outbox.
func (s *Outbox) Lease(ctx context.Context, now time.Time, limit int) ([]outbox.Job, error) {
	due, err := s.Next(ctx)
	if err != nil || due.IsZero() || due.After(now) {
		return nil, err // most asks find nothing: those write nothing
	}
	var out []outbox.Job
	err = s.db.write(ctx, "lease jobs", func(x *tx) error {
		out = nil
		return x.allShared(`
			UPDATE outbox SET due = ?2, attempts = attempts + 1
			WHERE id IN (SELECT id FROM outbox WHERE done IS NULL AND due <= ?1 ORDER BY due, id LIMIT ?3)
			RETURNING `+jobColumns, func(r *row) { out = append(out, jobFromRow(r)) }, now, now.Add(outbox.Lease), limit)
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(out, func(a, b outbox.Job) int { return a.Asked.Compare(b.Asked) })
	return out, nil
}

// Done implements port.Outbox.
func (s *Outbox) Done(ctx context.Context, id outbox.ID, now time.Time) error {
	return s.db.write(ctx, "finish job", func(x *tx) error {
		_, err := x.execShared("UPDATE outbox SET done = ?2, address = '' WHERE id = ?1 AND done IS NULL", id, now)
		return err
	})
}

// Retry implements port.Outbox.
func (s *Outbox) Retry(ctx context.Context, id outbox.ID, due time.Time) error {
	return s.db.write(ctx, "put job off", func(x *tx) error {
		_, err := x.execShared("UPDATE outbox SET due = ?2 WHERE id = ?1 AND done IS NULL", id, due)
		return err
	})
}

// Next implements port.Outbox.
func (s *Outbox) Next(ctx context.Context) (due time.Time, err error) {
	err = s.db.read(ctx, "find next job", func(x rx) error {
		_, err := x.oneShared("SELECT min(due) FROM outbox WHERE done IS NULL", func(r *row) { due = r.time() })
		return err
	})
	return due, err
}
