package mongo

import (
	"context"
	"errors"
	"math"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// Janitor implements port.Janitor.
type Janitor struct{ db *DB }

var _ port.Janitor = (*Janitor)(nil)

// NewJanitor returns the janitor of db.
func NewJanitor(db *DB) *Janitor { return &Janitor{db: db} }

const (
	// keepEnded is how long a session is kept after its end, so that a late
	// refresh with it is told from a guess.
	keepEnded = time.Hour
	// abandoned is how long a write may be unfinished before the janitor takes
	// care of it. Nothing hangs on it but who does the work: a writer that comes
	// back finds itself fenced.
	abandoned = 10 * time.Minute
	// turnLasts is how long other processes leave sweeping to one: less than the
	// time between two sweeps of a process, so that somebody always sweeps.
	turnLasts = 4 * time.Minute
)

// process tells this process from others.
var process = primitive.NewObjectID()

// Sweep implements port.Janitor. It does nothing while it is another process's
// turn. What goes wrong in one place keeps it from no other, unless the server
// is gone.
func (s *Janitor) Sweep(ctx context.Context, now time.Time) error {
	if mine, err := s.turn(ctx, process); !mine || err != nil {
		return err
	}
	db, before := s.db, idAt(now.Add(-abandoned))
	var failures error
	for _, part := range []func() error{
		func() error { return db.sweepCounters(ctx, now) },
		func() error { return db.sweepOutbox(ctx, now) },
		func() error { return s.expire(ctx, inLinks, now) },
		func() error { return s.expire(ctx, inSessions, now.Add(-keepEnded)) },
		func() error { return s.expire(ctx, inIdempotency, now) },
		func() error { return NewChanges(db).trim(ctx) },
		func() error { return s.settleAudit(ctx) },
		func() error { return s.resume(ctx, inCompanies, before, db.resumeCompanies) },
		func() error { return s.resume(ctx, inTags, before, db.resumeTags) },
		func() error { return s.resume(ctx, inContacts, before, db.resumeContacts) },
		func() error { return s.resume(ctx, inDocuments, before, db.removeTombstones) },
		func() error { return db.resumeTenants(ctx, before) },
		func() error { return db.buryAll(ctx, before) },
	} {
		err := part()
		failures = errors.Join(failures, err)
		if errors.Is(err, port.ErrUnavailable) || ctx.Err() != nil {
			break
		}
	}
	return failures
}

// turn reports whether it is a process's turn to sweep. Two that sweep at once
// do no harm but the same work.
func (s *Janitor) turn(ctx context.Context, who primitive.ObjectID) (mine bool, err error) {
	err = s.db.do(ctx, "take turn to sweep", func(ctx context.Context) error {
		now, err := s.db.serverTime(ctx)
		if err != nil {
			return err
		}
		free := bson.A{bson.D{is("by", who)}, bson.D{is("until", bson.D{is("$lte", now)})}}
		_, err = s.db.collection(inMeta).update(ctx, bson.D{is("_id", "sweep"), is("$or", free)},
			set(is("by", who), is("until", now.Add(turnLasts))), options.Update().SetUpsert(true))
		if mongo.IsDuplicateKeyError(err) {
			return nil
		}
		mine = err == nil
		return err
	})
	return mine, err
}

// expire removes what has expired from tenant to tenant.
func (s *Janitor) expire(ctx context.Context, name string, before time.Time) error {
	c := s.db.collection(name)
	return c.eachTenant(ctx, func(t tenant.ID) error {
		return c.removeInSteps(ctx, "remove what expired", of(t, is("expires", bson.D{is("$lte", before)})))
	})
}

// settleAudit goes by the server's time, as the writers of batches do.
func (s *Janitor) settleAudit(ctx context.Context) error {
	var now time.Time
	err := s.db.do(ctx, "ask for the time", func(ctx context.Context) (err error) {
		now, err = s.db.serverTime(ctx)
		return err
	})
	if err != nil {
		return err
	}
	return NewAudit(s.db).settle(ctx, now)
}

// resume goes from tenant to tenant with data in a collection, and on to the
// next when one tenant's data is refused.
func (s *Janitor) resume(
	ctx context.Context, name string, before primitive.ObjectID, finish func(context.Context, tenant.ID, primitive.ObjectID) error,
) error {
	var failures error
	err := s.db.collection(name).eachTenant(ctx, func(t tenant.ID) error {
		err := finish(ctx, t, before)
		if errors.Is(err, port.ErrUnavailable) || ctx.Err() != nil {
			return err
		}
		failures = errors.Join(failures, err)
		return nil
	})
	return errors.Join(failures, err)
}

// idAt is the least ObjectID of a second. ObjectIDs tell the time until 2106
// (https://www.mongodb.com/docs/manual/reference/bson-types/#objectid).
func idAt(t time.Time) primitive.ObjectID {
	return primitive.NewObjectIDFromTimestamp(time.Unix(min(max(t.Unix(), 0), math.MaxUint32), 0))
}
