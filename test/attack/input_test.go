package attack_test

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// door is where a text of a stranger's enters: a route of each dialect with
// the member that holds the text.
type door struct {
	dialect, member string
	request         program.Request // with a body that is accepted
}

// doors are those of one tenant.
func doors(w world) []door {
	integration := func(path string) program.Request {
		return program.Request{Method: "POST", Path: "/external/api/v1" + path, Bearer: w["integration"]}
	}
	with := func(r program.Request, body string) program.Request {
		r.Body = w.fill(body)
		return r
	}
	public := func(path string) program.Request {
		return program.Request{Method: "POST", Path: "/t/" + w["tenant"] + path}
	}
	return []door{
		{"alpha", "password", with(public("/api/v1/portal/auth/login"), `{"email":"{mail}","password":"`+program.FirstPassword+`"}`)},
		{"exsited", "password", with(public("/api/v3/portal/login"), `{"email":"{mail}","password":"`+program.FirstPassword+`"}`)},
		{"luminous", "first_name", with(integration("/contacts/{contact}"), `{"first_name":"Ada"}`)},
		{"admin", "name", program.Operator("PATCH", w.fill("/tenants/{tenant}/tags/{tag}"), `{"name":"one"}`)},
	}
}

// saying is the door's request with another text of the body.
func (o door) saying(body string) program.Request {
	r := o.request
	r.Path = strings.NewReplacer("{contact}", "1").Replace(r.Path)
	r.Body = body
	return r
}

// requireShape asserts that a refusal speaks its dialect.
func requireShape(t testing.TB, dialect string, r program.Reply) {
	t.Helper()
	media := "application/json"
	var body struct {
		Title, Detail, Time, Type, Message string
		Status                             int
		Errors                             []struct{ Code any }
	}
	var luminous struct{ Message string }
	switch dialect {
	case "luminous":
		readReply(t, r, &luminous)
		require.NotEmpty(t, luminous.Message)
	case "alpha":
		readReply(t, r, &body)
		require.Equal(t, r.Status, body.Status)
		require.NotEmpty(t, body.Time+body.Title+body.Detail)
	case "exsited":
		readReply(t, r, &body)
		require.Len(t, body.Errors, 1)
		require.EqualValues(t, r.Status, body.Errors[0].Code)
	case "admin":
		media = "application/problem+json"
		readReply(t, r, &body)
		require.Equal(t, r.Status, body.Status)
		require.NotEmpty(t, body.Type)
	}
	require.Equal(t, media, r.Header.Get("Content-Type"))
}

// injections are texts that mean something to a database.
var injections = []string{
	`' OR '1'='1`, `'; DROP TABLE contacts; --`, `') UNION SELECT 1,2,3 --`, `1; SELECT randomblob(1000000000); --`, `" OR ""="`, `\'; --`,
	`%`, `_`, `*`, `?1`, `:name`, `$where`, `$ne`, `{"$gt":""}`, `a.b.$c`, `^.*$`, `(a+)+$`, `';while(true){};'`,
}

// Texts are stored and searched for as what they are, on both engines.
func Test068_QueryLanguagesAreText(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		w, _ := ownWorld(t, d, "t068")
		at := "/tenants/t068"
		slowest := time.Duration(0)
		ask := func(r program.Request) program.Reply {
			began := time.Now()
			got := d.Send(r)
			slowest = max(slowest, time.Since(began))
			return got
		}

		for i, text := range injections {
			name := quote(text)
			made := ask(program.Operator("POST", at+"/contacts", fmt.Sprintf(
				`{"firstName":%s,"lastName":%[1]s,"phone":"+1 %d","externalRef":%[1]s,"companies":[{"id":%[3]s,"isPrimary":true}]}`, name, i, w["company"])))
			require.Equal(t, 201, made.Status, "%s: %s", text, made.Body)
			require.Equal(t, text, made.Text(t, "firstName"))
			found := ask(program.Operator("GET", at+"/contacts?limit=500&q="+escaped(text), ""))
			require.Len(t, itemsOf(t, found), 1, "%s matches others", text)
			for _, query := range []string{"email", "actor", "action"} {
				path := map[bool]string{true: "/contacts", false: "/audit-events"}[query == "email"]
				got := ask(program.Operator("GET", at+path+"?"+query+"="+escaped(text), ""))
				require.True(t, got.Status == 422 || got.Status == 400 || strings.Contains(string(got.Body), `"items":[]`), "%s=%s: %s", query, text, got.Body)
			}
			for _, path := range []string{"/contacts", "/companies", "/tags", "/api-tokens"} {
				require.Equal(t, 404, ask(program.Operator("DELETE", at+path+"/"+escaped(text), "")).Status, "%s in %s", text, path)
			}
			for _, r := range []program.Request{program.LoginAs("t068", `x`, text), program.LoginAs("t068", program.Address, text)} {
				r.Body = strings.Replace(r.Body, `"`+text+`"`, name, 1)
				require.Contains(t, []int{400, 401}, ask(r).Status, text)
			}
		}

		require.Len(t, itemsOf(t, d.Must(200, program.Operator("GET", at+"/contacts?limit=500", ""))), len(injections)+1)
		figure(t, "t068_slowest", slowest)
	})
}

// What is an object where a text belongs is refused, whatever a database would
// make of it.
func Test068_OperatorsAreNoText(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		w, _ := ownWorld(t, d, "t068b")
		for _, value := range []string{`{"$ne":null}`, `{"$gt":""}`, `{"$regex":".*"}`, `["a"]`, `true`, `7`} {
			for _, o := range doors(w) {
				r := o.saying(regexp.MustCompile(`"`+o.member+`":"[^"]*"`).ReplaceAllString(o.request.Body, `"`+o.member+`":`+strings.ReplaceAll(value, "$", "$$")))
				r.Path = w.fill(o.request.Path)

				got := d.Send(r)

				require.Contains(t, []int{400, 422}, got.Status, "%s: %s", o.dialect, value)
				requireShape(t, o.dialect, got)
			}
		}
	})
}

// broken are bodies that two readers could take differently, or none can read.
func broken(o door) map[string]string {
	good, name := o.request.Body, `"`+o.member+`"`
	return map[string]string{
		"duplicate":          plant(good, name+`:"other"`),
		"duplicate escaped":  plant(good, strings.Replace(name, `"p`, `"\u0070`, 1)+`:"other",`+name+`:"other"`),
		"byte order mark":    "\ufeff" + good,
		"after the value":    good + `x`,
		"second value":       good + good,
		"comment":            strings.Replace(good, "{", "{/* x */", 1),
		"line comment":       good + "// x",
		"trailing comma":     strings.TrimSuffix(good, "}") + ",}",
		"single quotes":      strings.ReplaceAll(good, `"`, `'`),
		"NaN":                plant(good, `"n":NaN`),
		"infinity":           plant(good, `"n":-Infinity`),
		"leading zero":       plant(good, `"n":01`),
		"hexadecimal":        plant(good, `"n":0x1`),
		"lone surrogate":     plant(good, `"n":"\ud800"`),
		"surrogates swapped": plant(good, `"n":"\udc00\ud800"`),
		"invalid UTF-8":      plant(good, "\"n\":\"\xff\""),
		"overlong UTF-8":     plant(good, "\"n\":\"\xc0\xaf\""),
		"UTF-16":             "\xff\xfe{\x00}\x00",
		"control character":  plant(good, "\"n\":\"a\nb\""),
		"unfinished":         strings.TrimSuffix(good, "}"),
		"array":              "[" + good + "]",
		"text":               `"` + o.member + `"`,
		"null":               "null",
		"blank":              " ",
		"upper case":         strings.Replace(good, name, strings.ToUpper(name), 1),
		"long s":             strings.Replace(good, "ss", "\u017f\u017f", 1),
	}
}

// Each is refused in the dialect's own words.
func Test069_AmbiguousJSON(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		w, _ := ownWorld(t, d, "t069")
		for _, o := range doors(w) {
			good := o.saying(o.request.Body)
			good.Path = w.fill(o.request.Path)
			d.Must(200, good)
			for name, body := range broken(o) {
				if body == o.request.Body {
					continue // the member has no such letter
				}
				r := good
				r.Body = body

				got := d.Send(r)

				// The dialect Luminous tells a wrong value from a broken text, and
				// a member that is not known is not there.
				wrongValue := o.dialect != "alpha" && o.dialect != "exsited" && (name == "array" || name == "text" || name == "null")
				missing := o.dialect == "luminous" && name == "upper case"
				switch {
				case missing:
					require.Equal(t, 200, got.Status, name)
				case wrongValue:
					require.Contains(t, []int{400, 422}, got.Status, "%s: %s %s", o.dialect, name, got.Body)
				default:
					require.Equal(t, 400, got.Status, "%s: %s %s", o.dialect, name, got.Body)
				}
				if got.Status >= 400 {
					requireShape(t, o.dialect, got)
				}
			}
			d.Must(200, good)
		}
	})
}

// Numbers that no machine counts with are wrong values, never a crash.
func Test069_BigNumbers(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		w, _ := ownWorld(t, d, "t069b")
		for _, n := range []string{"1e400", "-1e400", "1e-400", "9223372036854775808", "9007199254740992", "-1", "0.5", "1E5", "1" + strings.Repeat("0", 400)} {
			admin := program.Operator("POST", "/tenants/t069b/contacts", `{"firstName":"Big","companies":[{"id":`+n+`,"isPrimary":true}]}`)
			luminous := program.Request{
				Method: "POST", Path: "/external/api/v1/contacts", Bearer: w["integration"],
				Body: `{"first_name":"Big","email":"big@globex.example","company_id":` + n + `}`,
			}
			for dialect, r := range map[string]program.Request{"admin": admin, "luminous": luminous} {
				got := d.Send(r)
				require.Contains(t, []int{400, 404, 422}, got.Status, "%s %s: %s", dialect, n, got.Body)
				requireShape(t, dialect, got)
			}
		}
	})
}
