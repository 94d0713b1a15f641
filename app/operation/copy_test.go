package operation_test

import (
	"context"
	"errors"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
	"ostiary/test/contract"
	"ostiary/test/fake"
)

// depot is one store, and what happens to its archive.
type depot struct {
	port.Archive
	contract.Store

	path   string
	db     *sqlite.DB
	allow  int // writes before the first that fails; below zero all are let through
	writes int
	sent   []port.Section
	read   func([]port.Record) []port.Record
}

var errPower = errors.New("the power is gone")

func newDepot(t *testing.T) *depot {
	t.Helper()
	d := &depot{path: filepath.Join(t.TempDir(), "store.db"), allow: -1}
	d.open(t, sqlite.Options{Copying: true})
	return d
}

func (d *depot) open(t *testing.T, o sqlite.Options) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), d.path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	d.db, d.Archive = db, sqlite.NewArchive(db)
	d.Store = contract.Store{
		Tenants: sqlite.NewTenants(db), Numbers: sqlite.NewNumbers(db), Companies: sqlite.NewCompanies(db),
		Contacts: sqlite.NewContacts(db), Tags: sqlite.NewTags(db), Users: sqlite.NewUsers(db), Blobs: sqlite.NewBlobs(db),
		Sessions: sqlite.NewSessions(db), Links: sqlite.NewLinks(db), Counters: sqlite.NewCounters(db),
		Outbox: sqlite.NewOutbox(db), APITokens: sqlite.NewAPITokens(db), Ledger: sqlite.NewLedger(db),
		Audit: sqlite.NewAudit(db), Keys: sqlite.NewKeys(db), Idempotency: sqlite.NewIdempotency(db), Archive: d.Archive,
	}
}

// reachable opens the store as whoever serves it does.
func (d *depot) reachable(t *testing.T) error {
	t.Helper()
	db, err := sqlite.Open(t.Context(), d.path, sqlite.Options{})
	if err == nil {
		require.NoError(t, db.Close())
	}
	return err
}

func (d *depot) spend() error {
	if d.allow == 0 {
		return errPower
	}
	d.allow--
	return nil
}

// Write loses power after the write as often as before it.
func (d *depot) Write(ctx context.Context, t tenant.ID, s port.Section, rs []port.Record) error {
	if err := d.spend(); err != nil {
		return err
	}
	d.writes++
	d.sent = append(d.sent, s)
	if err := d.Archive.Write(ctx, t, s, rs); err != nil {
		return err
	}
	return d.spend()
}

func (d *depot) SetCheckpoint(ctx context.Context, c port.Checkpoint) error {
	if err := d.spend(); err != nil {
		return err
	}
	return d.Archive.SetCheckpoint(ctx, c)
}

func (d *depot) Read(ctx context.Context, t tenant.ID, s port.Section, after string, limit int) ([]port.Record, error) {
	rs, err := d.Archive.Read(ctx, t, s, after, limit)
	if d.read != nil {
		rs = d.read(rs)
	}
	return rs, err
}

func stocked(t *testing.T) *depot {
	t.Helper()
	d := newDepot(t)
	contract.Stock(t, d.Store)
	return d
}

func silent(operation.CopyProgress) {}

// requireSame compares what both stores hold, record by record.
func requireSame(t *testing.T, from, to *depot) {
	t.Helper()
	for _, s := range port.Sections() {
		owners := []tenant.ID{{}}
		if !s.Shared() {
			var err error
			owners, err = from.Owners(t.Context(), s)
			require.NoError(t, err)
			there, err := to.Owners(t.Context(), s)
			require.NoError(t, err)
			require.Equal(t, owners, there)
		}
		for _, owner := range owners {
			want, err := from.Archive.Read(t.Context(), owner, s, "", 1000)
			require.NoError(t, err)
			got, err := to.Archive.Read(t.Context(), owner, s, "", 1000)
			require.NoError(t, err)
			require.Equal(t, want, got, s)
		}
	}
}

func TestCopier_CopiesEverySectionAndOpensTheTarget(t *testing.T) {
	t.Parallel()
	from, to := stocked(t), newDepot(t)
	var steps []operation.CopyProgress

	report, err := operation.NewCopier(from, to, func(p operation.CopyProgress) { steps = append(steps, p) }).Copy(t.Context())

	require.NoError(t, err)
	require.Empty(t, report.Differences)
	require.Len(t, report.Sections, len(port.Sections()))
	for i, s := range report.Sections {
		require.Equal(t, string(port.Sections()[i]), s.Section)
		require.Positive(t, s.Records, s.Section)
		require.False(t, s.Digest.IsZero())
	}
	requireSame(t, from, to)
	require.NoError(t, to.reachable(t))
	requireProgress(t, steps)
}

// requireProgress: each step rises to its end.
func requireProgress(t *testing.T, steps []operation.CopyProgress) {
	t.Helper()
	last := make(map[operation.CopyStep]operation.CopyProgress)
	for i, p := range steps {
		require.GreaterOrEqual(t, p.Done, last[p.Step].Done)
		require.LessOrEqual(t, p.Done, p.Total)
		require.False(t, p.Step == operation.Copying && i > 0 && steps[i-1].Step == operation.Comparing)
		last[p.Step] = p
	}
	require.Len(t, last, 2)
	for _, p := range last {
		require.Equal(t, p.Total, p.Done)
	}
}

func TestCopier_TakesUpACopyWhereverItWasInterrupted(t *testing.T) {
	t.Parallel()
	from := stocked(t)
	for n, done := 0, false; !done; n++ {
		to := newDepot(t)
		to.allow = n
		_, err := operation.NewCopier(from, to, silent).Copy(t.Context())
		if done = err == nil; !done {
			require.ErrorIs(t, err, errPower)
			requireHeld(t, to, n)
			to.allow = -1
			_, err = operation.NewCopier(from, to, silent).Copy(t.Context())
			require.NoError(t, err, "after %d steps", n)
		}
		requireSame(t, from, to)
		require.NoError(t, to.reachable(t))
	}
}

// requireHeld: from the first mark on nobody else may have the store.
func requireHeld(t *testing.T, to *depot, steps int) {
	t.Helper()
	if steps == 0 {
		require.NoError(t, to.reachable(t))
		return
	}
	require.ErrorIs(t, to.reachable(t), port.ErrCopyUnfinished)
}

func TestCopier_DoesNotCopyAgainWhatIsThere(t *testing.T) {
	t.Parallel()
	from := stocked(t)
	many(t, from, 1200)
	whole, to := newDepot(t), newDepot(t)
	_, err := operation.NewCopier(from, whole, silent).Copy(t.Context())
	require.NoError(t, err)
	to.allow = 2*whole.writes - 4 // in the last sections
	_, err = operation.NewCopier(from, to, silent).Copy(t.Context())
	require.ErrorIs(t, err, errPower)
	to.allow, to.writes, to.sent = -1, 0, nil
	var first *operation.CopyProgress

	_, err = operation.NewCopier(from, to, func(p operation.CopyProgress) {
		if first == nil {
			first = &p
		}
	}).Copy(t.Context())

	require.NoError(t, err)
	require.Less(t, to.writes, whole.writes)
	require.NotContains(t, to.sent, port.SectionCompanies)
	require.Greater(t, first.Done, int64(1000))
	requireSame(t, from, to)
}

// many gives a tenant of its own n companies.
func many(t *testing.T, d *depot, n int) {
	t.Helper()
	tn := fake.Tenant(t, "many")
	require.NoError(t, d.Tenants.Add(t.Context(), tn))
	var rs []port.Record
	for i := range n {
		rs = append(rs, port.RecordOf(fake.Company(t, tn.ID(), int64(i)+1).Snapshot()))
	}
	require.NoError(t, d.Archive.Write(t.Context(), tn.ID(), port.SectionCompanies, rs))
}

func TestCopier_RefusesWhatItMayNotTouch(t *testing.T) {
	t.Parallel()
	from, full, empty := stocked(t), stocked(t), newDepot(t)

	_, err := operation.NewCopier(from, full, silent).Copy(t.Context())
	require.ErrorIs(t, err, operation.ErrTargetNotEmpty)
	require.Zero(t, full.writes)
	require.NoError(t, full.reachable(t), "it is left as it was")

	_, err = operation.NewCopier(empty, newDepot(t), silent).Copy(t.Context())
	require.ErrorIs(t, err, operation.ErrSourceEmpty)

	_, err = operation.NewCopier(from, from, silent).Copy(t.Context())
	require.ErrorIs(t, err, operation.ErrTargetNotEmpty, "onto itself")
}

func TestCopier_RefusesToGoOnWithAnotherSource(t *testing.T) {
	t.Parallel()
	from, to := stocked(t), newDepot(t)
	to.allow = 8
	_, err := operation.NewCopier(from, to, silent).Copy(t.Context())
	require.ErrorIs(t, err, errPower)
	to.allow = -1

	_, err = operation.NewCopier(stocked(t), to, silent).Copy(t.Context())
	require.ErrorIs(t, err, operation.ErrSourceChanged)

	// Whoever served the source meanwhile left a signature.
	head := audit.Head{Writer: audit.WriterIDFromBytes(fake.UUID()), Seq: 1, At: fake.Start}
	require.NoError(t, from.Audit.Sign(t.Context(), []audit.Head{head}))
	_, err = operation.NewCopier(from, to, silent).Copy(t.Context())
	require.ErrorIs(t, err, operation.ErrSourceChanged)
	require.ErrorIs(t, to.reachable(t), port.ErrCopyUnfinished)
}

func TestCopier_NamesWhereTheSourceWasChangedMeanwhile(t *testing.T) {
	t.Parallel()
	from, to := stocked(t), newDepot(t)
	acme := fake.Tenant(t, "acme")
	require.NoError(t, from.Tenants.Add(t.Context(), acme))
	co := fake.Company(t, acme.ID(), 1)
	require.NoError(t, from.Companies.Add(t.Context(), co))
	changed := false

	report, err := operation.NewCopier(from, to, func(p operation.CopyProgress) {
		if p.Section != string(port.SectionOutbox) || changed {
			return
		}
		changed = true
		require.NoError(t, from.Companies.Update(t.Context(), acme.ID(), co.ID(), func(c *company.Company) error {
			return c.Change(c.Details(), fake.Start.Add(time.Hour))
		}))
		require.NoError(t, from.Tags.Add(t.Context(), newTag(t, acme.ID())))
	}).Copy(t.Context())

	require.ErrorIs(t, err, operation.ErrCopyDiffers)
	require.Equal(t, []operation.CopyDifference{
		{Section: "companies", Tenant: acme.ID(), Code: "acme", Source: 1, Target: 1},
		{Section: "tags", Tenant: acme.ID(), Code: "acme", Source: 1, Target: 0},
	}, report.Differences)
	require.ErrorIs(t, to.reachable(t), port.ErrCopyUnfinished)
}

func TestCopier_SeesWhatTheTargetChangedOrLost(t *testing.T) {
	t.Parallel()
	from := stocked(t)
	for name, read := range map[string]func([]port.Record) []port.Record{
		"lost": func(rs []port.Record) []port.Record { return rs[:0] },
		"changed": func(rs []port.Record) []port.Record {
			for i, r := range rs {
				if a, ok := r.Value.(audit.Record); ok {
					a.Request += "x"
					rs[i].Value = a
				}
			}
			return rs
		},
	} {
		to := newDepot(t)
		to.read = read
		report, err := operation.NewCopier(from, to, silent).Copy(t.Context())
		require.ErrorIs(t, err, operation.ErrCopyDiffers, name)
		require.NotEmpty(t, report.Differences, name)
	}
}

func TestCopier_TellsARefusedRecordFromARefusedCopy(t *testing.T) {
	t.Parallel()
	from, to := stocked(t), newDepot(t)
	from.read = func(rs []port.Record) []port.Record {
		if len(rs) > 0 {
			if _, ok := rs[0].Value.(company.Snapshot); ok {
				return nil // the contacts of these will find none
			}
		}
		return rs
	}

	_, err := operation.NewCopier(from, to, silent).Copy(t.Context())

	require.ErrorIs(t, err, operation.ErrCopyRefused)
	require.ErrorIs(t, err, company.ErrNotFound)
	require.ErrorContains(t, err, string(port.SectionContacts))
}

func TestCopier_StopsWhenItIsTold(t *testing.T) {
	t.Parallel()
	from, to := stocked(t), newDepot(t)
	ctx, stop := context.WithCancel(t.Context())

	_, err := operation.NewCopier(from, to, func(operation.CopyProgress) { stop() }).Copy(ctx)

	require.Equal(t, fault.Unavailable, fault.KindOf(err))
	require.ErrorIs(t, to.reachable(t), port.ErrCopyUnfinished)
	_, err = operation.NewCopier(from, to, silent).Copy(t.Context())
	require.NoError(t, err)
	requireSame(t, from, to)
}
