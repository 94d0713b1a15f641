package operation_test

import (
	"context"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

var (
	operator = actor.TheOperator("")
	root     = operation.Caller{Actor: operator, Tenant: "acme"}
)

// kit is an empty store with the tenants acme and other.
type kit struct {
	db      *sqlite.DB
	tenants port.Tenants
	clock   *fake.Clock
	trail   *fake.Trail
	acme    *tenant.Tenant
	other   *tenant.Tenant
}

func setup(t testing.TB) *kit {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	k := &kit{db: db, tenants: sqlite.NewTenants(db), clock: &fake.Clock{}, trail: &fake.Trail{}, acme: fake.Tenant(t, "acme"), other: fake.Tenant(t, "other")}
	require.NoError(t, k.tenants.Add(t.Context(), k.acme))
	require.NoError(t, k.tenants.Add(t.Context(), k.other))
	return k
}

// as is a credential of acme with the given permissions, asking about acme.
func (k *kit) as(ps ...actor.Permission) operation.Caller {
	return operation.Caller{Actor: actor.Actor{Kind: actor.Token, ID: "t", Tenant: k.acme.ID(), Permissions: ps}, Tenant: "acme"}
}

// lacking are all permissions but one.
func lacking(p actor.Permission) []actor.Permission {
	return slices.DeleteFunc(actor.OperatorPermissions(), func(have actor.Permission) bool { return have == p })
}

// archive is a store of audit records that tests hold up, break and falsify.
type archive struct {
	port.Audit

	mu      sync.Mutex
	appends [][]audit.Record
	before  func() error // called before a write
	after   func() error // called after a write that succeeded

	records func(port.AuditChain, []audit.Record) []audit.Record
	heads   func([]audit.Head) []audit.Head
	chains  func([]port.AuditChain) []port.AuditChain
}

func newArchive(k *kit) *archive { return &archive{Audit: sqlite.NewAudit(k.db)} }

func (a *archive) Append(ctx context.Context, records []audit.Record) error {
	a.mu.Lock()
	a.appends = append(a.appends, records)
	before, after := a.before, a.after
	a.mu.Unlock()
	if before != nil {
		if err := before(); err != nil {
			return err
		}
	}
	if err := a.Audit.Append(ctx, records); err != nil {
		return err
	}
	if after != nil {
		return after()
	}
	return nil
}

// interfere replaces what happens around the next writes.
func (a *archive) interfere(before, after func() error) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.before, a.after = before, after
}

func (a *archive) sizes() []int {
	a.mu.Lock()
	defer a.mu.Unlock()
	var out []int
	for _, records := range a.appends {
		out = append(out, len(records))
	}
	return out
}

func (a *archive) Walk(ctx context.Context, c port.AuditChain, after int64, limit int) ([]audit.Record, error) {
	if a.records == nil {
		return a.Audit.Walk(ctx, c, after, limit)
	}
	all, err := a.Audit.Walk(ctx, c, 0, 1_000_000)
	all = slices.DeleteFunc(a.records(c, all), func(r audit.Record) bool { return r.Seq <= after })
	slices.SortFunc(all, func(x, y audit.Record) int { return int(x.Seq - y.Seq) })
	return all[:min(limit, len(all))], err
}

func (a *archive) Heads(ctx context.Context) ([]audit.Head, error) {
	out, err := a.Audit.Heads(ctx)
	if a.heads != nil {
		out = a.heads(out)
	}
	return out, err
}

func (a *archive) Chains(ctx context.Context) ([]port.AuditChain, error) {
	out, err := a.Audit.Chains(ctx)
	if a.chains != nil {
		out = a.chains(out)
	}
	return out, err
}

func (k *kit) recorder(a *archive) *operation.Recorder {
	return operation.NewRecorder(a, fake.Vault{}, fake.Random{}, k.clock)
}

func event(t tenant.ID, action string) audit.Event {
	return audit.Event{Tenant: t, Actor: "operator:", Action: action, Target: "test:1", Outcome: audit.Granted, Details: map[string]string{"code": action}}
}

func (k *kit) verify(t *testing.T, a *archive) operation.VerifyReport {
	t.Helper()
	report, err := operation.NewAudit(k.tenants, a, fake.Vault{}).Verify(t.Context(), operator)
	require.NoError(t, err)
	return report
}

// stored returns all chains' records of a tenant, oldest first.
func (k *kit) stored(t *testing.T, a *archive, of tenant.ID) []audit.Record {
	t.Helper()
	out, err := a.List(t.Context(), of, port.AuditQuery{Limit: 1_000_000})
	require.NoError(t, err)
	slices.Reverse(out)
	return out
}
