package harness

import (
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/exchange"
)

// Ask is a request. A body without a Content-Type header goes as JSON.
type Ask struct {
	Method string // GET unless there is a body
	Path   string // with the query
	Body   string
	Token  string // bearer
	Header map[string]string
}

// Answer is what came back.
type Answer struct {
	Status int
	Header http.Header
	Body   string
}

// Do sends a request to what Serve serves.
func (w *World) Do(t testing.TB, a Ask) Answer {
	t.Helper()
	if a.Method == "" {
		a.Method = http.MethodGet
		if a.Body != "" {
			a.Method = http.MethodPost
		}
	}
	got, err := exchange.Send(t.Context(), w.Client, w.URL, exchange.Request{Method: a.Method, Path: a.Path, Bearer: a.Token, Body: a.Body, Header: a.Header})
	require.NoError(t, err)
	return Answer{Status: got.Status, Header: got.Header, Body: string(got.Body)}
}
