package web

import (
	"net/netip"
	"slices"
	"strings"
)

// maxHops bounds the walk through X-Forwarded-For; a longer chain is nobody's
// honest set of proxies.
const maxHops = 32

// clientAddress walks X-Forwarded-For from the right, each trusted hop
// vouching for the next entry, and stops at the first that nobody trusted
// vouches for. Entries further left are the client's own words.
func clientAddress(peer netip.Addr, forwarded []string, proxies []netip.Prefix) netip.Addr {
	hops := strings.Split(strings.Join(forwarded, ","), ",")
	slices.Reverse(hops)
	at := peer
	for i, hop := range hops {
		if i == maxHops || !trusted(at, proxies) {
			break
		}
		next, ok := parseHop(strings.TrimSpace(hop))
		if !ok {
			break
		}
		at = next
	}
	return at
}

func trusted(a netip.Addr, proxies []netip.Prefix) bool {
	return a.IsValid() && slices.ContainsFunc(proxies, func(p netip.Prefix) bool { return p.Contains(a) })
}

// parseHop reads an address, bare, in brackets or with a port.
func parseHop(s string) (netip.Addr, bool) {
	a, err := netip.ParseAddr(strings.TrimSuffix(strings.TrimPrefix(s, "["), "]"))
	if err != nil {
		ap, err := netip.ParseAddrPort(s)
		if err != nil {
			return netip.Addr{}, false
		}
		a = ap.Addr()
	}
	return a.Unmap().WithZone(""), true
}

func originKey(a netip.Addr) string {
	if !a.IsValid() {
		return ""
	}
	if a.Is4() {
		return a.String()
	}
	p, err := a.Prefix(64)
	if err != nil {
		return ""
	}
	return p.String()
}
