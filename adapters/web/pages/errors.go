package pages

import (
	"net/http"

	"ostiary/adapters/web"
	"ostiary/domain/fault"
)

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

// problem is RFC 9457, for what no browser asks of a page.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

// render shows the page again with a sentence that says what to do.
func (p *Pages) render(c *web.Call, err error) error {
	shown, status := web.Pick(err, byKind, byCode)
	accepted, _ := c.Header("Accept-Language") // sent twice: the default will do
	t := languageOf(accepted)
	v := view{State: stateProblem, Notice: t.Other}
	switch status {
	case http.StatusMethodNotAllowed:
		return c.JSONAs(status, "application/problem+json", problem{
			Type: "method-not-allowed", Title: http.StatusText(status), Status: status, Detail: shown.Text(), Code: shown.Code(),
		})
	case http.StatusUnauthorized:
		v = view{State: stateRefused}
	case http.StatusBadRequest:
		v.Notice = t.Malformed
	case http.StatusTooManyRequests, http.StatusServiceUnavailable:
		v.Notice = t.Later
	}
	return show(c, status, v)
}
