package audit_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/audit"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

var at = time.Date(2026, 3, 4, 5, 6, 7, 89_000_000, time.UTC)

func event() audit.Event {
	return audit.Event{
		Tenant: tenant.IDFromBytes([16]byte{15: 1}), ID: audit.IDFromBytes([16]byte{15: 2}), At: at,
		Actor: "user:a", Action: "session.open", Target: "session:b", Outcome: audit.Granted, Request: "r",
		Details: map[string]string{"method": "pwd", "portal": "c"},
	}
}

func chained() audit.Record {
	return audit.Chain(event(), audit.WriterIDFromBytes([16]byte{15: 3}), 7, secret.Digest{9})
}

func TestChain_SealsTheEventInItsPlace(t *testing.T) {
	t.Parallel()
	r := chained()

	require.Equal(t, r.Sum(), r.Digest)
	require.Equal(t, int64(7), r.Seq)
	require.Equal(t, secret.Digest{9}, r.Prev)
	require.Equal(t, chained().Digest, r.Digest, "the same record has the same digest, whatever the order of its details")
}

func TestSum_ShowsEveryTampering(t *testing.T) {
	t.Parallel()
	sums := map[secret.Digest]string{chained().Digest: "untouched"}

	for name, tamper := range map[string]func(*audit.Record){
		"tenant":               func(r *audit.Record) { r.Tenant = tenant.ID{} },
		"writer":               func(r *audit.Record) { r.Writer = audit.WriterID{} },
		"number":               func(r *audit.Record) { r.Seq++ },
		"predecessor":          func(r *audit.Record) { r.Prev[31] = 1 },
		"id":                   func(r *audit.Record) { r.ID = audit.ID{} },
		"time":                 func(r *audit.Record) { r.At = r.At.Add(time.Millisecond) },
		"actor":                func(r *audit.Record) { r.Actor = "user:b" },
		"action":               func(r *audit.Record) { r.Action = "session.end" },
		"target":               func(r *audit.Record) { r.Target = "" },
		"outcome":              func(r *audit.Record) { r.Outcome = audit.Refused },
		"request":              func(r *audit.Record) { r.Request = "s" },
		"detail changed":       func(r *audit.Record) { r.Details["method"] = "otp" },
		"detail added":         func(r *audit.Record) { r.Details["x"] = "" },
		"detail removed":       func(r *audit.Record) { delete(r.Details, "portal") },
		"details gone":         func(r *audit.Record) { r.Details = nil },
		"detail renamed":       func(r *audit.Record) { delete(r.Details, "portal"); r.Details["portals"] = "c" },
		"text moved over":      func(r *audit.Record) { r.Actor, r.Action = "user:as", "ession.open" },
		"members exchanged":    func(r *audit.Record) { r.Actor, r.Target = r.Target, r.Actor },
		"detail to request":    func(r *audit.Record) { r.Request, r.Details = "rmethod", map[string]string{"pwd": "portal"} },
		"name to value":        func(r *audit.Record) { r.Details = map[string]string{"methodp": "wd", "portal": "c"} },
		"details run together": func(r *audit.Record) { r.Details = map[string]string{"method": "pwdportalc"} },
	} {
		r := chained()
		r.Details = map[string]string{"method": "pwd", "portal": "c"}
		tamper(&r)
		sum := r.Sum()
		require.NotContains(t, sums, sum, "%s is not told from %s", name, sums[sum])
		sums[sum] = name
	}
}

func TestHead_SignsEveryMember(t *testing.T) {
	t.Parallel()
	head := func() audit.Head {
		return audit.Head{
			Tenant: tenant.IDFromBytes([16]byte{15: 1}), Writer: audit.WriterIDFromBytes([16]byte{15: 2}), Seq: 3, Digest: secret.Digest{4}, At: at,
			MAC: secret.Digest{5},
		}
	}
	signed := map[string]bool{string(head().Signed()): true}

	for _, change := range []func(*audit.Head){
		func(h *audit.Head) { h.Tenant = tenant.ID{} },
		func(h *audit.Head) { h.Writer = audit.WriterID{} },
		func(h *audit.Head) {
			h.Tenant, h.Writer = tenant.IDFromBytes(h.Writer.Bytes()), audit.WriterIDFromBytes(h.Tenant.Bytes())
		},
		func(h *audit.Head) { h.Seq++ },
		func(h *audit.Head) { h.Digest[31]++ },
		func(h *audit.Head) { h.At = h.At.Add(time.Millisecond) },
	} {
		h := head()
		change(&h)
		signed[string(h.Signed())] = true
	}
	require.Len(t, signed, 7)

	other := head()
	other.MAC = secret.Digest{6}
	require.Equal(t, head().Signed(), other.Signed(), "but not its own signature")
}
