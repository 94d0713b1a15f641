package admin_test

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/harness"
)

// conditional are the changes that honour If-Match, with where the tag is read.
var conditional = []struct{ method, path, body, read string }{
	{"PATCH", base, `{"name":"N"}`, base},
	{"PUT", base + "/scopes", `{"finance":true}`, base + "/scopes"},
	{"PATCH", base + "/companies/{company}", `{"phone":"1"}`, base + "/companies/{company}"},
	{"PUT", base + "/companies/{company}/avatar", "", base + "/companies/{company}"},
	{"DELETE", base + "/companies/{company}", "", base + "/companies/{company}"},
	{"PATCH", base + "/contacts/{contact}", `{"phone":"1"}`, base + "/contacts/{contact}"},
	{"PUT", base + "/contacts/{contact}/avatar", "", base + "/contacts/{contact}"},
	{"PUT", base + "/contacts/{contact}/password", `{"password":"long enough to be one"}`, base + "/contacts/{contact}/user"},
	{"PATCH", base + "/contacts/{contact}/user", `{"enabled":false}`, base + "/contacts/{contact}/user"},
	{"DELETE", base + "/contacts/{contact}", "", base + "/contacts/{contact}"},
	{"PATCH", base + "/tags/{tag}", `{"icon":"x"}`, base + "/tags/{tag}"},
	{"DELETE", base + "/tags/{tag}", "", base + "/tags/{tag}"},
	{"DELETE", base, "", base},
}

func TestIfMatch_IsHonoured(t *testing.T) {
	t.Parallel()
	for _, c := range conditional {
		t.Run(c.method+" "+c.path, func(t *testing.T) {
			t.Parallel()
			w := newWorld(t, harness.Options{})
			change := func(match string, status int) {
				t.Helper()
				a := harness.Ask{Method: c.method, Path: c.path, Token: harness.OperatorToken, Body: c.body, Header: map[string]string{"If-Match": match}}
				if c.body == "" && c.method == "PUT" {
					a.Body, a.Header["Content-Type"] = picture(t), "image/png"
				}
				w.send(t, a, status)
			}
			read := w.operate(t, "GET", c.read, "", 200)
			tag := read.Header.Get("ETag")
			require.Regexp(t, `^"[0-9]+(-login)?"$`, tag)

			for _, stale := range []string{`"0"`, `"99"`, "W/" + tag, `"01"`, `""`, "garbage", `"98", "99"`} {
				change(stale, http.StatusPreconditionFailed)
			}
			after := w.operate(t, "GET", c.read, "", 200)
			require.Equal(t, read.Body, after.Body)
			require.Equal(t, tag, after.Header.Get("ETag"))
			change(`"98", W/"1" , `+tag, map[bool]int{true: 204, false: 200}[c.method == "DELETE"])
			if c.method != "DELETE" {
				change(tag, http.StatusPreconditionFailed)
				change("*", 200)
			}
		})
	}
}

func TestIfMatch_DocumentsHaveTheirOwnTags(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	put := func(match, total string, status int) harness.Answer {
		t.Helper()
		return w.send(t, harness.Ask{
			Method: "PUT", Path: base + "/companies/{company}/documents/order/O-9", Token: harness.OperatorToken,
			Body:   `{"status":"open","currency":"EUR","total":"` + total + `","outstanding":"0"}`,
			Header: map[string]string{"If-Match": match},
		}, status)
	}
	first := put("*", "1.00", 200).Header.Get("ETag")
	w.Advance(t, 1_000_000)

	second := put(first, "2.00", 200).Header.Get("ETag")
	require.NotEqual(t, first, second)
	put(first, "3.00", http.StatusPreconditionFailed)
	put("W/"+second, "3.00", http.StatusPreconditionFailed)
	put(`"1"`, "3.00", http.StatusPreconditionFailed)
	require.Equal(t, "3.00", object(t, put(`"1", `+second, "3.00", 200).Body)["total"])
}

func TestIfNoneMatch_SavesTheBody(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	for _, path := range []string{
		base, base + "/scopes", base + "/companies/{company}", base + "/contacts/{contact}", base + "/contacts/{contact}/user", base + "/tags/{tag}",
	} {
		get := func(tag string, status int) harness.Answer {
			t.Helper()
			return w.send(t, harness.Ask{Path: path, Token: harness.OperatorToken, Header: map[string]string{"If-None-Match": tag}}, status)
		}
		tag := w.operate(t, "GET", path, "", 200).Header.Get("ETag")

		for _, same := range []string{tag, "W/" + tag, "*", `"0", ` + tag} {
			got := get(same, http.StatusNotModified)
			require.Empty(t, got.Body)
			require.Equal(t, tag, got.Header.Get("ETag"))
		}
		require.NotEmpty(t, get(`"0"`, 200).Body)
		head := w.send(t, harness.Ask{Method: "HEAD", Path: path, Token: harness.OperatorToken}, 200)
		require.Equal(t, tag, head.Header.Get("ETag"))
	}
}

func TestETag_TellsThatALoginWasMade(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	path := base + "/contacts/" + w.Acme.Cy.String()
	before := w.operate(t, "GET", path, "", 200)
	require.Equal(t, false, object(t, before.Body)["hasPortalLogin"])

	w.operate(t, "POST", path+"/invitation", "", 202)

	after := w.send(t, harness.Ask{Path: path, Token: harness.OperatorToken, Header: map[string]string{"If-None-Match": before.Header.Get("ETag")}}, 200)
	require.Equal(t, true, object(t, after.Body)["hasPortalLogin"])
}
