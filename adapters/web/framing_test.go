package web_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
)

// A follow-up that must never be answered once the first request was refused.
const second = "GET /toy/v1/items/2 HTTP/1.1\r\nHost: a\r\n\r\n"

var refusedFraming = map[string]string{
	"Content-Length twice":           "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 0\r\n\r\nhello",
	"Content-Length twice, equal":    "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nContent-Length: 5\r\n\r\nhello",
	"Content-Length list":            "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5, 5\r\n\r\nhello",
	"Content-Length signed":          "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: +5\r\n\r\nhello",
	"Content-Length negative":        "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\nhello",
	"Content-Length hexadecimal":     "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 0x5\r\n\r\nhello",
	"Content-Length empty":           "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length:\r\n\r\nhello",
	"Content-Length overflows":       "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 18446744073709551621\r\n\r\nhello",
	"Content-Length and chunked":     "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"chunked and Content-Length":     "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nContent-Length: 5\r\n\r\n0\r\n\r\n",
	"Transfer-Encoding unknown":      "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\nTransfer-Encoding: xchunked\r\n\r\nhello",
	"Transfer-Encoding list":         "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
	"Transfer-Encoding identity":     "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: identity\r\n\r\n",
	"Transfer-Encoding twice":        "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"Transfer-Encoding on HTTP/1.0":  "POST /toy/v1/ignore HTTP/1.0\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
	"Transfer-Encoding vertical tab": "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: \x0bchunked\r\n\r\n0\r\n\r\n",
	"Host twice":                     "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n",
	"Host twice, equal":              "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n",
	"Host missing":                   "GET /toy/v1/items/1 HTTP/1.1\r\n\r\n",
	"Host empty":                     "GET /toy/v1/items/1 HTTP/1.1\r\nHost:\r\n\r\n",
	"Host with user":                 "GET /toy/v1/items/1 HTTP/1.1\r\nHost: good:80@evil\r\n\r\n",
	"Host with path":                 "GET /toy/v1/items/1 HTTP/1.1\r\nHost: good/evil\r\n\r\n",
	"Host list":                      "GET /toy/v1/items/1 HTTP/1.1\r\nHost: good, evil\r\n\r\n",
	"Host in brackets twice":         "GET /toy/v1/items/1 HTTP/1.1\r\nHost: [[::1]\r\n\r\n",
	"Host with bad port":             "GET /toy/v1/items/1 HTTP/1.1\r\nHost: good:80:90\r\n\r\n",
	"bare LF":                        "GET /toy/v1/items/1 HTTP/1.1\nHost: a\n\n",
	"one bare LF":                    "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\nX: y\r\n\r\n",
	"bare LF ends the head":          "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\n\n",
	"bare CR":                        "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nX: y\rz\r\n\r\n",
	"NUL in value":                   "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nX: a\x00b\r\n\r\n",
	"NUL in name":                    "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nX\x00: b\r\n\r\n",
	"NUL in target":                  "GET /toy/v1/items/1\x00 HTTP/1.1\r\nHost: a\r\n\r\n",
	"DEL in value":                   "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nX: a\x7fb\r\n\r\n",
	"blank before colon":             "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nX : y\r\n\r\n",
	"blank before colon of TE":       "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding : chunked\r\n\r\n0\r\n\r\n",
	"tab before colon":               "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nX\t: y\r\n\r\n",
	"folded line":                    "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nX: y\r\n z\r\n\r\n",
	"folded first line":              "GET /toy/v1/items/1 HTTP/1.1\r\n X: y\r\nHost: a\r\n\r\n",
	"no colon":                       "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nXY\r\n\r\n",
	"empty name":                     "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\n: y\r\n\r\n",
	"name not ASCII":                 "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\nXé: y\r\n\r\n",
	"HTTP/9.9":                       "GET /toy/v1/items/1 HTTP/9.9\r\nHost: a\r\n\r\n",
	"HTTP/1.2":                       "GET /toy/v1/items/1 HTTP/1.2\r\nHost: a\r\n\r\n",
	"HTTP/0.9":                       "GET /toy/v1/items/1\r\n\r\n",
	"lower case version":             "GET /toy/v1/items/1 http/1.1\r\nHost: a\r\n\r\n",
	"HTTP/2 preface":                 "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
	"TLS hello":                      "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
	"random bytes":                   "\xff\xfe\xfd\xfc",
	"two blanks in request line":     "GET  /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\n\r\n",
	"blank in target":                "GET /toy/v1/items/1 x HTTP/1.1\r\nHost: a\r\n\r\n",
	"tab in request line":            "GET\t/toy/v1/items/1\tHTTP/1.1\r\nHost: a\r\n\r\n",
	"empty line first":               "\r\nGET /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\n\r\n",
	"absolute form":                  "GET http://b/toy/v1/items/1 HTTP/1.1\r\nHost: a\r\n\r\n",
	"absolute form, same host":       "GET http://a/toy/v1/items/1 HTTP/1.1\r\nHost: a\r\n\r\n",
	"asterisk form":                  "OPTIONS * HTTP/1.1\r\nHost: a\r\n\r\n",
	"authority-form":                 "CONNECT a:80 HTTP/1.1\r\nHost: a\r\n\r\n",
	"two slashes first":              "GET //evil/toy/v1/items/1 HTTP/1.1\r\nHost: a\r\n\r\n",
	"relative target":                "GET toy/v1/items/1 HTTP/1.1\r\nHost: a\r\n\r\n",
	"fragment":                       "GET /toy/v1/items/1#x HTTP/1.1\r\nHost: a\r\n\r\n",
	"target not ASCII":               "GET /toy/v1/items/é HTTP/1.1\r\nHost: a\r\n\r\n",
	"method with control":            "GE\x01T /toy/v1/items/1 HTTP/1.1\r\nHost: a\r\n\r\n",
}

var refusedChunks = map[string]string{
	"LF in extension":          "5;a\nb\r\nhello\r\n0\r\n\r\n",
	"bare LF after size":       "5\nhello\r\n0\r\n\r\n",
	"bare LF after data":       "5\r\nhello\n0\r\n\r\n",
	"size signed":              "+5\r\nhello\r\n0\r\n\r\n",
	"size with prefix":         "0x5\r\nhello\r\n0\r\n\r\n",
	"size empty":               "\r\nhello\r\n0\r\n\r\n",
	"size after blank":         " 5\r\nhello\r\n0\r\n\r\n",
	"size before blank":        "5 \r\nhello\r\n0\r\n\r\n",
	"size of nine digits":      "000000005\r\nhello\r\n0\r\n\r\n",
	"data longer than size":    "4\r\nhello\r\n0\r\n\r\n",
	"trailer":                  "0\r\nContent-Length: 9\r\n\r\n",
	"extension without end":    "5;" + strings.Repeat("a", 300) + "\r\nhello\r\n0\r\n\r\n",
	"NUL in extension":         "5;\x00\r\nhello\r\n0\r\n\r\n",
	"carriage return doubled":  "5\r\r\nhello\r\n0\r\n\r\n",
	"size of an unwieldy body": "ffffffffffffffff\r\nhello\r\n0\r\n\r\n",
}

const chunkedHead = "POST /toy/v1/echo HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n"

func requireRefusedOnce(t *testing.T, answer string) {
	t.Helper()
	require.Equal(t, "400 Bad Request", statusOf(answer))
	require.Equal(t, 1, strings.Count(answer, "HTTP/1.1 "), "one answer only")
	require.Contains(t, answer, "Connection: close\r\n")
	require.Contains(t, answer, "X-Request-Id: id-")
	require.Contains(t, answer, "Cache-Control: no-store\r\n")
	require.Contains(t, answer, "X-Content-Type-Options: nosniff\r\n")
}

// What is good is answered, whatever follows it and however both are cut.
func TestFraming_WhatComesBeforeNonsenseIsAnswered(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	for name, nonsense := range map[string]string{
		"no request":     "\xff",
		"an empty line":  "\r\n",
		"another's host": "GET /toy/v1/items/1 HTTP/1.1\r\nHost: a/b\r\n\r\n",
	} {
		for how, pieces := range map[string][]string{"at once": {second + nonsense}, "in bytes": strings.Split(second+nonsense, "")} {
			t.Run(name+"/"+how, func(t *testing.T) {
				t.Parallel()
				answers := strings.Split(send(t, addr, pieces...), "HTTP/1.1 ")

				require.Len(t, answers, 3)
				require.Regexp(t, "^200 ", answers[1])
				require.Regexp(t, "^400 ", answers[2])
			})
		}
	}
}

// The limit is the same for a head that comes at once and for one that comes in
// bytes.
func TestInspect_TheLargestHead(t *testing.T) {
	t.Parallel()
	const most = 8 << 10
	for _, size := range []int{most - 1, most, most + 1, most + 2} {
		head := "GET / HTTP/1.1\r\nHost: a\r\nX: "
		head += strings.Repeat("x", size-len(head)-4) + "\r\n\r\n"

		slow, _, refusedSlow := web.Inspect([]byte(head), 1)
		fast, _, refusedFast := web.Inspect([]byte(head), len(head))

		require.Equal(t, size <= most, refusedFast == nil, size)
		require.Equal(t, refusedSlow, refusedFast, size)
		require.Equal(t, slow, fast, size)
		require.Equal(t, min(size, most), fast)
	}
}

func TestFraming_AmbiguityIsRefusedOnceAndCloses(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)
	for name, raw := range refusedFraming {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := send(t, addr, strings.Replace(raw, "Host: a\r\n", "Host: a\r\nAuthorization: Bearer "+canary+"\r\n", 1)+second)

			requireRefusedOnce(t, answer)
			requireNoCanary(t, answer, logs)
		})
	}
}

func TestFraming_ChunksAreRefusedOnceAndClose(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)
	for name, raw := range refusedChunks {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := send(t, addr, chunkedHead+strings.ReplaceAll(raw, "hello", canary[:5])+second)

			requireRefusedOnce(t, answer)
			requireNoCanary(t, answer, logs)
		})
	}
}

// A handler that never looks at its body has answered before the body breaks;
// the connection then closes without another answer.
func TestFraming_UnreadBrokenBodyNeverLeadsToASecondAnswer(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)

	answer := send(t, addr, "POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhello\r\n0\r\n\r\n"+second)

	require.Equal(t, "204 No Content", statusOf(answer))
	require.Equal(t, 1, strings.Count(answer, "HTTP/1.1 "))
}

// However the bytes are cut into packets, the verdict is the same.
func TestFraming_VerdictDoesNotDependOnPackets(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	for name, raw := range refusedFraming {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			requireRefusedOnce(t, send(t, addr, strings.Split(raw, "")...))
		})
	}
}

func TestFraming_WhatIsClearIsServed(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	const last = "GET /toy/v1/items/9 HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n"
	for name, row := range map[string]struct {
		raw  string
		want []string
	}{
		"pipelined": {second + second, []string{"200", "200"}},
		"length":    {"POST /toy/v1/echo HTTP/1.1\r\nHost: a\r\n" + asJSON + "\r\nContent-Length: 2\r\n\r\n{}", []string{"200"}},
		"chunked":   {chunkedHead + "1\r\n{\r\n1;x=y\r\n}\r\n0\r\n\r\n", []string{"200"}},
		// RFC 9112 section 7.1.2: case of the coding's name does not matter
		"chunked in capitals": {strings.Replace(chunkedHead, "chunked", "Chunked", 1) + "2\r\n{}\r\n0\r\n\r\n", []string{"200"}},
		"body looks like a request": {
			fmt.Sprintf("POST /toy/v1/ignore HTTP/1.1\r\nHost: a\r\nContent-Length: %d\r\n\r\n%s", len(second), second), []string{"204"},
		},
		"HTTP/1.0 without host": {"GET /toy/v1/items/1 HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", []string{"200"}},
		"IPv6 host":             {"GET /toy/v1/where HTTP/1.1\r\nHost: [::1]:8080\r\n\r\n", []string{"200"}},
		"blanks around values":  {"GET /toy/v1/where HTTP/1.1\r\nHost: \t a \r\nX:\t\r\n\r\n", []string{"200"}},
		"URL in query":          {"GET /toy/v1/where?q=http://b/ HTTP/1.1\r\nHost: a\r\n\r\n", []string{"200"}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := send(t, addr, row.raw+last)

			var got []string
			for _, part := range strings.Split(answer, "HTTP/1.1 ")[1:] {
				got = append(got, part[:3])
			}
			require.Equal(t, append(row.want, "200"), got)
		})
	}
}

// More fields than a call has room for, and blanks of both kinds around a value
// and within it (RFC 9110 section 5.5).
func TestHead_IsReadToItsEnd(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	var head []string
	for n := range 30 {
		head = append(head, fmt.Sprintf("X-%d:%d", n, n), "X-Empty:", "X-Blank: \t ")
	}
	head = append(head, "x-tenant-CODE:\t acme \t", "User-Agent:  a \t b:c ")

	got := do(t, addr, "GET", "/toy/v1/where", "", head...)

	require.Equal(t, 200, got.status, got.body)
	require.Contains(t, got.body, `"header":"acme"`)
	require.Contains(t, got.body, `"agent":"a \t b:c"`)
}

func TestFraming_OddMethodsAreNotAllowed(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)
	for _, line := range []string{
		"TRACE /toy/v1/where", "PROPFIND /toy/v1/where", canary + " /toy/v1/where", "get /toy/v1/where", "CONNECT /toy/v1/where",
	} {
		t.Run(line, func(t *testing.T) {
			t.Parallel()
			answer := send(t, addr, line+" HTTP/1.1\r\nHost: a\r\n\r\n"+second)

			require.Equal(t, "405 Method Not Allowed", statusOf(answer))
			require.Contains(t, answer, "\r\nAllow: GET, HEAD")
			require.Contains(t, answer, `"toy"`, "the dialect's own shape")
			require.Equal(t, 1, strings.Count(answer, "HTTP/1.1 "))
			requireNoCanary(t, answer, logs)
		})
	}
}

func TestFraming_HeadIsBounded(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)
	for name, raw := range map[string]string{
		"long value":   "GET /toy/v1/where HTTP/1.1\r\nHost: a\r\nX: " + strings.Repeat(canary, 2000) + "\r\n\r\n",
		"many headers": "GET /toy/v1/where HTTP/1.1\r\nHost: a\r\n" + strings.Repeat("X: "+canary+"\r\n", 2000) + "\r\n",
		"long target":  "GET /toy/v1/where?" + strings.Repeat(canary, 2000) + " HTTP/1.1\r\nHost: a\r\n\r\n",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			answer := send(t, addr, raw)

			require.Equal(t, "431 Request Header Fields Too Large", statusOf(answer))
			require.Contains(t, answer, "X-Request-Id: id-")
			requireNoCanary(t, answer, logs)
		})
	}
}

func TestFraming_ConnectionsBeyondTheLimitAreTurnedAway(t *testing.T) {
	t.Parallel()
	addr, d, _ := setup(t, func(c *web.Config) { c.Concurrency, c.HTTPS = 1, true })
	first := make(chan reply)
	go func() { first <- do(t, addr, "GET", "/toy/v1/wait", "") }()
	<-d.entered

	answer := send(t, addr)

	require.Equal(t, "503 Service Unavailable", statusOf(answer))
	require.Contains(t, answer, "Retry-After: 1\r\n")
	require.Contains(t, answer, "X-Request-Id: id-")
	for _, name := range []string{"Strict-Transport-Security", "Content-Security-Policy", "X-Content-Type-Options", "Referrer-Policy", "Cache-Control"} {
		require.Contains(t, answer, "\r\n"+name+": ")
	}
	close(d.release)
	require.Equal(t, 200, (<-first).status)
}
