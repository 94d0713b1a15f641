// Package attack_test does to the built program what strangers, insiders and
// failing machines would: one test for each check of the catalogue, named by
// its number, on both engines. Which check stands where, and which do not
// apply and why, is in catalogue_test.go.
//
// Figures that depend on the machine are reported as attributes of a test
// (figure) and decide nothing.
package attack_test

import (
	"fmt"
	"os"
	"testing"
	"time"

	"ostiary/test/program"
)

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
