package ledger_test

import (
	"context"
	"fmt"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/ledger"
	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	domain "ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

var root = ledger.Caller{Actor: actor.TheOperator(""), Tenant: "acme"}

type kit struct {
	*ledger.Service
	tenants   port.Tenants
	companies *counting
	store     port.Ledger
	trail     *fake.Trail
	acme      *tenant.Tenant
	euros     *company.Company // company 1
	yen       *company.Company // company 2
}

// counting counts how often companies are asked for.
type counting struct {
	port.Companies
	reads int
}

func (c *counting) ByIDs(ctx context.Context, t tenant.ID, ids []company.ID) ([]*company.Company, error) {
	c.reads++
	return c.Companies.ByIDs(ctx, t, ids)
}

func setup(t *testing.T) *kit {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	k := &kit{trail: &fake.Trail{}, acme: fake.Tenant(t, "acme")}
	k.companies, k.store = &counting{Companies: sqlite.NewCompanies(db)}, sqlite.NewLedger(db)
	k.tenants = sqlite.NewTenants(db)
	other := fake.Tenant(t, "other")
	require.NoError(t, k.tenants.Add(t.Context(), k.acme))
	require.NoError(t, k.tenants.Add(t.Context(), other))
	k.euros, k.yen = fake.Company(t, k.acme.ID(), 1), fake.Company(t, k.acme.ID(), 2)
	d := k.yen.Details()
	d.Currency = money.RestoreCurrency("JPY")
	require.NoError(t, k.yen.Change(d, fake.Start))
	for _, c := range []*company.Company{k.euros, k.yen, fake.Company(t, other.ID(), 3)} {
		require.NoError(t, k.companies.Add(t.Context(), c))
	}
	k.Service = ledger.New(k.tenants, k.companies, k.store, &fake.Clock{}, k.trail)
	return k
}

func (k *kit) as(ps ...actor.Permission) ledger.Caller {
	return ledger.Caller{Actor: actor.Actor{Kind: actor.Token, ID: "t", Tenant: k.acme.ID(), Permissions: ps}, Tenant: "acme"}
}

// invoice is a valid document of company 1.
func (k *kit) invoice(ref string) ledger.DocumentInput {
	return ledger.DocumentInput{
		Company: k.euros.ID(), Kind: "invoice", Ref: ref, Status: "open",
		Currency: "EUR", Total: "1234.56", Outstanding: "1000.01",
	}
}

func (k *kit) figures(t *testing.T) domain.Figures {
	t.Helper()
	f, err := k.store.Figures(t.Context(), k.acme.ID(), k.euros.ID())
	require.NoError(t, err)
	return f
}

func version(n int64) *int64 { return &n }

func TestPermissions(t *testing.T) {
	t.Parallel()
	for name, call := range map[string]func(k *kit, c ledger.Caller) error{
		"Put": func(k *kit, c ledger.Caller) error {
			_, err := k.Put(t.Context(), ledger.PutInput{Caller: c, Document: k.invoice("2")})
			return err
		},
		"PutAll": func(k *kit, c ledger.Caller) error {
			_, err := k.PutAll(t.Context(), ledger.PutAllInput{Caller: c, Documents: []ledger.DocumentInput{k.invoice("2")}})
			return err
		},
		"Delete": func(k *kit, c ledger.Caller) error {
			return k.Delete(t.Context(), ledger.DeleteInput{Caller: c, Company: k.euros.ID(), Kind: "invoice", Ref: "1"})
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := setup(t)
			_, err := k.Put(t.Context(), ledger.PutInput{Caller: root, Document: k.invoice("1")})
			require.NoError(t, err)
			lacking := slices.DeleteFunc(actor.OperatorPermissions(), func(p actor.Permission) bool { return p == actor.DocumentsWrite })
			foreign := k.as(actor.DocumentsWrite)
			foreign.Tenant = "other"

			require.ErrorIs(t, call(k, k.as(lacking...)), actor.ErrForbidden)
			require.ErrorIs(t, call(k, ledger.Caller{Actor: actor.Actor{Kind: actor.Token, Permissions: lacking}, Tenant: "acme"}), actor.ErrForbidden)
			require.ErrorIs(t, call(k, foreign), tenant.ErrNotFound)
			require.Len(t, k.trail.Events(), 1)
			require.NoError(t, call(k, k.as(actor.DocumentsWrite)))
		})
	}
}

func TestPut_FeedsTheFigures(t *testing.T) {
	t.Parallel()
	k := setup(t)
	in := k.invoice("INV-1")
	in.DueAt = time.Date(2026, 5, 1, 2, 0, 0, 123_456_789, time.FixedZone("", 7200))

	stored, err := k.Put(t.Context(), ledger.PutInput{Caller: root, Document: in})

	require.NoError(t, err)
	require.Equal(t, money.Amount(123456), stored.Total)
	require.Equal(t, time.Date(2026, 5, 1, 0, 0, 0, 123_000_000, time.UTC), stored.DueAt)
	require.Equal(t, domain.Figures{Documents: 1, UnpaidInvoices: 1, TotalOutstanding: 100001}, k.figures(t))
	require.Equal(t, []string{"document.stored"}, k.trail.Actions())
	require.Equal(t, "company:1", k.trail.Events()[0].Target)
	require.NotContains(t, fmt.Sprintf("%+v", k.trail.Events()), "INV-1")
}

func TestPut_AVersionNotAboveTheStoredOneChangesNothing(t *testing.T) {
	t.Parallel()
	k := setup(t)
	in := k.invoice("1")
	in.Version = version(5)
	first, err := k.Put(t.Context(), ledger.PutInput{Caller: root, Document: in})
	require.NoError(t, err)

	in.Version, in.Outstanding = version(4), "0"
	kept, err := k.Put(t.Context(), ledger.PutInput{Caller: root, Document: in})
	require.NoError(t, err)
	require.Equal(t, first, kept)
	require.Len(t, k.trail.Events(), 1)
	in.Version = nil
	last, err := k.Put(t.Context(), ledger.PutInput{Caller: root, Document: in})

	require.NoError(t, err)
	require.Zero(t, last.Outstanding)
	require.Zero(t, k.figures(t).TotalOutstanding)
	require.Equal(t, int64(1), k.figures(t).Documents)
}

func TestPut_NamesEveryValueThatBreaksARule(t *testing.T) {
	t.Parallel()
	k := setup(t)
	for name, c := range map[string]struct {
		change   func(*ledger.DocumentInput)
		pointers []string
	}{
		"another currency":       {func(d *ledger.DocumentInput) { d.Currency = "USD" }, []string{"/currency"}},
		"no currency":            {func(d *ledger.DocumentInput) { d.Currency = "" }, []string{"/currency"}},
		"too many digits":        {func(d *ledger.DocumentInput) { d.Total = "1.234" }, []string{"/total"}},
		"no amounts":             {func(d *ledger.DocumentInput) { d.Total, d.Outstanding = "", "" }, []string{"/total", "/outstanding"}},
		"an exponent":            {func(d *ledger.DocumentInput) { d.Outstanding = "1e3" }, []string{"/outstanding"}},
		"a status in upper case": {func(d *ledger.DocumentInput) { d.Status = "Open" }, []string{"/status"}},
		"a blank reference":      {func(d *ledger.DocumentInput) { d.Ref = " " }, []string{"/ref"}},
		"version 0":              {func(d *ledger.DocumentInput) { d.Version = version(0) }, []string{"/version"}},
		"a version out of range": {func(d *ledger.DocumentInput) { d.Version = version(1 << 53) }, []string{"/version"}},
		"several":                {func(d *ledger.DocumentInput) { d.Status, d.Total = "", "x" }, []string{"/status", "/total"}},
		"yen without minor digits": {func(d *ledger.DocumentInput) {
			d.Company, d.Currency, d.Total, d.Outstanding = k.yen.ID(), "JPY", "1000", "10.5"
		}, []string{"/outstanding"}},
	} {
		in := k.invoice("1")
		c.change(&in)

		_, err := k.Put(t.Context(), ledger.PutInput{Caller: root, Document: in})

		require.ErrorIs(t, err, fault.ErrInvalid, name)
		var pointers []string
		for _, f := range fault.Of(err).Fields() {
			pointers = append(pointers, f.Pointer)
		}
		require.Equal(t, c.pointers, pointers, name)
	}
	require.Zero(t, k.figures(t))
}

func TestPut_UnknownPlacesAreNotFound(t *testing.T) {
	t.Parallel()
	k := setup(t)
	foreign, kind := k.invoice("1"), k.invoice("1")
	foreign.Company, kind.Kind = fake.CompanyID(t, 3), "receipt"

	_, err := k.Put(t.Context(), ledger.PutInput{Caller: root, Document: foreign})
	require.ErrorIs(t, err, company.ErrNotFound)
	_, err = k.Put(t.Context(), ledger.PutInput{Caller: root, Document: kind})

	require.ErrorIs(t, err, domain.ErrKind)
}

func TestDelete_TakesTheContributionBack(t *testing.T) {
	t.Parallel()
	k := setup(t)
	_, err := k.Put(t.Context(), ledger.PutInput{Caller: root, Document: k.invoice("1")})
	require.NoError(t, err)
	in := ledger.DeleteInput{Caller: root, Company: k.euros.ID(), Kind: "invoice", Ref: "1"}

	require.NoError(t, k.Delete(t.Context(), in))
	require.ErrorIs(t, k.Delete(t.Context(), in), domain.ErrNotFound)

	require.Zero(t, k.figures(t))
	require.Equal(t, []string{"document.stored", "document.deleted"}, k.trail.Actions())
}

func TestPutAll_EachDocumentStandsForItself(t *testing.T) {
	t.Parallel()
	k := setup(t)
	foreign, dollars, nowhere := k.invoice("3"), k.invoice("4"), k.invoice("5")
	foreign.Company, dollars.Currency, nowhere.Company = fake.CompanyID(t, 3), "USD", company.ID{}

	refusals, err := k.PutAll(t.Context(), ledger.PutAllInput{Caller: root, Documents: []ledger.DocumentInput{
		k.invoice("1"), foreign, dollars, nowhere, k.invoice("2"),
	}})

	require.NoError(t, err)
	require.Len(t, refusals, 5)
	require.NoError(t, refusals[0])
	require.ErrorIs(t, refusals[1], company.ErrNotFound)
	require.Equal(t, "/currency", fault.Of(refusals[2]).Fields()[0].Pointer)
	require.ErrorIs(t, refusals[3], company.ErrNotFound)
	require.NoError(t, refusals[4])
	require.Equal(t, int64(2), k.figures(t).Documents)
	require.Equal(t, map[string]string{"documents": "2"}, k.trail.Events()[0].Details)
}

func TestPutAll_RefusalsOfTheStoreStandAtTheirPlace(t *testing.T) {
	t.Parallel()
	k := setup(t)
	svc := ledger.New(k.tenants, k.companies, refusing{}, &fake.Clock{}, k.trail)
	bad := k.invoice("")

	refusals, err := svc.PutAll(t.Context(), ledger.PutAllInput{Caller: root, Documents: []ledger.DocumentInput{bad, k.invoice("1"), k.invoice("2")}})

	require.NoError(t, err)
	require.ErrorIs(t, refusals[0], fault.ErrInvalid)
	require.NoError(t, refusals[1])
	require.ErrorIs(t, refusals[2], money.ErrOverflow)
}

func TestPutAll_LooksCompaniesUpOnce(t *testing.T) {
	t.Parallel()
	k := setup(t)
	docs := make([]ledger.DocumentInput, 2000)
	for i := range docs {
		docs[i] = k.invoice(fmt.Sprint(i))
	}

	refusals, err := k.PutAll(t.Context(), ledger.PutAllInput{Caller: root, Documents: docs})

	require.NoError(t, err)
	require.Empty(t, slices.DeleteFunc(refusals, func(err error) bool { return err == nil }))
	require.Equal(t, 1, k.companies.reads)
	require.Equal(t, int64(2000), k.figures(t).Documents)
	require.Len(t, k.trail.Events(), 1)
}

// refusing refuses every second document.
type refusing struct{ port.Ledger }

func (refusing) PutAll(_ context.Context, _ tenant.ID, ds []domain.Document) ([]error, error) {
	out := make([]error, len(ds))
	for i := 1; i < len(out); i += 2 {
		out[i] = money.ErrOverflow
	}
	return out, nil
}
