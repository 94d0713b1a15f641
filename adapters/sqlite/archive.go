package sqlite

import (
	"context"
	"fmt"
	"slices"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// Archive implements port.Archive.
type Archive struct{ db *DB }

var _ port.Archive = (*Archive)(nil)

// NewArchive returns the archive of db.
func NewArchive(db *DB) *Archive { return &Archive{db: db} }

// part is how one section is stored.
type part struct {
	table string // its rows are the section's records
	count string // counts them; the tenant is bound unless the section is shared
	// read selects the next records; the place follows the tenant, if any, and
	// the limit comes last.
	read  string
	place func(after string) ([]any, error)
	scan  func(*row) any
	write func(*tx, tenant.ID, any) error
}

// taking lets a write see its own type; Belongs has looked at it before.
func taking[V any](write func(*tx, tenant.ID, V) error) func(*tx, tenant.ID, any) error {
	return func(x *tx, t tenant.ID, v any) error {
		typed, ok := v.(V)
		if !ok {
			return port.ErrForeignRecord
		}
		return write(x, t, typed)
	}
}

func partOf(s port.Section) (part, error) {
	p, ok := parts[s]
	if !ok {
		return part{}, fmt.Errorf("sqlite: section %q is not known", s)
	}
	return p, nil
}

// Owners implements port.Archive. It leaps from tenant to tenant along the
// primary key.
func (s *Archive) Owners(ctx context.Context, section port.Section) (out []tenant.ID, err error) {
	p, err := partOf(section)
	if err != nil {
		return nil, err
	}
	err = s.db.snapshot(ctx, "find owners", func(x rx) error {
		var doomed []tenant.ID
		if section != port.SectionAudit {
			if doomed, err = doomedTenants(x); err != nil {
				return err
			}
		}
		for after := lowest; ; {
			t, err := nextTenant(x, p.table, after)
			if err != nil || t == nil {
				return err
			}
			b := t.Bytes()
			after = b[:]
			if slices.Contains(doomed, *t) {
				continue
			}
			n, err := countRecords(x, *t, section, p)
			if err != nil {
				return err
			}
			if n > 0 {
				out = append(out, *t)
			}
		}
	})
	return out, err
}

func doomedTenants(x rx) (out []tenant.ID, err error) {
	err = x.allShared("SELECT tenant FROM doomed", func(r *row) { out = append(out, tenant.IDFromBytes(r.uuid())) })
	return out, err
}

// nextTenant finds the next tenant with rows in an owned table, nil after the
// last.
func nextTenant(x rx, table string, after []byte) (t *tenant.ID, err error) {
	_, err = x.oneShared(nextOf(table), func(r *row) {
		if b := r.bytes(); len(b) == 16 {
			id := tenant.IDFromBytes([16]byte(b))
			t = &id
		}
	}, after)
	return t, err
}

// Count implements port.Archive.
func (s *Archive) Count(ctx context.Context, t tenant.ID, section port.Section) (n int64, err error) {
	p, err := partOf(section)
	if err != nil {
		return 0, err
	}
	err = s.db.read(ctx, "count records", func(x rx) error {
		n, err = countRecords(x, t, section, p)
		return err
	})
	return n, err
}

func countRecords(x rx, t tenant.ID, section port.Section, p part) (n int64, err error) {
	scan := func(r *row) { n = r.int() }
	if section.Shared() {
		_, err = x.oneShared(p.count, scan)
	} else {
		_, err = x.one(t, p.count, scan)
	}
	return n, err
}

// Read implements port.Archive.
func (s *Archive) Read(ctx context.Context, t tenant.ID, section port.Section, after string, limit int) ([]port.Record, error) {
	p, err := partOf(section)
	if err != nil {
		return nil, err
	}
	if section == port.SectionKeys {
		return s.readKeys(ctx, after)
	}
	place, err := p.place(after)
	if err != nil {
		return nil, fmt.Errorf("read %s: the place is malformed: %w", section, err)
	}
	var out []port.Record
	scan := func(r *row) { out = append(out, port.RecordOf(p.scan(r))) }
	err = s.db.read(ctx, "read archive", func(x rx) error {
		if section.Shared() {
			return x.allShared(p.read, scan, append(place, limit)...)
		}
		return x.all(t, p.read, scan, append(place, limit)...)
	})
	return out, err
}

// readKeys: the whole set is one record.
func (s *Archive) readKeys(ctx context.Context, after string) ([]port.Record, error) {
	set, err := NewKeys(s.db).Load(ctx)
	if r := port.RecordOf(set); err == nil && set.Version > 0 && r.Key > after {
		return []port.Record{r}, nil
	}
	return nil, err
}

// Write implements port.Archive: all records or none.
func (s *Archive) Write(ctx context.Context, t tenant.ID, section port.Section, rs []port.Record) error {
	p, err := partOf(section)
	if err != nil {
		return err
	}
	for _, r := range rs {
		if !r.Belongs(t, section) {
			return port.ErrForeignRecord
		}
	}
	return s.db.write(ctx, "write archive", func(x *tx) error {
		for _, r := range rs {
			if err := p.write(x, t, r.Value); err != nil {
				return err
			}
		}
		return nil
	})
}

// Empty implements port.Archive.
func (s *Archive) Empty(ctx context.Context) (empty bool, err error) {
	err = s.db.snapshot(ctx, "look for records", func(x rx) error {
		for _, section := range port.Sections() {
			if section.Shared() {
				n, err := countRecords(x, tenant.ID{}, section, parts[section])
				if err != nil || n > 0 {
					return err
				}
				continue
			}
			// Doomed tenants' rows count too.
			if t, err := nextTenant(x, parts[section].table, lowest); err != nil || t != nil {
				return err
			}
		}
		empty = true
		return nil
	})
	return empty, err
}

// Checkpoint implements port.Archive.
func (s *Archive) Checkpoint(ctx context.Context) (c port.Checkpoint, err error) {
	err = s.db.read(ctx, "read checkpoint", func(x rx) error {
		c, err = loadCheckpoint(x)
		return err
	})
	return c, err
}

func loadCheckpoint(x rx) (c port.Checkpoint, err error) {
	_, err = x.oneShared("SELECT source, section, owner, after, copied FROM checkpoint", func(r *row) {
		c = port.Checkpoint{
			Source: r.digest(), Section: port.Section(r.text()), Tenant: tenant.IDFromBytes(r.uuid()), After: r.text(), Copied: r.int(),
		}
	})
	return c, err
}

// SetCheckpoint implements port.Archive.
func (s *Archive) SetCheckpoint(ctx context.Context, c port.Checkpoint) error {
	return s.db.write(ctx, "store checkpoint", func(x *tx) error {
		if c == (port.Checkpoint{}) {
			_, err := x.execShared("DELETE FROM checkpoint")
			return err
		}
		_, err := x.execShared(`
			INSERT INTO checkpoint (one, source, section, owner, after, copied) VALUES (1, ?1, ?2, ?3, ?4, ?5)
			ON CONFLICT (one) DO UPDATE SET source = excluded.source, section = excluded.section, owner = excluded.owner,
			  after = excluded.after, copied = excluded.copied`, c.Source, string(c.Section), c.Tenant, c.After, c.Copied)
		return err
	})
}

// unfinished refuses a store into which a copy is under way.
func unfinished(c *conn) error {
	reached, err := loadCheckpoint(rx{c: c})
	if err == nil && reached != (port.Checkpoint{}) {
		err = port.ErrCopyUnfinished
	}
	return err
}
