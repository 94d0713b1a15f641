package web

import (
	"fmt"
	"sync"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
	"github.com/valyala/fasthttp/fasthttpadaptor"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"ostiary/domain/fault"
)

// metrics are labelled by pattern and class, never by anything a client chose.
type metrics struct {
	requests *prometheus.CounterVec
	seconds  *prometheus.HistogramVec
	refused  *prometheus.CounterVec
	running  prometheus.Gauge
	// tallies keeps what was used: to find counters by their labels, and to write
	// the same three words anew, takes as long as all the rest of observing.
	tallies sync.Map // of answered to tally, and nothing else
}

// answered is what the tally of an answer goes by.
type answered struct {
	dialect, method, route string
	class                  int // first digit of the status
}

// tally is where answers of one kind are counted and logged.
type tally struct {
	requests prometheus.Counter
	seconds  prometheus.Observer
	log      zapcore.Core
}

// tally returns that of an answer. There are no more than routes, methods that
// a route has, and classes.
func (s *Server) tally(a answered) tally {
	if kept, ok := s.metrics.tallies.Load(a); ok {
		return kept.(tally)
	}
	t := tally{
		s.metrics.requests.WithLabelValues(a.dialect, a.method, a.route, itoa(a.class)+"xx"),
		s.metrics.seconds.WithLabelValues(a.dialect, a.method, a.route),
		s.log.Core().With([]zap.Field{zap.String("dialect", a.dialect), zap.String("method", a.method), zap.String("route", a.route)}),
	}
	s.metrics.tallies.Store(a, t)
	return t
}

func newMetrics(reg prometheus.Registerer) *metrics {
	labels := []string{"dialect", "method", "route", "class"}
	m := &metrics{
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ostiary_http_requests_total", Help: "Answered requests.",
		}, labels),
		seconds: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "ostiary_http_request_seconds", Help: "Time from the head of a request to its answer.",
			Buckets: []float64{.001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 15},
		}, labels[:3]),
		refused: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "ostiary_http_unreadable_total", Help: "Requests refused before they reached a route.",
		}, []string{"reason"}),
		running: prometheus.NewGauge(prometheus.GaugeOpts{
			Name: "ostiary_http_requests_running", Help: "Requests being answered now.",
		}),
	}
	if reg != nil {
		reg.MustRegister(m.requests, m.seconds, m.refused, m.running)
	}
	return m
}

func (m *metrics) begin() { m.running.Inc() }

func (m *metrics) refuse(reason string) { m.refused.WithLabelValues(reason).Inc() }

// Metrics answers with what g gathers. Who may ask is the caller's business.
func Metrics(g prometheus.Gatherer) Handler {
	serve := fasthttpadaptor.NewFastHTTPHandler(promhttp.HandlerFor(g, promhttp.HandlerOpts{DisableCompression: true}))
	return func(c *Call) error {
		serve(c.fiber.Context())
		return nil
	}
}

// MetricsOnly is the dialect of a listener of its own, for those who can reach it.
func MetricsOnly(g prometheus.Gatherer) Dialect {
	return Dialect{Name: "metrics", Render: plain, Routes: []Route{{Method: "GET", Path: "/metrics", Handler: Metrics(g)}}}
}

// finish counts and logs the answer: ids, codes and patterns only, no path, no
// query, no header.
func (c *Call) finish() {
	ended := c.server.cfg.Now()
	took := ended.Sub(c.started)
	status := c.fiber.Response().StatusCode()
	c.server.metrics.running.Dec()
	t := c.server.tally(answered{c.endpoint.dialect.Name, c.fiber.Method(), c.pattern(), status / 100})
	t.requests.Inc()
	t.seconds.Observe(took.Seconds())
	c.status, c.took = status, took
	// To write to the core spares the logger another look at the clock.
	line := zapcore.Entry{Level: zapcore.InfoLevel, Time: ended, Message: "request"}
	if entry := t.log.Check(line, nil); entry != nil {
		entry.Write(zap.Inline(c))
	}
}

// MarshalLogObject implements zapcore.ObjectMarshaler: what a call is logged as.
func (c *Call) MarshalLogObject(line zapcore.ObjectEncoder) error {
	line.AddString("request_id", c.id)
	line.AddInt("status", c.status)
	line.AddDuration("took", c.took)
	if !c.tenant.IsZero() {
		line.AddByteString("tenant", c.tenant.Append(c.text[:0]))
	}
	if c.actor != "" {
		line.AddString("actor", c.actor)
	}
	if c.refused != "" {
		line.AddString("refused", c.refused)
	}
	return nil
}

// logFault logs outages, which nobody else will, and refusals that hide a
// cause. A plain refusal shows in the access log and the metrics.
func (c *Call) logFault(err error) {
	f := fault.Of(err)
	c.refused = ErrInternal.Code()
	if f != nil {
		c.refused = f.Code()
	}
	switch {
	case f == nil:
		c.server.log.Error("request failed", zap.String("request_id", c.id), zap.String("route", c.pattern()), zap.Error(err))
	case f.Unwrap() != nil && (f.Kind() == fault.Internal || f.Kind() == fault.Unavailable):
		c.server.log.Warn("request failed", zap.String("request_id", c.id), zap.String("route", c.pattern()), zap.Error(err))
	}
}

func typeName(v any) string { return fmt.Sprintf("%T", v) }
