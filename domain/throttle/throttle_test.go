package throttle_test

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/throttle"
)

var start = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func limits() *rapid.Generator[throttle.Limit] {
	return rapid.Custom(func(t *rapid.T) throttle.Limit {
		return throttle.Limit{
			Count:  rapid.IntRange(1, 50).Draw(t, "count"),
			Window: time.Duration(rapid.IntRange(1, 24*3600).Draw(t, "seconds")) * time.Second,
		}
	})
}

// A burst of Count at once, and never more than two of them in any window:
// the burst and what has grown back meanwhile.
func TestFull_BoundsEveryWindow(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		l := limits().Draw(rt, "limit")
		at, s := start, throttle.State{}
		var admitted []time.Time
		for range rapid.IntRange(1, 200).Draw(rt, "tries") {
			pause := rapid.IntRange(0, 2000).Draw(rt, "thousandths") / rapid.IntRange(1, 50).Draw(rt, "by")
			at = at.Add(l.Window * time.Duration(pause) / 1000)
			if l.Full(s, at) == 0 {
				s = l.Add(s, at)
				admitted = append(admitted, at)
			}
		}

		for i, first := range admitted {
			inWindow, atOnce := 0, 0
			for _, a := range admitted[i:] {
				if a.Sub(first) < l.Window {
					inWindow++
				}
				if a.Equal(first) {
					atOnce++
				}
			}
			require.LessOrEqual(rt, inWindow, 2*l.Count)
			require.LessOrEqual(rt, atOnce, l.Count)
		}
		whole := int(at.Sub(start)*time.Duration(l.Count)/l.Window) + l.Count + 1
		require.LessOrEqual(rt, len(admitted), whole, "the rate in the long run")
	})
}

func TestFull_SaysExactlyHowLongToWait(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		l := limits().Draw(rt, "limit")
		s := throttle.State{}
		for range l.Count {
			require.Zero(rt, l.Full(s, start), "the burst is granted")
			s = l.Add(s, start)
		}

		wait := l.Full(s, start)

		require.Positive(rt, wait)
		require.LessOrEqual(rt, wait, l.Window/time.Duration(l.Count)+time.Nanosecond*time.Duration(l.Count))
		require.Positive(rt, l.Full(s, start.Add(wait-1)))
		require.Zero(rt, l.Full(s, start.Add(wait)))
		require.Zero(rt, l.Full(s, l.Forget(s)), "nothing is left to remember")
	})
}

func TestLocked_GrowsEndsAndIsNeverLongerThanTheWindow(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		l := limits().Draw(rt, "limit")
		s, at, last := throttle.State{}, start, time.Duration(0)
		// Having waited a whole window the count has decayed, and all begins anew.
		for n := 1; last < l.Window; n++ {
			s = l.Failed(s, at)
			delay := l.Locked(s, at)
			if n < l.Count {
				require.Zero(rt, delay, "failure %d of %d", n, l.Count)
				continue
			}
			require.Positive(rt, delay)
			require.LessOrEqual(rt, delay, l.Window)
			require.Greater(rt, delay, last, "it grows")
			last = delay

			during := at.Add(delay - 1)
			require.Equal(rt, s, l.Failed(s, during), "tries during the delay do not prolong it")
			require.Positive(rt, l.Locked(s, during))
			at = at.Add(delay)
			require.Zero(rt, l.Locked(s, at), "it ends")
		}
	})
}

func TestLocked_DoublesFrom30SecondsToTheWindow(t *testing.T) {
	t.Parallel()
	l := throttle.Limit{Count: 3, Window: 15 * time.Minute}
	s, at := throttle.State{}, start
	var delays []time.Duration

	for range 8 {
		s = l.Failed(s, at)
		delays = append(delays, l.Locked(s, at))
		at = at.Add(l.Locked(s, at))
	}

	require.Equal(t, []time.Duration{
		0, 0, 30 * time.Second, time.Minute, 2 * time.Minute, 4 * time.Minute, 8 * time.Minute, 15 * time.Minute,
	}, delays)
}

func TestFailed_DecaysWhenNothingHappens(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		l := limits().Draw(rt, "limit")
		s := throttle.State{Count: rapid.IntRange(1, 1000).Draw(rt, "failures"), At: start}

		later := l.Forget(s)

		require.Zero(rt, l.Locked(s, later))
		require.Equal(rt, throttle.State{Count: 1, At: later}, l.Failed(s, later), "as if it were the first")
	})
	l := throttle.Limit{Count: 10, Window: time.Minute}
	half := l.Failed(throttle.State{Count: 8, At: start}, start.Add(time.Minute))
	require.Equal(t, 5, half.Count, "half of 8, and one more")
}

// Weeks of guessing at the best moments leave the owner, who comes at any
// time, a delay of at most one window.
func TestLocked_IsNeverPermanent(t *testing.T) {
	t.Parallel()
	l := throttle.Default().LoginUser
	s, at := throttle.State{}, start

	for at.Sub(start) < 60*24*time.Hour {
		s = l.Failed(s, at)
		at = at.Add(max(time.Second, l.Locked(s, at)))
	}

	require.Zero(t, l.Locked(s, at))
	require.LessOrEqual(t, l.Locked(l.Failed(s, at), at), l.Window)
}

func TestLimit_OffAllowsEverything(t *testing.T) {
	t.Parallel()
	var off throttle.Limit
	s := throttle.State{Count: 1 << 30, At: start}

	require.True(t, off.Off())
	require.Zero(t, off.Full(s, start))
	require.Zero(t, off.Locked(s, start))
	require.Equal(t, s, off.Add(s, start))
	require.Equal(t, s, off.Failed(s, start))
}

func TestDefault_IsWhatIsPromised(t *testing.T) {
	t.Parallel()

	promised, err := throttle.Parse("login-user=10/15m,login-address=100/15m,login-tenant=1000/1m,link-user=5/1h,link-address=60/1h")

	require.NoError(t, err)
	require.Equal(t, promised, throttle.Default())
}

func TestParse_ChangesTheDefaults(t *testing.T) {
	t.Parallel()
	want := throttle.Default()
	want.LoginUser = throttle.Limit{Count: 3, Window: time.Minute}
	want.LinkAddress = throttle.Limit{Count: 1000, Window: time.Second}

	got, err := throttle.Parse("login-user=3/1m, link-address=1000/1s")

	require.NoError(t, err)
	require.Equal(t, want, got)
	off, err := throttle.Parse("off")
	require.NoError(t, err)
	require.Equal(t, throttle.Limits{}, off)
}

func TestParse_RefusesWhatItCannotKeep(t *testing.T) {
	t.Parallel()

	for _, s := range []string{
		"", "on", "login=1/1m", "login-user", "login-user=", "login-user=10", "login-user=10/", "login-user=0/1m", "login-user=-1/1m", "login-user=1000001/24h",
		"login-user=1/999ms", "login-user=1/25h", "login-user=a/1m", "login-user=1/1m,,", "login-user=1/1m;off",
		"login-user=1001/1s", // less than a millisecond each, which no store keeps
	} {
		_, err := throttle.Parse(s)
		require.Error(t, err, "%q", s)
	}
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"off", "login-user=3/1m, link-address=1000/1s", "login-tenant=7/24h", "link-user=1/1h,link-user=2/1h", "login-user=1/0.9999999999s", "login-user=+1/1m"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		limits, err := throttle.Parse(s)
		if err != nil || limits == (throttle.Limits{}) {
			require.True(t, err != nil || s == "off")
			return
		}
		for _, name := range []string{"login-user=", "login-address=", "login-tenant=", "link-user=", "link-address="} {
			require.LessOrEqual(t, strings.Count(s, name), 1, "what is said twice is not clear")
		}
		again, err := throttle.Parse(written(limits))
		require.NoError(t, err)
		require.Equal(t, limits, again)
		for _, l := range []throttle.Limit{limits.LoginUser, limits.LoginAddress, limits.LoginTenant, limits.LinkUser, limits.LinkAddress} {
			require.False(t, l.Off(), "only \"off\" switches a limit off")
			if l.Count > 2000 {
				continue // the walk below would take long
			}
			var state throttle.State
			for range l.Count {
				require.Zero(t, l.Full(state, start))
				state = l.Add(state, start)
			}
			require.Positive(t, l.Full(state, start), "as many events fit as were said")
			require.LessOrEqual(t, l.Full(state, start), l.Window)
		}
	})
}

func written(l throttle.Limits) string {
	return fmt.Sprintf("login-user=%d/%v,login-address=%d/%v,login-tenant=%d/%v,link-user=%d/%v,link-address=%d/%v",
		l.LoginUser.Count, l.LoginUser.Window, l.LoginAddress.Count, l.LoginAddress.Window, l.LoginTenant.Count, l.LoginTenant.Window,
		l.LinkUser.Count, l.LinkUser.Window, l.LinkAddress.Count, l.LinkAddress.Window)
}
