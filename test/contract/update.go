package contract

import (
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
)

// updated is one stored aggregate with the Update method of its port, so that
// what package port says about every Update is checked by the same code.
type updated[A any] struct {
	update  func(change func(A) error) error
	load    func() A
	version func(A) int64
	bump    func(A) error // adds one to a counter in the aggregate, and to the version
	count   func(A) int64 // reads that counter
	open    func(A) any   // Snapshot
}

// keepsPromises checks all of it.
func (u updated[A]) keepsPromises(t *testing.T) {
	t.Helper()
	u.storesTheChange(t)
	u.storesNothingOnError(t)
	u.storesNothingOnKeep(t)
	u.losesNoParallelChange(t)
}

// becomes replaces the aggregate as a whole, so that Update forgets no member.
func (u updated[A]) becomes(t *testing.T, want any, replace func(A)) {
	t.Helper()
	require.NoError(t, u.update(func(a A) error {
		replace(a)
		return nil
	}))
	same(t, want, u.open(u.load()))
}

func (u updated[A]) storesTheChange(t *testing.T) {
	t.Helper()
	var want any
	require.NoError(t, u.update(func(a A) error {
		err := u.bump(a)
		want = u.open(a)
		return err
	}))
	same(t, want, u.open(u.load()))
}

func (u updated[A]) storesNothingOnError(t *testing.T) {
	t.Helper()
	before := u.open(u.load())

	err := u.update(u.bumpThen(errChange))

	require.ErrorIs(t, err, errChange)
	same(t, before, u.open(u.load()))
}

func (u updated[A]) storesNothingOnKeep(t *testing.T) {
	t.Helper()
	before := u.open(u.load())

	err := u.update(u.bumpThen(port.Keep))

	require.NoError(t, err)
	same(t, before, u.open(u.load()))
}

// bumpThen is a change that touches the aggregate before it returns verdict.
// It must not fail the test itself: a store may run it on a goroutine of its own.
func (u updated[A]) bumpThen(verdict error) func(A) error {
	return func(a A) error {
		if err := u.bump(a); err != nil {
			return err
		}
		return verdict
	}
}

// losesNoParallelChange asks for versions that are unique and gapless.
func (u updated[A]) losesNoParallelChange(t *testing.T) {
	t.Helper()
	before := u.load()
	versions := make([]int64, crowd)

	allWell(t, crowded(crowd, func(i int) error {
		return u.update(func(a A) error {
			err := u.bump(a)
			versions[i] = u.version(a) // the last run is the one that was stored
			return err
		})
	}))

	slices.Sort(versions)
	for i, v := range versions {
		require.Equal(t, u.version(before)+int64(i)+1, v)
	}
	last := u.load()
	require.Equal(t, u.version(before)+crowd, u.version(last))
	require.Equal(t, u.count(before)+crowd, u.count(last))
}

// isHidden requires that an Update on behalf of another tenant finds nothing.
func isHidden[A any](t *testing.T, notFound error, update func(change func(A) error) error) {
	t.Helper()
	called := false
	err := update(func(A) error {
		called = true
		return nil
	})
	require.ErrorIs(t, err, notFound)
	require.False(t, called, "the change must not see another tenant's data")
}
