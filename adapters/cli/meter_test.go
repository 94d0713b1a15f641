package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/cli"
	"ostiary/app/operation"
)

func TestMeter_DrawsABarOverItselfOnATerminal(t *testing.T) {
	t.Parallel()
	var w strings.Builder
	show, end := cli.Meter(&w, true)

	show(operation.CopyProgress{Step: operation.Copying, Section: "api tokens", Done: 1, Total: 2})
	show(operation.CopyProgress{Step: operation.Copying, Section: "api tokens", Done: 1, Total: 2})
	show(operation.CopyProgress{Step: operation.Copying, Section: "audit", Done: 2, Total: 2})
	show(operation.CopyProgress{Step: operation.Comparing, Section: "tenants", Done: 0, Total: 0})
	end()

	require.Equal(t, ""+
		"\rcopying   [###############---------------]  50% api tokens"+
		"\rcopying   [##############################] 100% audit     \n"+
		"\rcomparing [------------------------------]   0% tenants\n", w.String())
}

func TestMeter_WritesALineForEachTenthAndSectionElsewhere(t *testing.T) {
	t.Parallel()
	var w strings.Builder
	show, end := cli.Meter(&w, false)

	for done := range int64(21) {
		show(operation.CopyProgress{Step: operation.Copying, Section: "contacts", Done: done, Total: 100})
	}
	show(operation.CopyProgress{Step: operation.Copying, Section: "audit", Done: 21, Total: 100})
	end()

	require.Equal(t, "copying: 0 of 100 records (0%), contacts\n"+
		"copying: 10 of 100 records (10%), contacts\n"+
		"copying: 20 of 100 records (20%), contacts\n"+
		"copying: 21 of 100 records (21%), audit\n", w.String())
}
