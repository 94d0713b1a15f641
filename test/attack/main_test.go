// Package attack_test does to the built program what strangers, insiders and
// failing machines would: one test for each check of the catalogue, named by
// its number, on both engines. Which check stands where, and which do not
// apply and why, is in catalogue_test.go.
//
// Figures that depend on the machine are reported as attributes of a test
// (figure) and decide nothing.
package attack_test

import (
	"flag"
	"fmt"
	"os"
	"testing"
	"time"

	"ostiary/test/program"
)

// long asks for the counts that take hours; the checks are the same.
var long = flag.Bool("long", false, "run the long forms of the checks")

// times picks a count by the form that was asked for.
func times(short, longer int) int {
	if *long {
		return longer
	}
	return short
}

func TestMain(m *testing.M) { os.Exit(program.Main(m)) }

// figure reports a measured value under a short name, for the table of the
// proof.
func figure(t testing.TB, name string, value any) {
	t.Helper()
	if d, ok := value.(time.Duration); ok {
		value = d.Round(10 * time.Microsecond)
	}
	t.Attr(name, fmt.Sprint(value))
	t.Logf("%s: %v", name, value)
}
