package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"ostiary/adapters/web"
)

const (
	startWithin = 15 * time.Second
	stopWithin  = 15 * time.Second
)

// Serve runs the service until ctx ends, then stops it: no new connections,
// accepted requests finished, mail that is due sent, the store closed.
// started, if not nil, hears the address once requests are answered.
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
	select {
	case <-ctx.Done():
	case err = <-failed:
	}
	stopping, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	return errors.Join(err, app.Stop(stopping))
}

// serve owns start and stop of everything that runs.
func serve(lc fx.Lifecycle, srv *web.Server, w *Workers, ln net.Listener, log *zap.Logger, failed chan<- error) {
	lc.Append(fx.Hook{
		OnStart: func(context.Context) error {
			if err := w.start(); err != nil {
				return err
			}
			go func() {
				if err := srv.Listen(ln); err != nil {
					failed <- fmt.Errorf("serve: %w", err)
				}
			}()
			log.Info("listening", zap.String("address", ln.Addr().String()))
			return nil
		},
		OnStop: func(ctx context.Context) error {
			log.Info("stopping")
			return errors.Join(srv.Shutdown(ctx), w.stop(ctx))
		},
	})
}

// plainly drops what fx tells of its own workings: whoever starts the program
// wants the cause.
func plainly(err error) error {
	for {
		inner := errors.Unwrap(err)
		if inner == nil {
			return err
		}
		if _, ours := inner.(interface{ Is(error) bool }); ours {
			return inner
		}
		err = inner
	}
}

// NewLog writes to w; JSON for machines, console lines for people.
func NewLog(c Config, w io.Writer) *zap.Logger {
	enc := zapcore.EncoderConfig{
		TimeKey: "time", LevelKey: "level", MessageKey: "msg", NameKey: "logger",
		EncodeTime: zapcore.ISO8601TimeEncoder, EncodeLevel: zapcore.LowercaseLevelEncoder,
		EncodeDuration: zapcore.MillisDurationEncoder,
	}
	encoder := zapcore.NewJSONEncoder(enc)
	if c.LogConsole {
		encoder = zapcore.NewConsoleEncoder(enc)
	}
	return zap.New(zapcore.NewCore(encoder, zapcore.Lock(zapcore.AddSync(w)), c.LogLevel))
}
