package mongo

import (
	"context"
	"errors"

	"ostiary/domain/tenant"
)

// rounds bounds how often a removed tenant's data is gone through.
const rounds = 5

// bury removes all that is left of a removed tenant but its audit records, and
// then what tells that it was removed. It goes round until nothing is found, for
// writes that were under way when the tenant went.
func (db *DB) bury(ctx context.Context, t tenant.ID) error {
	for round, found := 0, true; found && round < rounds; round++ {
		found = false
		for _, table := range tables {
			if !table.owned || table.name == inAudit {
				continue
			}
			some, err := db.purge(ctx, t, table)
			if err != nil {
				return err
			}
			found = found || some
		}
	}
	return db.do(ctx, "forget tenant", func(ctx context.Context) error { return NewTenants(db).forget(ctx, t) })
}

// purge removes a tenant's data from one collection, and reports whether there
// was any.
func (db *DB) purge(ctx context.Context, t tenant.ID, from table) (found bool, err error) {
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

// buryAll finishes what a crash left of removed tenants.
func (db *DB) buryAll(ctx context.Context) error {
	var doomed []tenant.ID
	err := db.do(ctx, "find doomed tenants", func(ctx context.Context) (err error) {
		doomed, err = NewTenants(db).doomed(ctx)
		return err
	})
	for _, t := range doomed {
		err = errors.Join(err, db.bury(ctx, t))
	}
	return err
}
