package contract

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

// Audit checks any port.Audit.
func Audit(t *testing.T, open Open) {
	checks{
		"Append/KeepsEveryMember":      auditKeepsEveryMember,
		"Append/NeverChangesARecord":   auditNeverChanges,
		"List/NewestFirst":             auditListNewestFirst,
		"List/Selects":                 auditListSelects,
		"List/HidesOtherTenants":       auditListHides,
		"Walk/RisesInPages":            auditWalk,
		"Chains/NamesEveryChain":       auditChains,
		"Sign/ReplacesTheLastHead":     auditSign,
		"Sign/SideBySide":              auditSignSideBySide,
		"Heads/StandsBesideAnEmptySet": auditHeads,
	}.together(t, open)
	checks{
		"Append/IsNeverHalfThere": auditNeverHalf,
		"Append/SideBySide":       auditAppendSideBySide,
	}.alone(t, open)
}

func auditWriter() audit.WriterID { return audit.WriterIDFromBytes(fake.UUID()) }

// auditRecord chains n events, a second apart.
func auditRecord(owner tenant.ID, w audit.WriterID, n int) []audit.Record {
	var out []audit.Record
	var prev secret.Digest
	for i := range n {
		r := audit.Chain(audit.Event{
			Tenant: owner, ID: audit.IDFromBytes(fake.UUID()), At: after(time.Duration(i) * time.Second),
			Actor: fmt.Sprintf("user:%d", i%2), Action: "session.open", Target: "session:1", Outcome: audit.Granted,
		}, w, int64(i)+1, prev)
		prev = r.Digest
		out = append(out, r)
	}
	return out
}

func walk(t testing.TB, s Store, c port.AuditChain, afterSeq int64, limit int) []audit.Record {
	t.Helper()
	got, err := s.Audit.Walk(t.Context(), c, afterSeq, limit)
	require.NoError(t, err)
	return got
}

func auditList(t testing.TB, s Store, owner tenant.ID, q port.AuditQuery) []audit.Record {
	t.Helper()
	got, err := s.Audit.List(t.Context(), owner, q)
	require.NoError(t, err)
	return got
}

func auditKeepsEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	for _, owner := range []tenant.ID{h.id, {}} {
		w := auditWriter()
		full := audit.Chain(audit.Event{
			Tenant: owner, ID: audit.IDFromBytes(fake.UUID()), At: moment, Actor: "user:1", Action: "a.b", Target: word,
			Outcome: audit.Refused, Request: "req", Details: map[string]string{"a.b": "c", "$d": word, "": "empty", "e": ""},
		}, w, 1, secret.Digest{})
		bare := audit.Chain(audit.Event{Tenant: owner, ID: audit.IDFromBytes(fake.UUID()), At: after(time.Millisecond)}, w, 2, full.Digest)
		require.NoError(t, s.Audit.Append(t.Context(), []audit.Record{full, bare}))

		got := walk(t, s, port.AuditChain{Tenant: owner, Writer: w}, 0, 10)

		same(t, []audit.Record{full, bare}, got)
		for _, r := range got {
			require.Equal(t, r.Digest, r.Sum(), "what is read adds up")
		}
	}
	require.NoError(t, s.Audit.Append(t.Context(), nil))
}

func auditNeverChanges(t *testing.T, s Store) {
	h, w := settle(t, s), auditWriter()
	first := auditRecord(h.id, w, 2)
	require.NoError(t, s.Audit.Append(t.Context(), first))
	forged, other := auditRecord(h.id, w, 2)[1:], auditRecord(h.id, auditWriter(), 3)

	require.Error(t, s.Audit.Append(t.Context(), append(slices.Clone(other), forged...)))

	same(t, first, walk(t, s, port.AuditChain{Tenant: h.id, Writer: w}, 0, 10))
	require.Empty(t, walk(t, s, port.AuditChain{Tenant: h.id, Writer: other[0].Writer}, 0, 10), "all or none")
	require.Len(t, auditList(t, s, h.id, port.AuditQuery{Limit: 10}), 2)
}

func auditAppendSideBySide(t *testing.T, s Store) {
	h := settle(t, s)
	chains := make([][]audit.Record, crowd)
	for i := range chains {
		chains[i] = auditRecord(h.id, auditWriter(), 4)
	}

	allWell(t, crowded(crowd, func(i int) error {
		if err := s.Audit.Append(t.Context(), chains[i][:1]); err != nil {
			return err
		}
		return s.Audit.Append(t.Context(), chains[i][1:])
	}))

	for _, want := range chains {
		same(t, want, walk(t, s, port.AuditChain{Tenant: h.id, Writer: want[0].Writer}, 0, 10))
	}
}

// auditNeverHalf reads while records of two tenants are appended together:
// whoever sees one sees all.
func auditNeverHalf(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	const size = 4
	mine, yours := auditRecord(ours.id, auditWriter(), size*crowd), auditRecord(theirs.id, auditWriter(), size*crowd)

	allWell(t, crowded(5, func(i int) error {
		for n := 0; n < crowd; n++ {
			if i == 0 {
				batch := append(slices.Clone(mine[n*size:(n+1)*size]), yours[n*size:(n+1)*size]...)
				if err := s.Audit.Append(t.Context(), batch); err != nil {
					return err
				}
				continue
			}
			first, err := s.Audit.Walk(t.Context(), port.AuditChain{Tenant: ours.id, Writer: mine[0].Writer}, 0, size*crowd)
			if err != nil {
				return err
			}
			second, err := s.Audit.Walk(t.Context(), port.AuditChain{Tenant: theirs.id, Writer: yours[0].Writer}, 0, size*crowd)
			if err != nil {
				return err
			}
			if len(first)%size != 0 || len(second)%size != 0 || len(second) < len(first) {
				return fmt.Errorf("half of an Append was seen: %d and then %d records", len(first), len(second))
			}
		}
		return nil
	}))
}

func auditListNewestFirst(t *testing.T, s Store) {
	h := settle(t, s)
	one, two := auditRecord(h.id, auditWriter(), 3), auditRecord(h.id, auditWriter(), 5)[3:]
	require.NoError(t, s.Audit.Append(t.Context(), two))
	require.NoError(t, s.Audit.Append(t.Context(), one))
	newest := []audit.Record{two[1], two[0], one[2], one[1], one[0]}

	same(t, newest, auditList(t, s, h.id, port.AuditQuery{}))
	same(t, newest[:2], auditList(t, s, h.id, port.AuditQuery{Limit: 2}))
	same(t, newest[2:4], auditList(t, s, h.id, port.AuditQuery{Limit: 2, Before: newest[1].ID}))
	same(t, newest[4:], auditList(t, s, h.id, port.AuditQuery{Limit: 2, Before: newest[3].ID}))
	require.Empty(t, auditList(t, s, h.id, port.AuditQuery{Limit: 2, Before: newest[4].ID}))
}

func auditListSelects(t *testing.T, s Store) {
	h := settle(t, s)
	rs := auditRecord(h.id, auditWriter(), 4) // actors 0, 1, 0, 1
	rs[3].Action = "session.openx"
	require.NoError(t, s.Audit.Append(t.Context(), rs))

	for _, row := range []struct {
		q    port.AuditQuery
		want []audit.Record
	}{
		{port.AuditQuery{Actor: "user:1"}, []audit.Record{rs[3], rs[1]}},
		{port.AuditQuery{Action: "session.open"}, []audit.Record{rs[2], rs[1], rs[0]}},
		{port.AuditQuery{Actor: "user:1", Action: "session.open"}, []audit.Record{rs[1]}},
		{port.AuditQuery{Actor: "user:"}, nil},
		{port.AuditQuery{Action: "session.%"}, nil},
		{port.AuditQuery{Since: rs[1].At}, []audit.Record{rs[3], rs[2], rs[1]}},
		{port.AuditQuery{Until: rs[1].At}, []audit.Record{rs[0]}},
		{port.AuditQuery{Since: rs[1].At, Until: rs[3].At}, []audit.Record{rs[2], rs[1]}},
		{port.AuditQuery{Since: rs[1].At, Until: rs[3].At, Before: rs[2].ID}, []audit.Record{rs[1]}},
		{port.AuditQuery{Since: rs[1].At, Until: rs[3].At, Actor: "user:0"}, []audit.Record{rs[2]}},
		{port.AuditQuery{Since: rs[3].At.Add(time.Millisecond)}, nil},
	} {
		row.q.Limit = 10
		same(t, row.want, auditList(t, s, h.id, row.q))
	}
}

func auditListHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	w := auditWriter()
	mine, yours, system := auditRecord(ours.id, w, 1), auditRecord(theirs.id, w, 2), auditRecord(tenant.ID{}, w, 3)
	require.NoError(t, s.Audit.Append(t.Context(), slices.Concat(mine, yours, system)))

	same(t, mine, auditList(t, s, ours.id, port.AuditQuery{Limit: 10}))
	require.Empty(t, auditList(t, s, ours.id, port.AuditQuery{Limit: 10, Before: mine[0].ID}))
	require.Len(t, auditList(t, s, theirs.id, port.AuditQuery{Limit: 10}), 2)
	for chain, want := range map[tenant.ID][]audit.Record{ours.id: mine, theirs.id: yours, {}: system} {
		same(t, want, walk(t, s, port.AuditChain{Tenant: chain, Writer: w}, 0, 10))
	}
	for _, r := range auditList(t, s, tenant.ID{}, port.AuditQuery{Limit: 1000}) {
		require.Zero(t, r.Tenant, "the system's own records are no tenant's")
	}
}

func auditWalk(t *testing.T, s Store) {
	h, w := settle(t, s), auditWriter()
	rs := auditRecord(h.id, w, 12) // 10 comes after 9
	require.NoError(t, s.Audit.Append(t.Context(), rs[6:]))
	require.NoError(t, s.Audit.Append(t.Context(), rs[:6]))
	chain := port.AuditChain{Tenant: h.id, Writer: w}

	same(t, rs, walk(t, s, chain, 0, 50))
	same(t, rs[:3], walk(t, s, chain, 0, 3))
	same(t, rs[8:11], walk(t, s, chain, 8, 3))
	require.Empty(t, walk(t, s, chain, 12, 3))
	require.Empty(t, walk(t, s, port.AuditChain{Tenant: h.id, Writer: auditWriter()}, 0, 3))
}

func head(owner tenant.ID, w audit.WriterID, seq int64) audit.Head {
	return audit.Head{Tenant: owner, Writer: w, Seq: seq, Digest: fake.Digest(), At: after(time.Duration(seq) * time.Millisecond), MAC: fake.Digest()}
}

// headsOf leaves out what other checks signed.
func headsOf(t testing.TB, s Store, w audit.WriterID) map[tenant.ID]audit.Head {
	t.Helper()
	got, err := s.Audit.Heads(t.Context())
	require.NoError(t, err)
	out := map[tenant.ID]audit.Head{}
	for _, h := range got {
		if h.Writer == w {
			require.NotContains(t, out, h.Tenant, "one head per chain")
			out[h.Tenant] = h
		}
	}
	return out
}

func auditChains(t *testing.T, s Store) {
	h := settle(t, s)
	both, recorded, signed := auditWriter(), auditWriter(), auditWriter()
	for _, w := range []audit.WriterID{both, recorded} {
		require.NoError(t, s.Audit.Append(t.Context(), auditRecord(h.id, w, 3)))
	}
	require.NoError(t, s.Audit.Append(t.Context(), auditRecord(tenant.ID{}, recorded, 1)))
	require.NoError(t, s.Audit.Sign(t.Context(), []audit.Head{head(h.id, both, 3), head(tenant.ID{}, signed, 7)}))

	got, err := s.Audit.Chains(t.Context())

	require.NoError(t, err)
	count := map[port.AuditChain]int{}
	for _, c := range got {
		count[c]++
	}
	for _, want := range []port.AuditChain{
		{Tenant: h.id, Writer: both},
		{Tenant: h.id, Writer: recorded},
		{Writer: recorded},
		{Writer: signed},
	} {
		require.Equal(t, 1, count[want], "a chain is named once")
	}
	require.NotContains(t, count, port.AuditChain{Tenant: h.id, Writer: signed})
}

func auditSign(t *testing.T, s Store) {
	h, w, other := settle(t, s), auditWriter(), auditWriter()
	old, stays := head(h.id, w, 1), head(h.id, other, 1)
	require.NoError(t, s.Audit.Sign(t.Context(), []audit.Head{old, stays}))
	renewed, system := head(h.id, w, 1<<40), head(tenant.ID{}, w, 1)

	require.NoError(t, s.Audit.Sign(t.Context(), []audit.Head{renewed, system}))

	same(t, map[tenant.ID]audit.Head{h.id: renewed, {}: system}, headsOf(t, s, w))
	same(t, map[tenant.ID]audit.Head{h.id: stays}, headsOf(t, s, other))
}

func auditSignSideBySide(t *testing.T, s Store) {
	h := settle(t, s)
	heads := make([]audit.Head, crowd)
	for i := range heads {
		heads[i] = head(h.id, auditWriter(), int64(i))
	}

	allWell(t, crowded(crowd, func(i int) error { return s.Audit.Sign(t.Context(), heads[i:i+1]) }))

	for _, want := range heads {
		same(t, map[tenant.ID]audit.Head{h.id: want}, headsOf(t, s, want.Writer))
	}
}

func auditHeads(t *testing.T, s Store) {
	require.NoError(t, s.Audit.Sign(t.Context(), nil))
	require.Empty(t, headsOf(t, s, auditWriter()))
}
