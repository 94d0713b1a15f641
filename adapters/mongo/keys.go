package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"ostiary/app/port"
	"ostiary/domain/keyset"
)

// Keys implements port.Keys.
type Keys struct{ db *DB }

var _ port.Keys = (*Keys)(nil)

// NewKeys returns the key set of db.
func NewKeys(db *DB) *Keys { return &Keys{db: db} }

// theKeys is the _id of the one document.
const theKeys = "keys"

type keysDoc struct {
	ID      string   `bson:"_id"`
	Version int64    `bson:"version"`
	Keys    []keyDoc `bson:"keys"`
}

type keyDoc struct {
	ID        string     `bson:"id"`
	Algorithm string     `bson:"alg"`
	Public    []byte     `bson:"public"`
	Private   []byte     `bson:"private"`
	Created   *time.Time `bson:"created,omitempty"`
	SignsFrom *time.Time `bson:"from,omitempty"`
	Retired   *time.Time `bson:"retired,omitempty"`
}

func docOfKeys(s keyset.Set) keysDoc {
	d := keysDoc{ID: theKeys, Version: s.Version, Keys: make([]keyDoc, len(s.Keys))}
	for i, k := range s.Keys {
		d.Keys[i] = keyDoc{
			ID: k.ID, Algorithm: string(k.Algorithm), Public: k.Public, Private: k.Private,
			Created: moment(k.Created), SignsFrom: moment(k.SignsFrom), Retired: moment(k.Retired),
		}
	}
	return d
}

func (d keysDoc) set() keyset.Set {
	s := keyset.Set{Version: d.Version, Keys: make([]keyset.Key, len(d.Keys))}
	for i, k := range d.Keys {
		s.Keys[i] = keyset.Key{
			ID: k.ID, Algorithm: keyset.Algorithm(k.Algorithm), Public: k.Public, Private: k.Private,
			Created: timeOf(k.Created), SignsFrom: timeOf(k.SignsFrom), Retired: timeOf(k.Retired),
		}
	}
	return s
}

// Load implements port.Keys.
func (s *Keys) Load(ctx context.Context) (out keyset.Set, err error) {
	err = s.db.do(ctx, "load keys", func(ctx context.Context) error {
		d, err := s.load(ctx)
		out = d.set()
		return err
	})
	return out, err
}

func (s *Keys) load(ctx context.Context) (d keysDoc, err error) {
	_, err = s.db.collection(inKeys).find(ctx, bson.D{is("_id", theKeys)}, &d)
	return d, err
}

// Save implements port.Keys.
func (s *Keys) Save(ctx context.Context, set keyset.Set) error {
	return s.db.do(ctx, "save keys", func(ctx context.Context) error {
		leave, err := s.db.lanes.enter(ctx, inKeys, nil)
		if err != nil {
			return err
		}
		defer leave()
		stored, err := s.load(ctx)
		if err != nil {
			return err
		}
		if stored.Version != set.Version-1 {
			return port.ErrVersion
		}
		return s.db.change(ctx, []port.Change{{Kind: port.KeysChanged}}, func(ctx context.Context) error {
			ok, err := s.swap(ctx, set)
			if err == nil && !ok {
				err = port.ErrVersion
			}
			return err
		})
	})
}

// swap stores a set in the place of the one before it.
func (s *Keys) swap(ctx context.Context, set keyset.Set) (bool, error) {
	all, doc := s.db.collection(inKeys), docOfKeys(set)
	if set.Version == 1 {
		return all.insert(ctx, doc)
	}
	return all.replace(ctx, bson.D{is("_id", theKeys), is("version", set.Version-1)}, doc)
}
