package web

import (
	"net/netip"
	"strconv"
	"strings"
)

func isAlnum(b byte) bool {
	return b >= '0' && b <= '9' || b >= 'A' && b <= 'Z' || b >= 'a' && b <= 'z'
}

// Every byte of every head is looked up here.
var (
	// isPlain are the bytes that may stand within a line of a head.
	isPlain = tableOf(func(b byte) bool { return b == '\t' || b >= ' ' && b != 0x7f })
	// isTokenChar is tchar of RFC 9110 section 5.6.2.
	isTokenChar = tableOf(func(b byte) bool { return isAlnum(b) || strings.IndexByte("!#$%&'*+-.^_`|~", b) >= 0 })
)

// isToken68Char is the alphabet of token68 (RFC 9110 section 11.2) without the
// padding at its end.
var isToken68Char = tableOf(func(b byte) bool { return isAlnum(b) || strings.IndexByte("-._~+/", b) >= 0 })

func isToken68(s string) bool {
	core := strings.TrimRight(s, "=")
	for i := range len(core) {
		if !isToken68Char[core[i]] {
			return false
		}
	}
	return core != ""
}

func tableOf(has func(byte) bool) (out [256]bool) {
	for b := range out {
		out[b] = has(byte(b))
	}
	return out
}

func isToken(s []byte) bool {
	for _, b := range s {
		if !isTokenChar[b] {
			return false
		}
	}
	return len(s) > 0
}

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
	if !ok || len(name) > 255 {
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
	for i := range len(name) {
		if !isAlnum(name[i]) && strings.IndexByte("-_.", name[i]) < 0 {
			return false
		}
	}
	return name != ""
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
