package mongo

import (
	"context"
	"errors"
	"maps"
	"slices"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// Tenants implements port.Tenants. A tenant's codes, hosts and audience are
// claims of the zero tenant: they are unique in the deployment.
type Tenants struct{ db *DB }

var _ port.Tenants = (*Tenants)(nil)

// NewTenants returns the tenants of db.
func NewTenants(db *DB) *Tenants { return &Tenants{db: db} }

func (s *Tenants) all() collection { return s.db.collection(inTenants) }

func tenantChanged(t tenant.ID) []port.Change {
	return []port.Change{{Tenant: t, Kind: port.TenantChanged, ID: t.String()}}
}

// Add implements port.Tenants.
func (s *Tenants) Add(ctx context.Context, t *tenant.Tenant) error {
	return s.db.do(ctx, "add tenant", func(ctx context.Context) error {
		return again(ctx, func(ctx context.Context) error { return s.add(ctx, t) })
	})
}

func (s *Tenants) add(ctx context.Context, t *tenant.Tenant) error {
	token := primitive.NewObjectID()
	d := &tenantDoc{Stamp: stamped(t.ID(), uuid(t.ID().Bytes()))}
	d.become(t)
	ids, refusals := d.names()
	_, d.Claims, _ = rebind(nil, ids, token)
	draft := &tenantDoc{Stamp: d.Stamp, Bond: Bond{New: true, Limbo: &token, Want: &want{Claims: d.Claims}}}
	ok, err := s.all().insert(ctx, draft)
	if err != nil {
		return err
	}
	if !ok {
		return errTaken
	}
	return s.deal(draft, refusals, func(ctx context.Context) (bool, error) {
		return swap(ctx, s.all(), d, tenantChanged(t.ID()))
	}).close(ctx)
}

func (s *Tenants) deal(draft *tenantDoc, refusals map[string]error, commit func(context.Context) (bool, error)) deal {
	return deal{
		in: s.all(), owner: draft.Stamp, isNew: draft.New, claims: draft.Want.Claims, commit: commit,
		refusal: func(c claim) error { return refusals[string(c.ID.Data)] },
	}
}

// ByID implements port.Tenants.
func (s *Tenants) ByID(ctx context.Context, id tenant.ID) (*tenant.Tenant, error) {
	return s.one(ctx, is("_id", uuid(id.Bytes())))
}

// ByCode implements port.Tenants.
func (s *Tenants) ByCode(ctx context.Context, code tenant.Code) (*tenant.Tenant, error) {
	return s.one(ctx, is("code", string(code)))
}

// ByHost implements port.Tenants.
func (s *Tenants) ByHost(ctx context.Context, host tenant.Host) (*tenant.Tenant, error) {
	return s.one(ctx, is("hosts", string(host)))
}

func (s *Tenants) one(ctx context.Context, condition bson.E) (out *tenant.Tenant, err error) {
	err = s.db.do(ctx, "find tenant", func(ctx context.Context) error {
		d, err := s.load(ctx, condition)
		if err != nil {
			return err
		}
		out = d.tenant()
		return nil
	})
	return out, err
}

func (s *Tenants) load(ctx context.Context, condition bson.E) (*tenantDoc, error) {
	var d tenantDoc
	ok, err := s.all().find(ctx, bson.D{condition}, &d)
	if err == nil && (!ok || d.Code == "") {
		err = tenant.ErrNotFound
	}
	return &d, err
}

// Update implements port.Tenants.
func (s *Tenants) Update(ctx context.Context, id tenant.ID, change func(*tenant.Tenant) error) error {
	return s.db.do(ctx, "update tenant", func(ctx context.Context) error {
		b := id.Bytes()
		leave, err := s.db.lanes.enter(ctx, inTenants, b[:])
		if err != nil {
			return err
		}
		defer leave()
		return again(ctx, func(ctx context.Context) error { return s.update(ctx, id, change) })
	})
}

func (s *Tenants) update(ctx context.Context, id tenant.ID, change func(*tenant.Tenant) error) error {
	d, err := s.load(ctx, is("_id", uuid(id.Bytes())))
	if err != nil {
		return err
	}
	t := d.tenant()
	if err := ask(change, t); err != nil {
		return err
	}
	next, token := *d, primitive.NewObjectID()
	next.become(t)
	ids, refusals := next.names()
	stay, add, drop := rebind(d.Claims, ids, token)
	next.Claims = slices.Concat(stay, add)
	if len(add) == 0 {
		err = moved(swap(ctx, s.all(), &next, tenantChanged(id)))
	} else {
		d.Want, d.Limbo = &want{Claims: add}, &token
		if err := moved(swap(ctx, s.all(), d, nil)); err != nil {
			return err
		}
		next.Stamp = d.Stamp
		err = s.deal(d, refusals, func(ctx context.Context) (bool, error) {
			return swap(ctx, s.all(), &next, tenantChanged(id))
		}).close(ctx)
	}
	if err == nil && len(drop) > 0 {
		s.db.afterwards(ctx, "free names", deal{in: s.all(), owner: d.Stamp, claims: drop}.free)
	}
	return err
}

// Delete implements port.Tenants. The tenant goes in one write; what was its
// own follows in batches, as far as the time of a step goes, and the rest by
// the janitor's hand.
func (s *Tenants) Delete(ctx context.Context, id tenant.ID, version int64) error {
	err := s.db.do(ctx, "delete tenant", func(ctx context.Context) error {
		return again(ctx, func(ctx context.Context) error { return s.delete(ctx, id, version) })
	})
	if err != nil {
		return err
	}
	rest, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.db.within)
	defer cancel()
	if err := s.db.purge(rest, id); err != nil {
		s.db.report(err)
	}
	return nil
}

func (s *Tenants) delete(ctx context.Context, id tenant.ID, version int64) error {
	d, err := s.load(ctx, is("_id", uuid(id.Bytes())))
	if err != nil {
		return err
	}
	if version != 0 && version != d.Version {
		return port.ErrVersion
	}
	if err := s.db.removeJobs(ctx, tenant.Code(d.Code)); err != nil {
		return err
	}
	token := primitive.NewObjectID()
	rest := &tenantDoc{Stamp: d.Stamp, Bond: Bond{Limbo: &token}, Gone: true, Left: d.Claims}
	return moved(swap(ctx, s.all(), rest, tenantChanged(id)))
}

// removeJobs removes mail that was asked for in the name of a tenant.
func (db *DB) removeJobs(ctx context.Context, code tenant.Code) error {
	_, err := db.collection(inOutbox).removeAll(ctx, bson.D{is("folded", string(code))})
	return err
}

// forget frees the names of a removed tenant and removes what told of it.
func (s *Tenants) forget(ctx context.Context, id tenant.ID) error {
	var d tenantDoc
	ok, err := s.all().find(ctx, of(id, is("_id", uuid(id.Bytes())), is("gone", true)), &d)
	if err != nil || !ok {
		return err
	}
	if err := (deal{in: s.all(), owner: d.Stamp, claims: d.Left}).free(ctx); err != nil {
		return err
	}
	_, err = s.all().remove(ctx, d.at())
	return err
}

// doomed lists removed tenants that are not forgotten yet, and since when each
// is removed.
func (s *Tenants) doomed(ctx context.Context) (map[tenant.ID]primitive.ObjectID, error) {
	ds, err := list[tenantDoc](ctx, s.all(), bson.D{is("gone", true), present("limbo")})
	out := make(map[tenant.ID]primitive.ObjectID, len(ds))
	for _, d := range ds {
		out[tenant.IDFromBytes(sixteen(d.ID))] = *d.Limbo
	}
	return out, err
}

func (s *Tenants) doomedIDs(ctx context.Context) ([]tenant.ID, error) {
	doomed, err := s.doomed(ctx)
	return slices.Collect(maps.Keys(doomed)), err
}

// resumeTenants takes back the writes on tenants that nobody has gone on with
// since before. Removed tenants are bury's.
func (db *DB) resumeTenants(ctx context.Context, before primitive.ObjectID) error {
	s := NewTenants(db)
	var old []tenantDoc
	err := db.do(ctx, "find unfinished tenants", func(ctx context.Context) (err error) {
		old, err = list[tenantDoc](ctx, s.all(), bson.D{is("limbo", bson.D{is("$lt", before)}), absent("gone")})
		return err
	})
	for i := range old {
		err = errors.Join(err, db.do(ctx, "take back tenant", func(ctx context.Context) error {
			return s.all().takeBack(ctx, tenant.ID{}, &old[i].Stamp, &old[i].Bond)
		}))
	}
	return err
}

// List implements port.Tenants.
func (s *Tenants) List(ctx context.Context, after tenant.Code, limit int) (out []*tenant.Tenant, err error) {
	err = s.db.do(ctx, "list tenants", func(ctx context.Context) error {
		ds, err := list[tenantDoc](ctx, s.all(), bson.D{is("code", bson.D{is("$gt", string(after))})},
			options.Find().SetSort(bson.D{is("code", 1)}).SetLimit(int64(limit)))
		out = nil
		for i := range ds {
			out = append(out, ds[i].tenant())
		}
		return err
	})
	return out, err
}

// OriginAllowed implements port.Tenants.
func (s *Tenants) OriginAllowed(ctx context.Context, origin string) (allowed bool, err error) {
	err = s.db.do(ctx, "find origin", func(ctx context.Context) error {
		allowed, err = s.all().has(ctx, bson.D{is("origins", origin), is("status", string(tenant.Active))})
		return err
	})
	return allowed, err
}
