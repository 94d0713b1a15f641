package attack_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// TestStop_BreaksNoReply asks the program to end while it works: whoever is in
// gets a whole answer, whoever comes later is not let in.
func TestStop_BreaksNoReply(t *testing.T) { program.OnEach(t, breaksNoReply) }

func breaksNoReply(t *testing.T, on program.Engine) {
	const inside = 8
	// Hashes that take long enough to be under way when the signal comes.
	d := program.DeployOn(t, on, "OSTIARY_LIMITS=off", "OSTIARY_ARGON2_MEMORY_KIB=19456", "OSTIARY_ARGON2_ITERATIONS=16")
	d.Start()
	p := d.Found("stopped")
	g := d.SignIn(p)
	late := latecomers(d)
	var wg sync.WaitGroup
	answers := make([]program.Reply, inside)
	failed := make([]error, inside)
	for i := range inside {
		wg.Go(func() { answers[i], failed[i] = d.Try(program.Login("stopped", program.FirstPassword)) })
	}
	require.Eventually(t, func() bool { return metric(d, "ostiary_http_requests_running") > inside }, program.Patience, time.Millisecond, "all are in")

	began := time.Now()
	d.Signal(syscall.SIGTERM)
	cut := knock(late, program.Visit("/me", g))
	code := d.Ended()

	figure(t, "stop", time.Since(began))
	wg.Wait()
	require.Equal(t, 0, code)
	for i, res := range answers {
		require.NoError(t, failed[i], "a reply was broken")
		require.Contains(t, []int{200, 503}, res.Status, "%s", res.Body)
		require.Equal(t, res.Status == 503, res.Header.Get("Retry-After") != "")
	}
	require.Empty(t, cut)
	d.Start()
	auditIsClean(t, d)
	for _, res := range answers {
		if res.Status == 200 {
			d.Must(200, program.Refresh(res.Text(t, "refreshToken")))
		}
	}
}

// metric reads a whole number from the program's metrics.
func metric(d *program.Deployment, name string) (n int) {
	res := d.Send(program.Request{Method: "GET", Path: "/metrics", Bearer: program.OperatorToken})
	for line := range strings.SplitSeq(string(res.Body), "\n") {
		if value, found := strings.CutPrefix(line, name+" "); found {
			_, _ = fmt.Sscan(value, &n)
		}
	}
	return n
}

// latecomers each bring a connection of their own, as people do.
func latecomers(d *program.Deployment) *program.Deployment {
	d.T.Helper()
	other := d.Unchecked()
	other.Client = &http.Client{Transport: &http.Transport{DisableKeepAlives: true}, Timeout: program.Patience}
	return other
}

// knock asks until nobody opens any more, and returns what was cut off: an
// answer that began must end.
func knock(d *program.Deployment, r program.Request) (cut []string) {
	for {
		res, err := d.Try(r)
		switch {
		case res.Status != 0 && err != nil, errors.Is(err, io.ErrUnexpectedEOF):
			cut = append(cut, fmt.Sprint(res.Status, err))
		case errors.Is(err, syscall.ECONNREFUSED):
			return cut
		case err == nil && res.Status != 200 && res.Status != 503:
			cut = append(cut, fmt.Sprintf("%d %s", res.Status, res.Body))
		}
	}
}

// TestStop_ALogThatNobodyReadsIsNoReason takes the reader of the log away.
func TestStop_ALogThatNobodyReadsIsNoReason(t *testing.T) {
	// No storage takes part: once is enough.
	t.Parallel()
	d := program.Deploy(t, append([]string{"OSTIARY_LOG_LEVEL=debug"}, program.Cheap...)...)
	d.Start()
	g := d.SignIn(d.Found("unread"))

	d.CloseLog()

	for range 20 {
		d.Must(401, program.Login("unread", "not the password"))
		d.Must(200, program.Visit("/me", g))
	}
	require.Equal(t, 0, d.Stop())
}
