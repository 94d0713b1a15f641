package sqlite

import (
	"context"
	"slices"
	"strconv"
	"time"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// Changes implements port.Changes. Its times are SQLite's own: they say how old
// a change is, and when it is old enough to be trimmed.
type Changes struct{ db *DB }

var _ port.Changes = (*Changes)(nil)

// NewChanges returns the changes of db.
func NewChanges(db *DB) *Changes { return &Changes{db: db} }

// keepChanges is how long a process may stop listening before it must forget
// all it knows.
const keepChanges = time.Hour

// announce stores a change with the write that makes it.
func (x *tx) announce(t tenant.ID, kind port.ChangeKind, id string) error {
	c := port.Change{Tenant: t, Kind: kind, ID: id}
	if slices.ContainsFunc(x.changes, func(a port.Announcement) bool { return a.Change == c }) {
		return nil
	}
	_, err := x.oneShared(`
		INSERT INTO changes (at, tenant, kind, id) VALUES (CAST(unixepoch('subsec') * 1000 AS INTEGER), ?1, ?2, ?3) RETURNING seq`,
		func(r *row) { x.changes = append(x.changes, port.Announcement{Change: c, Entry: entry(r.int())}) },
		t, string(kind), id)
	return err
}

func entry(seq int64) string { return strconv.FormatInt(seq, 10) }

// kept finds the number last given and the oldest that is kept.
const kept = `SELECT coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'changes'), 0),
	(SELECT min(seq) FROM changes)`

// Latest implements port.Changes.
func (s *Changes) Latest(ctx context.Context) (out port.Cursor, err error) {
	err = s.db.read(ctx, "find latest change", func(x rx) error {
		_, err := x.oneShared(kept, func(r *row) { out = cursor(r.int()) })
		return err
	})
	return out, err
}

func cursor(seq int64) port.Cursor { return port.Cursor(entry(seq)) }

// Since implements port.Changes. Writes are serial, so numbers become visible
// in their order and none is skipped.
func (s *Changes) Since(ctx context.Context, after port.Cursor) (out []port.Announcement, now port.Cursor, err error) {
	from, err := strconv.ParseInt(string(after), 10, 64)
	if err != nil {
		return nil, "", port.ErrVersion
	}
	err = s.db.snapshot(ctx, "read changes", func(x rx) error {
		var last, oldest int64
		_, err := x.oneShared(kept, func(r *row) { last, oldest = r.int(), r.int() })
		if err != nil {
			return err
		}
		if oldest == 0 {
			oldest = last + 1
		}
		now = cursor(last)
		if from < oldest-1 || from > last { // above: an older copy of the file was put back
			return port.ErrVersion
		}
		if from == last {
			return nil
		}
		return x.allShared(`
			SELECT tenant, kind, id, seq, CAST(unixepoch('subsec') * 1000 AS INTEGER) - at FROM changes WHERE seq > ?1 ORDER BY seq`, func(r *row) {
			out = append(out, port.Announcement{
				Change: port.Change{Tenant: tenant.IDFromBytes(r.uuid()), Kind: port.ChangeKind(r.text()), ID: r.text()},
				Entry:  entry(r.int()), Age: max(0, time.Duration(r.int())*time.Millisecond),
			})
		}, from)
	})
	if err != nil {
		return nil, "", err
	}
	return out, now, nil
}

// OnLocal implements port.Changes. hear runs on the goroutine that wrote, and
// may run on several at once.
func (s *Changes) OnLocal(hear func([]port.Announcement)) {
	s.db.mu.Lock()
	defer s.db.mu.Unlock()
	s.db.listen = append(s.db.listen, hear)
}
