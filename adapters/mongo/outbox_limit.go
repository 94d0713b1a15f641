package mongo

import (
	"context"
	"encoding/binary"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/domain/outbox"
	"ostiary/domain/throttle"
)

// originDoc is what is remembered of one origin of jobs: when the newest of
// them were asked for, as many as its limit allows. Token is another after
// every write, so that nothing is lost between reading and writing.
type originDoc struct {
	ID     []byte             `bson:"_id"`
	Asked  []byte             `bson:"asked"`
	Forget *time.Time         `bson:"forget,omitempty"`
	Token  primitive.ObjectID `bson:"tok"`
}

// times are the times of an origin's jobs, newest first. They are stored in
// eight bytes each: a limit may be a million, more than a BSON array of dates
// can hold.
type times []time.Time

func (ts times) bytes() []byte {
	out := make([]byte, 0, 8*len(ts))
	for _, t := range ts {
		out = binary.BigEndian.AppendUint64(out, uint64(t.UnixMilli())) //nolint:gosec // read back as it was
	}
	return out
}

func timesOf(b []byte) times {
	var out times
	for ; len(b) >= 8; b = b[8:] {
		out = append(out, time.UnixMilli(int64(binary.BigEndian.Uint64(b))).UTC()) //nolint:gosec // written from an int64
	}
	return out
}

// full returns how long a job asked for at that time must wait: until the
// oldest of the newest ones, as many as the limit allows, leaves the window.
func (ts times) full(asked time.Time, limit throttle.Limit) time.Duration {
	if len(ts) < limit.Count {
		return 0
	}
	return max(0, ts[limit.Count-1].Add(limit.Window).Sub(asked))
}

// with adds one and keeps as many as matter: older ones never will again.
func (ts times) with(asked time.Time, limit throttle.Limit) times {
	at, _ := slices.BinarySearchFunc(ts, asked, func(t, asked time.Time) int { return asked.Compare(t) })
	out := slices.Insert(ts, at, asked)
	return out[:min(len(out), limit.Count)]
}

func (ts times) without(asked time.Time) times {
	if at := slices.IndexFunc(ts, asked.Equal); at >= 0 {
		return slices.Delete(ts, at, at+1)
	}
	return ts
}

// admit counts a job against its origin, or returns throttle.ErrLimited.
func (db *DB) admit(ctx context.Context, j outbox.Job, limit throttle.Limit) error {
	return db.reviseOrigin(ctx, j, limit, func(ts times, asked time.Time) (times, error) {
		if wait := ts.full(asked, limit); wait > 0 {
			return nil, throttle.ErrLimited.After(wait)
		}
		return ts.with(asked, limit), nil
	})
}

// takeBack undoes admit for a job that was not stored.
func (db *DB) takeBack(ctx context.Context, j outbox.Job, limit throttle.Limit) error {
	return db.reviseOrigin(ctx, j, limit, func(ts times, asked time.Time) (times, error) { return ts.without(asked), nil })
}

// reviseOrigin replaces the times of a job's origin, given when that job was
// asked for, unless another write came first; then it begins anew.
func (db *DB) reviseOrigin(ctx context.Context, j outbox.Job, limit throttle.Limit, change func(times, time.Time) (times, error)) error {
	if limit.Off() || j.Origin.IsZero() {
		return nil
	}
	leave, err := db.lanes.enter(ctx, inOrigins, j.Origin[:])
	if err != nil {
		return err
	}
	defer leave()
	for try := 0; ; try++ {
		var before originDoc
		known, err := db.collection(inOrigins).find(ctx, bson.D{is("_id", j.Origin[:])}, &before)
		if err != nil {
			return err
		}
		ts, err := change(timesOf(before.Asked), j.Asked.Truncate(time.Millisecond))
		if err != nil {
			return err
		}
		now := originDoc{ID: j.Origin[:], Asked: ts.bytes(), Token: primitive.NewObjectID()}
		if len(ts) > 0 {
			now.Forget = moment(ts[0].Add(limit.Window))
		}
		if done, err := db.swapOrigin(ctx, known, before, now); done || err != nil {
			return err
		}
		if err := breath(ctx, try); err != nil {
			return err
		}
	}
}

func (db *DB) swapOrigin(ctx context.Context, known bool, before, now originDoc) (done bool, err error) {
	origins := db.collection(inOrigins)
	asIs := bson.D{is("_id", now.ID), is("tok", before.Token)}
	switch nothing := len(now.Asked) == 0; {
	case !known && nothing:
		return true, nil
	case !known:
		return origins.insert(ctx, now)
	case nothing:
		return origins.remove(ctx, asIs)
	default:
		return origins.replace(ctx, asIs, now)
	}
}
