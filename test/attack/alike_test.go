package attack_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// alike asserts that two answers cannot be told apart: status, headers and
// body, but for what every answer has of its own.
func alike(t testing.TB, want, got program.Reply, about string) {
	t.Helper()
	require.Equal(t, seen(t, want), seen(t, got), about)
}

// answer is what a stranger can compare.
type answer struct {
	Status int
	Header http.Header
	Body   string
}

// volatile are the headers and members that differ between any two answers.
// The length of a receipt must not.
var (
	volatileHeaders = []string{"Date", "X-Request-Id", "X-Receipt"}
	volatileMembers = []string{"time", "receipt"}
)

func seen(t testing.TB, r program.Reply) answer {
	t.Helper()
	out := answer{Status: r.Status, Header: r.Header.Clone(), Body: string(r.Body)}
	for _, name := range volatileHeaders {
		if value := out.Header.Get(name); value != "" {
			out.Header.Set(name, lengthOnly(value))
		}
	}
	var body map[string]any
	if json.Unmarshal(r.Body, &body) != nil {
		return out
	}
	for _, name := range volatileMembers {
		if value, ok := body[name].(string); ok {
			body[name] = lengthOnly(value)
		}
	}
	raw, err := json.Marshal(body)
	require.NoError(t, err)
	out.Body = string(raw)
	return out
}

func lengthOnly(s string) string { return fmt.Sprintf("(%d bytes)", len(s)) }
