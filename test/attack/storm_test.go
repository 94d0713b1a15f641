package attack_test

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/load"
	"ostiary/test/program"
)

// Storms are about hashing and memory, not about storage: they run on one
// engine, with hashes as expensive as they ship. They go before all parallel
// tests, so that their figures are those of a machine that does nothing else.

// Test054 has a thousand wrong passwords come in at once.
func Test054_LoginStorm(t *testing.T) {
	d := program.Deploy(t, "OSTIARY_LIMITS=off")
	d.Start()
	g := d.SignIn(d.Found("t054"))
	idle, _ := d.Memory()
	n := room(t, times(1_000, 10_000))
	storm := clients(t, n)

	var mu sync.Mutex
	seen := map[int]int{}
	var wg sync.WaitGroup
	began := time.Now()
	for range n {
		wg.Go(func() {
			res, err := answered(storm, d, program.Login("t054", "not the password"))
			mu.Lock()
			defer mu.Unlock()
			if err != nil {
				t.Error(err)
				return
			}
			seen[res.StatusCode]++
			if res.StatusCode == http.StatusServiceUnavailable && res.Header.Get("Retry-After") == "" {
				t.Error("503 without Retry-After")
			}
		})
	}
	reads := patientReads(d, g)
	wg.Wait()
	_, peak := d.Memory()

	figure(t, "logins", n)
	figure(t, "answers", fmt.Sprint(seen))
	figure(t, "took", time.Since(began))
	figure(t, "idle_MiB", idle>>20)
	figure(t, "above_idle_MiB", (peak-idle)>>20)
	figure(t, "reads_meanwhile_p99", reads)
	require.Equal(t, n, seen[http.StatusUnauthorized]+seen[http.StatusServiceUnavailable])
	require.Positive(t, seen[http.StatusUnauthorized], "those within the queue are judged")
	require.Positive(t, seen[http.StatusServiceUnavailable], "those beyond it are sent away")
	require.Less(t, (peak-idle)>>20, int64(256), "MiB above idle: what waits takes no memory")
	d.Must(200, program.Login("t054", program.FirstPassword))
}

// clients is one client with as many connections as are asked for.
func clients(t testing.TB, n int) *http.Client {
	t.Helper()
	to := &http.Transport{MaxIdleConnsPerHost: n}
	t.Cleanup(to.CloseIdleConnections)
	return &http.Client{Transport: to, Timeout: 2 * program.Patience}
}

func answered(c *http.Client, d *program.Deployment, r program.Request) (*http.Response, error) {
	other := *d
	other.Client = c
	res, err := other.Try(r)
	return &http.Response{StatusCode: res.Status, Header: res.Header}, err
}

// Test055 floods one tenant and looks at another: its sign-ins, its reads one
// after the other, which take all of a core by themselves, and its reads at a
// pace, as people cause them, counted from when each was due.
func Test055_FloodOfAnotherTenant(t *testing.T) {
	d := program.Deploy(t, "OSTIARY_LIMITS=off")
	d.Start()
	d.SignIn(d.Found("flooded"))
	calm := d.Found("calm")
	read := program.Visit("/scopes", d.SignIn(calm))
	paced := reader(d, read)
	measure := func() map[string]time.Duration {
		steady := load.Paced(t.Context(), paced, 200, time.Duration(times(1, 15))*time.Second)
		require.NoError(t, steady.Err())
		return map[string]time.Duration{
			"login":      percentile(d, times(30, 500), program.Login("calm", program.FirstPassword)),
			"read":       percentile(d, times(300, 5_000), read),
			"paced_read": steady.Percentile(99),
		}
	}
	quiet := measure()

	storm := clients(t, 64)
	var over atomic.Bool
	var floods atomic.Int64
	var wg sync.WaitGroup
	for range 64 {
		wg.Go(func() {
			for !over.Load() {
				if res, err := answered(storm, d, program.Login("flooded", "not the password")); err != nil || res.StatusCode != 401 && res.StatusCode != 503 {
					t.Errorf("%v %v", res, err)
					return
				}
				floods.Add(1)
			}
		})
	}
	require.Eventually(t, func() bool { return floods.Load() > 64 }, program.Patience, time.Millisecond, "the flood is under way")
	flooded := measure()
	over.Store(true)
	wg.Wait()

	for _, name := range []string{"login", "read", "paced_read"} {
		figure(t, name+"_quiet_p99", quiet[name])
		figure(t, name+"_flooded_p99", flooded[name])
		figure(t, name+"_ratio", fmt.Sprintf("%.2f", float64(flooded[name])/float64(quiet[name])))
	}
	figure(t, "floods", floods.Load())
}

// reader reads on eight connections.
func reader(d *program.Deployment, read program.Request) []load.Op {
	d.T.Helper()
	ops := make([]load.Op, 8)
	for i := range ops {
		c, err := load.Dial(d.URL)
		require.NoError(d.T, err)
		d.T.Cleanup(c.Close)
		r := load.Prepare(d.URL, read)
		ops[i] = func(ctx context.Context) error {
			res, err := c.Do(ctx, r)
			if err == nil && res.StatusCode() != http.StatusOK {
				err = fmt.Errorf("status %d", res.StatusCode())
			}
			return err
		}
	}
	return ops
}

// percentile is the 99th of n requests in a row, which all succeed.
func percentile(d *program.Deployment, n int, r program.Request) time.Duration {
	d.T.Helper()
	took := make([]time.Duration, n)
	for i := range took {
		began := time.Now()
		d.Must(200, r)
		took[i] = time.Since(began)
	}
	slices.Sort(took)
	return took[n*99/100]
}
