package program

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"
)

// Spread starts n processes at once on one store. The deployment's own address
// is then that of a balancer, which is the public one of all.
func (d *Deployment) Spread(n int) []*Deployment {
	d.T.Helper()
	b := balance(d.T)
	d.URL = b.url
	d.Env = append(d.Env, "OSTIARY_PUBLIC_URL="+b.url)
	nodes := make([]*Deployment, n)
	for i := range nodes {
		node := *d
		nodes[i] = &node
		node.Launch()
	}
	hosts := make([]string, n)
	for i, node := range nodes {
		node.Listens()
		hosts[i] = strings.TrimPrefix(node.URL, "http://")
	}
	for _, node := range nodes {
		node.Ready()
	}
	b.hosts.Store(&hosts)
	d.Nodes = nodes
	d.connect()
	return nodes
}

// balancer hands requests to several processes in turn.
type balancer struct {
	url   string
	turn  atomic.Uint64
	hosts atomic.Pointer[[]string]
}

func balance(t testing.TB) *balancer {
	t.Helper()
	b := &balancer{}
	to := &http.Transport{MaxIdleConnsPerHost: InFlight}
	srv := httptest.NewServer(&httputil.ReverseProxy{Transport: to, Rewrite: b.rewrite})
	t.Cleanup(func() {
		srv.Close()
		to.CloseIdleConnections()
	})
	b.url = srv.URL
	return b
}

func (b *balancer) rewrite(r *httputil.ProxyRequest) {
	hosts := *b.hosts.Load()
	r.Out.URL.Scheme, r.Out.URL.Host = "http", hosts[b.turn.Add(1)%uint64(len(hosts))]
}
