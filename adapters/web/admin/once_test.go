package admin_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/harness"
)

func keyed(token, path, key, body string) harness.Ask {
	return harness.Ask{Method: "POST", Path: path, Token: token, Body: body, Header: map[string]string{"Idempotency-Key": key}}
}

func TestOnce_ReplaysTheAnswerWithItsSecret(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	ask := keyed(harness.OperatorToken, base+"/api-tokens", "k-1", `{"name":"ci","permissions":["audit:read"]}`)

	first := w.send(t, ask, 201)
	again := w.send(t, ask, 201)

	require.Equal(t, first.Body, again.Body)
	require.Equal(t, first.Header.Get("Location"), again.Header.Get("Location"))
	require.NotEqual(t, first.Header.Get("X-Request-Id"), again.Header.Get("X-Request-Id"))
	token, _ := object(t, again.Body)["token"].(string)
	w.ask(t, "GET", base+"/audit-events", token, "", 200)
	require.Len(t, items(t, w.operate(t, "GET", base+"/api-tokens", "", 200).Body), 2, "the spare one and this")
}

func TestOnce_ReplaysHeadersAndForgetsAfterADay(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	ask := keyed(harness.OperatorToken, base+"/companies", "k-1", `{"name":"Once"}`)

	first := w.send(t, ask, 201)
	w.operate(t, "PATCH", first.Header.Get("Location"), `{"name":"Changed"}`, 200)
	w.Advance(t, 23*time.Hour)
	again := w.send(t, ask, 201)
	require.Equal(t, first.Body, again.Body)
	require.Equal(t, first.Header.Get("ETag"), again.Header.Get("ETag"))

	w.Advance(t, 2*time.Hour)
	require.NotEqual(t, first.Header.Get("Location"), w.send(t, ask, 201).Header.Get("Location"))
}

func TestOnce_KeysAreTheActorsThePathsAndTheBodys(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	body := `{"name":"Once"}`
	own := w.all(t, harness.Code)
	first := w.send(t, keyed(harness.OperatorToken, base+"/companies", "k", body), 201)

	for name, ask := range map[string]harness.Ask{
		"another actor":  keyed(own, base+"/companies", "k", body),
		"another tenant": keyed(harness.OperatorToken, root+"/tenants/other/companies", "k", body),
		"another route":  keyed(harness.OperatorToken, base+"/tags", "k", body),
		"another key":    keyed(harness.OperatorToken, base+"/companies", "K", body),
	} {
		require.NotEqual(t, first.Body, w.send(t, ask, 201).Body, name)
	}
	code, pointers := refused(t, w.send(t, keyed(harness.OperatorToken, base+"/companies", "k", `{"name":"Other"}`), http.StatusUnprocessableEntity))
	require.Equal(t, "idempotency_mismatch", code)
	require.Empty(t, pointers)
	require.Equal(t, first.Body, w.send(t, keyed(harness.OperatorToken, root+"/tenants/ACME/companies", "k", body), 201).Body)

	for _, contact := range []string{w.Acme.Bob.String(), w.Acme.Cy.String()} {
		w.send(t, keyed(harness.OperatorToken, base+"/contacts/"+contact+"/invitation", "same", ""), 202)
	}
	w.Deliver(t)
	require.Len(t, w.Mailer.Sent(), 2)
}

func TestOnce_RefusalsAreNotKept(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	body := `{"firstName":"Eve","email":"eve@example.com","companies":[{"id":1}]}`
	taken := w.operate(t, "POST", base+"/contacts", body, 201)
	ask := keyed(harness.OperatorToken, base+"/contacts", "k", body)

	w.send(t, ask, http.StatusConflict)
	w.operate(t, "DELETE", taken.Header.Get("Location"), "", 204)

	w.send(t, ask, 201)
}

func TestOnce_RefusesKeysOutOfForm(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	for _, key := range []string{"", "with blank", strings.Repeat("k", 256), "ümlaut"} {
		code, _ := refused(t, w.send(t, keyed(harness.OperatorToken, base+"/companies", key, `{"name":"N"}`), http.StatusBadRequest))
		require.Equal(t, "idempotency_key_malformed", code, key)
	}
	w.send(t, keyed(harness.OperatorToken, base+"/companies", strings.Repeat("k", 255), `{"name":"N"}`), 201)
}

func TestOnce_ParallelRequestsAreDoneOnce(t *testing.T) {
	t.Parallel()
	w := newWorld(t, harness.Options{})
	before := len(items(t, w.operate(t, "GET", base+"/companies", "", 200).Body))
	bodies := map[string]bool{}
	for _, a := range together(12, func(int) harness.Answer {
		return w.Do(t, keyed(harness.OperatorToken, base+"/companies", "k", `{"name":"Once"}`))
	}) {
		if a.Status == http.StatusConflict {
			code, _ := refused(t, a)
			require.Equal(t, "idempotency_running", code)
			continue
		}
		require.Equal(t, 201, a.Status)
		bodies[a.Body] = true
	}

	require.Len(t, bodies, 1)
	require.Len(t, items(t, w.operate(t, "GET", base+"/companies", "", 200).Body), before+1)
}
