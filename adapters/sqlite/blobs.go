package sqlite

import (
	"context"

	"ostiary/app/port"
	"ostiary/domain/avatar"
	"ostiary/domain/tenant"
)

// Blobs implements port.Blobs.
type Blobs struct{ db *DB }

var _ port.Blobs = (*Blobs)(nil)

// NewBlobs returns the blobs of db.
func NewBlobs(db *DB) *Blobs { return &Blobs{db: db} }

// Put implements port.Blobs.
func (s *Blobs) Put(ctx context.Context, t tenant.ID, b avatar.Blob) error {
	return s.db.write(ctx, "store blob", func(x *tx) error {
		_, err := x.exec(t, `
			INSERT INTO blobs (tenant, id, media, bytes) VALUES (?1, ?2, ?3, ?4)
			ON CONFLICT (tenant, id) DO UPDATE SET media = excluded.media, bytes = excluded.bytes`, b.ID, b.Media, b.Bytes)
		return err
	})
}

// Get implements port.Blobs.
func (s *Blobs) Get(ctx context.Context, t tenant.ID, id avatar.BlobID) (out avatar.Blob, found bool, err error) {
	err = s.db.read(ctx, "find blob", func(x rx) error {
		found, err = x.one(t, "SELECT media, bytes FROM blobs WHERE tenant = ?1 AND id = ?2", func(r *row) {
			out = avatar.Blob{ID: id, Media: r.text(), Bytes: r.bytes()}
		}, id)
		return err
	})
	return out, found, err
}

// Delete implements port.Blobs.
func (s *Blobs) Delete(ctx context.Context, t tenant.ID, ids ...avatar.BlobID) error {
	if len(ids) == 0 {
		return nil
	}
	return s.db.write(ctx, "delete blobs", func(x *tx) error {
		for _, id := range ids {
			if _, err := x.exec(t, "DELETE FROM blobs WHERE tenant = ?1 AND id = ?2", id); err != nil {
				return err
			}
		}
		return nil
	})
}
