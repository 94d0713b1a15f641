package bootstrap

import (
	"context"
	"fmt"
	"io"
	"os/signal"
	"runtime/debug"
	"slices"
	"syscall"

	"go.uber.org/fx"
	"go.uber.org/zap/zapcore"

	"ostiary/adapters/argon"
	"ostiary/adapters/cli"
	"ostiary/adapters/system"
	"ostiary/adapters/web/wellknown/openapi"
	"ostiary/app/directory"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/fault"
)

// Main runs the command line and returns its exit code.
func Main(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	if slices.Equal(args, []string{argon.ChildArgument}) {
		go system.ForgetStart() // what the packages needed to be there at all, most of it for the server
		if err := argon.Child(stdin, stdout); err != nil {
			fmt.Fprintln(stderr, "ostiary:", err)
			return 2
		}
		return 0
	}
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop) // a second signal ends the program at once
	return cli.Main(ctx, args, cli.Program{
		Version: version(),
		Open: func(ctx context.Context, s cli.Settings) (cli.Services, error) {
			return open(ctx, s, stderr)
		},
		Serve: func(ctx context.Context, s cli.Settings) error {
			c, err := NewConfig(s)
			if err != nil {
				return err
			}
			// Who reads the log may go away; the service stays. Commands end
			// with their reader, as others in a pipe do.
			signal.Ignore(syscall.SIGPIPE)
			lines := NewSpool(stderr)
			defer func() { _ = lines.Close() }()
			log := NewLog(c, lines)
			c, leave := settle(ctx, c, log, argon.StartProcess)
			defer leave()
			return Serve(ctx, c, Surroundings{Log: log, Console: stdout, Version: version()})
		},
		Demo: func(ctx context.Context, s cli.Settings, out io.Writer) error {
			return demo(ctx, s, out, stderr)
		},
		Doctor: doctor, ShardCommands: shardCommands, OpenCopy: openCopy,
		OpenAPI: openapi.JSON,
		Stdin:   stdin, Stdout: stdout, Stderr: stderr,
	})
}

// version is the module's, or the commit that it was built from.
func version() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return "unknown"
	}
	for _, s := range info.Settings {
		if s.Key == "vcs.revision" && len(s.Value) >= 12 {
			return s.Value[:12]
		}
	}
	return info.Main.Version
}

// open builds the use cases without a server, on the store that a server may
// be using meanwhile.
func open(ctx context.Context, s cli.Settings, stderr io.Writer) (cli.Services, error) {
	c, err := NewConfig(s)
	if err != nil {
		return cli.Services{}, err
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Listen
	}
	var out cli.Services
	app := fx.New(
		Options(c, Surroundings{Log: NewLog(c, zapcore.Lock(zapcore.AddSync(stderr))), Console: io.Discard}),
		fx.Invoke(func(lc fx.Lifecycle, t *tenancy.Admin, i *directory.Importer, tok *operation.APITokens, k *operation.Keys, a *operation.Audit, r *operation.Recorder, ring port.KeyRing, clock port.Clock) {
			out = cli.Services{Tenants: t, Import: i, Tokens: tok, Keys: k, Audit: a, Now: clock.Now}
			lc.Append(fx.Hook{
				OnStart: func(ctx context.Context) error { return fits(ring.Reload(ctx)) },
				OnStop:  r.SignHeads,
			})
		}),
	)
	if err := app.Err(); err != nil {
		return cli.Services{}, plainly(err)
	}
	if err := app.Start(ctx); err != nil { // which closes the store again
		return cli.Services{}, plainly(err)
	}
	out.Close = func(ctx context.Context) error { return app.Stop(context.WithoutCancel(ctx)) }
	return out, nil
}

// fits judges the first look at the store's keys. Whoever holds another master
// key must not write: signing keys and audit heads made with it would not fit
// the rest. Without an answer nobody knows whether it fits. A key set that is
// damaged otherwise is for a command to mend.
func fits(err error) error {
	if end := hopeless(err); end != nil {
		return end
	}
	if fault.KindOf(err) == fault.Unavailable {
		return err
	}
	return nil
}
