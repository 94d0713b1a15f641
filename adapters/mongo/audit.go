package mongo

import (
	"context"
	"slices"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
)

// Audit implements port.Audit.
type Audit struct{ db *DB }

var _ port.Audit = (*Audit)(nil)

// NewAudit returns the audit records of db.
func NewAudit(db *DB) *Audit { return &Audit{db: db} }

func (s *Audit) all() collection { return s.db.collection(inAudit) }

// recordDoc is a record. Its _id holds the place in the chain: tenant, writer
// and number. Batch is there until it is on record that the batch was committed
// and nobody can doubt it any more.
type recordDoc struct {
	ID      primitive.Binary    `bson:"_id"`
	T       primitive.Binary    `bson:"t"`
	Event   primitive.Binary    `bson:"id"`
	At      time.Time           `bson:"at"`
	Actor   string              `bson:"actor"`
	Action  string              `bson:"action"`
	Target  string              `bson:"target"`
	Outcome string              `bson:"outcome"`
	Request string              `bson:"request"`
	Details []pair[string]      `bson:"details,omitempty"`
	Prev    []byte              `bson:"prev,omitempty"`
	Digest  []byte              `bson:"digest"`
	Batch   *primitive.ObjectID `bson:"batch,omitempty"`
}

func recordDocOf(r audit.Record, b *primitive.ObjectID) recordDoc {
	return recordDoc{
		ID: placeOf(r), T: uuid(r.Tenant.Bytes()), Event: uuid(r.ID.Bytes()), At: r.At, Actor: r.Actor, Action: r.Action,
		Target: r.Target, Outcome: string(r.Outcome), Request: r.Request, Details: pairs(r.Details),
		Prev: digest(r.Prev), Digest: digest(r.Digest), Batch: b,
	}
}

func (d *recordDoc) record() audit.Record {
	writer, seq := chainPlace(d.ID)
	return audit.Record{
		Event: audit.Event{
			Tenant: tenant.IDFromBytes(sixteen(d.T)), ID: audit.IDFromBytes(sixteen(d.Event)), At: d.At.UTC(),
			Actor: d.Actor, Action: d.Action, Target: d.Target, Outcome: audit.Outcome(d.Outcome), Request: d.Request,
			Details: mapOf[string](d.Details),
		},
		Writer: writer, Seq: seq, Prev: digestOf(d.Prev), Digest: digestOf(d.Digest),
	}
}

// Append implements port.Audit. One record is one write. Several are batch
// writes and then one that commits them: until it has happened readers leave
// them out.
//
// A place may be taken by an earlier try that failed half-way: nobody may commit
// that any more before the place is used again.
func (s *Audit) Append(ctx context.Context, records []audit.Record) error {
	if len(records) == 0 {
		return nil
	}
	return s.db.do(ctx, "append audit records", func(ctx context.Context) error {
		for try := 0; ; try++ {
			if done, err := s.put(ctx, records); done || err != nil {
				return err
			}
			if err := s.makeWay(ctx, records); err != nil {
				return err
			}
			if err := breath(ctx, try); err != nil {
				return err
			}
		}
	})
}

// put stores all records or, when a place is taken, none.
func (s *Audit) put(ctx context.Context, records []audit.Record) (bool, error) {
	if len(records) == 1 {
		return s.all().insert(ctx, recordDocOf(records[0], nil))
	}
	b := newBatch(records)
	docs := make([]any, len(records))
	for i, r := range records {
		docs[i] = recordDocOf(r, &b.ID)
	}
	err := s.all().insertAll(ctx, docs)
	if mongo.IsDuplicateKeyError(err) {
		return false, s.withdraw(ctx, b)
	}
	if err != nil {
		return false, err
	}
	return s.commit(ctx, b)
}

// makeWay frees the places of records from what a failed try left there. It
// returns errTaken for a place that a record holds for good.
func (s *Audit) makeWay(ctx context.Context, records []audit.Record) error {
	places := map[tenant.ID][]primitive.Binary{}
	for _, r := range records {
		places[r.Tenant] = append(places[r.Tenant], placeOf(r))
	}
	for t, ids := range places {
		left, err := list[batchOnly](ctx, s.all(), of(t, keysIn(ids)),
			options.Find().SetProjection(batchAlone))
		if err != nil {
			return err
		}
		for _, b := range batchesOf(left) {
			if b.IsZero() {
				return errHeld
			}
			if gone, err := s.discard(ctx, t, b); err != nil {
				return err
			} else if !gone {
				return errHeld
			}
		}
	}
	return nil
}

// errHeld is returned for a record whose place another one holds: most likely
// one of the writer's own, of which it never heard that it was stored. It
// outwaits that and looks where its chain ends.
var errHeld = port.ErrUnavailable.After(time.Second).Because(errTaken)

// headDoc is the signed end of a chain.
type headDoc struct {
	ID     primitive.Binary `bson:"_id"`
	Tenant primitive.Binary `bson:"tenant"`
	Writer primitive.Binary `bson:"writer"`
	Seq    int64            `bson:"seq"`
	Digest []byte           `bson:"digest,omitempty"`
	At     time.Time        `bson:"at"`
	MAC    []byte           `bson:"mac,omitempty"`
}

func headDocOf(h audit.Head) headDoc {
	w := h.Writer.Bytes()
	return headDoc{
		ID: key(h.Tenant, w[:]), Tenant: uuid(h.Tenant.Bytes()), Writer: uuid(w), Seq: h.Seq,
		Digest: digest(h.Digest), At: h.At, MAC: digest(h.MAC),
	}
}

func (d *headDoc) head() audit.Head {
	return audit.Head{
		Tenant: tenant.IDFromBytes(sixteen(d.Tenant)), Writer: audit.WriterIDFromBytes(sixteen(d.Writer)), Seq: d.Seq,
		Digest: digestOf(d.Digest), At: d.At.UTC(), MAC: digestOf(d.MAC),
	}
}

// Sign implements port.Audit.
func (s *Audit) Sign(ctx context.Context, heads []audit.Head) error {
	for some := range slices.Chunk(heads, batch) {
		rs := make([]replacement, len(some))
		for i, h := range some {
			d := headDocOf(h)
			rs[i] = replacement{filter: bson.D{is("_id", d.ID)}, doc: d}
		}
		err := s.db.do(ctx, "sign audit heads", func(ctx context.Context) error {
			return s.db.collection(inHeads).replaceAll(ctx, rs)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// Heads implements port.Audit.
func (s *Audit) Heads(ctx context.Context) (out []audit.Head, err error) {
	for after, full := (primitive.Binary{}), true; full; {
		var page []headDoc
		err := s.db.do(ctx, "read audit heads", func(ctx context.Context) (err error) {
			filter := bson.D{}
			if len(after.Data) > 0 {
				filter = bson.D{is("_id", bson.D{is("$gt", after)})}
			}
			page, err = list[headDoc](ctx, s.db.collection(inHeads), filter,
				options.Find().SetSort(bson.D{is("_id", 1)}).SetLimit(batch))
			return err
		})
		if err != nil {
			return nil, err
		}
		for i := range page {
			out = append(out, page[i].head())
			after = page[i].ID
		}
		full = len(page) == batch
	}
	return out, nil
}
