package mongo

import (
	"cmp"
	"context"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/outbox"
	"ostiary/domain/throttle"
)

// Outbox implements port.Outbox.
type Outbox struct{ db *DB }

var _ port.Outbox = (*Outbox)(nil)

// NewOutbox returns the outbox of db.
func NewOutbox(db *DB) *Outbox { return &Outbox{db: db} }

// keepDone is how long a job is kept after it is done, or longer when it still
// counts against its origin: an archive tells no more of origins than that.
const keepDone = 2 * time.Hour

// jobDoc is a stored job. One that is done is not due any more. Taken names
// the call of Lease that had it last.
type jobDoc struct {
	ID       primitive.Binary   `bson:"_id"`
	Kind     string             `bson:"kind"`
	Code     string             `bson:"code"`
	Folded   string             `bson:"folded"` // the code in lower case
	Address  string             `bson:"addr"`
	Contact  int64              `bson:"contact"`
	Binding  []byte             `bson:"bind,omitempty"`
	Origin   []byte             `bson:"origin,omitempty"`
	Request  string             `bson:"request"`
	Asked    *time.Time         `bson:"asked,omitempty"`
	Due      *time.Time         `bson:"due,omitempty"`
	Attempts int64              `bson:"attempts"`
	Done     *time.Time         `bson:"done,omitempty"`
	Was      *time.Time         `bson:"was,omitempty"`   // when one that is done was due
	Until    *time.Time         `bson:"until,omitempty"` // until when it counts against its origin
	Taken    primitive.ObjectID `bson:"taken,omitempty"`
}

func docOfJob(j outbox.Job) jobDoc {
	d := jobDoc{
		ID: uuid(j.ID.Bytes()), Kind: string(j.Kind), Code: j.Tenant, Folded: strings.ToLower(j.Tenant), Address: j.Address, Contact: j.Contact.Int(),
		Binding: digest(j.Binding), Origin: digest(j.Origin), Request: j.Request, Asked: moment(j.Asked),
		Attempts: int64(j.Attempts), Done: moment(j.Done),
	}
	if j.Done.IsZero() {
		d.Due = moment(j.Due)
	} else {
		d.Was = moment(j.Due)
	}
	return d
}

func (d jobDoc) job() (outbox.Job, error) {
	who, err := numberOf(d.Contact, contact.IDOf)
	if err != nil {
		return outbox.Job{}, err
	}
	return outbox.Job{
		ID: outbox.IDFromBytes(sixteen(d.ID)), Kind: outbox.Kind(d.Kind), Tenant: d.Code, Address: d.Address, Contact: who,
		Binding: digestOf(d.Binding), Origin: digestOf(d.Origin), Request: d.Request, Asked: timeOf(d.Asked),
		Due: timeOf(cmp.Or(d.Due, d.Was)), Attempts: int(d.Attempts), Done: timeOf(d.Done),
	}, nil
}

// Put implements port.Outbox. The job counts against its origin before it is
// stored.
func (s *Outbox) Put(ctx context.Context, j outbox.Job, limit throttle.Limit) error {
	d := docOfJob(j)
	d.Until = moment(j.Asked.Add(limit.Window))
	return s.db.do(ctx, "put job", func(ctx context.Context) error {
		if err := s.db.admit(ctx, j, limit); err != nil {
			return err
		}
		ok, err := s.db.collection(inOutbox).insert(ctx, d)
		if ok || err != nil {
			return err // what may be stored may be sent, so it counts
		}
		return cmp.Or(s.db.takeBack(ctx, j, limit), errTaken)
	})
}

// Lease implements port.Outbox. Workers of this process go one after the
// other: only other processes take what was found to be due.
func (s *Outbox) Lease(ctx context.Context, now time.Time, limit int) (out []outbox.Job, err error) {
	if limit < 1 {
		return nil, nil
	}
	err = s.db.do(ctx, "lease jobs", func(ctx context.Context) error {
		leave, err := s.db.lanes.enter(ctx, inOutbox, nil)
		if err != nil {
			return err
		}
		defer leave()
		for try := 0; ; try++ {
			ids, err := s.due(ctx, now, limit)
			if err != nil || len(ids) == 0 {
				return err
			}
			out, err = s.take(ctx, ids, now)
			if err != nil || len(out) > 0 {
				return err
			}
			if err := breath(ctx, try); err != nil {
				return err
			}
		}
	})
	if err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, func(a, b outbox.Job) int { return a.Asked.Compare(b.Asked) })
	return out, nil
}

// due finds jobs that are due, the longest first.
func (s *Outbox) due(ctx context.Context, now time.Time, limit int) ([]primitive.Binary, error) {
	docs, err := list[jobDoc](ctx, s.db.collection(inOutbox), dueAt(now),
		options.Find().SetSort(bson.D{is("due", 1), is("_id", 1)}).SetLimit(int64(limit)).SetProjection(bson.D{is("_id", 1)}))
	ids := make([]primitive.Binary, len(docs))
	for i, d := range docs {
		ids[i] = d.ID
	}
	return ids, err
}

func dueAt(now time.Time) bson.D { return bson.D{is("due", bson.D{is("$lte", now)})} }

// take marks those of the jobs that are still due and returns them. When the
// answer is lost they wait for their lease to end.
func (s *Outbox) take(ctx context.Context, ids []primitive.Binary, now time.Time) ([]outbox.Job, error) {
	jobs, these, mine := s.db.collection(inOutbox), is("_id", bson.D{is("$in", ids)}), primitive.NewObjectID()
	n, err := jobs.updateAll(ctx, append(dueAt(now), these),
		append(set(is("due", now.Add(outbox.Lease)), is("taken", mine)), is("$inc", bson.D{is("attempts", int64(1))})))
	if err != nil || n == 0 {
		return nil, err
	}
	docs, err := list[jobDoc](ctx, jobs, bson.D{these, is("taken", mine)})
	if err != nil {
		return nil, err
	}
	out := make([]outbox.Job, len(docs))
	for i, d := range docs {
		if out[i], err = d.job(); err != nil {
			return nil, err
		}
	}
	return out, nil
}

// Done implements port.Outbox.
func (s *Outbox) Done(ctx context.Context, id outbox.ID, now time.Time) error {
	return s.open(ctx, "finish job", id, append(set(is("done", now), is("addr", "")), is("$rename", bson.D{is("due", "was")})))
}

// Retry implements port.Outbox.
func (s *Outbox) Retry(ctx context.Context, id outbox.ID, due time.Time) error {
	return s.open(ctx, "put job off", id, set(is("due", due)))
}

// open changes a job unless it is done.
func (s *Outbox) open(ctx context.Context, what string, id outbox.ID, change bson.D) error {
	return s.db.do(ctx, what, func(ctx context.Context) error {
		_, err := s.db.collection(inOutbox).update(ctx, bson.D{is("_id", uuid(id.Bytes())), absent("done")}, change)
		return err
	})
}

// Next implements port.Outbox.
func (s *Outbox) Next(ctx context.Context) (due time.Time, err error) {
	err = s.db.do(ctx, "find next job", func(ctx context.Context) error {
		var d jobDoc
		_, err := s.db.collection(inOutbox).find(ctx, bson.D{present("due")}, &d,
			options.FindOne().SetSort(bson.D{is("due", 1)}).SetProjection(bson.D{is("due", 1)}))
		due = timeOf(d.Due)
		return err
	})
	return due, err
}

// sweepOutbox removes jobs that were done long ago and origins that asked long
// ago.
func (db *DB) sweepOutbox(ctx context.Context, now time.Time) error {
	old := bson.D{is("done", bson.D{is("$lte", now.Add(-keepDone))}), is("until", bson.D{is("$not", bson.D{is("$gt", now)})})}
	if err := db.collection(inOutbox).removeInSteps(ctx, "sweep jobs", old); err != nil {
		return err
	}
	return db.collection(inOrigins).removeInSteps(ctx, "sweep origins", bson.D{is("forget", bson.D{is("$lte", now)})})
}
