package program

import (
	"io"
	"net"
	"net/http"
	"strings"
	"time"

	"github.com/stretchr/testify/require"
)

// Host is the host and port that the program listens on.
func (d *Deployment) Host() string { return strings.TrimPrefix(d.URL, "http://") }

// Dial opens a connection on which a test says what it likes. Every wait on it
// ends after Patience.
func (d *Deployment) Dial() net.Conn {
	d.T.Helper()
	c, err := (&net.Dialer{}).DialContext(d.T.Context(), "tcp", d.Host())
	require.NoError(d.T, err)
	d.T.Cleanup(func() { _ = c.Close() })
	require.NoError(d.T, c.SetDeadline(time.Now().Add(Patience)))
	return c
}

// Wire sends bytes as they are, says that no more will come, and returns all
// that comes back until the program closes the connection.
func (d *Deployment) Wire(raw string) string {
	d.T.Helper()
	c := d.Dial()
	// The program may have heard enough and closed before all is sent.
	_, _ = io.WriteString(c, raw)
	if half, ok := c.(*net.TCPConn); ok {
		_ = half.CloseWrite()
	}
	got, _ := io.ReadAll(c)
	return string(got)
}

// Unchecked is the same deployment, whose answers are not held to the OpenAPI
// document: for requests that no document foresees.
func (d *Deployment) Unchecked() *Deployment {
	d.T.Helper()
	other := *d
	to := &http.Transport{MaxIdleConnsPerHost: InFlight, DisableCompression: true}
	d.T.Cleanup(to.CloseIdleConnections)
	other.Client = &http.Client{Transport: to, Timeout: Patience, CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	return &other
}
