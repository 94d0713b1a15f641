package sqlite

import (
	"context"

	"ostiary/app/port"
	"ostiary/domain/keyset"
	"ostiary/domain/tenant"
)

// Keys implements port.Keys.
type Keys struct{ db *DB }

var _ port.Keys = (*Keys)(nil)

// NewKeys returns the key set of db.
func NewKeys(db *DB) *Keys { return &Keys{db: db} }

// Load implements port.Keys.
func (s *Keys) Load(ctx context.Context) (out keyset.Set, err error) {
	err = s.db.snapshot(ctx, "load keys", func(x rx) error {
		if out.Version, err = keysVersion(x); err != nil {
			return err
		}
		return x.allShared(`
			SELECT id, algorithm, public, private, created, signs_from, retired FROM keys ORDER BY place`, func(r *row) {
			out.Keys = append(out.Keys, keyset.Key{
				ID: r.text(), Algorithm: keyset.Algorithm(r.text()), Public: r.bytes(), Private: r.bytes(),
				Created: r.time(), SignsFrom: r.time(), Retired: r.time(),
			})
		})
	})
	return out, err
}

func keysVersion(x rx) (version int64, err error) {
	_, err = x.oneShared("SELECT version FROM keyset", func(r *row) { version = r.int() })
	return version, err
}

// Save implements port.Keys.
func (s *Keys) Save(ctx context.Context, set keyset.Set) error {
	return s.db.write(ctx, "save keys", func(x *tx) error {
		version, err := keysVersion(x.rx)
		if err != nil {
			return err
		}
		if version != set.Version-1 {
			return port.ErrVersion
		}
		if err := storeKeys(x, set); err != nil {
			return err
		}
		return x.announce(tenant.ID{}, port.KeysChanged, "")
	})
}

func storeKeys(x *tx, set keyset.Set) error {
	_, err := x.execShared(`
		INSERT INTO keyset (one, version) VALUES (1, ?1) ON CONFLICT (one) DO UPDATE SET version = ?1`, set.Version)
	if err != nil {
		return err
	}
	if _, err := x.execShared("DELETE FROM keys"); err != nil {
		return err
	}
	for i, k := range set.Keys {
		_, err := x.execShared(`
			INSERT INTO keys (place, id, algorithm, public, private, created, signs_from, retired)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)`,
			i, k.ID, string(k.Algorithm), k.Public, k.Private, k.Created, k.SignsFrom, k.Retired)
		if err != nil {
			return err
		}
	}
	return nil
}
