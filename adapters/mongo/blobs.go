package mongo

import (
	"context"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/app/port"
	"ostiary/domain/avatar"
	"ostiary/domain/tenant"
)

// Blobs implements port.Blobs.
type Blobs struct{ db *DB }

var _ port.Blobs = (*Blobs)(nil)

// NewBlobs returns the blobs of db.
func NewBlobs(db *DB) *Blobs { return &Blobs{db: db} }

func (s *Blobs) all() collection { return s.db.collection(inBlobs) }

type blobDoc struct {
	ID    primitive.Binary `bson:"_id"`
	T     primitive.Binary `bson:"t"`
	Media string           `bson:"media"`
	Bytes []byte           `bson:"bytes"`
}

func blobKey(t tenant.ID, id avatar.BlobID) primitive.Binary {
	b := id.Bytes()
	return key(t, b[:])
}

// Put implements port.Blobs.
func (s *Blobs) Put(ctx context.Context, t tenant.ID, b avatar.Blob) error {
	d := blobDoc{ID: blobKey(t, b.ID), T: uuid(t.Bytes()), Media: b.Media, Bytes: b.Bytes}
	return s.db.do(ctx, "store blob", func(ctx context.Context) error {
		if ok, err := s.all().insert(ctx, d); ok || err != nil {
			return err
		}
		_, err := s.all().replace(ctx, of(t, is("_id", d.ID)), d)
		return err
	})
}

// Get implements port.Blobs.
func (s *Blobs) Get(ctx context.Context, t tenant.ID, id avatar.BlobID) (out avatar.Blob, found bool, err error) {
	err = s.db.do(ctx, "find blob", func(ctx context.Context) error {
		var d blobDoc
		if found, err = s.all().find(ctx, of(t, is("_id", blobKey(t, id))), &d); err != nil || !found {
			return err
		}
		out = avatar.Blob{ID: id, Media: d.Media, Bytes: d.Bytes}
		return nil
	})
	return out, found, err
}

// Delete implements port.Blobs.
func (s *Blobs) Delete(ctx context.Context, t tenant.ID, ids ...avatar.BlobID) error {
	if len(ids) == 0 {
		return nil
	}
	keys := make([]primitive.Binary, len(ids))
	for i, id := range ids {
		keys[i] = blobKey(t, id)
	}
	return s.db.do(ctx, "delete blobs", func(ctx context.Context) error {
		_, err := s.all().removeAll(ctx, of(t, keysIn(keys)))
		return err
	})
}
