package web_test

import (
	"bytes"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
)

// fieldChars is what RFC 9110 section 5.5 lets into a line: blanks, VCHAR and
// obs-text.
func fieldChars(b byte) bool { return b == ' ' || b == '\t' || b >= '!' && b <= '~' || b >= 0x80 }

func TestPlainSpan_EndsAtTheFirstByteThatNoLineMayHold(t *testing.T) {
	t.Parallel()

	// Two bytes next to each other anywhere in eight: what one of them carries
	// into the other must not hide it.
	for a := range 256 {
		for b := range 256 {
			for at := range 9 {
				line := bytes.Repeat([]byte("~"), 18)
				line[at], line[at+1] = byte(a), byte(b)
				want := slices.IndexFunc(line, func(c byte) bool { return !fieldChars(c) })
				if want < 0 {
					want = len(line)
				}
				if got := web.PlainSpan(line); got != want {
					require.Equal(t, want, got, "%q", line)
				}
			}
		}
	}
}
