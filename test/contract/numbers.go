package contract

import (
	"context"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/id"
	"ostiary/domain/tenant"
)

// Numbers checks any port.Numbers.
func Numbers(t *testing.T, open Open) {
	checks{
		"Rise":                  numbersRise,
		"ComeOnceToEveryCaller": numbersComeOnce,
		"StandUnderNoTenant":    numbersStandAlone,
	}.together(t, open)
}

type counting func(context.Context, tenant.ID) (int64, error)

func numbering(s Store) map[string]counting {
	return map[string]counting{
		"company": func(ctx context.Context, t tenant.ID) (int64, error) {
			n, err := s.Numbers.Company(ctx, t)
			return n.Int(), err
		},
		"contact": func(ctx context.Context, t tenant.ID) (int64, error) {
			n, err := s.Numbers.Contact(ctx, t)
			return n.Int(), err
		},
		"tag": func(ctx context.Context, t tenant.ID) (int64, error) {
			n, err := s.Numbers.Tag(ctx, t)
			return n.Int(), err
		},
	}
}

// take draws n numbers at once.
func (next counting) take(t testing.TB, owner tenant.ID, n int) []int64 {
	t.Helper()
	out := make([]int64, n)
	allWell(t, crowded(n, func(i int) (err error) {
		out[i], err = next(t.Context(), owner)
		return err
	}))
	return out
}

func requireDistinct(t testing.TB, numbers []int64) {
	t.Helper()
	sorted := slices.Sorted(slices.Values(numbers))
	require.Len(t, slices.Compact(sorted), len(numbers), "a number was given twice")
	require.Positive(t, slices.Min(numbers))
	require.LessOrEqual(t, slices.Max(numbers), int64(id.MaxNumber))
}

func numbersRise(t *testing.T, s Store) {
	h := settle(t, s)
	for kind, next := range numbering(s) {
		last := int64(0)
		for range 300 { // more than one block of any sensible size
			n, err := next(t.Context(), h.id)
			require.NoError(t, err)
			require.Greater(t, n, last, kind)
			last = n
		}
	}
}

func numbersComeOnce(t *testing.T, s Store) {
	h := settle(t, s)
	for _, next := range numbering(s) {
		requireDistinct(t, next.take(t, h.id, 4*crowd))
	}
}

// numbersStandAlone draws for two tenants by turns: neither may see a number twice.
func numbersStandAlone(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	for _, next := range numbering(s) {
		var mine, yours []int64
		for range 3 {
			mine = append(mine, next.take(t, ours.id, crowd)...)
			yours = append(yours, next.take(t, theirs.id, crowd)...)
		}
		requireDistinct(t, mine)
		requireDistinct(t, yours)
	}
}
