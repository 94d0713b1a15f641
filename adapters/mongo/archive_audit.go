package mongo

import (
	"context"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
)

// pageOfAudit leaves out what is not committed.
func pageOfAudit(ctx context.Context, db *DB, e excerpt) (out []any, err error) {
	writer, seq, _ := strings.Cut(e.after, "/")
	b, err := bytesAfter(writer, 16)
	if err != nil {
		return nil, malformed(err)
	}
	n, err := port.NumberOfKey(seq)
	if err != nil {
		return nil, malformed(err)
	}
	s := NewAudit(db)
	_, last := bounds(e.tenant, widthOf(inAudit))
	from := place(e.tenant, audit.WriterIDFromBytes([16]byte(b)), numeral(n))
	for more := true; more && len(out) < e.limit; {
		err = db.do(ctx, "read archive", func(ctx context.Context) error {
			room := e.limit - len(out)
			docs, err := list[recordDoc](ctx, s.all(), of(e.tenant, is("_id", bson.D{is("$gt", from), is("$lte", last)})),
				options.Find().SetSort(bson.D{is("_id", 1)}).SetLimit(int64(room)))
			if err != nil || len(docs) == 0 {
				more = false
				return err
			}
			known, err := s.judged(ctx, e.tenant, docs)
			if err != nil {
				return err
			}
			for i := range docs {
				if yes, _ := known.counts(&docs[i]); yes {
					out = append(out, docs[i].record())
				}
			}
			more, from = len(docs) == room, docs[len(docs)-1].ID
			return nil
		})
		if err != nil {
			return nil, err
		}
	}
	return out, nil
}

// judged looks up which of the batches in sight are committed.
func (s *Audit) judged(ctx context.Context, t tenant.ID, docs []recordDoc) (verdicts, error) {
	known, seen := verdicts{}, map[primitive.ObjectID]int64{}
	for i := range docs {
		if docs[i].Batch != nil {
			seen[*docs[i].Batch]++
		}
	}
	if len(seen) == 0 {
		return known, nil
	}
	return known, s.judge(ctx, t, seen, known)
}

// countAudit does the same.
func countAudit(ctx context.Context, db *DB, t tenant.ID) (int64, error) {
	s := NewAudit(db)
	n, err := s.all().count(ctx, of(t))
	if err != nil {
		return 0, err
	}
	marked, err := list[recordDoc](ctx, s.all(), of(t, present("batch")), options.Find().SetProjection(batchAlone))
	if err != nil {
		return 0, err
	}
	known, err := s.judged(ctx, t, marked)
	for i := range marked {
		if yes, _ := known.counts(&marked[i]); !yes {
			n--
		}
	}
	return n, err
}
