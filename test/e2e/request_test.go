package e2e_test

import (
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// request is one call; zero members are left out.
type request struct {
	method, path, bearer, body string
	header                     map[string]string
}

type reply struct {
	status int
	header http.Header
	body   []byte
}

func (d *deployment) send(r request) reply {
	d.t.Helper()
	res, err := d.try(r)
	require.NoError(d.t, err)
	return res
}

// try is send for a request that may fail.
func (d *deployment) try(r request) (reply, error) {
	var body io.Reader
	if r.body != "" {
		body = strings.NewReader(r.body)
	}
	req, err := http.NewRequest(r.method, d.base+r.path, body)
	if err != nil {
		return reply{}, err
	}
	if r.body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.bearer)
	}
	for k, v := range r.header {
		req.Header.Set(k, v)
	}
	res, err := d.client.Do(req)
	if err != nil {
		return reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return reply{status: res.StatusCode, header: res.Header, body: raw}, err
}

// inFlight is how many requests go on at once when many are sent.
const inFlight = 100

// parallel sends the same request n times, many at once, and returns the
// answers by their status.
func (d *deployment) parallel(n int, r request) map[int][]reply {
	d.t.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[int][]reply{}
	places := make(chan struct{}, inFlight)
	began := time.Now()
	for range n {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			res := d.send(r)
			mu.Lock()
			defer mu.Unlock()
			out[res.status] = append(out[res.status], res)
		})
	}
	wg.Wait()
	d.t.Logf("%d times %s %s: %v", n, r.method, r.path[:min(len(r.path), 40)], time.Since(began).Round(time.Millisecond))
	return out
}

// soon is must for what another process may have to hear of first.
func (d *deployment) soon(status int, r request) {
	d.t.Helper()
	if len(d.nodes) == 0 {
		d.must(status, r)
		return
	}
	for _, node := range d.nodes {
		require.Eventually(d.t, func() bool { return node.send(r).status == status }, patience, 10*time.Millisecond, "%s %s", r.method, r.path)
	}
}

// must is send for a call that succeeds.
func (d *deployment) must(status int, r request) reply {
	d.t.Helper()
	res := d.send(r)
	require.Equal(d.t, status, res.status, "%s %s: %s", r.method, r.path, res.body)
	return res
}

// members returns the body as an object with exactly the named members.
func (r reply) members(t *testing.T, names ...string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(r.body, &out))
	var got []string
	for name := range out {
		got = append(got, name)
	}
	require.ElementsMatch(t, names, got)
	return out
}

func (r reply) text(t *testing.T, name string) string {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(r.body, &out))
	s, ok := out[name].(string)
	require.True(t, ok, "%s is no text", name)
	return s
}
