package mongo

import (
	"bytes"
	"context"
	"encoding/binary"
	"errors"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
)

// placeOf is the _id of a record.
func placeOf(r audit.Record) primitive.Binary { return place(r.Tenant, r.Writer, numeral(r.Seq)) }

func place(t tenant.ID, w audit.WriterID, rest ...[]byte) primitive.Binary {
	b := w.Bytes()
	return key(t, append([][]byte{b[:]}, rest...)...)
}

// chainPlace reads what placeOf made.
func chainPlace(id primitive.Binary) (audit.WriterID, int64) {
	var b [16 + 16 + 8]byte
	copy(b[:], id.Data)
	return audit.WriterIDFromBytes([16]byte(b[16:32])), int64(binary.BigEndian.Uint64(b[32:])) //nolint:gosec // numeral made it
}

// reading selects audit records in an order.
type reading struct {
	tenant tenant.ID
	// by is the field that orders records, and order how.
	by    string
	order int
	// from, below and upto bound by; only upto is included.
	from, below, upto primitive.Binary
	narrowed          bool // upto is what the first pass saw
	rest              bson.D
	limit             int // 0: all
	// whole: what follows a record that is not committed is left out too. In a
	// chain there is nothing behind it, or it came after this reading began.
	whole bool
}

func (r reading) filter() bson.D {
	var bounds bson.D
	for _, b := range []bson.E{is("$gt", r.from), is("$lt", r.below), is("$lte", r.upto)} {
		if v, _ := b.Value.(primitive.Binary); len(v.Data) > 0 {
			bounds = append(bounds, b)
		}
	}
	filter := of(r.tenant)
	if len(bounds) > 0 {
		filter = append(filter, is(r.by, bounds))
	}
	return append(filter, r.rest...)
}

// verdicts tell of batches how many records the tenant has in them: none when
// they are not committed.
type verdicts map[primitive.ObjectID]int64

// counts reports whether a record is committed, as far as is known.
func (v verdicts) counts(d *recordDoc) (yes, known bool) {
	if d.Batch == nil {
		return true, true
	}
	n, known := v[*d.Batch]
	return n > 0, known
}

// read returns committed records. A batch that was found to be committed after
// only a part of it was seen is read again: the rest may have come in behind the
// reader. So is one that is not, since it may have been settled meanwhile. The
// first pass bounds the others, so that writers cannot keep a reader busy.
func (s *Audit) read(ctx context.Context, r reading) ([]audit.Record, error) {
	known := verdicts{}
	for {
		docs, err := s.pass(ctx, r, known)
		if err != nil {
			return nil, err
		}
		seen := map[primitive.ObjectID]int64{}
		for i := range docs {
			if _, judged := known.counts(&docs[i]); !judged {
				seen[*docs[i].Batch]++
			}
			r.narrow(&docs[i])
		}
		if len(seen) == 0 {
			return r.committed(docs, known), nil
		}
		if err := s.judge(ctx, r.tenant, seen, known); err != nil {
			return nil, err
		}
		whole := true
		for b, n := range seen {
			whole = whole && known[b] == n
		}
		if whole {
			return r.committed(docs, known), nil
		}
	}
}

// pass reads records in order. What is in doubt takes room as if it were
// committed.
func (s *Audit) pass(ctx context.Context, r reading, known verdicts) (out []recordDoc, err error) {
	find := options.Find().SetSort(bson.D{is(r.by, r.order)})
	if r.limit > 0 {
		find.SetBatchSize(int32(min(r.limit+1, batch))) //nolint:gosec // bounded by batch
	}
	err = s.all().each(ctx, r.filter(), func(raw bson.Raw) error {
		var d recordDoc
		if err := decode(raw, &d); err != nil {
			return err
		}
		if yes, judged := known.counts(&d); judged && !yes {
			if r.whole {
				return errEnough
			}
			return nil
		}
		if out = append(out, d); len(out) == r.limit {
			return errEnough
		}
		return nil
	}, find)
	if errors.Is(err, errEnough) {
		err = nil
	}
	return out, err
}

var errEnough = errors.New("mongo: enough was read")

// narrow keeps later passes from what lies above all that the first one saw.
func (r *reading) narrow(d *recordDoc) {
	v := d.ID
	if r.by != "_id" {
		v = d.Event
	}
	if !r.narrowed || bytes.Compare(v.Data, r.upto.Data) > 0 {
		r.narrowed, r.upto, r.below = true, v, primitive.Binary{}
	}
}

// committed leaves out what is not.
func (r *reading) committed(docs []recordDoc, known verdicts) []audit.Record {
	var out []audit.Record
	for i := range docs {
		if yes, _ := known.counts(&docs[i]); yes {
			out = append(out, docs[i].record())
		} else if r.whole {
			break
		}
	}
	return out
}

// judge looks up which batches are committed. Those that were not are asked for
// again: what a writer committed later must not count without what it committed
// before.
func (s *Audit) judge(ctx context.Context, t tenant.ID, seen map[primitive.ObjectID]int64, known verdicts) error {
	for b := range seen {
		known[b] = 0
	}
	var ids []primitive.ObjectID
	for b, n := range known {
		if n == 0 {
			ids = append(ids, b)
		}
	}
	return s.db.collection(inBatches).each(ctx, bson.D{is("_id", bson.D{is("$in", ids)}), absent("void")}, func(raw bson.Raw) error {
		var d batchDoc
		err := decode(raw, &d)
		known[d.ID] = d.share(t)
		return err
	})
}

// List implements port.Audit.
func (s *Audit) List(ctx context.Context, t tenant.ID, q port.AuditQuery) (out []audit.Record, err error) {
	r := reading{tenant: t, by: "id", order: -1, limit: q.Limit}
	if !q.Before.IsZero() {
		r.below = uuid(q.Before.Bytes())
	}
	var at bson.D
	if !q.Since.IsZero() {
		at = append(at, is("$gte", q.Since))
	}
	if !q.Until.IsZero() {
		at = append(at, is("$lt", q.Until))
	}
	if len(at) > 0 {
		r.rest = append(r.rest, is("at", at))
	}
	if q.Actor != "" {
		r.rest = append(r.rest, is("actor", q.Actor))
	}
	if q.Action != "" {
		r.rest = append(r.rest, is("action", q.Action))
	}
	err = s.db.do(ctx, "list audit records", func(ctx context.Context) error {
		out, err = s.read(ctx, r)
		return err
	})
	return out, err
}

// Walk implements port.Audit.
func (s *Audit) Walk(ctx context.Context, c port.AuditChain, after int64, limit int) (out []audit.Record, err error) {
	err = s.db.do(ctx, "walk audit chain", func(ctx context.Context) error {
		out, err = s.read(ctx, chainAfter(c, after, limit))
		return err
	})
	return out, err
}

func chainAfter(c port.AuditChain, after int64, limit int) reading {
	return reading{
		tenant: c.Tenant, by: "_id", order: 1, limit: limit, whole: true,
		from: place(c.Tenant, c.Writer, numeral(after)), upto: endOf(c),
	}
}

// endOf is the greatest _id in a chain.
func endOf(c port.AuditChain) primitive.Binary {
	return place(c.Tenant, c.Writer, bytes.Repeat([]byte{0xff}, 8))
}

// Chains implements port.Audit. It leaps from chain to chain along their keys,
// whatever their lengths.
func (s *Audit) Chains(ctx context.Context) (out []port.AuditChain, err error) {
	seen := map[port.AuditChain]bool{}
	note := func(c port.AuditChain) {
		if !seen[c] {
			seen[c], out = true, append(out, c)
		}
	}
	if err := s.all().eachTenant(ctx, func(t tenant.ID) error { return s.chainsOf(ctx, t, note) }); err != nil {
		return nil, err
	}
	heads, err := s.Heads(ctx)
	if err != nil {
		return nil, err
	}
	for _, h := range heads {
		note(port.AuditChain{Tenant: h.Tenant, Writer: h.Writer})
	}
	return out, nil
}

// chainsOf names a tenant's chains that have a record.
func (s *Audit) chainsOf(ctx context.Context, t tenant.ID, note func(port.AuditChain)) error {
	before, end := bounds(t, widthOf(inAudit))
	for from, op := before, "$gte"; ; op = "$gt" {
		var first struct {
			ID    primitive.Binary   `bson:"_id"`
			Batch primitive.ObjectID `bson:"batch"`
		}
		var c port.AuditChain
		found, there := false, false
		err := s.db.do(ctx, "find audit chains", func(ctx context.Context) (err error) {
			found, err = s.all().find(ctx, of(t, is("_id", bson.D{is(op, from), is("$lte", end)})), &first,
				options.FindOne().SetSort(bson.D{is("_id", 1)}).SetProjection(batchAlone))
			if err != nil || !found {
				return err
			}
			writer, _ := chainPlace(first.ID)
			c = port.AuditChain{Tenant: t, Writer: writer}
			if there = first.Batch.IsZero(); there {
				return nil
			}
			records, err := s.read(ctx, chainAfter(c, 0, 1))
			there = len(records) > 0
			return err
		})
		if err != nil || !found {
			return err
		}
		if there {
			note(c)
		}
		from = endOf(c)
	}
}
