package e2e_test

import (
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strings"
	"sync/atomic"
	"testing"
)

// spread starts n processes at once on one store. The deployment's own address
// is then that of a balancer, which is the public one of all.
func (d *deployment) spread(n int) []*deployment {
	d.t.Helper()
	b := balance(d.t)
	d.base = b.url
	d.env = append(d.env, "OSTIARY_PUBLIC_URL="+b.url)
	nodes := make([]*deployment, n)
	for i := range nodes {
		node := *d
		nodes[i] = &node
		node.launch()
	}
	hosts := make([]string, n)
	for i, node := range nodes {
		node.listens()
		hosts[i] = strings.TrimPrefix(node.base, "http://")
	}
	for _, node := range nodes {
		node.ready()
	}
	b.hosts.Store(&hosts)
	d.nodes = nodes
	d.connect()
	return nodes
}

// balancer hands requests to several processes in turn.
type balancer struct {
	url   string
	turn  atomic.Uint64
	hosts atomic.Pointer[[]string]
}

func balance(t *testing.T) *balancer {
	t.Helper()
	b := &balancer{}
	to := &http.Transport{MaxIdleConnsPerHost: inFlight}
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
