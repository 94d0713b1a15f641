package attack_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// door is a route of one dialect that reads a JSON body, and how that dialect
// says no.
type door struct {
	name    string
	request program.Request
	member  string // of the body, that takes text
	shape   []string
}

// doors are one of each dialect; those without credential are the widest open.
func doors(p program.Portal) []door {
	return []door{
		{
			"Alpha",
			program.Request{Method: "POST", Path: "/t/" + p.Code + "/api/v1/portal/auth/login"},
			"password",
			[]string{"title", "detail", "time", "status", "type", "receipt"},
		},
		{"Exsited", program.Request{Method: "POST", Path: "/t/" + p.Code + "/api/v3/portal/login"}, "password", []string{"errors"}},
		{"Exsited by GET", program.Request{Method: "GET", Path: "/t/" + p.Code + "/api/v3/portal/login"}, "password", []string{"errors"}},
		{"Luminous", program.Request{Method: "POST", Path: "/external/api/v1/contacts", Bearer: p.Token}, "last_name", []string{"message"}},
		{"admin", program.Operator("POST", "/tenants/"+p.Code+"/tags", ""), "name", []string{"type", "title", "status", "detail", "code"}},
	}
}

// with is the door's request with another body.
func (d door) with(body string) program.Request {
	r := d.request
	r.Body = body
	return r
}

// refuses asserts one of the statuses in the dialect's own shape, and that
// nothing of the planted text comes back.
func (d door) refuses(t testing.TB, on *program.Deployment, r program.Request, statuses ...int) {
	t.Helper()
	res := on.Send(r)
	require.Contains(t, statuses, res.Status, "%s: %q: %s", d.name, r.Body[:min(len(r.Body), 80)], res.Body)
	require.NotContains(t, string(res.Body), planted, d.name)
	var body map[string]any
	require.NoError(t, json.Unmarshal(res.Body, &body), d.name)
	for _, member := range d.shape {
		require.Contains(t, body, member, d.name)
	}
}

// planted stands where a value is refused; no answer may repeat it.
const planted = "pl4nted-va1ue"

func Test068_DatabaseMetacharacters(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t068")
		d.SignIn(p)
		odd := []string{`'`, `"`, `' OR '1'='1`, `'; DROP TABLE users; --`, `" OR ""="`, `\`, `%`, `_`, `$where`, `{"$ne":null}`, `$`, `a.b`, `*`, `(?i).*`, `^`, `;`, `--`, `/*`, "`", `\x27`}
		wrong := d.Must(401, program.Login("t068", "not the password"))
		for _, s := range odd {
			text, err := json.Marshal(s)
			require.NoError(t, err)
			alike(t, wrong, d.Send(program.Request{Method: "POST", Path: "/t/t068/api/v1/portal/auth/login", Body: `{"email":"` + program.Address + `","password":` + string(text) + `}`}), "password "+s)
			for path, items := range map[string]int{"?q=": 0, "?email=": 0} {
				res := d.Send(program.Operator("GET", "/tenants/t068/contacts"+path+url.QueryEscape(s), ""))
				require.Contains(t, []int{200, 400, 422}, res.Status, s)
				if res.Status == 200 {
					require.Len(t, itemsOf(t, res), items, "%s%s is a text, not a pattern", path, s)
				}
			}
			made := d.Must(201, program.Operator("POST", "/tenants/t068/tags", `{"name":`+string(text)+`,"description":`+string(text)+`}`))
			require.Equal(t, s, made.Text(t, "name"), "it is stored as it came")
		}
		require.Len(t, itemsOf(t, d.Must(200, program.Operator("GET", "/tenants/t068/contacts?q=Ada", ""))), 1)
		d.Must(200, program.Login("t068", program.FirstPassword))
	})
}

// Test069 sends what some JSON parsers take and others do not.
func Test069_OddJSON(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t069")
		for _, door := range doors(p) {
			m := door.member
			for _, body := range []string{
				`{"` + m + `":"` + planted + `","` + m + `":"x"}`,
				`{"` + m + `":"x","\u00` + fmt.Sprintf("%02x", m[0]) + m[1:] + `":"` + planted + `"}`,
				`{"x":{"a":"` + planted + `","a":1}}`,
				"\ufeff" + `{"` + m + `":"` + planted + `"}`,
				`{"` + m + `":"` + planted + `"}{}`,
				`{"` + m + `":"` + planted + `"} x`,
				`{"` + m + `":"` + planted + `",}`,
				`{/**/"` + m + `":"` + planted + `"}`,
				`{"` + m + `":NaN}`, `{"` + m + `":Infinity}`, `{"` + m + `":01}`, `{"` + m + `":+1}`, `{'` + m + `':'` + planted + `'}`,
				`{"` + m + `":"\ud800` + planted + `"}`,
				"{\"" + m + "\":\"" + planted + "\xff\"}",
				"{\"" + m + "\":\"" + planted + "\u0000\"}",
				"{\"" + m + "\":\"" + planted + "\n\"}",
				`{"` + m + `":"\u0000` + planted + `"}`,
				`{"` + m + `"`, `"` + planted + `"`, `[]`, `null`, `true`, ``, ` `,
			} {
				r := door.with(body)
				if body == "" {
					r.Header = map[string]string{"Content-Type": "application/json"}
				}
				door.refuses(t, d, r, 400, 422)
			}
		}
		// Names are exact: these are members that nobody knows, not passwords.
		for _, name := range []string{"PASSWORD", "Password", "paſſword", "password "} {
			r := program.Request{Method: "POST", Path: "/t/t069/api/v1/portal/auth/login", Body: `{"email":"` + program.Address + `","` + name + `":"` + program.FirstPassword + `"}`}
			require.Equal(t, 400, d.Send(r).Status, name)
		}
	})
}

// Test070 sends what costs a parser more than it costs the sender.
func Test070_CostlyJSON(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t070")
		before, _ := d.Memory()
		began := time.Now()
		for _, door := range doors(p) {
			for name, body := range map[string]string{
				"10,000 deep":       `{"a":` + strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000) + `}`,
				"40 deep":           strings.Repeat(`{"a":`, 40) + "1" + strings.Repeat("}", 40),
				"unclosed":          strings.Repeat("[", 60_000),
				"a million members": `{` + strings.Repeat(`"a":1,`, 1_000_000) + `"b":1}`,
				"a million items":   `{"a":[` + strings.Repeat("1,", 1_000_000) + `1]}`,
				"10,000 members":    manyMembers(4_000),
				"a long name":       `{"` + strings.Repeat("k", 16<<10) + `":1,"` + strings.Repeat("k", 16<<10) + `":2}`,
				"a long number":     `{"` + door.member + `":` + strings.Repeat("9", 60_000) + `}`,
			} {
				res, err := d.Unchecked().Try(door.with(body))
				// The rest of a body that is too long may meet a closed connection.
				require.True(t, err != nil || res.Status == 400 || res.Status == 413 || res.Status == 422, "%s: %s: %d", door.name, name, res.Status)
			}
		}
		figure(t, "40_requests", time.Since(began))
		after, _ := d.Memory()
		figure(t, "memory_MiB", (after-before)>>20)
		d.Must(200, program.Request{Method: "GET", Path: "/readyz"})
	})
}

// manyMembers have names of one length, which a poor hash would throw together.
func manyMembers(n int) string {
	var b strings.Builder
	b.WriteString("{")
	for i := range n {
		fmt.Fprintf(&b, `"k%07d":1,`, i)
	}
	return b.String() + `"x":[}`
}

func Test071_ContentTypes(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t071")
		for _, door := range doors(p) {
			for _, media := range []string{
				"text/plain", "application/x-www-form-urlencoded", "multipart/form-data; boundary=x", "application/xml", "application/json; charset=utf-16",
				"application/json; charset=iso-8859-1", "application/json; x=1", "application/jsonp", "text/json", "application/vnd.api+json", "*/*", "", "application/json, text/plain",
			} {
				r := door.with(`{"` + door.member + `":"` + planted + `"}`)
				r.Header = map[string]string{"Content-Type": media}
				door.refuses(t, d.Unchecked(), r, 415)
			}
			r := door.with(`{"` + door.member + `":"x","` + door.member + `":"y"}`)
			for _, media := range []string{"application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8"} {
				r.Header = map[string]string{"Content-Type": media}
				door.refuses(t, d, r, 400) // read, and then refused
			}
		}
	})
}

func Test072_CompressedBombs(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t072")
		var bomb bytes.Buffer
		w, err := gzip.NewWriterLevel(&bomb, gzip.BestCompression)
		require.NoError(t, err)
		for range 32 {
			_, err = w.Write(make([]byte, 1<<20))
			require.NoError(t, err)
		}
		require.NoError(t, w.Close())
		before, _ := d.Memory()
		for _, door := range doors(p) {
			for _, coding := range []string{"gzip", "x-gzip", "br", "deflate", "zstd", "compress", "gzip, gzip", "GZIP"} {
				r := door.with(bomb.String())
				r.Header = map[string]string{"Content-Type": "application/json", "Content-Encoding": coding}
				door.refuses(t, d.Unchecked(), r, 415)
			}
		}
		after, _ := d.Memory()
		figure(t, "memory_MiB", (after-before)>>20)
	})
}

func Test073_FormKeys(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t073")
		before, _ := d.Memory()
		for _, key := range []string{"a[100000000]", "a[-1]", "a[0][0][100000000]", "a[]", "password[$ne]", "a.100000000", "__proto__[x]"} {
			form := url.QueryEscape(key) + "=x"
			for _, door := range doors(p) {
				r := door.with(form)
				r.Header = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
				door.refuses(t, d.Unchecked(), r, 415)
			}
			// The hosted page reads forms.
			page := d.Unchecked().Send(program.Request{
				Method: "POST", Path: "/t/t073/magic", Body: form, Header: map[string]string{"Content-Type": "application/x-www-form-urlencoded"},
			})
			require.Contains(t, []int{400, 401, 403}, page.Status, key)
			d.Must(200, program.Operator("GET", "/tenants/t073/contacts?"+form, ""))
		}
		after, _ := d.Memory()
		figure(t, "memory_MiB", (after-before)>>20)
	})
}

func Test074_NulBytes(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t074")
		g := d.SignIn(p)
		raw := d.Unchecked()
		for _, door := range doors(p) {
			door.refuses(t, d, door.with(`{"`+door.member+`":"a\u0000b"}`), 400, 422)
			door.refuses(t, d, door.with(`{"a\u0000b":"x"}`), 400, 422)
		}
		for _, path := range []string{
			"/t/t074%00/api/v1/portal/me", "/t/t074/api/v1/portal/me%00", "/api/v1/portal/blobs/%00", "/api/v1/auth/refresh/%00", "/external/api/v1/contacts/1%00",
			"/admin/v1/tenants/t074%00", "/admin/v1/tenants/t074/contacts/1%00", "/admin/v1/tenants/t074/contacts?q=%00", "/admin/v1/tenants/t074/contacts?cursor=%00",
			"/admin/v1/tenants/t074/companies/" + p.Globex + "/documents/invoice/%00",
		} {
			bearer := program.OperatorToken
			switch {
			case strings.Contains(path, "/portal/"):
				bearer = g.Access
			case strings.HasPrefix(path, "/external"):
				bearer = p.Token
			}
			res := raw.Send(program.Request{Method: "GET", Path: path, Bearer: bearer})
			require.Contains(t, []int{400, 404, 405, 422}, res.Status, path)
		}
		require.Regexp(t, `^HTTP/1\.1 400 `, d.Wire("GET /api/v1/portal/me HTTP/1.1\r\nHost: a\r\nX-Tenant-Code: t074\x00\r\n\r\n"))
		d.Must(200, program.Visit("/me", g))
	})
}

// Test075 gives one thing twice, or in two places.
func Test075_ParameterPollution(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p := d.Found("t075")
		d.Must(200, program.SetPassword(p, program.FirstPassword))
		raw := d.Unchecked()
		list := func(query string) int {
			return raw.Send(program.Request{Method: "GET", Path: "/external/api/v1/contacts?" + query, Bearer: p.Token}).Status
		}
		require.Equal(t, 200, list("page=1&limit=10"))
		for _, query := range []string{"page=1&page=2", "limit=1&limit=100", "first_name=Ada&first_name=Bob", "page=1&%70age=2"} {
			require.Contains(t, []int{400, 422}, list(query), query)
		}
		for _, query := range []string{"limit=1&limit=2", "cursor=a&cursor=b", "q=a&q=b", "email=a&email=b"} {
			require.Contains(t, []int{400, 422}, raw.Send(program.Operator("GET", "/tenants/t075/contacts?"+query, "")).Status, query)
		}
		d.Must(200, program.AskForLink("t075", program.Address))
		link := d.LettersOf("t075", 1)[0].Token
		twice := raw.Send(program.Request{Method: "POST", Path: "/api/v1/portal/auth/validate?token=" + link + "&token=" + link})
		require.Equal(t, 400, twice.Status, "a link given twice")
		both := raw.Send(program.Request{Method: "POST", Path: "/api/v1/portal/auth/validate?token=" + link, Body: `{"token":"` + strings.Repeat("A", len(link)) + `"}`})
		require.Equal(t, 400, both.Status, "a link in the query and another in the body: %s", both.Body)
		d.Must(200, program.Validate(link))
	})
}
