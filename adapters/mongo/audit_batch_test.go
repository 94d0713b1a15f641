package mongo_test

import (
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mongo"
	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
	"ostiary/test/mongod"
)

// chain is a tenant's chain that a test writes.
type chain struct {
	port.AuditChain
	store *mongo.Audit
	end   audit.Record
}

func newChain(store *mongo.Audit, owner tenant.ID) *chain {
	return &chain{AuditChain: port.AuditChain{Tenant: owner, Writer: audit.WriterIDFromBytes(fake.UUID())}, store: store}
}

// next builds records that follow what was appended.
func (c *chain) next(n int) []audit.Record {
	var out []audit.Record
	end := c.end
	for range n {
		end = audit.Chain(audit.Event{Tenant: c.Tenant, ID: audit.IDFromBytes(fake.UUID()), At: fake.Start}, c.Writer, end.Seq+1, end.Digest)
		out = append(out, end)
	}
	return out
}

func (c *chain) append(t *testing.T, n int) []audit.Record {
	t.Helper()
	rs := c.next(n)
	require.NoError(t, c.store.Append(t.Context(), rs))
	c.end = rs[n-1]
	return rs
}

// reads requires that the chain reads so, in every way.
func (c *chain) reads(t *testing.T, want ...audit.Record) {
	t.Helper()
	got, err := c.store.Walk(t.Context(), c.AuditChain, 0, 100)
	require.NoError(t, err)
	require.Equal(t, digests(want), digests(got))
	listed, err := c.store.List(t.Context(), c.Tenant, port.AuditQuery{Limit: 100})
	require.NoError(t, err)
	slices.Reverse(listed)
	require.Equal(t, digests(want), digests(listed))
	chains, err := c.store.Chains(t.Context())
	require.NoError(t, err)
	require.Equal(t, len(want) > 0, slices.Contains(chains, c.AuditChain))
}

func digests(rs []audit.Record) []secret.Digest {
	out := make([]secret.Digest, len(rs))
	for i, r := range rs {
		out[i] = r.Digest
	}
	return out
}

func auditOf(t *testing.T) (*mongo.Audit, time.Time) {
	t.Helper()
	db := open(t, mongod.Database(t))
	now, err := db.ServerTime(t.Context())
	require.NoError(t, err)
	return mongo.NewAudit(db), now
}

func TestAudit_ShowsABatchOnceItIsCommitted(t *testing.T) {
	t.Parallel()
	store, _ := auditOf(t)
	c := newChain(store, newTenant())
	rs := c.next(3)
	commit, err := store.Begin(t.Context(), rs)
	require.NoError(t, err)
	c.reads(t)

	done, err := commit(t.Context())

	require.NoError(t, err)
	require.True(t, done)
	c.reads(t, rs...)
}

func TestAudit_FillsPagesPastWhatIsNotCommitted(t *testing.T) {
	t.Parallel()
	store, _ := auditOf(t)
	owner := newTenant()
	old := newChain(store, owner).append(t, 4)
	_, err := store.Begin(t.Context(), newChain(store, owner).next(3))
	require.NoError(t, err)
	young := newChain(store, owner).append(t, 2)
	_, err = store.Begin(t.Context(), newChain(store, owner).next(3))
	require.NoError(t, err)

	got, err := store.List(t.Context(), owner, port.AuditQuery{Limit: 5})

	require.NoError(t, err)
	want := append(slices.Clone(old), young...)
	slices.Reverse(want)
	require.Equal(t, digests(want[:5]), digests(got))
}

func TestAudit_EndsAChainWhereABatchIsNotCommitted(t *testing.T) {
	t.Parallel()
	store, _ := auditOf(t)
	c := newChain(store, newTenant())
	rs := slices.Concat(c.append(t, 1), c.append(t, 3))
	_, err := store.Begin(t.Context(), c.next(2))
	require.NoError(t, err)

	c.reads(t, rs...)
}

// A recorder that heard of an outage looks, finds nothing and writes other
// events in the same places.
func TestAudit_PlacesOfAFailedTryAreFree(t *testing.T) {
	t.Parallel()
	store, _ := auditOf(t)
	for _, n := range []int{1, 2, 4} {
		c := newChain(store, newTenant())
		rs := c.append(t, 2)
		commit, err := store.Begin(t.Context(), c.next(3))
		require.NoError(t, err)

		rs = append(rs, c.append(t, n)...)

		c.reads(t, rs...)
		done, err := commit(t.Context())
		require.NoError(t, err)
		require.False(t, done, "what was given up comes too late")
		c.reads(t, rs...)
	}
}

func TestAudit_PlacesOfACommittedBatchAreNot(t *testing.T) {
	t.Parallel()
	store, _ := auditOf(t)
	c := newChain(store, newTenant())
	rs := c.append(t, 3)
	fork := &chain{AuditChain: c.AuditChain, store: store}

	require.ErrorIs(t, store.Append(t.Context(), fork.next(1)), mongo.ErrTaken)
	require.ErrorIs(t, store.Append(t.Context(), fork.next(5)), mongo.ErrTaken)

	c.reads(t, rs...)
}

func TestAudit_SettlesWhatIsCommitted(t *testing.T) {
	t.Parallel()
	store, now := auditOf(t)
	ours, theirs := newChain(store, newTenant()), newChain(store, newTenant())
	mine, yours := ours.next(3), theirs.next(2)
	require.NoError(t, store.Append(t.Context(), slices.Concat(mine, yours)))
	marked := func(want int64) {
		t.Helper()
		got, err := store.Marked(t.Context(), ours.Tenant)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}

	require.NoError(t, store.Settle(t.Context(), now))
	marked(3)
	require.NoError(t, store.Settle(t.Context(), now.Add(time.Hour)))
	marked(0)

	words, err := store.Words(t.Context())
	require.NoError(t, err)
	require.Zero(t, words)
	ours.reads(t, mine...)
	theirs.reads(t, yours...)
	fork := &chain{AuditChain: ours.AuditChain, store: store}
	require.ErrorIs(t, store.Append(t.Context(), fork.next(2)), mongo.ErrTaken)
}

func TestAudit_DiscardsWhatIsNotCommittedAfterAWhile(t *testing.T) {
	t.Parallel()
	store, now := auditOf(t)
	ours, theirs := newChain(store, newTenant()), newChain(store, newTenant())
	stays := ours.append(t, 2)
	commit, err := store.Begin(t.Context(), slices.Concat(ours.next(2), theirs.next(2)))
	require.NoError(t, err)

	require.NoError(t, store.Settle(t.Context(), now.Add(5*time.Minute)))
	marked, err := store.Marked(t.Context(), theirs.Tenant)
	require.NoError(t, err)
	require.EqualValues(t, 2, marked, "its writer may still be at it")
	require.NoError(t, store.Settle(t.Context(), now.Add(time.Hour)))

	done, err := commit(t.Context())
	require.NoError(t, err)
	require.False(t, done)
	for _, c := range []*chain{ours, theirs} {
		marked, err := store.Marked(t.Context(), c.Tenant)
		require.NoError(t, err)
		require.Zero(t, marked)
	}
	ours.reads(t, stays...)
	theirs.reads(t)
	require.NoError(t, store.Settle(t.Context(), now.Add(2*time.Hour)))
	words, err := store.Words(t.Context())
	require.NoError(t, err)
	require.Zero(t, words)
}
