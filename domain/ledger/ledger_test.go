package ledger_test

import (
	"math"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/ledger"
	"ostiary/domain/money"
)

func documents() *rapid.Generator[ledger.Document] {
	return rapid.Custom(func(t *rapid.T) ledger.Document {
		return ledger.Document{
			Kind:        rapid.SampledFrom([]ledger.Kind{ledger.Order, ledger.Estimate, ledger.Invoice}).Draw(t, "kind"),
			Ref:         strconv.Itoa(rapid.IntRange(0, 5).Draw(t, "ref")),
			Status:      rapid.SampledFrom([]string{"open", "pending", "void", "draft", "sent", "paid"}).Draw(t, "status"),
			Outstanding: money.Amount(rapid.Int64Range(-1000, 100_000).Draw(t, "outstanding")),
			Version:     rapid.Int64Range(0, 5).Draw(t, "version"),
		}
	})
}

// The figures kept by differences are those that a count of all documents
// gives, after any sequence of puts and deletes.
func TestPlus_KeepsWhatCountingWouldGive(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		stored, kept := map[string]ledger.Document{}, ledger.Figures{}
		for _, d := range rapid.SliceOfN(documents(), 0, 60).Draw(rt, "documents") {
			key := string(d.Kind) + d.Ref
			old, known := stored[key]
			var counted, adds ledger.Figures
			if known {
				counted = old.Contribution()
			}
			if rapid.IntRange(0, 4).Draw(rt, "delete") == 0 {
				delete(stored, key)
			} else {
				if known && !d.Supersedes(old) {
					continue
				}
				stored[key] = d
				adds = d.Contribution()
			}
			var err error
			kept, err = kept.Plus(adds, counted)
			require.NoError(rt, err)
		}

		require.Equal(rt, count(stored), kept)
	})
}

// count reads contract.md, section 7, "Stats", a second time.
func count(stored map[string]ledger.Document) ledger.Figures {
	var f ledger.Figures
	for _, d := range stored {
		f.Documents++
		if d.Kind == ledger.Order && d.Status == "open" {
			f.OpenOrders++
		}
		if d.Kind == ledger.Estimate && d.Status == "pending" {
			f.PendingEstimates++
		}
		if d.Kind == ledger.Invoice && d.Outstanding > 0 && d.Status != "void" && d.Status != "draft" {
			f.UnpaidInvoices++
			f.TotalOutstanding += d.Outstanding
		}
	}
	return f
}

func TestPlus_RefusesASumThatIsTooLarge(t *testing.T) {
	t.Parallel()
	full := ledger.Figures{TotalOutstanding: math.MaxInt64}

	_, err := full.Plus(ledger.Figures{TotalOutstanding: 1}, ledger.Figures{})

	require.ErrorIs(t, err, money.ErrOverflow)
}

func TestSupersedes_IgnoresVersionsNotAboveTheStoredOne(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		sent, stored int64
		want         bool
	}{{0, 0, true}, {0, 9, true}, {1, 0, true}, {9, 9, false}, {8, 9, false}, {10, 9, true}} {
		require.Equal(t, row.want, ledger.Document{Version: row.sent}.Supersedes(ledger.Document{Version: row.stored}), row)
	}
}

func TestParse_AcceptsKindsReferencesAndStatusesAsNamed(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"order", "estimate", "invoice"} {
		k, err := ledger.ParseKind(s)
		require.NoError(t, err)
		require.Equal(t, ledger.Kind(s), k)
	}
	for _, s := range []string{"", "Order", "orders", "receipt"} {
		_, err := ledger.ParseKind(s)
		require.ErrorIs(t, err, ledger.ErrKind, s)
	}
	for _, s := range []string{"a", "INV-2026/001", "é", strings.Repeat("é", 128)} {
		ref, err := ledger.ParseRef(s)
		require.NoError(t, err)
		require.Equal(t, s, ref)
	}
	for _, s := range []string{"", " ", "a b", "a\n", "a\x00", "a\x7f", "a\u0085", "a\xff", strings.Repeat("a", 129)} {
		_, err := ledger.ParseRef(s)
		require.ErrorIs(t, err, ledger.ErrRef, "%q", s)
	}
	for _, s := range []string{"a", "open", "part_paid-2", "a" + strings.Repeat("1", 31)} {
		status, err := ledger.ParseStatus(s)
		require.NoError(t, err)
		require.Equal(t, s, status)
	}
	for _, s := range []string{"", "Open", "1a", "-a", "a b", "a.b", "é", "a\n", "a" + strings.Repeat("1", 32)} {
		_, err := ledger.ParseStatus(s)
		require.ErrorIs(t, err, ledger.ErrStatus, "%q", s)
	}
}
