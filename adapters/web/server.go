package web

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strconv"
	"sync"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"
)

// Server is the HTTP server. Mount dialects, then Listen.
type Server struct {
	cfg       Config
	log       *zap.Logger
	app       *fiber.App
	metrics   *metrics
	endpoints map[string]*endpoint
	fallbacks []*endpoint
	nobody    *Dialect                 // owns the paths that no dialect claims
	standing  *fasthttp.ResponseHeader // of every answer
	built     sync.Once
	gate      *gate
}

// New builds a server without routes.
func New(cfg Config, log *zap.Logger) *Server {
	cfg = cfg.withDefaults()
	s := &Server{
		cfg: cfg, log: log, metrics: newMetrics(cfg.Metrics), endpoints: map[string]*endpoint{},
		nobody: &Dialect{Name: "none", Render: plain},
	}
	s.standing = standingFor(cfg)
	s.app = fiber.New(fiber.Config{
		Immutable: true, StrictRouting: true, CaseSensitive: true, DisableStartupMessage: true,
		ReadTimeout: cfg.ReadTimeout, WriteTimeout: cfg.WriteTimeout, IdleTimeout: cfg.IdleTimeout,
		// fasthttp reads the head into this buffer; what does not fit is 431.
		ReadBufferSize: maxHead,
		// A connection that sends nothing holds no buffers.
		ReduceMemoryUsage: true,
		// Bodies stay on the wire until a handler asks for them, so that each
		// route's own limit holds before anything is buffered.
		StreamRequestBody: true, DisablePreParseMultipartForm: true, BodyLimit: defaultBody,
		ErrorHandler: func(c *fiber.Ctx, _ error) error { return s.bare(c.Context(), 500, ErrInternal.Code()) },
	})
	s.gate = &gate{
		max: int64(cfg.Concurrency), busy: s.busyAnswer,
		slack: min(cfg.ReadTimeout, cfg.WriteTimeout, cfg.IdleTimeout) / 60,
	}
	return s
}

// Listen serves until Shutdown, then returns nil. It is called once.
func (s *Server) Listen(ln net.Listener) error {
	s.built.Do(s.build)
	handle := s.app.Handler()
	srv := s.app.Server()
	srv.Handler = func(ctx *fasthttp.RequestCtx) { s.serve(ctx, handle) }
	srv.ErrorHandler = s.unreadable
	srv.SecureErrorLogMessage = true
	srv.CloseOnShutdown = true
	srv.NoDefaultContentType = true
	srv.LazyRequestTime = true // nobody asks for it
	// The gate refuses in our own words before fasthttp would.
	srv.Concurrency = s.cfg.Concurrency + 1
	if !s.gate.open(ln) {
		_ = ln.Close()
		return nil
	}
	if err := srv.Serve(s.gate); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("serve http: %w", err)
	}
	return nil
}

// Shutdown stops accepting, closes idle connections and waits for accepted
// requests until ctx ends.
func (s *Server) Shutdown(ctx context.Context) error {
	_ = s.gate.Close()
	if err := s.app.Server().ShutdownWithContext(ctx); err != nil && !errors.Is(err, net.ErrClosed) {
		return fmt.Errorf("drain http: %w", err)
	}
	return nil
}

var known = map[string]bool{
	"GET": true, "HEAD": true, "POST": true, "PUT": true, "PATCH": true, "DELETE": true, "OPTIONS": true,
}

// serve stands before Fiber, whose own answers to odd methods and panics quote
// the request.
func (s *Server) serve(ctx *fasthttp.RequestCtx, next fasthttp.RequestHandler) {
	c := s.call(ctx)
	if !known[string(ctx.Method())] {
		// No route has TRACE: whoever owns the path says 405 in its own words,
		// and nothing that the client made up reaches a log or a metric.
		ctx.Request.Header.SetMethod(fasthttp.MethodTrace)
		ctx.SetConnectionClose()
	}
	defer func() {
		if p := recover(); p != nil {
			s.logPanic(c.id, p)
			ctx.Response.ResetBody()
			_ = s.bare(ctx, 500, ErrInternal.Code())
		}
	}()
	next(ctx)
}

// unreadable answers what fasthttp or the inspector could not read. The kind of
// the refusal is logged and nothing else: the error may quote the request.
func (s *Server) unreadable(ctx *fasthttp.RequestCtx, err error) {
	ctx.Response.Reset()
	id := s.cfg.NewID(s.cfg.Now())
	s.prepare(ctx, id)
	refused, status := Pick(wireFault(err), nil, map[string]int{ErrMalformed.Code(): 400})
	_ = s.bare(ctx, status, refused.Code())
	s.metrics.refuse(refused.Code())
	s.log.Info("unreadable request", zap.String("request_id", id), zap.Int("status", status), zap.String("refused", refused.Code()))
}

const callKey = "ostiary.call"

// call begins the Call of a request, which goes where ctx goes.
func (s *Server) call(ctx *fasthttp.RequestCtx) *Call {
	now := s.cfg.Now()
	id := s.cfg.NewID(now)
	c := &Call{
		server: s, id: id, started: now,
		until: deadline{at: now.Add(s.cfg.RequestTimeout), now: s.cfg.Now, key: s.cfg.RequestKey, value: id},
	}
	ctx.SetUserValue(callKey, c)
	s.prepare(ctx, id)
	return c
}

// prepare gives the answer its id and the headers that hold until a handler
// replaces them.
func (s *Server) prepare(ctx *fasthttp.RequestCtx, id string) {
	h := &ctx.Response.Header
	// To copy a header takes less than to set each of its fields.
	s.standing.CopyTo(h)
	var room [64]byte
	h.SetCanonical(idName, append(room[:0], id...))
}

// standingFor are the headers of every answer. The policy for pages names no
// object-src: default-src stands for it.
func standingFor(c Config) *fasthttp.ResponseHeader {
	var h fasthttp.ResponseHeader
	h.SetNoDefaultContentType(true)
	h.Set("Cache-Control", noStore)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("X-Frame-Options", "DENY")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	if c.HTTPS {
		h.Set("Strict-Transport-Security", "max-age=31536000; includeSubDomains")
	}
	return &h
}

const (
	noStore  = "no-store"
	idHeader = "X-Request-Id"
)

var idName = []byte(idHeader)

// bare answers outside every dialect.
func (s *Server) bare(ctx *fasthttp.RequestCtx, status int, code string) error {
	ctx.SetStatusCode(status)
	ctx.SetContentType("application/json")
	ctx.SetBodyString(`{"error":"` + code + `"}`)
	return nil
}

// busyAnswer is what a connection beyond the limit gets.
func (s *Server) busyAnswer() []byte {
	const text = `{"error":"unavailable"}`
	head := "HTTP/1.1 503 Service Unavailable\r\nConnection: close\r\nRetry-After: 1\r\n" + idHeader + ": " + s.cfg.NewID(s.cfg.Now())
	for name, value := range s.standing.All() {
		head += "\r\n" + string(name) + ": " + string(value)
	}
	return []byte(head + "\r\nContent-Type: application/json\r\nContent-Length: " + itoa(len(text)) + "\r\n\r\n" + text)
}

// plain is the render of paths that no dialect owns.
func plain(c *Call, err error) error {
	shown, status := Pick(err, plainStatus, nil)
	return c.server.bare(c.fiber.Context(), status, shown.Code())
}

func itoa(n int) string { return strconv.Itoa(n) }
