package bootstrap

import (
	"testing"

	"github.com/stretchr/testify/require"
)

func TestLazily_AddsToWhatTheOperatorSaysAndNeverOverridesIt(t *testing.T) {
	t.Parallel()
	for about, row := range map[string]struct {
		environ, want []string
		changed       bool
	}{
		"nothing":          {[]string{"A=1"}, []string{"A=1", "GODEBUG=madvdontneed=0"}, true},
		"an empty one":     {[]string{"GODEBUG=", "A=1"}, []string{"GODEBUG=madvdontneed=0", "A=1"}, true},
		"another setting":  {[]string{"GODEBUG=gctrace=1"}, []string{"GODEBUG=gctrace=1,madvdontneed=0"}, true},
		"this one":         {[]string{"GODEBUG=madvdontneed=0"}, []string{"GODEBUG=madvdontneed=0"}, false},
		"this one refused": {[]string{"GODEBUG=gctrace=1,madvdontneed=1"}, []string{"GODEBUG=gctrace=1,madvdontneed=1"}, false},
	} {
		given := append([]string{}, row.environ...)

		got, changed := lazily(row.environ)

		require.Equal(t, row.want, got, about)
		require.Equal(t, row.changed, changed, about)
		require.Equal(t, given, row.environ, "what was given is not changed")
	}
}
