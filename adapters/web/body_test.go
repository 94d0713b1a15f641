package web_test

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
)

func chunks(n, size int) string {
	return strings.Repeat(fmt.Sprintf("%x\r\n%s\r\n", size, strings.Repeat("a", size)), n) + "0\r\n\r\n"
}

func TestBody_LimitIsTheRoutesOwn(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	ndjson := "Content-Type: application/x-ndjson"

	within := do(t, addr, "POST", "/toy/v1/items:batch", strings.Repeat("a", 1<<20), ndjson)
	beyond := do(t, addr, "POST", "/toy/v1/items:batch", strings.Repeat("a", 1<<20+1), ndjson)
	small := do(t, addr, "POST", "/toy/v1/echo", strings.Repeat(" ", 64<<10-2)+"{}", asJSON)
	tooLarge := do(t, addr, "POST", "/toy/v1/echo", strings.Repeat(" ", 64<<10-1)+"{}", asJSON)
	ignored := do(t, addr, "POST", "/toy/v1/ignore", strings.Repeat(" ", 64<<10+1), asJSON)

	require.Equal(t, "1048576", within.body)
	require.Equal(t, 413, beyond.status)
	require.Equal(t, 200, small.status)
	require.Equal(t, 413, tooLarge.status)
	require.Equal(t, 413, ignored.status)
}

func TestBody_ChunkedIsHeldToTheSameLimit(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	head := func(route, mediaType string) string {
		return "POST /toy/v1/" + route + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Type: " + mediaType + "\r\nTransfer-Encoding: chunked\r\n\r\n"
	}

	within := send(t, addr, head("items:batch", "application/x-ndjson")+chunks(16, 65536))
	beyond := send(t, addr, head("items:batch", "application/x-ndjson")+chunks(17, 65536)+second)
	small := send(t, addr, head("echo", "application/json")+chunks(65, 1024)+second)

	require.Equal(t, "200 OK", statusOf(within))
	require.Equal(t, "413 Request Entity Too Large", statusOf(beyond))
	require.Equal(t, "413 Request Entity Too Large", statusOf(small))
	require.Equal(t, 1, strings.Count(beyond, "HTTP/1.1 "))
	require.Equal(t, 1, strings.Count(small, "HTTP/1.1 "))
	require.Contains(t, beyond, `"toy":"too_large"`)
}

// The announced length alone is enough: not one byte of the body is awaited.
func TestBody_AnnouncedSizeIsRefusedBeforeItArrives(t *testing.T) {
	t.Parallel()
	addr, d, _ := setup(t, nil)

	answer := send(t, addr, "POST /toy/v1/echo HTTP/1.1\r\nHost: a\r\n"+asJSON+"\r\nContent-Length: 9999999999\r\n\r\n"+strings.Repeat(" ", 8192))

	require.Equal(t, "413 Request Entity Too Large", statusOf(answer))
	require.Contains(t, answer, "Connection: close\r\n")
	require.Zero(t, d.calls.Load())
}

func TestBody_OversizedUploadStillReadsItsRefusal(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	for name, body := range map[string]io.Reader{
		"length":  strings.NewReader(strings.Repeat("a", 200<<10)),
		"chunked": io.MultiReader(strings.NewReader(strings.Repeat("a", 200<<10))),
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			res, err := http.Post("http://"+addr+"/toy/v1/echo", "application/json", body)

			require.NoError(t, err)
			defer res.Body.Close()
			require.Equal(t, 413, res.StatusCode)
		})
	}
}

func TestBody_OnGetIsRefusedUnlessTheRouteSaysSo(t *testing.T) {
	t.Parallel()
	addr, d, _ := setup(t, nil)

	allowed := do(t, addr, "GET", "/toy/v1/read", `{"email":"a"}`, asJSON)
	refused := do(t, addr, "GET", "/toy/v1/where", `{"email":"a"}`, asJSON)
	head := do(t, addr, "HEAD", "/toy/v1/where", `{"email":"a"}`, asJSON)
	empty := do(t, addr, "GET", "/toy/v1/where", "", "Content-Length: 0")
	chunked := send(t, addr, "GET /toy/v1/where HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n0\r\n\r\n"+second)

	require.Equal(t, `{"email":"a"}`, allowed.body)
	require.EqualValues(t, 1, d.calls.Load())
	require.Equal(t, 400, refused.status)
	require.Equal(t, 400, head.status)
	require.Equal(t, 200, empty.status)
	require.Equal(t, "400 Bad Request", statusOf(chunked))
	require.Equal(t, 1, strings.Count(chunked, "HTTP/1.1 "))
}

func TestBody_SlowHeadAndBodyAreCutOff(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, func(c *web.Config) { c.ReadTimeout = 50 * time.Millisecond })
	for name, raw := range map[string]string{
		"head":    "GET /toy/v1/where HTTP/1.1\r\nHost: a\r\nX-Slow: ",
		"length":  "POST /toy/v1/echo HTTP/1.1\r\nHost: a\r\n" + asJSON + "\r\nContent-Length: 20\r\n\r\n{",
		"chunked": chunkedHead + "20\r\n{",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := send(t, addr, raw) // returns because the server closes

			require.Equal(t, "408 Request Timeout", statusOf(answer))
			require.Contains(t, answer, "Connection: close\r\n")
			require.Contains(t, answer, "X-Request-Id: id-")
		})
	}
}

func TestBody_IdleConnectionsAreClosed(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, func(c *web.Config) { c.IdleTimeout = 50 * time.Millisecond })

	answer := send(t, addr, second)

	require.Equal(t, 1, strings.Count(answer, "HTTP/1.1 200"))
}

func TestBody_HalfASendersBodyIsMalformed(t *testing.T) {
	t.Parallel()
	addr, d, _ := setup(t, nil)
	conn, err := net.Dial("tcp", addr)
	require.NoError(t, err)
	defer func() { _ = conn.Close() }()
	_, err = io.WriteString(conn, "POST /toy/v1/echo HTTP/1.1\r\nHost: a\r\n"+asJSON+"\r\nContent-Length: 20\r\n\r\n{}")
	require.NoError(t, err)
	require.NoError(t, conn.(*net.TCPConn).CloseWrite())

	answer, err := io.ReadAll(conn)

	require.NoError(t, err)
	require.Equal(t, "400 Bad Request", statusOf(string(answer)))
	require.Zero(t, d.calls.Load())
}

func TestBody_ExpectIsHonoured(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)

	answer := send(t, addr, "POST /toy/v1/echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\nExpect: 100-continue\r\n"+asJSON+"\r\nContent-Length: 2\r\n\r\n", "{}")

	require.Contains(t, answer, "HTTP/1.1 100 Continue\r\n\r\n")
	require.Contains(t, answer, "HTTP/1.1 200 OK")
}
