package contract

import (
	"errors"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/company"
	"ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/test/fake"
)

// Ledger checks any port.Ledger.
func Ledger(t *testing.T, open Open) {
	checks{
		"Put/KeepsEveryMember":          ledgerKeepsEveryMember,
		"Put/JudgesVersions":            ledgerJudgesVersions,
		"Put/KeepsDocumentsApart":       ledgerKeepsApart,
		"Put/RefusesAMissingCompany":    ledgerPutRefusesMissing,
		"Put/RefusesOverflow":           ledgerPutRefusesOverflow,
		"Put/ParallelFiguresAreExact":   ledgerPutParallel,
		"Put/HighestVersionStays":       ledgerPutHighestStays,
		"PutAll/RefusesEachByItself":    ledgerPutAllRefuses,
		"PutAll/ParallelAndSentAgain":   ledgerPutAllParallel,
		"Delete/TakesFiguresBack":       ledgerDelete,
		"Delete/OneOfManyWins":          ledgerDeleteOneWins,
		"All/HideOtherTenants":          ledgerHides,
		"Figures/ZeroWithoutDocuments":  ledgerFiguresZero,
		"PutAndDelete/ParallelAreExact": ledgerPutDeleteParallel,
	}.together(t, open)
	checks{
		"PutAll/TakesManyInOrder":    ledgerPutAllMany,
		"Figures/AgreeWithANaiveSum": ledgerAgreesWithNaiveSum,
	}.alone(t, open)
}

// document is one of company 1 with the reference "ref".
func (h home) document(k ledger.Kind, status string) ledger.Document {
	return ledger.Document{
		Tenant: h.id, Company: h.co.ID(), Kind: k, Ref: "ref", Status: status, Currency: money.RestoreCurrency("EUR"), Updated: moment,
	}
}

func (h home) invoice(ref string, outstanding money.Amount) ledger.Document {
	d := h.document(ledger.Invoice, "sent")
	d.Ref, d.Total, d.Outstanding = ref, outstanding, outstanding
	return d
}

func (h home) put(t testing.TB, d ledger.Document) ledger.Document {
	t.Helper()
	got, err := h.Ledger.Put(t.Context(), d)
	require.NoError(t, err)
	return got
}

func (h home) figures(t testing.TB) ledger.Figures {
	t.Helper()
	f, err := h.Ledger.Figures(t.Context(), h.id, h.co.ID())
	require.NoError(t, err)
	return f
}

// ledgerKeepsEveryMember learns what is stored from a Put that is superseded.
// 1970 is a time like any other, and not an unknown one.
func ledgerKeepsEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	for i, issued := range []time.Time{{}, time.UnixMilli(0).UTC(), time.UnixMilli(-1).UTC(), time.Date(1900, 1, 1, 0, 0, 0, 0, time.UTC), moment} {
		want := ledger.Document{
			Tenant: h.id, Company: h.co.ID(), Kind: ledger.Estimate, Ref: "№/" + strconv.Itoa(i) + "%_客", Status: "a-1_b",
			Currency: fake.Currency(t, "CLF"), Total: math.MaxInt64, Outstanding: math.MinInt64,
			IssuedAt: issued, DueAt: issued, Version: math.MaxInt64, Updated: after(time.Millisecond),
		}
		first := ledger.Document{ // each other member is replaced by the version after it
			Tenant: h.id, Company: h.co.ID(), Kind: want.Kind, Ref: want.Ref, Status: "first", Currency: fake.Currency(t, "EUR"),
			IssuedAt: after(time.Hour), DueAt: after(time.Hour), Updated: moment,
		}
		same(t, first, h.put(t, first))
		same(t, want, h.put(t, want))
		older := want
		older.Version, older.Status, older.Total = 1, "other", 0

		same(t, want, h.put(t, older))
	}
}

func ledgerJudgesVersions(t *testing.T, s Store) {
	h := settle(t, s)
	for i, step := range []struct {
		version int64
		changes bool
	}{
		{5, true}, {5, false}, {4, false}, {6, true}, {0, true}, {1, true}, {1, false}, {0, true}, {0, true},
	} {
		d := h.invoice("ref", money.Amount(i+1))
		d.Version = step.version
		before := h.figures(t)

		got := h.put(t, d)

		if step.changes {
			same(t, d, got)
			require.Equal(t, ledger.Figures{Documents: 1, UnpaidInvoices: 1, TotalOutstanding: money.Amount(i + 1)}, h.figures(t))
			continue
		}
		require.NotEqual(t, d, got)
		require.Equal(t, got.Contribution(), h.figures(t))
		require.Equal(t, before, h.figures(t))
	}
}

func ledgerKeepsApart(t *testing.T, s Store) {
	h := settle(t, s)
	other := h
	other.co = h.addCompany(t, 2)
	for _, k := range []ledger.Kind{ledger.Order, ledger.Estimate, ledger.Invoice} {
		for _, ref := range []string{"a", "A", "á", "a%"} { // a reference is compared byte by byte
			d := h.document(k, map[ledger.Kind]string{ledger.Order: "open", ledger.Estimate: "pending", ledger.Invoice: "sent"}[k])
			d.Ref, d.Outstanding = ref, 100
			h.put(t, d)
		}
	}
	other.put(t, other.invoice("a", 7))

	require.Equal(t, ledger.Figures{Documents: 12, OpenOrders: 4, PendingEstimates: 4, UnpaidInvoices: 4, TotalOutstanding: 400}, h.figures(t))
	require.Equal(t, ledger.Figures{Documents: 1, UnpaidInvoices: 1, TotalOutstanding: 7}, other.figures(t))
}

func ledgerPutRefusesMissing(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	theirs.addCompany(t, 2)
	d := ours.document(ledger.Order, "open")
	d.Company = fake.CompanyID(t, 2)

	_, err := s.Ledger.Put(t.Context(), d)

	require.ErrorIs(t, err, company.ErrNotFound)
	require.ErrorIs(t, s.Ledger.Delete(t.Context(), ours.id, d.Company, d.Kind, d.Ref), ledger.ErrNotFound)
}

func ledgerPutRefusesOverflow(t *testing.T, s Store) {
	h := settle(t, s)
	h.put(t, h.invoice("big", math.MaxInt64))
	h.put(t, h.document(ledger.Order, "open"))
	before := h.figures(t)
	replacement := h.invoice("small", 0)
	h.put(t, replacement)
	replacement.Outstanding = 1

	for _, d := range []ledger.Document{h.invoice("more", 1), replacement} {
		_, err := s.Ledger.Put(t.Context(), d)
		require.ErrorIs(t, err, money.ErrOverflow)
	}

	require.ErrorIs(t, s.Ledger.Delete(t.Context(), h.id, h.co.ID(), ledger.Invoice, "more"), ledger.ErrNotFound)
	before.Documents++
	require.Equal(t, before, h.figures(t))
}

func ledgerPutParallel(t *testing.T, s Store) {
	h := settle(t, s)
	var want money.Amount
	for i := range 2 * crowd {
		want += money.Amount(i)
	}

	allWell(t, crowded(2*crowd, func(i int) error {
		_, err := s.Ledger.Put(t.Context(), h.invoice(strconv.Itoa(i), money.Amount(i)))
		return err
	}))

	require.Equal(t, ledger.Figures{Documents: 2 * crowd, UnpaidInvoices: 2*crowd - 1, TotalOutstanding: want}, h.figures(t))
}

func ledgerPutHighestStays(t *testing.T, s Store) {
	h := settle(t, s)
	allWell(t, crowded(crowd, func(i int) error {
		d := h.invoice("ref", money.Amount(i+1))
		d.Version = int64(i) + 1
		_, err := s.Ledger.Put(t.Context(), d)
		return err
	}))

	require.Equal(t, ledger.Figures{Documents: 1, UnpaidInvoices: 1, TotalOutstanding: crowd}, h.figures(t))
}

func ledgerPutAllRefuses(t *testing.T, s Store) {
	h := settle(t, s)
	lost := h.invoice("lost", 1)
	lost.Company = fake.CompanyID(t, 99)
	ds := []ledger.Document{h.invoice("a", 1), lost, h.invoice("b", math.MaxInt64), h.invoice("c", 2), lost}

	refusals, err := s.Ledger.PutAll(t.Context(), h.id, ds)

	require.NoError(t, err)
	require.Len(t, refusals, len(ds))
	for i, want := range []error{nil, company.ErrNotFound, money.ErrOverflow, nil, company.ErrNotFound} {
		require.ErrorIs(t, refusals[i], want, i)
	}
	require.Equal(t, ledger.Figures{Documents: 2, UnpaidInvoices: 2, TotalOutstanding: 3}, h.figures(t))
	refusals, err = s.Ledger.PutAll(t.Context(), h.id, nil)
	require.NoError(t, err)
	require.Empty(t, refusals)
}

// ledgerPutAllMany repeats references within the batch: the last one stays, as
// if each had been put by itself.
func ledgerPutAllMany(t *testing.T, s Store) {
	h := settle(t, s)
	ds := make([]ledger.Document, 1000)
	for i := range ds {
		ds[i] = h.invoice(strconv.Itoa(i%400), money.Amount(i))
	}
	var want ledger.Figures
	for i := 600; i < 1000; i++ {
		want.Documents, want.UnpaidInvoices, want.TotalOutstanding = want.Documents+1, want.UnpaidInvoices+1, want.TotalOutstanding+money.Amount(i)
	}

	refusals, err := s.Ledger.PutAll(t.Context(), h.id, ds)

	require.NoError(t, err)
	allWell(t, refusals)
	require.Equal(t, want, h.figures(t))
}

func ledgerPutAllParallel(t *testing.T, s Store) {
	h := settle(t, s)
	ds := make([]ledger.Document, 100)
	for i := range ds {
		ds[i] = h.invoice(strconv.Itoa(i), 10)
	}

	allWell(t, crowded(6, func(int) error {
		refusals, err := s.Ledger.PutAll(t.Context(), h.id, ds)
		for _, refusal := range refusals {
			if refusal != nil {
				return refusal
			}
		}
		return err
	}))

	require.Equal(t, ledger.Figures{Documents: 100, UnpaidInvoices: 100, TotalOutstanding: 1000}, h.figures(t))
}

func ledgerDelete(t *testing.T, s Store) {
	h := settle(t, s)
	h.put(t, h.invoice("a", 5))
	h.put(t, h.invoice("b", 7))
	versioned := h.invoice("a", 9)
	versioned.Version = 3
	h.put(t, versioned)

	require.NoError(t, s.Ledger.Delete(t.Context(), h.id, h.co.ID(), ledger.Invoice, "a"))

	require.Equal(t, ledger.Figures{Documents: 1, UnpaidInvoices: 1, TotalOutstanding: 7}, h.figures(t))
	require.ErrorIs(t, s.Ledger.Delete(t.Context(), h.id, h.co.ID(), ledger.Invoice, "a"), ledger.ErrNotFound)
	require.ErrorIs(t, s.Ledger.Delete(t.Context(), h.id, h.co.ID(), ledger.Order, "b"), ledger.ErrNotFound)
	require.ErrorIs(t, s.Ledger.Delete(t.Context(), h.id, fake.CompanyID(t, 99), ledger.Invoice, "b"), ledger.ErrNotFound)
	versioned.Version = 1
	same(t, versioned, h.put(t, versioned)) // what is gone supersedes nothing
}

func ledgerDeleteOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	h.put(t, h.invoice("a", 5))
	h.put(t, h.invoice("b", 7))

	oneWins(t, crowded(crowd, func(int) error {
		return s.Ledger.Delete(t.Context(), h.id, h.co.ID(), ledger.Invoice, "a")
	}), ledger.ErrNotFound)

	require.Equal(t, ledger.Figures{Documents: 1, UnpaidInvoices: 1, TotalOutstanding: 7}, h.figures(t))
}

func ledgerHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	mine, twin := ours.invoice("ref", 5), theirs.invoice("ref", 7)
	mine.Version, twin.Version = 9, 1
	ours.put(t, mine)

	require.Zero(t, theirs.figures(t))
	require.ErrorIs(t, s.Ledger.Delete(t.Context(), theirs.id, theirs.co.ID(), ledger.Invoice, "ref"), ledger.ErrNotFound)
	same(t, twin, theirs.put(t, twin))

	require.Equal(t, money.Amount(5), ours.figures(t).TotalOutstanding)
	require.Equal(t, money.Amount(7), theirs.figures(t).TotalOutstanding)
	require.NoError(t, s.Ledger.Delete(t.Context(), theirs.id, theirs.co.ID(), ledger.Invoice, "ref"))
	require.Equal(t, money.Amount(5), ours.figures(t).TotalOutstanding)
}

func ledgerFiguresZero(t *testing.T, s Store) {
	h := settle(t, s)
	require.Zero(t, h.figures(t))
	h.co = fake.Company(t, h.id, 99)
	require.Zero(t, h.figures(t), "of a company that is not there")
}

// ledgerPutDeleteParallel puts and deletes the same few documents at once; what
// is left is found out by deleting it.
func ledgerPutDeleteParallel(t *testing.T, s Store) {
	h := settle(t, s)

	allWell(t, crowded(2*crowd, func(i int) error {
		ref := strconv.Itoa(i % 4)
		if i%8 >= 4 {
			_, err := s.Ledger.Put(t.Context(), h.invoice(ref, 10))
			return err
		}
		err := s.Ledger.Delete(t.Context(), h.id, h.co.ID(), ledger.Invoice, ref)
		if errors.Is(err, ledger.ErrNotFound) {
			return nil
		}
		return err
	}))

	f, left := h.figures(t), int64(0)
	for i := range 4 {
		if s.Ledger.Delete(t.Context(), h.id, h.co.ID(), ledger.Invoice, strconv.Itoa(i)) == nil {
			left++
		}
	}
	require.Equal(t, ledger.Figures{Documents: left, UnpaidInvoices: left, TotalOutstanding: money.Amount(10 * left)}, f)
	require.Zero(t, h.figures(t))
}

type documentKey struct {
	kind ledger.Kind
	ref  string
}

// books is the naive ledger: documents, summed up when asked.
type books map[documentKey]ledger.Document

func (b books) put(d ledger.Document) ledger.Document {
	k := documentKey{d.Kind, d.Ref}
	if stored, known := b[k]; known && !d.Supersedes(stored) {
		return stored
	}
	b[k] = d
	return d
}

func (b books) figures() (f ledger.Figures) {
	for _, d := range b {
		c := d.Contribution()
		f.Documents++
		f.OpenOrders += c.OpenOrders
		f.PendingEstimates += c.PendingEstimates
		f.UnpaidInvoices += c.UnpaidInvoices
		f.TotalOutstanding += c.TotalOutstanding
	}
	return f
}

func drawDocument(rt *rapid.T, h home) ledger.Document {
	d := h.document(
		rapid.SampledFrom([]ledger.Kind{ledger.Order, ledger.Estimate, ledger.Invoice}).Draw(rt, "kind"),
		rapid.SampledFrom([]string{"open", "pending", "sent", "void", "draft"}).Draw(rt, "status"),
	)
	d.Ref = rapid.SampledFrom([]string{"a", "b"}).Draw(rt, "ref")
	d.Version = rapid.Int64Range(0, 4).Draw(rt, "version")
	d.Outstanding = money.Amount(rapid.Int64Range(-3, 1_000_000_000_000).Draw(rt, "outstanding"))
	return d
}

func ledgerAgreesWithNaiveSum(t *testing.T, s Store) {
	owner := settle(t, s)
	companies := int64(1)
	rapid.Check(t, func(rt *rapid.T) {
		companies++
		h, model := owner, books{}
		h.co = owner.addCompany(t, companies)
		for range rapid.IntRange(1, 8).Draw(rt, "steps") {
			switch rapid.SampledFrom([]string{"put", "put", "put", "all", "delete"}).Draw(rt, "step") {
			case "put":
				d := drawDocument(rt, h)
				got, err := s.Ledger.Put(t.Context(), d)
				require.NoError(rt, err)
				same(rt, model.put(d), got)
			case "all":
				ds := []ledger.Document{drawDocument(rt, h), drawDocument(rt, h), drawDocument(rt, h)}
				refusals, err := s.Ledger.PutAll(t.Context(), h.id, ds)
				require.NoError(rt, err)
				require.Equal(rt, make([]error, len(ds)), refusals)
				for _, d := range ds {
					model.put(d)
				}
			case "delete":
				d := drawDocument(rt, h)
				k := documentKey{d.Kind, d.Ref}
				err := s.Ledger.Delete(t.Context(), h.id, h.co.ID(), d.Kind, d.Ref)
				if _, known := model[k]; !known {
					require.ErrorIs(rt, err, ledger.ErrNotFound)
					continue
				}
				require.NoError(rt, err)
				delete(model, k)
			}
			require.Equal(rt, model.figures(), h.figures(t))
		}
	})
}
