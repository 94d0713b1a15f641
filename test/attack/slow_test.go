package attack_test

import (
	"bufio"
	"io"
	"net"
	"net/http"
	"os"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Test078 opens connections that say nothing, or everything slowly. Those that
// began a request are closed by the program's own deadline, and others are
// served meanwhile.
func Test078_SlowClients(t *testing.T) {
	t.Parallel()
	d := program.Deploy(t, program.Cheap...)
	d.Start()
	g := d.SignIn(d.Found("t078"))
	quiet := patientReads(d, g)
	before, _ := d.Memory()

	idle := connections(t, d, room(t, 10_000), "")
	slow := map[string][]net.Conn{
		"head":           connections(t, d, 50, "GET /healthz HTTP/1.1\r\nHost: a\r\nX: "),
		"body":           connections(t, d, 50, "POST /api/v1/portal/auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 60000\r\n\r\n{"),
		"chunked body":   connections(t, d, 50, "POST /api/v1/portal/auth/refresh HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n1\r\n"),
		"second request": connections(t, d, 50, next+"GET /heal"),
	}
	besieged := patientReads(d, g)
	after, _ := d.Memory()
	figure(t, "idle_connections", len(idle))
	figure(t, "memory_of_them_MiB", (after-before)>>20)
	figure(t, "reads_quiet_p99", quiet)
	figure(t, "reads_besieged_p99", besieged)

	for name, conns := range slow {
		for _, c := range conns {
			drip(c)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(program.Patience)))
			_, err := io.Copy(io.Discard, c)
			require.NotErrorIs(t, err, os.ErrDeadlineExceeded, "slow %s: still open", name)
		}
	}
	d.Must(200, program.Visit("/me", g))
}

// room is how many connections of n the limits of this machine leave room for,
// in this process and in the program.
func room(t testing.TB, n int) int {
	t.Helper()
	var limit syscall.Rlimit
	require.NoError(t, syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit))
	have := int(min(limit.Cur, 1<<30)) * 3 / 4
	require.Greater(t, have, 600, "too few open files are allowed (ulimit -n)")
	return min(n, have)
}

// connections opens n connections and sends each the same.
func connections(t testing.TB, d *program.Deployment, n int, said string) []net.Conn {
	t.Helper()
	out := make([]net.Conn, n)
	for i := range out {
		c, err := net.Dial("tcp", d.Host())
		require.NoError(t, err)
		t.Cleanup(func() { _ = c.Close() })
		_, err = io.WriteString(c, said)
		require.NoError(t, err)
		out[i] = c
	}
	return out
}

// drip sends one byte a moment, for as long as the other side takes it: a
// deadline must hold although something arrives.
func drip(c net.Conn) {
	go func() {
		tick := time.NewTicker(100 * time.Millisecond)
		defer tick.Stop()
		for range tick.C {
			if _, err := io.WriteString(c, "x"); err != nil {
				return
			}
		}
	}()
}

// patientReads is the 99th percentile of reads by a few who mean well.
func patientReads(d *program.Deployment, g program.Granted) time.Duration {
	var mu sync.Mutex
	var took []time.Duration
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				began := time.Now()
				d.Must(200, program.Visit("/scopes", g))
				mu.Lock()
				took = append(took, time.Since(began))
				mu.Unlock()
			}
		})
	}
	wg.Wait()
	slices.Sort(took)
	return took[len(took)*99/100]
}

// Test079 asks a program that has few places for more connections than it has.
func Test079_TooManyConnections(t *testing.T) {
	t.Parallel()
	const places = 50
	d := program.Deploy(t, program.Cheap...)
	d.Binary = program.Build(t, program.Change{
		File: "adapters/web/config.go", Old: "cmp.Or(c.Concurrency, 20_000)", New: "cmp.Or(c.Concurrency, 50)",
	})
	d.Start()
	d.Client.CloseIdleConnections()
	held := connections(t, d, places, "GET /healthz HTTP/1.1\r\nHost: a\r\nX: ")

	// A place may still be held by the client that saw the program start.
	var refused int
	for range 20 {
		c := d.Dial()
		_, _ = io.WriteString(c, next)
		res, err := http.ReadResponse(bufio.NewReader(c), nil)
		if err == nil && res.StatusCode == http.StatusServiceUnavailable {
			require.NotEmpty(t, res.Header.Get("Retry-After"))
			require.NotEmpty(t, res.Header.Get("X-Request-Id"))
			refused++
		}
	}

	require.Equal(t, 20, refused)
	for _, c := range held {
		_ = c.Close()
	}
	require.Eventually(t, func() bool { return strings.HasPrefix(d.Wire(next), "HTTP/1.1 200 ") }, program.Patience, 20*time.Millisecond, "serves again")
}
