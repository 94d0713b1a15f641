package admin_test

import (
	"encoding/json"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
	"ostiary/adapters/web/admin"
	"ostiary/test/harness"
)

func TestMerge_FollowsRFC7396(t *testing.T) {
	t.Parallel()
	// Appendix A of the RFC, as far as the patch is an object.
	for _, c := range []struct{ target, patch, want string }{
		{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
		{`{"a":"b"}`, `{"a":null}`, `{}`},
		{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
		{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
		{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
		{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
		{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
		{`["a","b"]`, `["c","d"]`, `["c","d"]`},
		{`{"a":"b"}`, `["c"]`, `["c"]`},
		{`{"a":"foo"}`, `null`, `null`},
		{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
		{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
		{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
		{`{"a":null}`, `{"a":{"b":1}}`, `{"a":{"b":1}}`},
		{`{"n":9007199254740991}`, `{"m":1.50}`, `{"n":9007199254740991,"m":1.50}`},
	} {
		got, err := admin.Merge(json.RawMessage(c.target), json.RawMessage(c.patch))
		require.NoError(t, err)
		require.JSONEq(t, c.want, string(got), "%s with %s", c.target, c.patch)
	}
}

// FuzzMerge compares with the RFC's pseudo code on plain Go values.
func FuzzMerge(f *testing.F) {
	f.Add(`{"a":{"b":1}}`, `{"a":{"b":null,"c":[null]}}`)
	f.Add(`[]`, ` { "x" : null } `)
	f.Add(`{"\u0061":1}`, `{"a":null}`)
	f.Fuzz(func(t *testing.T, target, patch string) {
		var a, b any
		if web.Unmarshal([]byte(target), &a, web.Lenient) != nil || web.Unmarshal([]byte(patch), &b, web.Lenient) != nil {
			return
		}

		got, err := admin.Merge(json.RawMessage(target), json.RawMessage(patch))
		require.NoError(t, err)
		want, err := json.Marshal(naive(a, b))
		require.NoError(t, err)
		require.JSONEq(t, string(want), string(got))

		again, err := admin.Merge(got, json.RawMessage(patch))
		require.NoError(t, err)
		require.JSONEq(t, string(got), string(again))
	})
}

func naive(target, patch any) any {
	change, ok := patch.(map[string]any)
	if !ok {
		return patch
	}
	state, ok := target.(map[string]any)
	if !ok {
		state = map[string]any{}
	}
	for name, value := range change {
		if value == nil {
			delete(state, name)
		} else {
			state[name] = naive(state[name], value)
		}
	}
	return state
}

func TestPatch_ChangesWhatItNamesAndNothingElse(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	full := `{"name":"Full","email":"Info@example.com","phone":"1","currency":"USD","externalRef":"C-1",
		"billingAddress":{"city":"Berlin","street":"Weg","latitude":52.5,"longitude":13.4},
		"scopes":{"finance":false},"portal":{"displayName":"Portal","enabled":false}}`
	for name, c := range map[string]struct {
		patch string
		want  map[string]any // members that differ
	}{
		"nothing":                  {`{}`, nil},
		"a text":                   {`{"phone":"2"}`, map[string]any{"phone": "2"}},
		"null takes a text away":   {`{"email":null,"externalRef":null}`, map[string]any{"email": "", "externalRef": ""}},
		"null is the tenant's":     {`{"currency":null}`, map[string]any{"currency": "EUR"}},
		"an object is merged":      {`{"portal":{"enabled":true}}`, map[string]any{"portal/enabled": true}},
		"null names it by company": {`{"portal":{"displayName":null}}`, map[string]any{"portal/displayName": "Full"}},
		"deep null":                {`{"billingAddress":{"latitude":null}}`, map[string]any{"billingAddress/latitude": nil}},
		"null object":              {`{"billingAddress":null}`, map[string]any{"billingAddress": nil}},
		"map gets a name":          {`{"scopes":{"support":true}}`, map[string]any{"scopes/support": true}},
		"map loses a name":         {`{"scopes":{"finance":null}}`, map[string]any{"scopes": map[string]any{}}},
		"null map":                 {`{"scopes":null}`, map[string]any{"scopes": map[string]any{}}},
	} {
		t.Run(name, func(t *testing.T) {
			for _, media := range []string{"application/json", "application/merge-patch+json; charset=utf-8"} {
				made := w.operate(t, "POST", base+"/companies", full, 201)
				want := object(t, made.Body)
				for path, v := range c.want {
					set(want, strings.Split(path, "/"), v)
				}

				got := w.send(t, harness.Ask{
					Method: "PATCH", Path: made.Header.Get("Location"), Token: harness.OperatorToken, Body: c.patch,
					Header: map[string]string{"Content-Type": media},
				}, 200)

				require.Equal(t, want, object(t, got.Body))
				require.Equal(t, got.Body, w.operate(t, "GET", made.Header.Get("Location"), "", 200).Body)
			}
		})
	}
}

func set(in map[string]any, path []string, v any) {
	for _, name := range path[:len(path)-1] {
		in, _ = in[name].(map[string]any)
	}
	in[path[len(path)-1]] = v
}

func TestPatch_ReplacesArrays(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	made := w.operate(t, "POST", base+"/contacts", w.at.Replace(
		`{"firstName":"Eve","companies":[{"id":1,"isPrimary":true,"receiveQuotationPdf":true},{"id":2}],"tags":[{tag}]}`), 201)

	got := object(t, w.operate(t, "PATCH", made.Header.Get("Location"), `{"companies":[{"id":2}],"tags":null}`, 200).Body)

	require.Equal(t, []any{map[string]any{
		"id": 2.0, "isPrimary": true, "receiveQuotationPdf": false, "receivePurchaseOrderPdf": false, "receivePurchaseOrderInvoicePdf": false,
	}}, got["companies"])
	require.Equal(t, []any{}, got["tags"])
}

func TestPatch_TenantSettingsAreMerged(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})

	w.operate(t, "PATCH", base, `{"settings":{"locale":"nl-NL","magicLinkMinutes":5,"adminPasswords":"temporary"}}`, 200)
	got := object(t, w.operate(t, "PATCH", base, `{"settings":{"magicLinkMinutes":null,"origins":null},"scopes":{"my-section":true,"finance":null}}`, 200).Body)

	require.Equal(t, map[string]any{"locale": "nl-NL", "adminPasswords": "temporary"}, got["settings"])
	require.Equal(t, true, got["scopes"].(map[string]any)["my-section"])
	require.Equal(t, false, got["scopes"].(map[string]any)["finance"])
}

func TestPatch_ParallelChangesAllCount(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	const n = 8
	for _, a := range together(n, func(i int) harness.Answer {
		body := `{"scopes":{"s` + strconv.Itoa(i) + `":true}}`
		return w.Do(t, harness.Ask{Method: "PATCH", Path: base, Token: harness.OperatorToken, Body: body})
	}) {
		require.Equal(t, 200, a.Status, a.Body)
	}

	scopes := object(t, w.operate(t, "GET", base, "", 200).Body)["scopes"]
	require.Len(t, scopes, n+3)
}
