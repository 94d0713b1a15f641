package operation_test

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

func without(of tenant.ID) func([]port.AuditChain) []port.AuditChain {
	return func(cs []port.AuditChain) []port.AuditChain {
		return slices.DeleteFunc(cs, func(c port.AuditChain) bool { return c.Tenant == of })
	}
}

func withoutHeads(of tenant.ID) func([]audit.Head) []audit.Head {
	return func(hs []audit.Head) []audit.Head {
		return slices.DeleteFunc(hs, func(h audit.Head) bool { return h.Tenant == of })
	}
}

// signed records n events of acme and signs them.
func signed(t *testing.T, n int) (*kit, *archive) {
	t.Helper()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)
	for range n {
		require.NoError(t, r.Record(t.Context(), event(k.acme.ID(), "thing.done")))
	}
	require.NoError(t, r.SignHeads(t.Context()))
	require.Empty(t, k.verify(t, a).Findings)
	return k, a
}

// tampered is what somebody who can write to the store may do to five records.
var tampered = map[string]struct {
	tamper func([]audit.Record) []audit.Record
	flaw   operation.Flaw
	seq    int64
	gone   bool // there is no event to name
}{
	"a member was changed": {func(rs []audit.Record) []audit.Record {
		rs[2].Actor = "user:somebody-else"
		return rs
	}, operation.Changed, 3, false},
	"a detail was changed": {func(rs []audit.Record) []audit.Record {
		rs[2].Details = map[string]string{"code": "other"}
		return rs
	}, operation.Changed, 3, false},
	"a record was rewritten with its digest": {func(rs []audit.Record) []audit.Record {
		rs[2].Actor = "user:somebody-else"
		rs[2].Digest = rs[2].Sum()
		return rs
	}, operation.Changed, 3, false},
	"the whole rest was rewritten": {func(rs []audit.Record) []audit.Record {
		rs[2].Actor = "user:somebody-else"
		for i := 2; i < len(rs); i++ {
			rs[i] = audit.Chain(rs[i].Event, rs[i].Writer, rs[i].Seq, rs[i-1].Digest)
		}
		return rs
	}, operation.Changed, 5, false}, // the end is what is signed
	"one was removed": {func(rs []audit.Record) []audit.Record {
		return slices.Delete(rs, 2, 3)
	}, operation.Removed, 3, true},
	"the first was removed": {func(rs []audit.Record) []audit.Record {
		return rs[1:]
	}, operation.Removed, 1, true},
	"the last was removed": {func(rs []audit.Record) []audit.Record {
		return rs[:4]
	}, operation.Removed, 5, true},
	"all were removed": {func([]audit.Record) []audit.Record {
		return nil
	}, operation.Removed, 1, true},
	"two changed places": {func(rs []audit.Record) []audit.Record {
		rs[1].Seq, rs[2].Seq = rs[2].Seq, rs[1].Seq
		return rs
	}, operation.Reordered, 2, false},
	"one was removed and the rest moved up": {func(rs []audit.Record) []audit.Record {
		rs = slices.Delete(rs, 2, 3)
		for i := range rs {
			rs[i].Seq = int64(i + 1)
		}
		return rs
	}, operation.Reordered, 3, false},
}

func TestVerify_NamesTheFirstFlaw(t *testing.T) {
	t.Parallel()
	for name, c := range tampered {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k, a := signed(t, 5)
			a.records = func(chain port.AuditChain, rs []audit.Record) []audit.Record {
				if chain.Tenant == k.acme.ID() {
					return c.tamper(rs)
				}
				return rs
			}

			found := k.verify(t, a).Findings

			require.Len(t, found, 1)
			require.Equal(t, c.flaw, found[0].Flaw)
			require.Equal(t, c.seq, found[0].Seq)
			require.Equal(t, k.acme.ID(), found[0].Chain.Tenant)
			require.Equal(t, c.gone, found[0].Event.IsZero())
		})
	}
}

func TestVerify_MissesAChainThatIsGoneWithItsHead(t *testing.T) {
	t.Parallel()
	k, a := signed(t, 3)
	a.chains, a.heads = without(k.acme.ID()), withoutHeads(k.acme.ID())

	found := k.verify(t, a).Findings

	require.Len(t, found, 1)
	require.Equal(t, operation.Missing, found[0].Flaw)
	require.Equal(t, k.acme.ID(), found[0].Chain.Tenant)
}

func TestVerify_MissesAWriterThatIsGoneAltogether(t *testing.T) {
	t.Parallel()
	k, a := signed(t, 3)
	gone := k.stored(t, a, k.acme.ID())[0].Writer
	next := k.recorder(a)
	require.NoError(t, next.Record(t.Context(), event(k.other.ID(), "later")))
	require.NoError(t, next.SignHeads(t.Context()))
	require.Empty(t, k.verify(t, a).Findings)

	a.chains = func(cs []port.AuditChain) []port.AuditChain {
		return slices.DeleteFunc(cs, func(c port.AuditChain) bool { return c.Writer == gone })
	}
	a.heads = func(hs []audit.Head) []audit.Head {
		return slices.DeleteFunc(hs, func(h audit.Head) bool { return h.Writer == gone })
	}

	require.Equal(t, []operation.Finding{{Chain: port.AuditChain{Writer: gone}, Flaw: operation.Missing}}, k.verify(t, a).Findings)
}

func TestVerify_RefusesAHeadOfAnotherKey(t *testing.T) {
	t.Parallel()
	k, a := signed(t, 3)
	a.heads = func(hs []audit.Head) []audit.Head {
		for i := range hs {
			if hs[i].Tenant == k.acme.ID() {
				hs[i].Seq--
			}
		}
		return hs
	}

	found := k.verify(t, a).Findings

	require.Len(t, found, 1)
	require.Equal(t, operation.Forged, found[0].Flaw)
}

func TestVerify_CountsWhatItRead(t *testing.T) {
	t.Parallel()
	k, a := signed(t, 1203) // more than one page

	report := k.verify(t, a)

	require.Equal(t, 2, report.Chains)
	require.Equal(t, int64(1203+2), report.Records)
}

func TestAudit_Permissions(t *testing.T) {
	t.Parallel()
	k, a := signed(t, 3)
	s := operation.NewAudit(k.tenants, a, fake.Vault{})
	list := func(c operation.Caller) error {
		_, _, err := s.List(t.Context(), operation.ListEventsInput{Caller: c, Query: operation.AuditQuery{Limit: 10}})
		return err
	}
	foreign, system := k.as(actor.AuditRead), k.as(actor.OperatorPermissions()...)
	foreign.Tenant, system.Tenant = "other", ""

	require.NoError(t, list(k.as(actor.AuditRead)))
	require.NoError(t, list(root))
	require.NoError(t, list(operation.Caller{Actor: operator}))
	require.ErrorIs(t, list(k.as(lacking(actor.AuditRead)...)), actor.ErrForbidden)
	require.ErrorIs(t, list(foreign), tenant.ErrNotFound)
	require.ErrorIs(t, list(system), actor.ErrForbidden)
	_, err := s.Verify(t.Context(), k.as(actor.OperatorPermissions()...).Actor)
	require.ErrorIs(t, err, actor.ErrForbidden)
}

func TestAudit_ListsNewestFirst(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a := newArchive(k)
	r := k.recorder(a)
	for _, action := range []string{"one", "two", "three"} {
		require.NoError(t, r.Record(t.Context(), event(k.acme.ID(), action)))
	}
	s := operation.NewAudit(k.tenants, a, fake.Vault{})

	items, more, err := s.List(t.Context(), operation.ListEventsInput{Caller: root, Query: operation.AuditQuery{Limit: 2}})
	require.NoError(t, err)
	require.True(t, more)
	require.Equal(t, "three", items[0].Action)
	rest, more, err := s.List(t.Context(), operation.ListEventsInput{Caller: root, Query: operation.AuditQuery{Limit: 2, Before: items[1].ID}})

	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, rest, 1)
	require.Equal(t, "one", rest[0].Action)
}
