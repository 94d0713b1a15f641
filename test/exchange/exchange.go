// Package exchange sends a request as a test writes it down and returns what
// came back as a test reads it.
package exchange

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Request is one call; zero members are left out. A body goes as JSON unless
// the header says otherwise.
type Request struct {
	Method, Path, Bearer, Body string
	Header                     map[string]string // Host names the host
}

// Reply is what came back.
type Reply struct {
	Status int
	Header http.Header
	Body   []byte
}

// Send sends a request to the server whose origin is given.
func Send(ctx context.Context, client *http.Client, origin string, r Request) (Reply, error) {
	var body io.Reader
	if r.Body != "" {
		body = strings.NewReader(r.Body)
	}
	req, err := http.NewRequestWithContext(ctx, r.Method, origin+r.Path, body)
	if err != nil {
		return Reply{}, err
	}
	if r.Body != "" {
		req.Header.Set("Content-Type", "application/json")
	}
	if r.Bearer != "" {
		req.Header.Set("Authorization", "Bearer "+r.Bearer)
	}
	for name, value := range r.Header {
		if name == "Host" {
			req.Host = value
			continue
		}
		req.Header.Set(name, value)
	}
	res, err := client.Do(req)
	if err != nil {
		return Reply{}, err
	}
	defer func() { _ = res.Body.Close() }()
	raw, err := io.ReadAll(res.Body)
	return Reply{Status: res.StatusCode, Header: res.Header, Body: raw}, err
}

// Members returns the body as an object with exactly the named members.
func (r Reply) Members(t testing.TB, names ...string) map[string]any {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(r.Body, &out))
	var got []string
	for name := range out {
		got = append(got, name)
	}
	require.ElementsMatch(t, names, got)
	return out
}

// Text returns a member of the body that is text.
func (r Reply) Text(t testing.TB, name string) string {
	t.Helper()
	var out map[string]any
	require.NoError(t, json.Unmarshal(r.Body, &out))
	s, ok := out[name].(string)
	require.True(t, ok, "%s is no text", name)
	return s
}

// Number is the id of what a body describes.
func (r Reply) Number(t testing.TB) string {
	t.Helper()
	var v struct{ ID json.Number }
	require.NoError(t, json.Unmarshal(r.Body, &v))
	return v.ID.String()
}
