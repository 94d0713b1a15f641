package bootstrap

import (
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
	level("ostiary_password_hash_queue", "Callers that wait for a password hash.", func() float64 { return float64(h.Stats().Waiting) })
	level("ostiary_storage_lag_seconds", "How long ago storage was last heard from.", func() float64 { return l.Lag().Seconds() })
}
