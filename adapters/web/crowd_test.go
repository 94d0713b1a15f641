package web_test

import (
	"bufio"
	"net"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
)

// line is a connection that is kept.
type line struct {
	net.Conn

	in *bufio.Reader
}

func open(t *testing.T, addr string) line {
	t.Helper()
	c, err := (&net.Dialer{}).DialContext(t.Context(), "tcp", addr)
	require.NoError(t, err)
	t.Cleanup(func() { _ = c.Close() })
	return line{c, bufio.NewReader(c)}
}

func (l line) get(t *testing.T, path string) *http.Response {
	t.Helper()
	_, err := l.Write([]byte("GET " + path + " HTTP/1.1\r\nHost: a.example\r\n\r\n"))
	require.NoError(t, err)
	res, err := http.ReadResponse(l.in, nil)
	require.NoError(t, err)
	require.NoError(t, res.Body.Close())
	return res
}

func TestCrowd_OnlyThenARefusalForWantOfRoomEndsTheConnection(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, func(c *web.Config) { c.Concurrency = 8 })
	a := open(t, addr)

	alone := a.get(t, "/toy/v1/fail/deadline")
	b := open(t, addr)
	served := b.get(t, "/toy/v1/where")
	crowded := a.get(t, "/toy/v1/fail/deadline")

	require.Equal(t, 503, alone.StatusCode)
	require.False(t, alone.Close)
	require.Equal(t, 200, served.StatusCode)
	require.False(t, served.Close)
	require.Equal(t, 503, crowded.StatusCode)
	require.NotEmpty(t, crowded.Header.Get("Retry-After"))
	require.True(t, crowded.Close)
}
