package web_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
)

func TestDecode_RefusesHostileJSON(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)
	for name, body := range map[string]string{
		"duplicate member":        `{"email":"a","email":"` + canary + `"}`,
		"duplicate by escape":     `{"email":"a","\u0065mail":"b"}`,
		"duplicate when unknown":  `{"x":1,"x":2}`,
		"duplicate deep":          `{"nested":{"flag":true,"flag":false}}`,
		"byte order mark":         "\ufeff{}",
		"trailing value":          `{} {}`,
		"trailing text":           `{}` + canary,
		"trailing comma":          `{"email":"a",}`,
		"comment":                 `{/* ` + canary + ` */}`,
		"NaN":                     `{"count":NaN}`,
		"Infinity":                `{"count":Infinity}`,
		"leading zero":            `{"count":01}`,
		"plus sign":               `{"count":+1}`,
		"single quotes":           `{'email':'a'}`,
		"lone surrogate":          `{"email":"\ud800"}`,
		"reversed surrogates":     `{"email":"\udc00\ud800"}`,
		"invalid UTF-8":           "{\"email\":\"\xff\"}",
		"invalid UTF-8 in name":   "{\"\xff\":1}",
		"overlong UTF-8":          "{\"email\":\"\xc0\x80\"}",
		"NUL":                     `{"email":"a\u0000b"}`,
		"NUL in unknown member":   `{"x":"\u0000"}`,
		"NUL in name":             `{"a\u0000":1}`,
		"raw control character":   "{\"email\":\"a\nb\"}",
		"33 levels":               strings.Repeat("[", 33) + strings.Repeat("]", 33),
		"10,000 levels":           strings.Repeat("[", 10_000) + strings.Repeat("]", 10_000),
		"20,000 unclosed objects": strings.Repeat(`{"a":`, 10_000),
		"empty":                   ` `,
		"null":                    `null`,
		"unfinished":              `{"email":"` + canary,
		"huge exponent":           `{"count":1e999999}`,
		"fraction":                `{"count":1.5}`,
		"beyond 64 bits":          `{"count":99999999999999999999}`,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(t, addr, "POST", "/toy/v1/lenient", body, asJSON)

			require.Equal(t, 400, got.status, got.body)
			requireNoCanary(t, got.body, logs)
		})
	}
}

func TestDecode_MatchesNamesExactly(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	for _, name := range []string{"EMAIL", "Email", "ema\u0131l", "\\u0045mail", "unknown"} {
		body := `{"` + name + `":"x@y.example"}`

		lenient := do(t, addr, "POST", "/toy/v1/lenient", body, asJSON)
		strict := do(t, addr, "POST", "/toy/v1/echo", body, asJSON)

		require.Equal(t, `{"email":null}`, lenient.body, name)
		require.Equal(t, 400, strict.status, name)
		require.Contains(t, strict.body, `"unknown_member"`, name)
	}
}

func TestDecode_NamesWrongTypes(t *testing.T) {
	t.Parallel()
	for body, want := range map[string][]string{
		`{"email":1,"count":"x","list":[1,"2",3,true],"nested":{"flag":"` + canary + `"}}`: {"/email", "/count", "/list/1", "/list/3", "/nested/flag"},
		`{"password":5}`:                  {"/password"},
		`[]`:                              {""},
		`"` + canary + `"`:                {""},
		`{"nested":[]}`:                   {"/nested"},
		`{"list":{"a":1}}`:                {"/list"},
		`{"password":["` + canary + `"]}`: {"/password"},
	} {
		err := web.Unmarshal([]byte(body), new(echoed), web.Lenient)

		require.ErrorIs(t, err, web.ErrWrongType, body)
		var got []string
		for _, f := range fault.Of(err).Fields() {
			got = append(got, f.Pointer)
			require.NotContains(t, f.Detail, canary)
		}
		require.Equal(t, want, got, body)
		require.NotContains(t, err.Error(), canary)
	}
}

func TestDecode_StopsNamingWrongTypesSomewhere(t *testing.T) {
	t.Parallel()

	err := web.Unmarshal([]byte(`{"list":[`+strings.Repeat(`"x",`, 500)+`1]}`), new(echoed), web.Lenient)

	require.Len(t, fault.Of(err).Fields(), 16)
}

// A member name may be a misplaced password, so only names that look like
// names are told.
func TestDecode_HidesStrangeMemberNames(t *testing.T) {
	t.Parallel()
	for body, want := range map[string]string{
		`{"surname":1}`:                         "/surname",
		`{"` + canary + ` !":1}`:                "",
		`{"nested":{"a b":1}}`:                  "/nested",
		`{"nested":{"x":1}}`:                    "/nested/x",
		`{"phone_22":1}`:                        "/phone_22",
		`{"nested":{"0123456789abcdef":1}}`:     "/nested",
		`{"Capital-Letters":1}`:                 "",
		`{"Password":1}`:                        "/Password",
		`{"my-token-4f7d-99":1}`:                "",
		`{"123456":1}`:                          "",
		`{"` + strings.Repeat("a", 41) + `":1}`: "",
	} {
		err := web.Unmarshal([]byte(body), new(echoed), web.Strict)

		require.ErrorIs(t, err, web.ErrUnknownMember)
		require.Equal(t, want, fault.Of(err).Fields()[0].Pointer, body)
	}
}

func TestDecode_KeepsSecretsHidden(t *testing.T) {
	t.Parallel()
	addr, _, logs := setup(t, nil)

	got := do(t, addr, "POST", "/toy/v1/echo", `{"password":"`+canary+`"}`, asJSON)

	require.Equal(t, `"[secret] 6"`, got.body)
	requireNoCanary(t, got.body, logs)
}

func TestDecode_TellsNullFromAbsent(t *testing.T) {
	t.Parallel()
	in := struct {
		Password *secret.Text `json:"password"`
		Plain    secret.Text  `json:"plain"`
	}{Plain: secret.New("before")}

	require.NoError(t, web.Unmarshal([]byte(`{"password":null,"plain":null}`), &in, web.Strict))

	require.Nil(t, in.Password)
	require.True(t, in.Plain.IsZero())
}

func TestDecode_AcceptsTwiceThirtyTwoLevels(t *testing.T) {
	t.Parallel()
	var in any

	require.NoError(t, web.Unmarshal([]byte(strings.Repeat("[", 32)+strings.Repeat("]", 32)), &in, web.Strict))
}

func TestDecode_ContentTypes(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	for sent, want := range map[string]int{
		"application/json":                               200,
		"Application/JSON":                               200,
		"application/json;charset=utf-8":                 200,
		"application/json; charset=UTF-8":                200,
		`application/json; charset="utf-8"`:              200,
		"application/json ; charset=utf-8":               200,
		"application/json;charset=utf-16":                415,
		"application/json; charset=utf-8; x=y":           415,
		"application/json; boundary=x":                   415,
		"application/json;":                              415,
		"application/json, text/plain":                   415,
		"application/jsonp":                              415,
		"application/problem+json":                       415,
		"text/json":                                      415,
		"text/plain":                                     415,
		"application/x-www-form-urlencoded":              415,
		"multipart/form-data; boundary=x":                415,
		"application/xml":                                415,
		"application/json\r\nContent-Type: text/plain":   415,
		"text/plain\r\nContent-Type: application/json":   415,
		"application/json\r\nContent-Encoding: gzip":     415,
		"application/json\r\nContent-Encoding: br":       415,
		"application/json\r\nContent-Encoding: deflate":  415,
		"application/json\r\nContent-Encoding: identity": 200,
	} {
		t.Run(sent, func(t *testing.T) {
			t.Parallel()
			got := do(t, addr, "POST", "/toy/v1/lenient", "{}", "Content-Type: "+sent)

			require.Equal(t, want, got.status, got.body)
		})
	}
	require.Equal(t, 415, do(t, addr, "POST", "/toy/v1/lenient", "{}").status, "no content type")
	require.Equal(t, 415, do(t, addr, "POST", "/toy/v1/lenient", "a[100000000]=x", "Content-Type: application/x-www-form-urlencoded").status)
	require.Equal(t, 400, do(t, addr, "POST", "/toy/v1/lenient", "").status, "no body at all")
}

func FuzzDecode(f *testing.F) {
	for _, seed := range []string{
		`{"email":"a","count":1,"list":[1],"nested":{"flag":true},"password":"x"}`, `{"list":[1,"a",{}]}`, `{"a":{"b":[[[{}]]]}}`,
		`[]`, `null`, "\ufeff{}", `{"email":"\u0000"}`, `{"email":1,"email":2}`, `{"~1/":1}`, `{"password":{"a":[null]}}`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, s := range []web.Strictness{web.Lenient, web.Strict} {
			err := web.Unmarshal(raw, new(echoed), s)
			if err == nil {
				continue
			}
			shown := fault.Of(err)
			require.NotNil(t, shown, "every refusal is a fault")
			require.Equal(t, fault.Malformed, shown.Kind())
			require.NoError(t, shown.Unwrap(), "nothing of the parser rides along")
			require.LessOrEqual(t, len(shown.Fields()), 16)
		}
	})
}
