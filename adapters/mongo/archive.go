package mongo

import (
	"context"
	"fmt"
	"slices"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// Archive implements port.Archive. What a crash left half done is as ports show
// it: what they hide is no record.
type Archive struct{ db *DB }

var _ port.Archive = (*Archive)(nil)

// NewArchive returns the archive of db.
func NewArchive(db *DB) *Archive { return &Archive{db: db} }

// part is how one section is stored.
type part struct {
	in      string // the collection
	live    bson.D // what makes a document of it a record
	members bson.D // the projection, nil for all
	// place is the condition that a document comes after that one.
	place  func(t tenant.ID, after string) (bson.E, error)
	record func(bson.Raw) (any, error)
	write  func(context.Context, *DB, tenant.ID, []any) error

	// settle does what must be done before a tenant's records can be told.
	settle func(context.Context, *DB, tenant.ID) error
	// count and page are there where a filter and the order of ids do not do.
	count func(context.Context, *DB, tenant.ID) (int64, error)
	page  func(context.Context, *DB, excerpt) ([]any, error)
}

// excerpt says what is read of a section.
type excerpt struct {
	tenant tenant.ID
	after  string
	limit  int
}

func partOf(s port.Section) (part, error) {
	p, ok := parts[s]
	if !ok {
		return part{}, fmt.Errorf("mongo: section %q is not known", s)
	}
	return p, nil
}

// filter is that for a tenant's records, or for all when the section is shared.
func (p part) filter(t tenant.ID, rest ...bson.E) bson.D {
	if isOwned(p.in) {
		return append(of(t, p.live...), rest...)
	}
	return append(append(bson.D{}, p.live...), rest...)
}

// whole is that for all of them. A span of keys goes with the tenant: not every
// collection has an index that begins with t.
func (p part) whole(t tenant.ID) bson.D {
	if isOwned(p.in) {
		return p.filter(t, span(t, widthOf(p.in)))
	}
	return p.filter(t)
}

// values reads records by rising key.
func (p part) values(ctx context.Context, db *DB, e excerpt) (out []any, err error) {
	if p.page != nil {
		return p.page(ctx, db, e)
	}
	place, err := p.place(e.tenant, e.after)
	if err != nil {
		return nil, malformed(err)
	}
	find := options.Find().SetSort(bson.D{is("_id", 1)}).SetLimit(int64(e.limit))
	if p.members != nil {
		find.SetProjection(p.members)
	}
	err = db.do(ctx, "read archive", func(ctx context.Context) error {
		out = nil
		return db.collection(p.in).each(ctx, p.filter(e.tenant, place), func(raw bson.Raw) error {
			v, err := p.record(raw)
			out = append(out, v)
			return err
		}, find)
	})
	return out, err
}

func malformed(err error) error { return fmt.Errorf("read archive: the place is malformed: %w", err) }

// Owners implements port.Archive. It leaps from tenant to tenant along the ids.
func (s *Archive) Owners(ctx context.Context, section port.Section) (out []tenant.ID, err error) {
	p, err := partOf(section)
	if err != nil {
		return nil, err
	}
	var doomed []tenant.ID
	if section != port.SectionAudit {
		err := s.db.do(ctx, "find doomed tenants", func(ctx context.Context) (err error) {
			doomed, err = NewTenants(s.db).doomedIDs(ctx)
			return err
		})
		if err != nil {
			return nil, err
		}
	}
	if p.settle != nil {
		err := s.db.collection(inCompanies).eachTenant(ctx, func(t tenant.ID) error { return p.settle(ctx, s.db, t) })
		if err != nil {
			return nil, err
		}
	}
	err = s.db.collection(p.in).eachTenant(ctx, func(t tenant.ID) error {
		if slices.Contains(doomed, t) {
			return nil
		}
		first, err := p.values(ctx, s.db, excerpt{tenant: t, limit: 1})
		if len(first) > 0 {
			out = append(out, t)
		}
		return err
	})
	return out, err
}

// Count implements port.Archive.
func (s *Archive) Count(ctx context.Context, t tenant.ID, section port.Section) (n int64, err error) {
	p, err := partOf(section)
	if err != nil {
		return 0, err
	}
	if p.settle != nil {
		if err := p.settle(ctx, s.db, t); err != nil {
			return 0, err
		}
	}
	err = s.db.do(ctx, "count records", func(ctx context.Context) (err error) {
		if p.count != nil {
			n, err = p.count(ctx, s.db, t)
		} else {
			n, err = s.db.collection(p.in).count(ctx, p.whole(t))
		}
		return err
	})
	return n, err
}

// Read implements port.Archive.
func (s *Archive) Read(ctx context.Context, t tenant.ID, section port.Section, after string, limit int) ([]port.Record, error) {
	p, err := partOf(section)
	if err != nil || limit < 1 {
		return nil, err
	}
	if p.settle != nil && after == "" {
		if err := p.settle(ctx, s.db, t); err != nil {
			return nil, err
		}
	}
	values, err := p.values(ctx, s.db, excerpt{t, after, limit})
	if err != nil {
		return nil, err
	}
	out := make([]port.Record, len(values))
	for i, v := range values {
		out[i] = port.RecordOf(v)
	}
	return out, nil
}

// Write implements port.Archive.
func (s *Archive) Write(ctx context.Context, t tenant.ID, section port.Section, rs []port.Record) error {
	p, err := partOf(section)
	if err != nil {
		return err
	}
	values := make([]any, len(rs))
	for i, r := range rs {
		if !r.Belongs(t, section) {
			return port.ErrForeignRecord
		}
		values[i] = r.Value
	}
	for some := range slices.Chunk(values, batch) {
		if err := p.write(ctx, s.db, t, some); err != nil {
			return err
		}
	}
	return nil
}

// Empty implements port.Archive. What ports hide counts too.
func (s *Archive) Empty(ctx context.Context) (bool, error) {
	some := false
	for _, table := range tables {
		if table.name == inChanges || table.name == inMeta {
			continue
		}
		err := s.db.do(ctx, "look for records", func(ctx context.Context) (err error) {
			c := s.db.collection(table.name)
			if table.owned {
				_, some, err = c.nextTenant(ctx, tenant.ID{}, true)
			} else {
				some, err = c.has(ctx, bson.D{})
			}
			return err
		})
		if some || err != nil {
			return false, err
		}
	}
	return true, nil
}

// theCopy is the _id of the one checkpoint.
const theCopy = "copy"

// checkpointDoc is the stored form of port.Checkpoint.
type checkpointDoc struct {
	ID      string           `bson:"_id"`
	Source  []byte           `bson:"source,omitempty"`
	Section string           `bson:"section"`
	Tenant  primitive.Binary `bson:"tenant"`
	After   string           `bson:"after"`
	Copied  int64            `bson:"copied"`
}

// Checkpoint implements port.Archive.
func (s *Archive) Checkpoint(ctx context.Context) (c port.Checkpoint, err error) {
	err = s.db.do(ctx, "read checkpoint", func(ctx context.Context) error {
		var d checkpointDoc
		_, err := s.db.collection(inMeta).find(ctx, bson.D{is("_id", theCopy)}, &d)
		c = port.Checkpoint{
			Source: digestOf(d.Source), Section: port.Section(d.Section), Tenant: tenant.IDFromBytes(sixteen(d.Tenant)),
			After: d.After, Copied: d.Copied,
		}
		return err
	})
	return c, err
}

// SetCheckpoint implements port.Archive.
func (s *Archive) SetCheckpoint(ctx context.Context, c port.Checkpoint) error {
	meta, this := s.db.collection(inMeta), bson.D{is("_id", theCopy)}
	return s.db.do(ctx, "store checkpoint", func(ctx context.Context) error {
		if c == (port.Checkpoint{}) {
			_, err := meta.remove(ctx, this)
			return err
		}
		_, err := meta.replace(ctx, this, checkpointDoc{
			ID: theCopy, Source: digest(c.Source), Section: string(c.Section), Tenant: uuid(c.Tenant.Bytes()),
			After: c.After, Copied: c.Copied,
		}, options.Replace().SetUpsert(true))
		return err
	})
}

// mayServe refuses a database that holds half a copy. Once one is found whole
// it stays so: a copy begins in an empty one.
func (db *DB) mayServe(ctx context.Context) error {
	if db.served.Load() {
		return nil
	}
	half, err := db.collection(inMeta).has(ctx, bson.D{is("_id", theCopy)})
	if err == nil && half {
		err = port.ErrCopyUnfinished
	}
	if err == nil && db.clock != nil {
		_, err = db.serverTime(ctx) // nothing is dated before it is known
	}
	if err == nil {
		db.served.Store(true)
	}
	return err
}
