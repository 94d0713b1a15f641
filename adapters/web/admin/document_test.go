package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/company"
	"ostiary/domain/ledger"
	"ostiary/test/harness"
)

func (w *world) figures(t *testing.T, c company.ID) ledger.Figures {
	t.Helper()
	f, err := w.Store.Ledger.Figures(t.Context(), w.Acme.ID, c)
	require.NoError(t, err)
	return f
}

func TestDocument_SaysAllItsMembers(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	path := base + "/companies/1/documents/invoice/R%C3%A9f%201" // a blank is not visible
	refused(t, w.operate(t, "PUT", path, document, http.StatusUnprocessableEntity))
	path = base + "/companies/1/documents/invoice/R%C3%A9f-1"

	got := w.operate(t, "PUT", path, `{"status":"sent","currency":"EUR","total":"1234.5","outstanding":"-0.01",
		"issuedAt":"2026-11-22T11:00:00+01:00","dueAt":null,"version":3}`, 200)

	require.Equal(t, `{"company":1,"kind":"invoice","ref":"Réf-1","status":"sent","currency":"EUR","total":"1234.50","outstanding":"-0.01",`+
		`"issuedAt":"2026-11-22T10:00:00Z","dueAt":null,"version":3,"updatedAt":"2026-03-04T05:06:07Z"}`, got.Body)
	kept := w.operate(t, "PUT", path, strings.Replace(document, "{", `{"version":3,`, 1), 200)
	require.Equal(t, got.Body, kept.Body)
	require.Equal(t, got.Header.Get("ETag"), kept.Header.Get("ETag"))
	last := object(t, w.operate(t, "PUT", path, document, 200).Body)
	require.Nil(t, last["version"])
	w.operate(t, "DELETE", path, "", 204)
	w.operate(t, "DELETE", path, "", 404)
}

func TestDocument_ReferencesMayHoldSlashes(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	at := base + "/companies/1/documents/invoice/INV%2F2026%2F1"

	require.Equal(t, "INV/2026/1", object(t, w.operate(t, "PUT", at, document, 200).Body)["ref"])
	results(t, w.batch(t, lineOf(w.Acme.Example.ID(), "INV/2026/1", "0.75"), 200))
	w.operate(t, "DELETE", at, "", 204)
	w.operate(t, "DELETE", at, "", 404)
	w.operate(t, "PUT", base+"/companies/1%2F2/documents/invoice/I-1", document, 404)
	w.operate(t, "GET", base+"/companies/1%2F2", "", 404)
}

func TestDocument_NamesWhatBreaksARule(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	at := base + "/companies/1/documents/"

	_, pointers := refused(t, w.operate(t, "PUT", at+"order/O-1", `{"status":"Open","currency":"USD","total":"1,0","outstanding":"1.001","version":0}`, 422))
	require.Equal(t, []string{"/status", "/currency", "/total", "/outstanding", "/version"}, pointers)
	_, pointers = refused(t, w.operate(t, "PUT", at+"order/O-1", `{"status":"open","currency":"EUR","total":1,"outstanding":[],"issuedAt":"today"}`, 422))
	require.Equal(t, []string{"/total", "/outstanding"}, pointers)
	_, pointers = refused(t, w.operate(t, "PUT", at+"order/O-1", strings.Replace(document, "{", `{"dueAt":"today",`, 1), 422))
	require.Equal(t, []string{"/dueAt"}, pointers)
	_, pointers = refused(t, w.operate(t, "PUT", at+"order/"+strings.Repeat("x", 129), document, 422))
	require.Equal(t, []string{"/ref"}, pointers)
	w.operate(t, "PUT", at+"orders/O-1", document, 404)
	w.operate(t, "PUT", base+"/companies/999/documents/order/O-1", document, 404)
	w.operate(t, "DELETE", at+"orders/O-1", "", 404)
	w.operate(t, "DELETE", at+"order/"+strings.Repeat("x", 129), "", 404)
}

func (w *world) batch(t testing.TB, body string, status int) harness.Answer {
	t.Helper()
	return w.send(t, harness.Ask{
		Method: "POST", Path: base + "/documents:batch", Token: harness.OperatorToken, Body: body,
		Header: map[string]string{"Content-Type": "application/x-ndjson"},
	}, status)
}

type lineResult struct {
	Line, Status int
	Code         string
	Errors       []struct{ Pointer string }
}

func results(t testing.TB, a harness.Answer) (out []lineResult) {
	t.Helper()
	require.Equal(t, "application/x-ndjson", a.Header.Get("Content-Type"))
	for line := range strings.Lines(a.Body) {
		var r lineResult
		require.NoError(t, json.Unmarshal([]byte(line), &r))
		out = append(out, r)
	}
	return out
}

func lineOf(c company.ID, ref, outstanding string) string {
	return fmt.Sprintf(`{"company":%d,"kind":"invoice","ref":%q,"status":"sent","currency":"EUR","total":"9.00","outstanding":%q}`, c.Int(), ref, outstanding)
}

func TestBatch_JudgesEveryLineByItself(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{Undocumented: true}) // what is sent is not all as documented
	c := w.Acme.Second.ID()
	versioned := strings.Replace(lineOf(c, "V", "5.00"), "{", `{"version":2,`, 1)

	got := results(t, w.batch(t, strings.Join([]string{
		lineOf(c, "A", "1.00"),               // 1
		"",                                   // 2: counted, not answered
		`{"company":`,                        // 3
		"  " + lineOf(c, "A", "2.00") + "\r", // 4: the same once more
		strings.Replace(lineOf(c, "B", "1"), "EUR", "USD", 1),         // 5
		strings.Replace(lineOf(c, "B", "1"), "invoice", "bill", 1),    // 6
		strings.Replace(lineOf(c, "B", "1"), `"ref"`, `"reff"`, 1),    // 7
		strings.Replace(lineOf(c, "B", "1"), `"sent"`, "7", 1),        // 8
		`{"company":987654321,` + lineOf(c, "B", "1")[13:],            // 9
		strings.Replace(lineOf(c, "B", "1"), "{", `{"company":1,`, 1), // 10: a member twice
		versioned, // 11
		strings.Replace(strings.Replace(versioned, "5.00", "7.00", 1), `"version":2`, `"version":1`, 1), // 12: older
		lineOf(c, strings.Repeat("y", 70_000), "1"),                                                     // 13
		`null`,                 // 14
		`[]`,                   // 15
		lineOf(c, "C", "0.50"), // 16, without a newline at the end
	}, "\n"), 200))

	type short struct {
		line, status int
		code         string
	}
	var have []short
	for _, r := range got {
		have = append(have, short{r.Line, r.Status, r.Code})
	}
	require.Equal(t, []short{
		{1, 200, ""},
		{3, 400, "malformed"},
		{4, 200, ""},
		{5, 422, "invalid"},
		{6, 422, "invalid"},
		{7, 400, "unknown_member"},
		{8, 422, "wrong_type"},
		{9, 404, "company_not_found"},
		{10, 400, "malformed"},
		{11, 200, ""},
		{12, 200, ""},
		{13, 400, "too_large"},
		{14, 422, "wrong_type"},
		{15, 422, "wrong_type"},
		{16, 200, ""},
	}, have)
	require.Equal(t, "/currency", got[3].Errors[0].Pointer)
	require.Equal(t, "/kind", got[4].Errors[0].Pointer)
	require.Equal(t, "/status", got[6].Errors[0].Pointer)
	require.Equal(t, ledger.Figures{Documents: 3, UnpaidInvoices: 3, TotalOutstanding: 750}, w.figures(t, c))
}

func TestBatch_TooMuchStoresNothing(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	c := w.Acme.Second.ID()
	line := lineOf(c, "A", "1.00") + "\n"

	code, _ := refused(t, w.batch(t, strings.Repeat(line, 10_001), http.StatusRequestEntityTooLarge))
	require.Equal(t, "too_large", code)
	require.Equal(t, 413, w.announce(t, "POST", base+"/documents:batch", "application/x-ndjson", 16<<20+1))
	for name, body := range map[string]string{"nothing": "", "blank lines": "\n \n\r\n"} {
		refused(t, w.batch(t, body, http.StatusBadRequest))
		require.NotEmpty(t, name)
	}
	require.Zero(t, w.figures(t, c))
	refused(t, w.send(t, harness.Ask{Path: base + "/documents:batch", Token: harness.OperatorToken, Body: line}, http.StatusUnsupportedMediaType))
}

func TestBatch_TakesTenThousandLinesOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	c := w.Acme.Second.ID()
	var body strings.Builder
	for i := range 10_000 {
		body.WriteString(lineOf(c, fmt.Sprint("R-", i), "1.00") + "\n")
	}
	ask := keyed(harness.OperatorToken, base+"/documents:batch", "import", body.String())
	ask.Header["Content-Type"] = "application/x-ndjson"

	first := w.send(t, ask, 200)
	w.operate(t, "DELETE", base+"/companies/"+c.String()+"/documents/invoice/R-7", "", 204)
	again := w.send(t, ask, 200)

	require.Len(t, results(t, first), 10_000)
	require.Equal(t, first.Body, again.Body)
	require.Equal(t, int64(9_999), w.figures(t, c).Documents)
}
