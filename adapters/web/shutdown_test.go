package web_test

import (
	"context"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"ostiary/adapters/web"
)

var now = time.Now

func TestShutdown_FinishesAcceptedRequestsAndClosesIdleConnections(t *testing.T) {
	t.Parallel()
	d := &toy{entered: make(chan struct{}), release: make(chan struct{})}
	srv := web.New(web.Config{NewID: func(time.Time) string { return "id" }, Now: now}, zap.NewNop())
	srv.Mount(d.dialect())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	served := make(chan error, 1)
	go func() { served <- srv.Listen(ln) }()
	idle, err := net.Dial("tcp", ln.Addr().String())
	require.NoError(t, err)
	defer func() { _ = idle.Close() }()
	_, err = io.WriteString(idle, second)
	require.NoError(t, err)
	_, err = io.ReadAtLeast(idle, make([]byte, 1024), 1)
	require.NoError(t, err)
	running := make(chan reply, 1)
	go func() { running <- do(t, ln.Addr().String(), "GET", "/toy/v1/wait", "") }()
	<-d.entered

	drained := make(chan error, 1)
	go func() { drained <- srv.Shutdown(context.Background()) }()
	require.NoError(t, <-served, "stops accepting at once")
	_, err = io.ReadAll(idle)
	require.NoError(t, err, "the idle connection is closed while a request runs")
	_, err = net.Dial("tcp", ln.Addr().String())
	require.Error(t, err)
	close(d.release)

	require.Equal(t, `"done"`, (<-running).body)
	require.NoError(t, <-drained)
}

func TestShutdown_GivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	addr, d, srv := started(t)
	answered := make(chan reply, 1)
	go func() { answered <- do(t, addr, "GET", "/toy/v1/wait", "") }()
	<-d.entered
	ctx, cancel := context.WithCancel(context.Background())
	cancel()

	require.ErrorIs(t, srv.Shutdown(ctx), context.Canceled)
	close(d.release)
	require.Equal(t, 200, (<-answered).status)
}

func TestShutdown_BeforeListenMeansNothingIsServed(t *testing.T) {
	t.Parallel()
	srv := web.New(web.Config{NewID: func(time.Time) string { return "id" }, Now: now}, zap.NewNop())
	require.NoError(t, srv.Shutdown(context.Background()))
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)

	require.NoError(t, srv.Listen(ln))

	_, err = net.Dial("tcp", ln.Addr().String())
	require.Error(t, err)
}

func started(t *testing.T) (string, *toy, *web.Server) {
	t.Helper()
	d := &toy{entered: make(chan struct{}), release: make(chan struct{})}
	srv := web.New(web.Config{NewID: func(time.Time) string { return "id" }, Now: now}, zap.NewNop())
	srv.Mount(d.dialect())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	go func() { _ = srv.Listen(ln) }()
	return ln.Addr().String(), d, srv
}
