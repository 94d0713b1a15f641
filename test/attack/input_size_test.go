package attack_test

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/gzip"
	"encoding/binary"
	"fmt"
	"hash/crc32"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// quote and escaped are a text as it stands in JSON and in an address.
func quote(text string) string   { return strconv.Quote(text) }
func escaped(text string) string { return url.QueryEscape(text) }

// rank writes n elements one after the other.
func rank(n int, element func(i int) string) string {
	var out strings.Builder
	for i := range n {
		if i > 0 {
			out.WriteByte(',')
		}
		out.WriteString(element(i))
	}
	return out.String()
}

// measured sends requests and reports how long the slowest took and how much
// memory the program had at its peak beyond what it had before.
func measured(t *testing.T, d *program.Deployment, name string, send func(ask func(program.Request) program.Reply)) {
	t.Helper()
	_, before := d.Memory()
	slowest := time.Duration(0)
	send(func(r program.Request) program.Reply {
		began := time.Now()
		got := wireBytes(t, d, r)
		slowest = max(slowest, time.Since(began))
		return got
	})
	_, after := d.Memory()
	figure(t, name+"_slowest", slowest)
	figure(t, name+"_peak_memory_growth_mib", (after-before)>>20)
}

// wireBytes sends a request whose answer may come before all of it is sent.
func wireBytes(t *testing.T, d *program.Deployment, r program.Request) program.Reply {
	t.Helper()
	head := fmt.Sprintf("%s %s HTTP/1.1\r\nHost: a\r\nConnection: close\r\nContent-Length: %d\r\n", r.Method, r.Path, len(r.Body))
	if r.Header["Content-Type"] == "" {
		head += "Content-Type: application/json\r\n"
	}
	for name, value := range r.Header {
		head += name + ": " + value + "\r\n"
	}
	if r.Bearer != "" {
		head += "Authorization: Bearer " + r.Bearer + "\r\n"
	}
	res, err := http.ReadResponse(bufio.NewReader(strings.NewReader(d.Wire(head+"\r\n"+r.Body))), nil)
	require.NoError(t, err)
	defer func() { _ = res.Body.Close() }()
	body, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return program.Reply{Status: res.StatusCode, Header: res.Header, Body: body}
}

// apartFor is a deployment of its own, which keeps its memory apart, with a
// tenant to ask about. Bodies are refused for their size or their form before a
// store is asked, so one engine is enough.
func apartFor(t *testing.T, code string) (*program.Deployment, world) {
	t.Helper()
	d := program.Deploy(t, program.Cheap...)
	d.Start()
	d = d.Unchecked()
	w, _ := ownWorld(t, d, code)
	return d, w
}

func Test070_DeepWideAndLong(t *testing.T) {
	t.Parallel()
	d, w := apartFor(t, "t070")
	million := times(1_000_000, 10_000_000)
	bombs := map[string]string{
		"deep 10,000":      strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"deep objects":     strings.Repeat(`{"a":`, 10_000) + "1" + strings.Repeat("}", 10_000),
		"deep unfinished":  strings.Repeat("[", 60_000),
		"deep 33":          `{"a":` + strings.Repeat("[", 33) + strings.Repeat("]", 33) + `}`,
		"a million keys":   "{" + rank(million, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) }) + "}",
		"a million items":  "[" + rank(million, func(int) string { return "1" }) + "]",
		"same key":         "{" + rank(10_000, func(int) string { return `"k":1` }) + "}",
		"long key, deeper": `{"` + strings.Repeat("k", 16<<10) + `":` + strings.Repeat("[", 64) + strings.Repeat("]", 64) + `}`,
	}
	measured(t, d, "t070", func(ask func(program.Request) program.Reply) {
		for _, o := range doors(w) {
			for name, body := range bombs {
				r := o.saying(body)
				r.Path = w.fill(o.request.Path)

				got := ask(r)

				require.Contains(t, []int{400, 413}, got.Status, "%s: %s", o.dialect, name)
				requireShape(t, o.dialect, got)
			}
		}
	})
	d.Must(200, program.Login("t070", program.FirstPassword))
}

// Within the size that a route takes, many keys cost no more than few: they
// are members that nobody knows.
func Test070_KeysWithinTheLimit(t *testing.T) {
	t.Parallel()
	d, w := apartFor(t, "t070b")
	keys := map[string]string{
		"16 KB key":  `"` + strings.Repeat("k", 16<<10) + `":1`,
		"4,000 keys": rank(4_000, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) }),
		// equal under the hash of many languages: "Aa" and "BB"
		"colliding keys": rank(2_000, func(i int) string {
			return `"` + strings.NewReplacer("0", "Aa", "1", "BB").Replace(fmt.Sprintf("%011b", i)) + `":1`
		}),
	}
	measured(t, d, "t070_within", func(ask func(program.Request) program.Reply) {
		for _, o := range doors(w) {
			for name, members := range keys {
				r := o.saying(plant(o.request.Body, members))
				r.Path = w.fill(o.request.Path)

				got := ask(r)

				require.Equal(t, map[bool]int{true: 400, false: 200}[o.dialect == "admin"], got.Status, "%s: %s", o.dialect, name)
			}
		}
		batch := program.Operator("POST", "/tenants/t070b/documents:batch", "{"+rank(900_000, func(i int) string { return fmt.Sprintf(`"k%d":1`, i) })+"}\n"+
			strings.Repeat("[", 60_000)+"\n"+strings.Repeat("[", 1<<20)+"\n")
		batch.Header = map[string]string{"Content-Type": "application/x-ndjson"}
		got := ask(batch)
		require.Equal(t, 200, got.Status)
		require.Equal(t, 3, bytes.Count(got.Body, []byte(`"status":400`)), "%s", got.Body)
	})
}

// foreignTypes are media types that no JSON route takes.
var foreignTypes = []string{
	"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "text/json", "application/jsonx",
	"application/json;charset=utf-16", "application/json; charset=latin1", "application/json, text/plain", "application/json; version=1", "",
}

// Every route that takes a body takes it under its documented type alone.
func Test071_WrongContentTypes(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		w, g := ownWorld(t, d, "t071")
		tried := 0
		for _, o := range documented(t) {
			if o.recipe.body == "" || o.path == "/admin/v1/keys/rotate" {
				continue
			}
			for _, media := range foreignTypes {
				if o.recipe.media == formMedia && media == formMedia {
					continue
				}
				r := o.request(w, bearerFor(o, w, g))
				r.Header["Content-Type"] = media
				require.Equal(t, 415, d.Send(r).Status, "%s as %q", o, media)
				tried++
			}
		}
		for _, o := range doors(w) {
			raw := "POST " + w.fill(o.request.Path) + " HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer " + o.request.Bearer +
				"\r\nContent-Length: 2\r\n\r\n{}"
			raw = strings.Replace(raw, "POST", o.request.Method, 1)
			if o.request.Bearer == "" {
				raw = strings.Replace(raw, "Authorization: Bearer \r\n", "", 1)
			}
			require.Contains(t, d.Wire(raw), "HTTP/1.1 415", "%s without a type", o.dialect)
		}
		figure(t, "t071_types_refused", tried)
	})
}

// bearerFor is a credential that opens the route.
func bearerFor(o documentedCall, w world, g program.Granted) string {
	switch {
	case strings.Contains(o.path, "/admin/v1"), strings.HasPrefix(o.path, "/debug/"):
		return program.OperatorToken
	case strings.Contains(o.path, "/external/"):
		return w["integration"]
	default:
		return g.Access
	}
}

// Nobody inflates what a client sends. No store is asked, so one engine is
// enough.
func Test072_CompressedBombs(t *testing.T) {
	t.Parallel()
	d := program.Deploy(t, program.Cheap...)
	d.Start()
	d = d.Unchecked()
	w, _ := ownWorld(t, d, "t072")
	size := times(50<<20, 1<<30)
	zipped := deflated(t, size, func(to io.Writer) io.WriteCloser { return gzip.NewWriter(to) })
	raw := deflated(t, size, func(to io.Writer) io.WriteCloser {
		out, err := flate.NewWriter(to, flate.BestSpeed)
		require.NoError(t, err)
		return out
	})
	batch := door{"admin", "", program.Operator("POST", "/tenants/t072/documents:batch", "")}
	measured(t, d, "t072", func(ask func(program.Request) program.Reply) {
		for _, o := range append(doors(w), batch) {
			for coding, body := range map[string]string{
				"gzip": zipped, "x-gzip": zipped, "deflate": raw, "br": raw, "zstd": raw, "gzip, gzip": zipped, "GZIP": zipped, "compress": raw, "unknown": raw,
			} {
				r := o.saying(body[:min(len(body), 60<<10)])
				r.Path = w.fill(o.request.Path)
				r.Header = map[string]string{"Content-Encoding": coding}
				if o.member == "" {
					r.Header["Content-Type"] = "application/x-ndjson"
				}

				got := ask(r)

				require.Equal(t, 415, got.Status, "%s: %s", o.dialect, coding)
				requireShape(t, o.dialect, got)
			}
		}
		huge := program.Operator("PUT", w.fill("/tenants/{tenant}/contacts/{contact}/avatar"), vastPNG(60_000))
		huge.Header = map[string]string{"Content-Type": "image/png"}
		require.Equal(t, 422, ask(huge).Status, "a picture of 3.6 gigapixels")
	})
}

func deflated(t *testing.T, size int, by func(io.Writer) io.WriteCloser) string {
	t.Helper()
	var out bytes.Buffer
	to := by(&out)
	zeros := make([]byte, 1<<20)
	for left := size; left > 0; left -= len(zeros) {
		_, err := to.Write(zeros)
		require.NoError(t, err)
	}
	require.NoError(t, to.Close())
	return out.String()
}

// vastPNG says in its header how large it is, and holds nothing.
func vastPNG(side uint32) string {
	head := append([]byte("IHDR"), make([]byte, 13)...)
	binary.BigEndian.PutUint32(head[4:], side)
	binary.BigEndian.PutUint32(head[8:], side)
	head[12], head[13] = 8, 6
	out := append([]byte("\x89PNG\r\n\x1a\n\x00\x00\x00\x0d"), head...)
	return string(binary.BigEndian.AppendUint32(out, crc32.ChecksumIEEE(head)))
}

// Form keys with an index make nothing grow: JSON routes take no form, and the
// one form reads names as they are.
func Test073_IndexedFormKeys(t *testing.T) {
	t.Parallel()
	d := program.Deploy(t, program.Cheap...)
	d.Start()
	d = d.Unchecked()
	w, _ := ownWorld(t, d, "t073")
	page := door{"", "", program.Request{Method: "POST", Path: "/t/t073/magic"}}
	measured(t, d, "t073", func(ask func(program.Request) program.Reply) {
		for _, key := range []string{"a[100000000]", "a[9223372036854775807]", "email[100000000]", "a[0][100000000]", "a.100000000", "a[-1]", "a[", "[]"} {
			for _, o := range append(doors(w), page) {
				r := o.saying(key + "=x")
				r.Path = w.fill(o.request.Path)
				r.Header = map[string]string{"Content-Type": formMedia}

				got := ask(r)

				require.Equal(t, map[bool]int{true: 400, false: 415}[o.dialect == ""], got.Status, "%s: %s", o.dialect, key)
			}
		}
	})
}

// texts are the values of a JSON body that are texts.
var texts = regexp.MustCompile(`:"([^"]*)"`)

// A NUL is refused in whatever text it stands, also where nobody reads it.
func Test074_NULInEveryText(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...).Unchecked()
		w, g := ownWorld(t, d, "t074")
		tried := 0
		for _, o := range documented(t) {
			bearer := bearerFor(o, w, g)
			for _, at := range texts.FindAllStringSubmatchIndex(o.recipe.body, -1) {
				if o.path == "/admin/v1/keys/rotate" {
					continue
				}
				r := o.request(w, bearer)
				r.Body = w.fill(o.recipe.body[:at[3]] + `\u0000` + o.recipe.body[at[3]:])
				got := d.Send(r)
				require.True(t, got.Status == 400 || strings.Contains(string(got.Body), `"status":400`), "%s at %d: %d %s", o, at[2], got.Status, got.Body)
				tried++
			}
			for i, segment := range strings.Split(o.path, "/") {
				if o.noun(segment) == "" {
					continue
				}
				r := o.request(w, bearer)
				path, _, _ := strings.Cut(r.Path, "?")
				parts := strings.Split(path, "/")
				parts[i] += "%00"
				r.Path = strings.Join(parts, "/")
				require.Equal(t, 400, d.Send(r).Status, "%s in %s", o, segment)
				tried++
			}
			for _, name := range o.queries {
				if o.method == "GET" && o.path != "/blobs/{id}" {
					r := o.request(w, bearer)
					r.Path, _, _ = strings.Cut(r.Path, "?")
					r.Path += "?" + name + "=a%00b"
					require.Contains(t, []int{400, 422}, d.Send(r).Status, "%s in %s", o, name)
					tried++
				}
			}
		}
		for _, header := range []string{"X-Tenant-Code", "Authorization", "Content-Type", "If-Match", "Idempotency-Key", "X-Link-Binding", "User-Agent", "Cookie", "Host"} {
			got := d.Wire("GET /api/v1/portal/me HTTP/1.1\r\nHost: a\r\n" + header + ": a\x00b\r\n\r\n")
			require.Contains(t, got, "HTTP/1.1 400", header)
			require.Contains(t, got, "Connection: close", header)
		}
		figure(t, "t074_places", tried)
	})
}

// What is sent twice is refused, the same in two places is one.
func Test075_ParameterPollution(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		w, g := ownWorld(t, d, "t075")
		tried := 0
		for _, o := range documented(t) {
			if o.path == "/blobs/{id}" {
				continue // answers alike for everything but a good signature
			}
			for _, name := range o.queries {
				r := o.request(w, bearerFor(o, w, g))
				r.Path, _, _ = strings.Cut(r.Path, "?")
				r.Path += "?" + name + "=1&" + name + "=2"
				require.Contains(t, []int{400, 422}, d.Send(r).Status, "%s: %s", o, name)
				tried++
			}
		}
		require.Greater(t, tried, 20)

		d.Must(200, program.AskForLink(w["tenant"], program.Address))
		link := d.LettersOf(w["tenant"], 1)[0].Token
		both := program.Validate(link)
		both.Body = `{"token":"` + g.Refresh + `"}`
		d.Must(400, both)
		both.Body = `{"token":"` + link + `"}`
		d.Must(200, both)

		twice := "GET /api/v1/portal/me HTTP/1.1\r\nHost: a\r\nConnection: close\r\nAuthorization: Bearer " + g.Access + "\r\n"
		require.Contains(t, d.Wire(twice+"X-Tenant-Code: t075\r\nX-Tenant-Code: t075\r\n\r\n"), "HTTP/1.1 400")
		require.Contains(t, d.Wire(twice+"Authorization: Bearer "+g.Access+"\r\n\r\n"), "HTTP/1.1 401")
		form := program.Request{Method: "POST", Path: "/t/t075/magic", Body: "email=a@b.example&email=c@d.example", Header: map[string]string{"Content-Type": formMedia}}
		d.Must(400, form)
		figure(t, "t075_parameters", tried)
	})
}
