package sqlite

import (
	"context"

	"ostiary/domain/tenant"
)

// batch bounds the rows that one write removes.
const batch = 1000

// purge removes up to limit rows of a tenant's own data, and reports whether
// nothing is left.
func purge(x *tx, t tenant.ID, limit int) (bool, error) {
	left := int64(limit)
	for _, o := range owned {
		if o.table == "audit" {
			continue
		}
		n, err := x.exec(t, "DELETE FROM "+o.table+" WHERE tenant = ?1 AND ("+o.key+") IN (SELECT "+o.key+
			" FROM "+o.table+" WHERE tenant = ?1 LIMIT ?2)", left)
		if err != nil {
			return false, err
		}
		if left -= n; left <= 0 {
			return false, nil
		}
	}
	return true, nil
}

// bury removes all that is left of a doomed tenant.
func (db *DB) bury(ctx context.Context, t tenant.ID) error {
	for done := false; !done; {
		err := db.write(ctx, "remove tenant", func(x *tx) (err error) {
			if done, err = purge(x, t, batch); err != nil || !done {
				return err
			}
			_, err = x.execShared("DELETE FROM doomed WHERE tenant = ?1", t)
			return err
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// buryAll finishes what a crash left.
func (db *DB) buryAll(ctx context.Context) error {
	var doomed []tenant.ID
	err := db.read(ctx, "find doomed tenants", func(x rx) error {
		return x.allShared("SELECT tenant FROM doomed", func(r *row) {
			doomed = append(doomed, tenant.IDFromBytes(r.uuid()))
		})
	})
	if err != nil {
		return err
	}
	for _, t := range doomed {
		if err := db.bury(ctx, t); err != nil {
			return err
		}
	}
	return nil
}
