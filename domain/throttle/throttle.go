// Package throttle decides how often something may be tried. It keeps no
// counters: a State goes in with the time, a State comes out.
package throttle

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"ostiary/domain/fault"
)

// ErrLimited is returned when something was tried too often; RetryAfter says
// when the next try is worth it.
var ErrLimited = fault.New(fault.Limited, "limited", "Too many requests. Please try again later.")

// State is what is remembered about one key. The zero value is a key never seen.
type State struct {
	Count int
	At    time.Time
}

// Limit allows Count events in a Window. The zero value allows everything.
type Limit struct {
	Count  int
	Window time.Duration
}

// Off reports whether the limit allows everything.
func (l Limit) Off() bool { return l.Count == 0 }

func (l Limit) step() time.Duration { return l.Window / time.Duration(l.Count) }

// Full returns how long to wait until one more event fits, zero when it fits
// now. The rule is GCRA (ITU-T I.371): At is the theoretical arrival time.
func (l Limit) Full(s State, now time.Time) time.Duration {
	if l.Off() {
		return 0
	}
	return max(0, later(s.At, now).Add(l.step()).Sub(now)-l.Window)
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// Add counts one event.
func (l Limit) Add(s State, now time.Time) State {
	if l.Off() {
		return s
	}
	return State{Count: s.Count + 1, At: later(s.At, now).Add(l.step())}
}

const firstDelay = 30 * time.Second

// Locked returns how long a user must still wait after too many failures in a
// row. The delay doubles with each further failure up to the window, and ends:
// nobody is locked out for good. The count decays only after a whole window,
// when no delay is left.
func (l Limit) Locked(s State, now time.Time) time.Duration {
	if l.Off() || s.Count < l.Count {
		return 0
	}
	delay := firstDelay
	for range s.Count - l.Count {
		if delay *= 2; delay >= l.Window {
			break
		}
	}
	return max(0, s.At.Add(min(delay, l.Window)).Sub(now))
}

// Failed counts one more failure. Tries during a delay are not counted, or an
// attacker could hold the door shut for ever.
func (l Limit) Failed(s State, now time.Time) State {
	if l.Off() || l.Locked(s, now) > 0 {
		return s
	}
	s = l.decay(s, now)
	return State{Count: s.Count + 1, At: now}
}

// decay halves the count for every window without a failure.
func (l Limit) decay(s State, now time.Time) State {
	if l.Off() {
		return s
	}
	for s.Count > 0 && now.Sub(s.At) >= l.Window {
		s.Count /= 2
		s.At = s.At.Add(l.Window)
	}
	return s
}

// Forget is when a state no longer matters and may be cleaned up.
func (l Limit) Forget(s State) time.Time {
	until := s.At.Add(l.Window)
	for n := s.Count; n > 0; n /= 2 {
		until = until.Add(l.Window)
	}
	return until
}

// Limits are the limits of a deployment.
type Limits struct {
	LoginUser    Limit // failures in a row
	LoginAddress Limit // failures
	LoginTenant  Limit // failures
	LinkUser     Limit // mails
	LinkAddress  Limit // requests
}

// Default returns the limits that are shipped.
func Default() Limits {
	return Limits{
		LoginUser:    Limit{10, 15 * time.Minute},
		LoginAddress: Limit{100, 15 * time.Minute},
		LoginTenant:  Limit{1000, time.Minute},
		LinkUser:     Limit{5, time.Hour},
		LinkAddress:  Limit{60, time.Hour},
	}
}

// Parse reads "login-user=10/15m,…" over the defaults; "off" switches all off.
func Parse(s string) (Limits, error) {
	if s == "off" {
		return Limits{}, nil
	}
	out := Default()
	names := map[string]*Limit{
		"login-user": &out.LoginUser, "login-address": &out.LoginAddress, "login-tenant": &out.LoginTenant,
		"link-user": &out.LinkUser, "link-address": &out.LinkAddress,
	}
	for item := range strings.SplitSeq(s, ",") {
		name, value, _ := strings.Cut(strings.TrimSpace(item), "=")
		limit, known := names[name]
		if !known {
			return Limits{}, fmt.Errorf("limit %q is not known", name)
		}
		delete(names, name) // what is said twice is not clear
		count, window, _ := strings.Cut(value, "/")
		n, err := strconv.Atoi(count)
		if err != nil || n < 1 || n > 1_000_000 {
			return Limits{}, fmt.Errorf("limit %s needs a count of 1 to 1000000", name)
		}
		d, err := time.ParseDuration(window)
		if err != nil || d < time.Second || d > 24*time.Hour {
			return Limits{}, fmt.Errorf("limit %s needs a window of 1s to 24h", name)
		}
		// Times are stored in milliseconds: a shorter step would be lost.
		if d/time.Duration(n) < time.Millisecond {
			return Limits{}, fmt.Errorf("limit %s allows at most 1000 a second", name)
		}
		*limit = Limit{Count: n, Window: d}
	}
	return out, nil
}
