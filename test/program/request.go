package program

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

// Request is one call; zero members are left out. A body goes as JSON unless
// the header says otherwise.
type Request struct {
	Method, Path, Bearer, Body string
	Header                     map[string]string // Host names the host
}

// Reply is what came back.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send returns the answer, whatever it says.
func (d *Deployment) Send(r Request) Reply {
	d.T.Helper()
	res, err := d.Try(r)
	require.NoError(d.T, err)
	return res
}

// Try is Send for a request that may fail.
func (d *Deployment) Try(r Request) (Reply, error) {
	var body io.Reader
	if r.Body != "" {
		body = strings.NewReader(r.Body)
	}
	req, err := http.NewRequest(r.Method, d.URL+r.Path, body)
	if err != nil {
		return Reply{}, err
	}
	if r.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.Bearer)
	}
	for k, v := range r.Header {
		if k == "Host" {
			req.Host = v
			continue
		}
		req.Header.Set(k, v)
	}
	res, err := d.Client.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return Reply{Status: res.StatusCode, Header: res.Header, Body: raw}, err
}

// InFlight is how many requests go on at once when many are sent.
const InFlight = 100

// Parallel sends the same request n times, many at once, and returns the
// answers by their status.
func (d *Deployment) Parallel(n int, r Request) map[int][]Reply {
	d.T.Helper()
	var mu sync.Mutex
	var wg sync.WaitGroup
	out := map[int][]Reply{}
	places := make(chan struct{}, InFlight)
	began := time.Now()
	for range n {
		places <- struct{}{}
		wg.Go(func() {
			defer func() { <-places }()
			res := d.Send(r)
			mu.Lock()
			defer mu.Unlock()
			out[res.Status] = append(out[res.Status], res)
		})
	}
	wg.Wait()
	d.T.Logf("%d times %s %s: %v", n, r.Method, r.Path[:min(len(r.Path), 40)], time.Since(began).Round(time.Millisecond))
	return out
}

// Soon is Must for what another process may have to hear of first.
func (d *Deployment) Soon(status int, r Request) {
	d.T.Helper()
	if len(d.Nodes) == 0 {
		d.Must(status, r)
		return
	}
	for _, node := range d.Nodes {
		require.Eventually(d.T, func() bool { return node.Send(r).Status == status }, Patience, 10*time.Millisecond, "%s %s", r.Method, r.Path)
	}
}

// Must is Send for a call that succeeds.
func (d *Deployment) Must(status int, r Request) Reply {
	d.T.Helper()
	res := d.Send(r)
	require.Equal(d.T, status, res.Status, "%s %s: %s", r.Method, r.Path, res.Body)
	return res
}

// Members returns the body as an object with exactly the named members.
func (r Reply) Members(t testing.TB, names ...string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(r.Body, &out))
	var got []string
	for name := range out {
		got = append(got, name)
	}
	require.ElementsMatch(t, names, got)
	return out
}

// Text returns a member of the body that is text.
func (r Reply) Text(t testing.TB, name string) string {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(r.Body, &out))
	s, ok := out[name].(string)
	require.True(t, ok, "%s is no text", name)
	return s
}
