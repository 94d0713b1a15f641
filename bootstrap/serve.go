package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"runtime/debug"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/dig"
	"go.uber.org/fx"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"ostiary/adapters/system"
	"ostiary/adapters/web"
)

const (
	stopWithin = 15 * time.Second
	// finishWithin is for accepted requests; the rest of stopWithin is for mail
	// that is due, the audit trail and the store.
	finishWithin = 10 * time.Second
)

// Serve runs the service until ctx ends, then stops it: no new connections,
// accepted requests finished, mail that is due sent, the store closed.
func Serve(ctx context.Context, c Config, s Surroundings, extra ...fx.Option) error {
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil {
		return fmt.Errorf("OSTIARY_LISTEN=%q: %w", c.Listen, errors.Unwrap(err))
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + ln.Addr().String()
	}
	failed := make(chan error, 1)
	app := fx.New(
		Options(c, s), webModule,
		fx.Provide(newWorkers),
		fx.Invoke(serveMetrics),
		fx.Invoke(func(lc fx.Lifecycle, srv *web.Server, w *Workers) { serve(lc, srv, w, ln, s.Log, failed) }),
		fx.Options(extra...),
	)
	if err := app.Err(); err != nil {
		_ = ln.Close()
		return plainly(err)
	}
	if err := app.Start(ctx); err != nil {
		_ = ln.Close()
		return plainly(err)
	}
	go func() { // a start leaves as much behind as all that goes on needs
		debug.FreeOSMemory()
		system.ForgetStart()
	}()
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(err, app.Stop(stopping))
}

// serve owns start and stop of everything that runs.
func serve(lc fx.Lifecycle, srv *web.Server, w *Workers, ln net.Listener, log *zap.Logger, failed chan error) {
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error {
			if err := w.start(failed); err != nil {
				return err
			}
			go func() {
				if err := srv.Listen(ln); err != nil {
					fail(failed, fmt.Errorf("serve: %w", err))
				}
			}()
			log.Info("listening", zap.String("address", ln.Addr().String()))
			return nil
		},
		OnStop: func(ctx context.Context) error {
			log.Info("stopping")
			finishing, cancel := context.WithTimeout(ctx, finishWithin)
			defer cancel()
			// A client that stalls keeps its own answer from being sent, not the
			// program from ending well.
			w.report("finish requests", srv.Shutdown(finishing))
			return w.stop(ctx)
		},
	})
}

// serveMetrics opens the listener for those who may read metrics without a
// token because they can reach it.
func serveMetrics(lc fx.Lifecycle, c Config, reg *prometheus.Registry, log *zap.Logger) error {
	if c.MetricsListen == "" {
		return nil
	}
	ln, err := (&net.ListenConfig{}).Listen(context.Background(), "tcp", c.MetricsListen)
	if err != nil {
		return fmt.Errorf("OSTIARY_METRICS_LISTEN=%q: %w", c.MetricsListen, errors.Unwrap(err))
	}
	srv := web.New(web.Config{NewID: system.RequestID, Now: system.Instant}, log)
	srv.Mount(web.MetricsOnly(reg))
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error {
			go func() {
				if err := srv.Listen(ln); err != nil {
					log.Error("metrics are not served", zap.Error(err))
				}
			}()
			return nil
		},
		OnStop: srv.Shutdown,
	})
	return nil
}

// plainly drops what fx tells of its own workings: whoever starts the program
// wants the cause.
func plainly(err error) error { return dig.RootCause(err) }

// NewLog writes to w, a whole line at once and maybe several at the same time;
// JSON for machines, console lines for people.
func NewLog(c Config, w io.Writer) *zap.Logger {
	enc := zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg", NameKey: "logger",
		EncodeTime: zapcore.RFC3339NanoTimeEncoder, EncodeLevel: zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.MillisDurationEncoder,
	}
	encoder := zapcore.NewJSONEncoder(enc)
	if c.LogConsole {
		encoder = zapcore.NewConsoleEncoder(enc)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.AddSync(w), c.LogLevel))
}
