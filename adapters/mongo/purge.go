package mongo

import (
	"bytes"
	"context"
	"errors"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/domain/tenant"
)

// rounds bounds how often a removed tenant's data is gone through.
const rounds = 5

// purge removes all that is left of a removed tenant but its audit records. It
// goes round until nothing is found, for writes that were under way when the
// tenant went.
func (db *DB) purge(ctx context.Context, t tenant.ID) error {
	for round, found := 0, true; found && round < rounds; round++ {
		found = false
		for _, table := range tables {
			if !table.owned || table.name == inAudit {
				continue
			}
			some, err := db.purgeFrom(ctx, t, table)
			if err != nil {
				return err
			}
			found = found || some
		}
	}
	return nil
}

// purgeFrom removes a tenant's data from one collection, and reports whether
// there was any.
func (db *DB) purgeFrom(ctx context.Context, t tenant.ID, from table) (found bool, err error) {
	c, all := db.collection(from.name), of(t, span(t, from.width))
	err = db.do(ctx, "find tenant data", func(ctx context.Context) (err error) {
		found, err = c.has(ctx, all)
		return err
	})
	if err != nil || !found {
		return false, err
	}
	return true, c.removeInSteps(ctx, "remove tenant data", all)
}

// buryAll purges removed tenants, and forgets those that went before: other
// processes may have known a tenant, and written in its name, for a moment
// longer.
func (db *DB) buryAll(ctx context.Context, before primitive.ObjectID) error {
	var doomed map[tenant.ID]primitive.ObjectID
	err := db.do(ctx, "find doomed tenants", func(ctx context.Context) (err error) {
		doomed, err = NewTenants(db).doomed(ctx)
		return err
	})
	for t, since := range doomed {
		purged := db.purge(ctx, t)
		err = errors.Join(err, purged)
		if purged != nil || bytes.Compare(since[:], before[:]) >= 0 {
			continue
		}
		err = errors.Join(err, db.do(ctx, "forget tenant", func(ctx context.Context) error {
			return NewTenants(db).forget(ctx, t)
		}))
	}
	return err
}
