package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/throttle"
)

// Counters implements port.Counters.
type Counters struct {
	db *DB
	// lanes are its own: a caller is in several at once, and nobody who is in
	// one for another reason may wait for those.
	lanes lanes
}

var _ port.Counters = (*Counters)(nil)

// NewCounters returns the counters of db.
func NewCounters(db *DB) *Counters {
	s := &Counters{db: db}
	s.lanes.open()
	return s
}

// counterDoc is a stored state, its key the _id. What is compared when it is
// replaced is the state itself: a change depends on nothing else.
type counterDoc struct {
	ID     []byte     `bson:"_id"`
	Count  int64      `bson:"count"`
	At     *time.Time `bson:"at,omitempty"`
	Forget *time.Time `bson:"forget,omitempty"`
}

// states are the states of keys; one that is not in it is zero.
type states map[secret.Digest]throttle.State

// Get implements port.Counters.
func (s *Counters) Get(ctx context.Context, keys ...secret.Digest) ([]throttle.State, error) {
	out := make([]throttle.State, len(keys))
	if len(keys) == 0 {
		return out, nil
	}
	err := s.db.do(ctx, "read counters", func(ctx context.Context) error {
		stored, err := s.load(ctx, keys...)
		for i, k := range keys {
			out[i] = stored[k]
		}
		return err
	})
	return out, err
}

func (s *Counters) load(ctx context.Context, keys ...secret.Digest) (states, error) {
	ids := make([][]byte, len(keys))
	for i := range keys {
		ids[i] = keys[i][:]
	}
	docs, err := list[counterDoc](ctx, s.db.collection(inCounters), bson.D{is("_id", bson.D{is("$in", ids)})})
	out := make(states, len(docs))
	for _, d := range docs {
		out[digestOf(d.ID)] = throttle.State{Count: int(d.Count), At: timeOf(d.At)}
	}
	return out, err
}

// Apply implements port.Counters.
func (s *Counters) Apply(ctx context.Context, changes ...port.CounterChange) error {
	if len(changes) == 0 {
		return nil
	}
	keys, ids := make([]secret.Digest, len(changes)), make([][]byte, len(changes))
	for i, c := range changes {
		keys[i], ids[i] = c.Key, c.Key[:]
	}
	return s.db.do(ctx, "apply counters", func(ctx context.Context) error {
		leave, err := s.lanes.enterAll(ctx, inCounters, ids...)
		if err != nil {
			return err
		}
		defer leave()
		stored, err := s.load(ctx, keys...)
		if err != nil {
			return err
		}
		for _, c := range changes {
			if err := s.apply(ctx, c, stored); err != nil {
				return err
			}
		}
		return nil
	})
}

// apply makes one change and notes in stored what is stored then.
func (s *Counters) apply(ctx context.Context, c port.CounterChange, stored states) error {
	for try := 0; ; try++ {
		before := stored[c.Key]
		now := c.Change(before)
		done, err := s.swap(ctx, c, before, now)
		if err != nil {
			return err
		}
		if done {
			stored[c.Key] = now
			return nil
		}
		if err := breath(ctx, try); err != nil {
			return err
		}
		again, err := s.load(ctx, c.Key)
		if err != nil {
			return err
		}
		stored[c.Key] = again[c.Key]
	}
}

// swap puts one state in the place of another, unless that is not stored any
// more.
func (s *Counters) swap(ctx context.Context, c port.CounterChange, before, now throttle.State) (done bool, err error) {
	all := s.db.collection(inCounters)
	doc := counterDoc{ID: c.Key[:], Count: int64(now.Count), At: moment(now.At)}
	switch {
	case now.Count == before.Count && now.At.Equal(before.At):
		return true, nil
	case now.Count == 0 && now.At.IsZero():
		return all.remove(ctx, stateOf(c.Key, before))
	}
	doc.Forget = moment(forgetAt(c, now))
	if before.Count == 0 && before.At.IsZero() {
		return all.insert(ctx, doc)
	}
	return all.replace(ctx, stateOf(c.Key, before), doc)
}

// stateOf is the filter for a key in a state that is not zero.
func stateOf(k secret.Digest, s throttle.State) bson.D {
	at := absent("at")
	if !s.At.IsZero() {
		at = is("at", s.At)
	}
	return bson.D{is("_id", k[:]), is("count", int64(s.Count)), at}
}

// forgetAt keeps a state for a day when the caller does not say how long it
// matters.
func forgetAt(c port.CounterChange, s throttle.State) time.Time {
	if c.Forget == nil {
		return s.At.Add(24 * time.Hour)
	}
	return c.Forget(s)
}

// sweepCounters removes the states that no longer matter.
func (db *DB) sweepCounters(ctx context.Context, now time.Time) error {
	return db.collection(inCounters).removeInSteps(ctx, "sweep counters", bson.D{is("forget", bson.D{is("$lte", now)})})
}
