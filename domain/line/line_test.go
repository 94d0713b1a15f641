package line_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/line"
)

func TestCheck(t *testing.T) {
	t.Parallel()
	for s, code := range map[string]string{
		"Ada": "", "Ångs 会社": "", "a b": "", strings.Repeat("é", 10): "",
		"": "length", "   ": "length", "\u00a0": "length", strings.Repeat("é", 11): "length",
		"a\r\nb": "characters", "a\x00b": "characters", "a\x7f": "characters", "\u0085": "characters", "\u2028": "characters", "\xff": "characters",
	} {
		got := line.Check("/name", s, 1, 10)
		if code == "" {
			require.Empty(t, got, "%q", s)
			continue
		}
		require.Len(t, got, 1, "%q", s)
		require.Equal(t, code, got[0].Code, "%q", s)
		require.Equal(t, "/name", got[0].Pointer)
	}
}

func TestCheck_LetsOptionalTextBeEmpty(t *testing.T) {
	t.Parallel()
	require.Empty(t, line.Check("/phone", "", 0, 10))
}
