package web_test

import (
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
)

// noted is a connection that keeps the deadlines it is set to.
type noted struct {
	net.Conn

	reads, writes []time.Time
}

func (*noted) Read([]byte) (int, error)    { return 0, io.EOF }
func (*noted) Write(p []byte) (int, error) { return len(p), nil }

func (n *noted) SetReadDeadline(t time.Time) error {
	n.reads = append(n.reads, t)
	return nil
}

func (n *noted) SetWriteDeadline(t time.Time) error {
	n.writes = append(n.writes, t)
	return nil
}

func TestConnection_SetsADeadlineOnlyWhenItMatters(t *testing.T) {
	t.Parallel()
	at := time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	const slack = 250 * time.Millisecond
	asked := []time.Time{
		at, at.Add(slack - 1), at.Add(slack), at.Add(slack + time.Hour), at.Add(slack), // one that comes sooner counts at once
		{}, {}, at,
	}
	set := []time.Time{at, at.Add(slack), at.Add(slack + time.Hour), at.Add(slack), {}, at}

	var n noted
	c := web.Inspected(&n, slack)
	for _, to := range asked {
		require.NoError(t, c.SetWriteDeadline(to))
	}
	require.Equal(t, set, n.writes)

	for _, to := range asked {
		require.NoError(t, c.SetReadDeadline(at.Add(time.Minute)))
		require.NoError(t, c.SetReadDeadline(to))
		_, err := c.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF)
	}
	require.Equal(t, set, n.reads, "those that a read waited under")

	require.NoError(t, c.SetDeadline(at.Add(-time.Hour)))
	_, _ = c.Read(make([]byte, 1))
	require.Equal(t, at.Add(-time.Hour), n.writes[len(n.writes)-1])
	require.Equal(t, at.Add(-time.Hour), n.reads[len(n.reads)-1])
}

func TestConnection_ThatNeverSpeaksIsClosed(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, func(c *web.Config) { c.ReadTimeout = 50 * time.Millisecond })

	require.Empty(t, send(t, addr))
}

// The time to send a request is not the time to think of the next one: when
// somebody who is slow has been cut off, who was silent for longer is not.
func TestConnection_MayBeSilentForLongerThanARequestTakes(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, func(c *web.Config) { c.ReadTimeout, c.IdleTimeout = time.Second, time.Hour })
	c, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	ask := func() {
		_, err := io.WriteString(c, second)
		require.NoError(t, err)
		_, err = io.ReadAtLeast(c, make([]byte, 1024), 1)
		require.NoError(t, err)
	}
	ask()

	require.Contains(t, send(t, addr, "GET /"), "HTTP/1.1 408 ")

	ask()
}
