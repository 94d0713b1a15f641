package bootstrap

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"ostiary/adapters/argon"
	"ostiary/adapters/live"
)

// newRegistry holds what the process and the runtime tell. The web core adds
// its own figures.
func newRegistry() *prometheus.Registry {
	r := prometheus.NewRegistry()
	r.MustRegister(collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return r
}

// waits counts how long callers waited for a password hash to begin.
func waits(r *prometheus.Registry) func(time.Duration) {
	h := prometheus.NewHistogram(prometheus.HistogramOpts{
		Name: "ostiary_password_hash_wait_seconds", Help: "Time that callers waited for a password hash to begin.",
		Buckets: []float64{.001, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
	})
	r.MustRegister(h)
	return func(d time.Duration) { h.Observe(d.Seconds()) }
}

// measure adds what says how near its limits a process is: the hashing of
// passwords, and how long ago it heard from storage.
func measure(r *prometheus.Registry, h *argon.Hasher, l *live.Live) {
	count := func(name, help string, value func(argon.Stats) float64) {
		r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{Name: name, Help: help}, func() float64 { return value(h.Stats()) }))
	}
	level := func(name, help string, value func() float64) {
		r.MustRegister(prometheus.NewGaugeFunc(prometheus.GaugeOpts{Name: name, Help: help}, value))
	}
	count("ostiary_password_hashes_total", "Password hashes made and compared, decoys included.", func(s argon.Stats) float64 { return float64(s.Hashes) })
	count("ostiary_password_hash_seconds_total", "Time spent in password hashes, all workers together.", func(s argon.Stats) float64 { return s.Spent.Seconds() })
	count("ostiary_password_hash_refusals_total", "Callers refused because the queue was full.", func(s argon.Stats) float64 { return float64(s.Busy) })
	count("ostiary_password_hash_abandoned_total", "Callers whose time was over while they waited for a password hash.", func(s argon.Stats) float64 { return float64(s.Left) })
	level("ostiary_password_hash_queue", "Callers that wait for a password hash.", func() float64 { return float64(h.Stats().Waiting) })
	level("ostiary_password_hash_running", "Password hashes under way.", func() float64 { return float64(h.Stats().Running) })
	limits := h.Limits()
	level("ostiary_password_hash_workers", "Password hashes that may be under way at once.", func() float64 { return float64(limits.Slots) })
	level("ostiary_password_hash_queue_limit", "Callers that may wait for a password hash.", func() float64 { return float64(limits.Queue) })
	level("ostiary_password_hash_queue_tenant_limit", "Callers of one tenant that may wait for a password hash.", func() float64 { return float64(limits.PerTenant) })
	level("ostiary_storage_lag_seconds", "How long ago storage was last heard from.", func() float64 { return l.Lag().Seconds() })
}

// revocations shows whether what is taken away is refused within the second
// that is promised. Both series are there from the start.
func revocations(r *prometheus.Registry) func(live.Followed) {
	seconds := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name: "ostiary_revocation_seconds",
		Help: "Revoked to refused: from the announcement of a change that may take something away (session, user, tenant, API token, " +
			"signing key) to when this process went by it, by the store's clock. by: which process made the change, self or other.",
		Buckets: []float64{.01, .025, .05, .1, .25, .5, 1, 2.5, 5},
	}, []string{"by"})
	r.MustRegister(seconds)
	self, other := seconds.WithLabelValues("self"), seconds.WithLabelValues("other")
	return func(f live.Followed) {
		by := other
		if f.Own {
			by = self
		}
		by.Observe(f.Took.Seconds())
	}
}
