package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// Idempotency implements port.Idempotency.
type Idempotency struct{ db *DB }

var _ port.Idempotency = (*Idempotency)(nil)

// NewIdempotency returns the remembered requests of db.
func NewIdempotency(db *DB) *Idempotency { return &Idempotency{db: db} }

// remembered is how long an answer is kept.
const remembered = 24 * time.Hour

// requestDoc is what is stored under a key.
type requestDoc struct {
	ID       primitive.Binary `bson:"_id"`
	T        primitive.Binary `bson:"t"`
	Body     []byte           `bson:"body"`
	Lease    time.Time        `bson:"lease"`
	Expires  time.Time        `bson:"expires"`
	Answered *time.Time       `bson:"answered,omitempty"`
	Answer   []byte           `bson:"answer,omitempty"`
}

func requestKey(t tenant.ID, k port.IdempotencyKey) bson.E { return is("_id", key(t, k[:])) }

// Begin implements port.Idempotency. It takes a key that is free, forgotten,
// or whose owner vanished.
func (s *Idempotency) Begin(ctx context.Context, t tenant.ID, k port.IdempotencyKey, body secret.Digest, now time.Time,
	lease time.Duration,
) (state port.IdempotencyState, stored secret.Digest, answer []byte, err error) {
	mine := requestDoc{ID: key(t, k[:]), T: uuid(t.Bytes()), Body: body[:], Lease: now.Add(lease), Expires: now.Add(remembered)}
	err = s.db.do(ctx, "begin request", func(ctx context.Context) error {
		for try := 0; ; try++ {
			fresh, err := s.claim(ctx, t, mine, now)
			if err != nil {
				return err
			}
			if fresh {
				state, stored = port.Fresh, body
				return nil
			}
			var theirs requestDoc
			there, err := s.db.collection(inIdempotency).find(ctx, of(t, requestKey(t, k)), &theirs)
			if err != nil {
				return err
			}
			if there {
				state, stored, answer = theirs.standing()
				return nil
			}
			if err := breath(ctx, try); err != nil { // given up in between
				return err
			}
		}
	})
	return state, stored, answer, err
}

func (d requestDoc) standing() (port.IdempotencyState, secret.Digest, []byte) {
	if d.Answered == nil {
		return port.Running, digestOf(d.Body), nil
	}
	return port.Answered, digestOf(d.Body), d.Answer
}

// claim reports whether the key is the caller's now.
func (s *Idempotency) claim(ctx context.Context, t tenant.ID, mine requestDoc, now time.Time) (bool, error) {
	all := s.db.collection(inIdempotency)
	if ok, err := all.insert(ctx, mine); ok || err != nil {
		return ok, err
	}
	over := bson.D{is("$lte", now)}
	return all.replace(ctx, of(t, is("_id", mine.ID), is("$or", bson.A{
		bson.D{is("expires", over)},
		bson.D{absent("answered"), is("lease", over)},
	})), mine)
}

// Finish implements port.Idempotency. The first answer stands.
func (s *Idempotency) Finish(ctx context.Context, t tenant.ID, k port.IdempotencyKey, answer []byte, now time.Time) error {
	return s.db.do(ctx, "finish request", func(ctx context.Context) error {
		_, err := s.db.collection(inIdempotency).update(ctx, of(t, requestKey(t, k), absent("answered")),
			set(is("answered", now), is("answer", answer), is("expires", now.Add(remembered))))
		return err
	})
}

// Abandon implements port.Idempotency.
func (s *Idempotency) Abandon(ctx context.Context, t tenant.ID, k port.IdempotencyKey) error {
	return s.db.do(ctx, "abandon request", func(ctx context.Context) error {
		_, err := s.db.collection(inIdempotency).remove(ctx, of(t, requestKey(t, k), absent("answered")))
		return err
	})
}
