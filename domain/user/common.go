package user

import (
	_ "embed"
	"strings"
)

// common holds 42,783 passwords of 8 and more characters, folded to lower
// case, sorted by bytes, one a line. common.NOTICE names where they are from.
//
//go:embed common.txt
var common string

// IsCommon reports whether a password is among the most common or breached
// ones, whatever its case.
func IsCommon(password string) bool {
	folded := strings.ToLower(password)
	// The lines are searched where they lie: an index would cost every process
	// some megabytes for a question that is asked when a password is set.
	lo, hi := 0, len(common)
	for lo < hi {
		middle := lo + (hi-lo)/2
		start := lo + strings.LastIndexByte(common[lo:middle], '\n') + 1
		end := start + strings.IndexByte(common[start:], '\n')
		switch c := strings.Compare(common[start:end], folded); {
		case c == 0:
			return true
		case c < 0:
			lo = end + 1
		default:
			hi = start
		}
	}
	return false
}
