// Package id holds the two shapes of identifiers: UUIDs and per-tenant
// integers. The type parameter keeps ids of different things apart; where the
// random bits come from is a port's business.
package id

import (
	"encoding/hex"
	"strconv"

	"ostiary/domain/fault"
)

// ErrMalformed is returned for text that is no id of the asked shape.
var ErrMalformed = fault.New(fault.Malformed, "id_malformed", "That is not an identifier.")

// UUID is a RFC 9562 UUID that names one K. The zero value names nothing.
type UUID[K any] struct{ b [16]byte }

// FromBytes wraps 16 bytes.
func FromBytes[K any](b [16]byte) UUID[K] { return UUID[K]{b: b} }

// Parse reads the 36-character form; letters of either case (RFC 9562
// section 4).
func Parse[K any](s string) (UUID[K], error) {
	var u UUID[K]
	if len(s) != 36 || s[8] != '-' || s[13] != '-' || s[18] != '-' || s[23] != '-' {
		return UUID[K]{}, ErrMalformed
	}
	packed := s[0:8] + s[9:13] + s[14:18] + s[19:23] + s[24:36]
	if _, err := hex.Decode(u.b[:], []byte(packed)); err != nil {
		return UUID[K]{}, ErrMalformed
	}
	return u, nil
}

// Bytes returns the 16 bytes.
func (u UUID[K]) Bytes() [16]byte { return u.b }

// IsZero reports whether u names nothing.
func (u UUID[K]) IsZero() bool { return u.b == [16]byte{} }

// String returns the canonical form, "" for the zero value.
func (u UUID[K]) String() string {
	var buf [36]byte
	return string(u.Append(buf[:0]))
}

// Append appends what String returns.
func (u UUID[K]) Append(to []byte) []byte {
	if u.IsZero() {
		return to
	}
	to = append(hex.AppendEncode(to, u.b[0:4]), '-')
	to = append(hex.AppendEncode(to, u.b[4:6]), '-')
	to = append(hex.AppendEncode(to, u.b[6:8]), '-')
	to = append(hex.AppendEncode(to, u.b[8:10]), '-')
	return hex.AppendEncode(to, u.b[10:16])
}

// MaxNumber is the largest integer that every JSON reader keeps exact
// (RFC 8259 section 6).
const MaxNumber = 1<<53 - 1

// Number is an integer id, 1 to MaxNumber, unique within one tenant.
type Number[K any] struct{ n int64 }

// NumberOf refuses what is outside 1 to MaxNumber.
func NumberOf[K any](n int64) (Number[K], error) {
	if n < 1 || n > MaxNumber {
		return Number[K]{}, ErrMalformed
	}
	return Number[K]{n: n}, nil
}

// ParseNumber reads decimal digits without sign or leading zero.
func ParseNumber[K any](s string) (Number[K], error) {
	if s == "" || s[0] == '0' || s[0] == '+' || s[0] == '-' {
		return Number[K]{}, ErrMalformed
	}
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil {
		return Number[K]{}, ErrMalformed
	}
	return NumberOf[K](n)
}

// Int returns the number, 0 for the zero value.
func (n Number[K]) Int() int64 { return n.n }

// IsZero reports whether n names nothing.
func (n Number[K]) IsZero() bool { return n.n == 0 }

// String returns the digits, "" for the zero value.
func (n Number[K]) String() string {
	if n.n == 0 {
		return ""
	}
	return strconv.FormatInt(n.n, 10)
}
