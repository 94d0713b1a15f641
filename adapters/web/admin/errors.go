package admin

import (
	"net/http"

	"ostiary/adapters/web"
	"ostiary/app/operation"
	"ostiary/domain/fault"
)

// byKind holds every kind; an outage is 503 in every dialect.
var byKind = map[fault.Kind]int{
	fault.Internal:        http.StatusServiceUnavailable,
	fault.Malformed:       http.StatusBadRequest,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Stale:           http.StatusPreconditionFailed,
	fault.Expired:         http.StatusUnauthorized,
	fault.Limited:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

// byCode: a value of the wrong type is a value that breaks a rule.
var byCode = map[string]int{web.ErrWrongType.Code(): http.StatusUnprocessableEntity}

// types are the problem types, relative URI references by status.
var types = map[int]string{
	http.StatusBadRequest:                  "malformed",
	http.StatusUnauthorized:                "unauthenticated",
	http.StatusForbidden:                   "forbidden",
	http.StatusNotFound:                    "not-found",
	http.StatusMethodNotAllowed:            "method-not-allowed",
	http.StatusRequestTimeout:              "timeout",
	http.StatusConflict:                    "conflict",
	http.StatusPreconditionFailed:          "stale",
	http.StatusRequestEntityTooLarge:       "too-large",
	http.StatusUnsupportedMediaType:        "unsupported-media-type",
	http.StatusUnprocessableEntity:         "invalid",
	http.StatusTooManyRequests:             "limited",
	http.StatusRequestHeaderFieldsTooLarge: "too-large",
	http.StatusServiceUnavailable:          "unavailable",
}

// problem is RFC 9457 with the refusal's code and the values it is about.
type problem struct {
	Type   string       `json:"type"`
	Title  string       `json:"title"`
	Status int          `json:"status"`
	Detail string       `json:"detail"`
	Code   string       `json:"code"`
	Errors []fieldError `json:"errors,omitzero"`
}

type fieldError struct {
	Pointer string `json:"pointer"`
	Code    string `json:"code"`
	Detail  string `json:"detail"`
}

func render(c *web.Call, err error) error {
	shown, status := refusal(err)
	return c.JSONAs(status, "application/problem+json", problem{
		Type: types[status], Title: http.StatusText(status), Status: status,
		Detail: shown.Text(), Code: shown.Code(), Errors: fieldErrors(shown, status),
	})
}

// refusal says how an error shows. What is internal stays so.
func refusal(err error) (*fault.Error, int) {
	shown, status := web.Pick(err, byKind, byCode)
	if shown.Kind() == fault.Internal {
		shown = web.ErrUnavailable
	}
	return shown, status
}

// fieldErrors names the values; where a refusal is about the body as a whole
// the pointer is that of the whole.
func fieldErrors(shown *fault.Error, status int) []fieldError {
	if status != http.StatusBadRequest && status != http.StatusUnprocessableEntity {
		return nil
	}
	var out []fieldError
	for _, f := range shown.Fields() {
		out = append(out, fieldError(f))
	}
	ofTheBody := status == http.StatusUnprocessableEntity && shown.Code() != operation.ErrIdempotencyMismatch.Code()
	if out == nil && ofTheBody {
		out = []fieldError{{Code: shown.Code(), Detail: shown.Text()}}
	}
	return out
}
