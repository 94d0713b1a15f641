package web

import (
	"encoding/binary"
	"net/netip"
	"strconv"
	"strings"
)

func isAlnum(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

// alphabet says of each byte whether it is missing: 1 for no, so that several
// lookups can be joined before anything is decided.
type alphabet [256]uint8

func alphabetOf(has func(byte) bool) *alphabet {
	var a alphabet
	for b := range a {
		if !has(byte(b)) {
			a[b] = 1
		}
	}
	return &a
}

func (a *alphabet) has(b byte) bool { return a[b] == 0 }

var (
	// plainChars are the bytes that may stand within a line of a head.
	plainChars = alphabetOf(func(b byte) bool { return b == '\t' || b >= ' ' && b != 0x7f })
	// tokenChars is tchar of RFC 9110 section 5.6.2.
	tokenChars = alphabetOf(func(b byte) bool { return isAlnum(b) || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0 })
	// token68Chars is the alphabet of token68 (RFC 9110 section 11.2) without the
	// padding at its end.
	token68Chars = alphabetOf(func(b byte) bool { return isAlnum(b) || strings.IndexByte("-._~+/", b) >= 0 })
	// hostChars are those of names and of IPv4 addresses.
	hostChars = alphabetOf(func(b byte) bool { return isAlnum(b) || strings.IndexByte("-_.", b) >= 0 })
)

// span counts the bytes of s before the first that is not of the alphabet. It
// takes eight at a time: a token has a thousand.
func span[T ~string | ~[]byte](a *alphabet, s T) int {
	n := 0
	for ; n+8 <= len(s); n += 8 {
		w := s[n : n+8]
		if a[w[0]]|a[w[1]]|a[w[2]]|a[w[3]]|a[w[4]]|a[w[5]]|a[w[6]]|a[w[7]] != 0 {
			break
		}
	}
	for n < len(s) && a.has(s[n]) {
		n++
	}
	return n
}

// plainSpan counts the bytes of a line before the first that char would have to look
// at: nearly all that is ever sent is printable ASCII, and of that it takes eight
// as one number.
func plainSpan(s []byte) int {
	n := 0
	for ; n+8 <= len(s); n += 8 {
		w := binary.LittleEndian.Uint64(s[n:])
		// The high bit of a byte is set in the first term below 0x20 and for 0xff,
		// in the second from 0x7f to 0xfe. That it may be for a neighbour of these
		// as well does not matter: then the bytes are looked at one by one.
		if ((w-0x20*ones)|(w+ones))&(0x80*ones) != 0 {
			break
		}
	}
	return n + span(plainChars, s[n:])
}

// ones is a one in each byte.
const ones = 0x0101_0101_0101_0101

func isToken68(s string) bool {
	core := strings.TrimRight(s, "=")
	return core != "" && span(token68Chars, core) == len(core)
}

func isToken(s []byte) bool { return len(s) > 0 && span(tokenChars, s) == len(s) }

func allHex(b []byte) bool {
	for _, c := range b {
		if strings.IndexByte("0123456789abcdefABCDEF", c) < 0 {
			return false
		}
	}
	return true
}

// isHost accepts a name, an IPv4 address or a bracketed IPv6 address, with or
// without a port. Names are letters, digits, hyphens, underscores and dots:
// percent-encoding and user information have no business in a Host header.
func isHost(s string) bool {
	name, port, ok := splitPort(s)
	if !ok || len(name) > maxHost {
		return false
	}
	if port != "" {
		if n, err := strconv.ParseUint(port, 10, 16); err != nil || n == 0 {
			return false
		}
	}
	if strings.HasPrefix(name, "[") {
		a, err := netip.ParseAddr(name[1 : len(name)-1]) // one pair: splitPort saw to the other end
		return err == nil && a.Is6() && a.Zone() == ""
	}
	return name != "" && span(hostChars, name) == len(name)
}

// splitPort cuts "host:port" and "[v6]:port"; ok says that the brackets and
// colons are where they may be.
func splitPort(s string) (name, port string, ok bool) {
	if rest, v6 := strings.CutPrefix(s, "["); v6 {
		inner, after, closed := strings.Cut(rest, "]")
		if !closed || (after != "" && !strings.HasPrefix(after, ":")) {
			return "", "", false
		}
		return "[" + inner + "]", strings.TrimPrefix(after, ":"), after != ":"
	}
	name, port, colon := strings.Cut(s, ":")
	return name, port, !colon || port != ""
}

// withoutPort is for hosts that isHost accepted.
func withoutPort(host string) string {
	name, _, _ := splitPort(host)
	return name
}
