package mongo

import (
	"context"
	"sync"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
)

const (
	// block is how many numbers one write reserves.
	block = 64
	// reserves bounds the blocks kept in memory. Gaps are allowed, so a block
	// may be given up at any time.
	reserves = 4096
)

// Kinds of numbers, as the last byte of their keys.
const (
	companyNumbers byte = 1
	contactNumbers byte = 2
	tagNumbers     byte = 3
)

// Numbers implements port.Numbers.
type Numbers struct{ db *DB }

var _ port.Numbers = (*Numbers)(nil)

// NewNumbers returns the numbers of db.
func NewNumbers(db *DB) *Numbers { return &Numbers{db: db} }

// numberDoc says up to which number a kind may have been given away.
type numberDoc struct {
	ID   primitive.Binary `bson:"_id"`
	T    primitive.Binary `bson:"t"`
	Last int64            `bson:"last"`
}

// blocks are what this process has reserved.
type blocks struct {
	mu sync.Mutex
	of map[sequence]*reserve
}

type sequence struct {
	tenant tenant.ID
	kind   byte
}

// reserve is the unused rest of a block. Who holds turn may take from it.
type reserve struct {
	turn       chan struct{}
	last, upTo int64
}

func (b *blocks) reserve(q sequence) *reserve {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.of[q]
	if !ok {
		if b.of == nil || len(b.of) >= reserves {
			b.of = map[sequence]*reserve{}
		}
		r = &reserve{turn: make(chan struct{}, 1)}
		b.of[q] = r
	}
	return r
}

// Company implements port.Numbers.
func (s *Numbers) Company(ctx context.Context, t tenant.ID) (company.ID, error) {
	return draw(ctx, s.db, sequence{t, companyNumbers}, company.IDOf)
}

// Contact implements port.Numbers.
func (s *Numbers) Contact(ctx context.Context, t tenant.ID) (contact.ID, error) {
	return draw(ctx, s.db, sequence{t, contactNumbers}, contact.IDOf)
}

// Tag implements port.Numbers.
func (s *Numbers) Tag(ctx context.Context, t tenant.ID) (contact.TagID, error) {
	return draw(ctx, s.db, sequence{t, tagNumbers}, contact.TagIDOf)
}

func draw[N any](ctx context.Context, db *DB, q sequence, of func(int64) (N, error)) (out N, err error) {
	err = db.do(ctx, "reserve numbers", func(ctx context.Context) error {
		n, err := db.next(ctx, q)
		if err != nil {
			return err
		}
		out, err = of(n)
		return err
	})
	return out, err
}

func (db *DB) next(ctx context.Context, q sequence) (int64, error) {
	r := db.numbers.reserve(q)
	select {
	case r.turn <- struct{}{}:
		defer func() { <-r.turn }()
	case <-ctx.Done():
		return 0, ctx.Err()
	}
	if r.last == r.upTo {
		upTo, err := db.extend(ctx, q)
		if err != nil {
			return 0, err
		}
		r.last, r.upTo = upTo-block, upTo
	}
	r.last++
	return r.last, nil
}

// extend reserves a block and returns its last number.
func (db *DB) extend(ctx context.Context, q sequence) (int64, error) {
	var d numberDoc
	for try := 0; ; try++ {
		_, err := db.collection(inNumbers).take(ctx, of(q.tenant, is("_id", key(q.tenant, []byte{q.kind}))),
			bson.D{is("$inc", bson.D{is("last", int64(block))})}, &d, options.FindOneAndUpdate().SetUpsert(true))
		if !mongo.IsDuplicateKeyError(err) {
			return d.Last, err
		}
		// Two processes reserved the first block at once.
		if err := breath(ctx, try); err != nil {
			return 0, err
		}
	}
}
