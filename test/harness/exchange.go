package harness

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
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
	var body io.Reader
	if a.Body != "" {
		body = strings.NewReader(a.Body)
	}
	if a.Method == "" {
		a.Method = http.MethodGet
		if body != nil {
			a.Method = http.MethodPost
		}
	}
	req, err := http.NewRequestWithContext(t.Context(), a.Method, w.URL+a.Path, body)
	require.NoError(t, err)
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
	}
	if a.Token != "" {
		req.Header.Set("Authorization", "Bearer "+a.Token)
	}
	for name, value := range a.Header {
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	res, err := w.Client.Do(req)
	require.NoError(t, err)
	defer res.Body.Close()
	got, err := io.ReadAll(res.Body)
	require.NoError(t, err)
	return Answer{Status: res.StatusCode, Header: res.Header, Body: string(got)}
}
