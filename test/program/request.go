package program

import (
	"context"
	"sync"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/exchange"
)

// Request is one call, Reply what came back.
type (
	Request = exchange.Request
	Reply   = exchange.Reply
)

// Send returns the answer, whatever it says.
func (d *Deployment) Send(r Request) Reply {
	d.T.Helper()
	res, err := d.Try(r)
	require.NoError(d.T, err)
	return res
}

// Try is Send for a request that may fail.
func (d *Deployment) Try(r Request) (Reply, error) {
	return exchange.Send(context.Background(), d.Client, d.URL, r)
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
