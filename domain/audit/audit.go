// Package audit records decisions in hash chains: one chain for each tenant
// and writing process. A record holds the digest of its predecessor, so that a
// change, a gap or a new order shows.
package audit

import (
	"crypto/sha256"
	"encoding/binary"
	"maps"
	"slices"
	"time"

	"ostiary/domain/fault"
	"ostiary/domain/id"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

type (
	event  struct{}
	writer struct{}
)

// ID names an event.
type ID = id.UUID[event]

// IDFromBytes wraps 16 bytes.
func IDFromBytes(b [16]byte) ID { return id.FromBytes[event](b) }

// ParseID reads the canonical form.
func ParseID(s string) (ID, error) { return id.Parse[event](s) }

// WriterID names one run of one process.
type WriterID = id.UUID[writer]

// WriterIDFromBytes wraps 16 bytes.
func WriterIDFromBytes(b [16]byte) WriterID { return id.FromBytes[writer](b) }

// ParseWriterID reads the canonical form.
func ParseWriterID(s string) (WriterID, error) { return id.Parse[writer](s) }

// Outcome says how a decision went.
type Outcome string

// Granted and Refused.
const (
	Granted Outcome = "granted"
	Refused Outcome = "refused"
)

// Anonymous is the actor of whom nothing was proven.
const Anonymous = "anonymous:"

// Event is a decision. Details hold ids and codes, never addresses or secrets.
type Event struct {
	Tenant  tenant.ID // zero: the system's chain
	ID      ID
	At      time.Time
	Actor   string // kind:id, such as user:0198…, operator:, anonymous:
	Action  string // such as session.open
	Target  string // kind:id
	Outcome Outcome
	Request string
	Details map[string]string
}

// Refusal is the event of an action that nobody proven was refused: the steps
// of the refusal become its details.
func Refusal(t tenant.ID, action string, cause *fault.Error) Event {
	details := map[string]string{}
	for _, step := range cause.Trace() {
		details[step.Name] = step.Outcome
	}
	return Event{Tenant: t, Actor: Anonymous, Action: action, Outcome: Refused, Details: details}
}

// With returns the event with one more detail; e keeps its own.
func (e Event) With(name, value string) Event {
	details := maps.Clone(e.Details)
	if details == nil {
		details = map[string]string{}
	}
	details[name] = value
	e.Details = details
	return e
}

// Record is an event in its chain.
type Record struct {
	Event
	Writer WriterID
	Seq    int64 // 1, 2, 3 … without a gap
	Prev   secret.Digest
	Digest secret.Digest
}

// Chain puts an event after prev; the zero digest and seq 1 begin a chain.
func Chain(e Event, w WriterID, seq int64, prev secret.Digest) Record {
	r := Record{Event: e, Writer: w, Seq: seq, Prev: prev}
	r.Digest = r.Sum()
	return r
}

// Sum computes the digest over every member, each with its length before it,
// so that no two records share an encoding.
func (r Record) Sum() secret.Digest {
	h := sha256.New()
	put := func(b []byte) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(b)))
		h.Write(n[:])
		h.Write(b)
	}
	num := func(v int64) {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(v)) //nolint:gosec // two's complement is as good an encoding as any
		put(n[:])
	}
	t, w, i := r.Tenant.Bytes(), r.Writer.Bytes(), r.ID.Bytes()
	put(t[:])
	put(w[:])
	num(r.Seq)
	put(r.Prev[:])
	put(i[:])
	num(r.At.UnixMilli())
	for _, s := range []string{r.Actor, r.Action, r.Target, string(r.Outcome), r.Request} {
		put([]byte(s))
	}
	for _, k := range slices.Sorted(maps.Keys(r.Details)) {
		put([]byte(k))
		put([]byte(r.Details[k]))
	}
	return secret.Digest(h.Sum(nil))
}

// Head is the signed end of one chain of one writer. A set of heads names
// every writer, so that a missing chain shows.
type Head struct {
	Tenant tenant.ID
	Writer WriterID
	Seq    int64
	Digest secret.Digest
	At     time.Time
	MAC    secret.Digest
}

// Signed returns the bytes that the MAC covers.
func (h Head) Signed() []byte {
	t, w := h.Tenant.Bytes(), h.Writer.Bytes()
	out := append(append([]byte(nil), t[:]...), w[:]...)
	out = binary.BigEndian.AppendUint64(out, uint64(h.Seq)) //nolint:gosec // never negative
	out = append(out, h.Digest[:]...)
	return binary.BigEndian.AppendUint64(out, uint64(h.At.UnixMilli())) //nolint:gosec // after 1970
}
