package exsited

import (
	"net/http"

	"ostiary/adapters/web"
	"ostiary/domain/fault"
	domain "ostiary/domain/user"
)

var errPassword = fault.New(fault.Malformed, "password_missing", "A password is required.")

var byKind = map[fault.Kind]int{
	fault.Internal:        http.StatusServiceUnavailable,
	fault.Malformed:       http.StatusBadRequest,
	fault.Invalid:         http.StatusBadRequest,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Stale:           http.StatusConflict,
	fault.Expired:         http.StatusUnauthorized,
	fault.Limited:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

// byCode is empty: no refusal has a status of its own here.
var byCode = map[string]int{}

func render(c *web.Call, err error) error {
	shown, status := web.Pick(err, byKind, byCode)
	return c.JSON(status, refusal{Errors: []refused{{Code: status, Message: text(shown, status)}}})
}

// text is one sentence for every 401, so that causes cannot be told apart.
func text(f *fault.Error, status int) string {
	if status == http.StatusUnauthorized {
		return domain.ErrBadCredentials.Text()
	}
	for _, field := range f.Fields() {
		if field.Detail != f.Text() {
			return f.Text() + " " + field.Detail
		}
	}
	return f.Text()
}
