package contract

import (
	"errors"
	"reflect"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"github.com/stretchr/testify/require"

	"ostiary/domain/id"
	"ostiary/test/fake"
)

const (
	// crowd is how many callers meet in a parallel check.
	crowd = 50
	// word is text that a careless store folds, trims, cuts or reads as a
	// pattern.
	word = " Zoë\u0301 客户 🙂 %_\\'\"`$.{} ß İ "
)

// moment is a time whose milliseconds matter.
var moment = fake.Start

var errChange = errors.New("the change refuses")

// same compares what was stored with what is read, member by member. An empty
// list or map and none at all mean the same everywhere in the domain.
func same(t require.TestingT, want, got any) {
	if h, ok := t.(interface{ Helper() }); ok {
		h.Helper()
	}
	require.Empty(t, cmp.Diff(want, got, cmp.Exporter(func(reflect.Type) bool { return true }), cmpopts.EquateEmpty(), exactTime))
}

// exactTime also asks for UTC, which time.Time.Equal does not.
var exactTime = cmp.Comparer(func(a, b time.Time) bool {
	return a.Equal(b) && a.Location() == b.Location()
})

// crowded runs do n times at once and returns what each run answered.
func crowded(n int, do func(i int) error) []error {
	var wg sync.WaitGroup
	start, errs := make(chan struct{}), make([]error, n)
	for i := range n {
		wg.Go(func() {
			<-start
			errs[i] = do(i)
		})
	}
	close(start)
	wg.Wait()
	return errs
}

// allWell requires that no run failed.
func allWell(t testing.TB, errs []error) {
	t.Helper()
	for _, err := range errs {
		require.NoError(t, err)
	}
}

// oneWins requires that one run went well and every other was refused so.
func oneWins(t testing.TB, errs []error, refusal error) {
	t.Helper()
	wins := 0
	for _, err := range errs {
		if err == nil {
			wins++
			continue
		}
		require.ErrorIs(t, err, refusal)
	}
	require.Equal(t, 1, wins, "exactly one of %d wins", len(errs))
}

// unique returns a word that no other check uses, fit for codes and mailboxes.
func unique() string {
	u := id.FromBytes[struct{}](fake.UUID())
	return "x" + strings.ReplaceAll(u.String(), "-", "")
}

func after(d time.Duration) time.Time { return moment.Add(d) }
