package load_test

import (
	"bytes"
	"context"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"os/exec"
	"runtime"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/exchange"
	"ostiary/test/load"
)

// takes is an op that takes so long on the clock of its bubble.
func takes(d time.Duration) load.Op {
	return func(context.Context) error {
		time.Sleep(d)
		return nil
	}
}

func TestClosed_AsksAgainOnceAnswered(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		got := load.Closed(t.Context(), []load.Op{takes(10 * time.Millisecond), takes(20 * time.Millisecond)}, time.Second)

		require.Equal(t, int64(150), got.Done)
		require.Equal(t, time.Second, got.Took)
		require.InDelta(t, 150, got.Rate(), 0.001)
		require.InEpsilon(t, 10*time.Millisecond, got.Percentile(50), 0.01)
		require.InEpsilon(t, 20*time.Millisecond, got.Percentile(99), 0.01)
		require.NoError(t, got.Err())
	})
}

func TestClosed_EndsWhenNothingIsLeft(t *testing.T) {
	t.Parallel()
	left := 3
	got := load.Closed(t.Context(), []load.Op{func(context.Context) error {
		if left == 0 {
			return load.ErrOver
		}
		left--
		return nil
	}}, time.Hour)

	require.Equal(t, int64(3), got.Done)
	require.NoError(t, got.Err())
}

func TestPaced_CountsFromWhenARequestWasDue(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		// The first takes a second, in which 99 others come due.
		first := true
		got := load.Paced(t.Context(), []load.Op{func(context.Context) error {
			if first {
				first = false
				time.Sleep(time.Second)
			}
			return nil
		}}, 100, 2*time.Second)

		require.Equal(t, int64(200), got.Intended)
		require.Equal(t, int64(200), got.Done)
		require.InEpsilon(t, time.Second, got.Percentile(100), 0.01)
		require.InEpsilon(t, 500*time.Millisecond, got.Percentile(75), 0.05, "who was due half a second later waited half a second")
		require.Less(t, got.Percentile(49), time.Millisecond)
	})
}

func TestResult_OnTimeLeavesOutWhatIsLateOrFails(t *testing.T) {
	t.Parallel()
	broken := func(context.Context) error { return errors.New("broken") }
	for name, c := range map[string]struct {
		op   load.Op
		done int64
		want float64
	}{
		"fast":   {takes(5 * time.Millisecond), 100, 1},
		"broken": {broken, 0, 0},
		// The n-th is due at 10n ms and answered at 50(n+1) ms: the first two
		// are on time, 50 and 90 ms after they were due.
		"slow": {takes(50 * time.Millisecond), 100, 0.02},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			synctest.Test(t, func(t *testing.T) {
				got := load.Paced(t.Context(), []load.Op{c.op}, 100, time.Second)

				require.Equal(t, c.done, got.Done)
				require.InDelta(t, c.want, got.OnTime(100*time.Millisecond), 1e-9)
			})
		})
	}
}

func TestResult_TellsWhatFailed(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		broken := errors.New("broken")
		got := load.Paced(t.Context(), []load.Op{func(context.Context) error { return broken }}, 10, time.Second)

		require.Equal(t, int64(10), got.Failed)
		require.Zero(t, got.Done)
		require.ErrorIs(t, got.Err(), broken)
	})
}

func TestConn_OpensAnewWhatTheServerCloses(t *testing.T) {
	t.Parallel()
	var opened atomic.Int64
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/last" {
			w.Header().Set("Connection", "close")
		}
		w.WriteHeader(http.StatusTeapot)
		_, _ = w.Write([]byte(r.Header.Get("Authorization")))
	}))
	server.Config.ConnState = func(_ net.Conn, s http.ConnState) {
		if s == http.StateNew {
			opened.Add(1)
		}
	}
	server.Start()
	defer server.Close()
	c, err := load.Dial(server.URL)
	require.NoError(t, err)
	defer c.Close()

	for _, path := range []string{"/", "/", "/last", "/"} {
		res, err := c.Do(t.Context(), load.Prepare(server.URL, exchange.Request{Method: "GET", Path: path, Bearer: "b"}))
		require.NoError(t, err)
		require.Equal(t, http.StatusTeapot, res.StatusCode())
		require.Equal(t, "Bearer b", string(res.Body()))
	}
	require.Equal(t, int64(2), opened.Load())
}

func TestUsageOf_OwnProcess(t *testing.T) {
	t.Parallel()
	u, err := load.UsageOf(os.Getpid())

	require.NoError(t, err)
	require.Greater(t, u.Memory, int64(1<<20))
	require.GreaterOrEqual(t, u.Peak, u.Memory)
	_, err = load.UsageOf(0)
	require.Error(t, err)
}

const (
	helping   = "LOAD_TEST_HOLDS" // set for a child that holds so many bytes
	childHold = 64 << 20
)

func TestMain(m *testing.M) {
	if os.Getenv(helping) == "" {
		os.Exit(m.Run())
	}
	held := bytes.Repeat([]byte{1}, childHold)
	_, _ = os.Stdout.WriteString("holding")
	_, _ = io.Copy(io.Discard, os.Stdin)
	runtime.KeepAlive(held)
}

// Not parallel: what it starts is counted as this process's.
func TestUsageOf_CountsWhatWasStarted(t *testing.T) {
	before, err := load.UsageOf(os.Getpid())
	require.NoError(t, err)
	child := exec.CommandContext(t.Context(), os.Args[0])
	child.Env = append(os.Environ(), helping+"=1")
	in, err := child.StdinPipe()
	require.NoError(t, err)
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	_, err = io.ReadFull(out, make([]byte, len("holding")))
	require.NoError(t, err)

	children, err := load.ChildrenOf(os.Getpid())
	require.NoError(t, err)
	require.Equal(t, []int{child.Process.Pid}, children)
	during, err := load.UsageOf(os.Getpid())
	require.NoError(t, err)
	require.Greater(t, during.Memory-before.Memory, int64(childHold*3/4))
	require.Greater(t, during.Peak-before.Peak, int64(childHold*3/4))

	require.NoError(t, in.Close())
	require.NoError(t, child.Wait())
	children, err = load.ChildrenOf(os.Getpid())
	require.NoError(t, err)
	require.Empty(t, children)
	after, err := load.UsageOf(os.Getpid())
	require.NoError(t, err)
	require.Less(t, after.Memory-before.Memory, int64(childHold/2))
}
