package web

import (
	"context"
	"net"
	"net/netip"
	"time"
)

// Exported for the tests of what no answer shows well enough.
var (
	ClientAddress = clientAddress
	IsHost        = isHost
	PlainSpan     = plainSpan
	WithoutPort   = withoutPort
)

// ParseHop reads one entry of X-Forwarded-For.
func ParseHop(s string) (netip.Addr, bool) { return parseHop(s) }

// Inspect gives p to an inspector of its own in reads of at most size bytes
// and returns how many it lets through, after which of the reads no request is
// under way, and why it stops.
func Inspect(p []byte, size int) (fit int, ends []int, err error) {
	var in inspector
	for fit < len(p) {
		n, err := in.scan(p[fit:min(fit+size, len(p))])
		fit += n
		if err != nil {
			return fit, ends, err
		}
		if in.idle() {
			ends = append(ends, fit)
		}
	}
	return fit, ends, nil
}

// Inspected stands before c, as it does before every connection.
func Inspected(c net.Conn, slack time.Duration) net.Conn {
	return &inspected{Conn: c, gate: &gate{slack: slack}}
}

// IsUnambiguous and JudgePath are the two looks at a path.
func IsUnambiguous(path string) bool { return isUnambiguous([]byte(path)) }

// JudgePath is what a path is refused by where parameters hold no slash.
func JudgePath(path string) error { return (&Call{endpoint: &endpoint{}}).judgePath(path) }

// NewDeadline makes the context of a request and what ends it.
func NewDeadline(now func() time.Time, started time.Time, within time.Duration) (context.Context, func()) {
	d := &deadline{at: started.Add(within), now: now}
	return d, d.end
}
