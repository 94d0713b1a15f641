package mongo

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// uuid is how ids of sixteen bytes are stored: BSON binary of subtype 4.
func uuid(b [16]byte) primitive.Binary {
	return primitive.Binary{Subtype: bson.TypeBinaryUUID, Data: b[:]}
}

// sixteen reads a uuid; nothing stored is the zero id.
func sixteen(b primitive.Binary) (out [16]byte) {
	copy(out[:], b.Data)
	return out
}

// key makes the _id of tenant data: the tenant and what is unique below it, of
// one length throughout a collection, so that ids sort as their parts do
// (BSON compares binary by length first) and one range holds a tenant.
func key(t tenant.ID, parts ...[]byte) primitive.Binary {
	b := t.Bytes()
	return primitive.Binary{Data: append(b[:], bytes.Join(parts, nil)...)}
}

// numeral is an integer id, never negative, as a part of a key.
func numeral(n int64) []byte {
	return binary.BigEndian.AppendUint64(nil, uint64(n)) //nolint:gosec // ids are positive
}

// digested is text of any length as a part of a key. Each part's length is in
// it, so that no two lists of parts run together.
func digested(parts ...string) []byte {
	h := sha256.New()
	for _, p := range parts {
		h.Write(numeral(int64(len(p))))
		h.Write([]byte(p))
	}
	return h.Sum(nil)
}

// digest stores a zero digest as nothing.
func digest(d secret.Digest) []byte {
	if d.IsZero() {
		return nil
	}
	return d[:]
}

// digestOf reads what digest stored.
func digestOf(b []byte) (out secret.Digest) {
	copy(out[:], b)
	return out
}

// moment stores a zero time as nothing: BSON dates hold milliseconds of years
// that a zero time.Time lies beyond.
func moment(t time.Time) *time.Time {
	if t.IsZero() {
		return nil
	}
	t = t.UTC()
	return &t
}

// timeOf reads what moment stored.
func timeOf(t *time.Time) time.Time {
	if t == nil {
		return time.Time{}
	}
	return t.UTC()
}

// pair is one entry of a map whose keys may hold what BSON field names must
// not.
type pair[V any] struct {
	Key   string `bson:"k"`
	Value V      `bson:"v"`
}

// pairs keeps nil apart from empty.
func pairs[K ~string, V any](m map[K]V) []pair[V] {
	if m == nil {
		return nil
	}
	out := make([]pair[V], 0, len(m))
	for k, v := range m {
		out = append(out, pair[V]{Key: string(k), Value: v})
	}
	return out
}

func mapOf[K ~string, V any](ps []pair[V]) map[K]V {
	if ps == nil {
		return nil
	}
	out := make(map[K]V, len(ps))
	for _, p := range ps {
		out[K(p.Key)] = p.Value
	}
	return out
}

// numberOf reads an integer id, 0 as the zero id.
func numberOf[N any](n int64, of func(int64) (N, error)) (N, error) {
	var zero N
	if n == 0 {
		return zero, nil
	}
	id, err := of(n)
	if err != nil {
		return zero, fmt.Errorf("%w: %w", errStored, err)
	}
	return id, nil
}

// stamp begins every document that is changed by comparing revisions.
type Stamp struct {
	ID  primitive.Binary `bson:"_id"`
	T   primitive.Binary `bson:"t"`
	Rev int64            `bson:"rev"`
}

func stamped(t tenant.ID, id primitive.Binary) Stamp {
	return Stamp{ID: id, T: uuid(t.Bytes()), Rev: 1}
}

func (s *Stamp) head() *Stamp { return s }

// document is what has a stamp.
type document interface{ head() *Stamp }

// of begins a filter on one tenant's data.
func of(t tenant.ID, rest ...bson.E) bson.D {
	return append(bson.D{{Key: "t", Value: uuid(t.Bytes())}}, rest...)
}

// is is one condition or member, to be read as "field is value".
func is(field string, value any) bson.E { return bson.E{Key: field, Value: value} }

// absent and present are conditions on whether a field is there.
func absent(field string) bson.E { return is(field, bson.D{{Key: "$exists", Value: false}}) }

func present(field string) bson.E { return is(field, bson.D{{Key: "$exists", Value: true}}) }

// set is an update that sets members.
func set(members ...bson.E) bson.D { return bson.D{{Key: "$set", Value: bson.D(members)}} }

// bounds are the least and the greatest key of a tenant, or of a part of one,
// in a collection whose keys are width bytes beyond the tenant.
func bounds(t tenant.ID, width int, prefix ...[]byte) (lo, hi primitive.Binary) {
	head := bytes.Join(prefix, nil)
	rest := width - len(head)
	return key(t, head, make([]byte, rest)), key(t, head, bytes.Repeat([]byte{0xff}, rest))
}

// span is the condition that a key lies within those bounds.
func span(t tenant.ID, width int, prefix ...[]byte) bson.E {
	lo, hi := bounds(t, width, prefix...)
	return is("_id", bson.D{{Key: "$gte", Value: lo}, {Key: "$lte", Value: hi}})
}
