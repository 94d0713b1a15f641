package web_test

import (
	"bufio"
	"bytes"
	"errors"
	"io"
	"net"
	"net/http"
	"net/netip"
	"net/url"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"github.com/valyala/fasthttp"
	"go.uber.org/zap"

	"ostiary/adapters/web"
)

// FuzzInspector holds the inspector to its promise: where it sees a request
// end, so do the server behind it and an implementation that shares nothing
// with either.
func FuzzInspector(f *testing.F) {
	for _, raw := range refusedFraming {
		f.Add([]byte(raw+second), 3)
	}
	for _, chunks := range refusedChunks {
		f.Add([]byte(chunkedHead+chunks+second), 7)
	}
	f.Add([]byte(chunkedHead+"1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n"+second), 1)
	f.Add([]byte("POST / HTTP/1.0\r\nContent-Length: 3\r\n\r\nabc"+second), 40)

	f.Fuzz(func(t *testing.T, raw []byte, size int) {
		fit, ends, err := web.Inspect(raw, 1)
		again, _, errAgain := web.Inspect(raw, 1+int(uint(size)%64))
		require.Equal(t, fit, again, "how bytes are cut into reads means nothing")
		require.Equal(t, err, errAgain)

		from := 0
		for _, end := range ends {
			head, _, _ := bytes.Cut(raw[from:end], []byte("\r\n\r\n"))
			require.LessOrEqual(t, len(framing.FindAll(head, 2)), 1, "one thing says how long the body is")
			from = end
		}
		requests := readByNetHTTP(t, raw[:fit], ends)
		require.Equal(t, requests, readByFasthttp(t, raw[:fit], ends)[:len(requests)])
	})
}

var framing = regexp.MustCompile(`(?i)\n(content-length|transfer-encoding)[^-a-z0-9]`)

type request struct {
	Method, Target, Host string
	Body                 []byte
}

// readByNetHTTP returns the requests up to the first whose target net/http
// cannot decode: what a target means is for the router.
func readByNetHTTP(t *testing.T, raw []byte, ends []int) []request {
	t.Helper()
	source := bytes.NewReader(raw)
	buffer := bufio.NewReader(source)
	out := make([]request, 0, len(ends))
	for _, end := range ends {
		r, err := http.ReadRequest(buffer)
		if bad := new(url.Error); errors.As(err, &bad) {
			return out
		}
		require.NoError(t, err)
		body, err := io.ReadAll(r.Body)
		require.NoError(t, err)
		require.Equal(t, end, len(raw)-source.Len()-buffer.Buffered(), "the end of a request")
		out = append(out, request{r.Method, r.RequestURI, r.Host, body})
	}
	return out
}

func readByFasthttp(t *testing.T, raw []byte, ends []int) []request {
	t.Helper()
	source := bytes.NewReader(raw)
	buffer := bufio.NewReaderSize(source, 16<<10)
	out := make([]request, 0, len(ends))
	for _, end := range ends {
		var r fasthttp.Request
		require.NoError(t, r.Header.Read(buffer))
		require.NoError(t, r.ContinueReadBody(buffer, 0, false))
		require.Equal(t, end, len(raw)-source.Len()-buffer.Buffered(), "the end of a request")
		out = append(out, request{
			string(r.Header.Method()), string(r.Header.RequestURI()), string(r.Header.Host()), append([]byte{}, r.Body()...),
		})
	}
	return out
}

// FuzzServer sends bytes to a whole server: it answers in whole, guarded
// answers, never more of them than there are requests, and none with a fault
// of its own.
func FuzzServer(f *testing.F) {
	for _, raw := range refusedFraming {
		f.Add([]byte(raw + second))
	}
	for _, head := range []string{
		"GET /toy/v1/where?q=%ff&q=2", "HEAD /t/acme/toy/v1/items/a%2fb", "DELETE /toy/v1/items/1", "OPTIONS /toy/v1/echo", "TRACE /toy/v1/bearer",
	} {
		f.Add([]byte(head + " HTTP/1.1\r\nHost: a\r\nX-Tenant-Code: acme\r\nAuthorization: Bearer a.b=\r\nOrigin: https://portal.acme.example\r\n\r\n" + second))
	}
	f.Add([]byte(chunkedHead + "c\r\n{\"email\":\"\xff\r\n2\r\n\"}\r\n0\r\n\r\n" + second))
	f.Add([]byte("POST /toy/v1/items:batch HTTP/1.1\r\nHost: a\r\nContent-Type: application/x-ndjson\r\nExpect: 100-continue\r\nContent-Length: 2\r\n\r\n{}" + second))
	addr := listenLocally(f)

	f.Fuzz(func(t *testing.T, raw []byte) {
		fit, ends, err := web.Inspect(raw, 1)
		most := len(ends)
		if err != nil || len(ends) == 0 || ends[len(ends)-1] < fit {
			most++ // for the one that is broken or cut short
		}
		answers := bufio.NewReader(bytes.NewReader(exchange(t, addr, raw)))
		for n := 0; ; n++ {
			if _, err := answers.Peek(1); errors.Is(err, io.EOF) {
				return
			}
			res, err := http.ReadResponse(answers, &http.Request{Method: methodAt(raw[:fit], ends, n)})
			require.NoError(t, err)
			_, err = io.ReadAll(res.Body)
			require.NoError(t, err)
			if res.StatusCode == http.StatusContinue {
				n--
				continue
			}
			require.Less(t, n, most, "one answer to one request")
			require.Less(t, res.StatusCode, 500)
			require.NotEmpty(t, res.Header.Get("X-Request-Id"))
			require.Equal(t, "nosniff", res.Header.Get("X-Content-Type-Options"))
		}
	})
}

// listenLocally starts a server with the toy dialect, without what waits or
// fails on demand.
func listenLocally(f *testing.F) string {
	f.Helper()
	srv := web.New(web.Config{NewID: func(time.Time) string { return "id" }, Now: time.Now, Receipts: receipts{}}, zap.NewNop())
	d := (&toy{}).dialect()
	d.Routes = slices.DeleteFunc(d.Routes, func(r web.Route) bool {
		return strings.HasSuffix(r.Path, "/wait") || strings.Contains(r.Path, "/fail/")
	})
	srv.Mount(d)
	addr := filepath.Join(f.TempDir(), "s")
	ln, err := net.Listen("unix", addr)
	require.NoError(f, err)
	done := make(chan error, 1)
	go func() { done <- srv.Listen(ln) }()
	f.Cleanup(func() {
		require.NoError(f, srv.Shutdown(f.Context()))
		require.NoError(f, <-done)
	})
	return addr
}

func exchange(t *testing.T, addr string, raw []byte) []byte {
	t.Helper()
	c, err := net.Dial("unix", addr)
	require.NoError(t, err)
	defer func() { _ = c.Close() }()
	require.NoError(t, c.SetDeadline(time.Now().Add(30*time.Second)))
	if _, err := c.Write(raw); err == nil { // the server may hang up on what it refuses
		_ = c.(*net.UnixConn).CloseWrite()
	}
	out, err := io.ReadAll(c)
	require.NoError(t, err, "the server must close in an orderly way")
	return out
}

// methodAt is the method of the request that begins where the one before ends,
// "" for one whose head was refused or cut short: nobody knows what it asks.
func methodAt(let []byte, ends []int, n int) string {
	if n > 0 && n <= len(ends) {
		let = let[ends[n-1]:]
	}
	if !bytes.Contains(let, []byte("\r\n\r\n")) {
		return ""
	}
	method, _, _ := strings.Cut(string(let), " ")
	return method
}

// FuzzClientAddress forges entries at the left of X-Forwarded-For, where all
// that a client writes ends up.
func FuzzClientAddress(f *testing.F) {
	for _, seed := range []string{
		"203.0.113.9", "1.1.1.1, 10.0.0.1", "[2001:db8::1]:443, fd00::1", "::ffff:10.0.0.1", "fe80::1%eth0, 10.0.0.1", "unknown", "10.0.0.1:80,,10.0.0.2",
	} {
		f.Add("10.1.2.3", seed, "198.51.100.7")
		f.Add("203.0.113.1", seed, "10.0.0.1")
	}
	proxies := []netip.Prefix{netip.MustParsePrefix("10.0.0.0/8"), netip.MustParsePrefix("fd00::/8")}
	trusted := func(a netip.Addr) bool { return proxies[0].Contains(a) || proxies[1].Contains(a) }

	f.Fuzz(func(t *testing.T, from, header, forged string) {
		peer, _ := netip.ParseAddr(from)
		peer = peer.Unmap().WithZone("")
		got := web.ClientAddress(peer, []string{header}, proxies)

		if !trusted(peer) {
			require.Equal(t, peer, got)
		}
		if !trusted(got) {
			require.Equal(t, got, web.ClientAddress(peer, []string{forged + "," + header}, proxies))
		}
		require.Equal(t, web.ClientAddress(peer, []string{forged, header}, proxies),
			web.ClientAddress(peer, []string{forged + "," + header}, proxies), "two lines are one list")
		require.Empty(t, got.Zone())
		require.False(t, got.Is4In6(), "one machine has one address")
		if again, ok := web.ParseHop(got.String()); got.IsValid() {
			require.True(t, ok)
			require.Equal(t, got, again)
			require.Contains(t, header+","+peer.String(), lastPart(header, peer, got))
		}
	})
}

// lastPart is the entry that says got, or the peer's own address.
func lastPart(header string, peer, got netip.Addr) string {
	for part := range strings.SplitSeq(header, ",") {
		if hop, ok := web.ParseHop(strings.TrimSpace(part)); ok && hop == got {
			return part
		}
	}
	if got == peer {
		return peer.String()
	}
	return "an entry that says " + got.String()
}

// FuzzHost compares with net/url, by which links and origins are read.
func FuzzHost(f *testing.F) {
	for _, seed := range []string{
		"acme.example", "a:80", "[::1]:8080", "[::ffff:1.2.3.4]", "good:80@evil", "[::1", "[[::1]:1", "a%41", "a:", ":80", "[fe80::1%25eth0]", "A_b.-", "a:080", "[1.2.3.4]",
	} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, s string) {
		if !web.IsHost(s) {
			return
		}
		u, err := url.Parse("http://" + s + "/")
		require.NoError(t, err)
		require.Equal(t, &url.URL{Scheme: "http", Host: s, Path: "/"}, u)
		name := web.WithoutPort(s)
		require.Equal(t, u.Hostname(), strings.TrimSuffix(strings.TrimPrefix(name, "["), "]"))
		require.True(t, web.IsHost(name))
		require.Equal(t, name, web.WithoutPort(name))
	})
}
