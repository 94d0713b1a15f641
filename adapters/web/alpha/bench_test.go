package alpha_test

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/stretchr/testify/require"
	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"ostiary/adapters/system"
	"ostiary/adapters/web"
	"ostiary/adapters/web/alpha"
	"ostiary/app/port"
	"ostiary/test/harness"
)

// replay is a connection on which one client sends the same request again and
// again, each time it was answered: what is measured is the server alone, no
// system call and no client.
type replay struct {
	request []byte
	at      int
	left    int // requests
	bad     []byte
	done    chan struct{}
}

func (r *replay) Read(p []byte) (int, error) {
	if r.at == len(r.request) {
		if r.left--; r.left <= 0 {
			return 0, io.EOF
		}
		r.at = 0
	}
	n := copy(p, r.request[r.at:])
	r.at += n
	return n, nil
}

func (r *replay) Write(p []byte) (int, error) {
	if !bytes.HasPrefix(p, []byte("HTTP/1.1 200 OK\r\n")) {
		r.bad = bytes.Clone(p)
	}
	return len(p), nil
}

func (r *replay) Close() error      { close(r.done); return nil }
func (*replay) LocalAddr() net.Addr { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 80} }

func (*replay) RemoteAddr() net.Addr            { return &net.TCPAddr{IP: net.IPv4(127, 0, 0, 1), Port: 40_000} }
func (*replay) SetDeadline(time.Time) error     { return nil }
func (*replay) SetReadDeadline(time.Time) error { return nil }
func (*replay) SetWriteDeadline(time.Time) error {
	return nil
}

// replays is a listener for connections within the program.
type replays struct {
	next   chan net.Conn
	closed chan struct{}
}

func (l *replays) Accept() (net.Conn, error) {
	select {
	case c := <-l.next:
		return c, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l *replays) Close() error { close(l.closed); return nil }
func (*replays) Addr() net.Addr { return (*replay)(nil).LocalAddr() }

// The four reads of a portal, with everything on their way that they have in
// the program: log, metrics, headers, proof.
func BenchmarkReads(b *testing.B) {
	w := harness.New(b, harness.Options{Undocumented: true})
	log := zap.New(zapcore.NewCore(zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig()), zapcore.AddSync(io.Discard), zap.InfoLevel))
	srv := web.New(web.Config{
		NewID: system.RequestID, Now: time.Now, RequestKey: port.RequestKey(),
		AllowedOrigin: w.Resolver.OriginAllowed, Served: w.Resolver.Served, Metrics: prometheus.NewRegistry(),
	}, log)
	srv.Mount(alpha.New(alpha.Services{
		Resolver: w.Resolver, Guard: w.Guard, Passwords: w.Passwords, Links: w.Links, Sessions: w.Sessions,
		Changes: w.Changes, Profile: w.Profile,
	}, alpha.Config{Now: w.Clock.Now}).Dialect())
	ln := &replays{next: make(chan net.Conn), closed: make(chan struct{})}
	served := make(chan error, 1)
	go func() { served <- srv.Listen(ln) }()
	b.Cleanup(func() {
		require.NoError(b, srv.Shutdown(context.WithoutCancel(b.Context())))
		require.NoError(b, <-served)
	})
	token := w.SignIn(b).Access.Reveal()
	for _, path := range []string{"/scopes", "/me", "/client", "/dashboard/stats"} {
		b.Run(path[1:], func(b *testing.B) {
			request := fmt.Appendf(nil, "GET %s%s HTTP/1.1\r\nHost: 127.0.0.1:8080\r\nAuthorization: Bearer %s\r\n\r\n", portal, path, token)
			c := &replay{request: request, left: b.N, done: make(chan struct{})}
			b.ReportAllocs()
			b.ResetTimer()
			ln.next <- c
			<-c.done
			require.Empty(b, string(c.bad))
		})
	}
}
