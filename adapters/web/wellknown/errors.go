package wellknown

import (
	"net/http"

	"ostiary/adapters/web"
	"ostiary/domain/fault"
)

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

// byCode is empty: no refusal has a status of its own here.
var byCode = map[string]int{}

var typeByKind = map[fault.Kind]string{
	fault.Internal:        "unavailable",
	fault.Malformed:       "malformed",
	fault.Invalid:         "invalid",
	fault.Unauthenticated: "unauthenticated",
	fault.Forbidden:       "forbidden",
	fault.NotFound:        "not-found",
	fault.Conflict:        "conflict",
	fault.Stale:           "stale",
	fault.Expired:         "unauthenticated",
	fault.Limited:         "limited",
	fault.Unavailable:     "unavailable",
}

var typeByCode = map[string]string{
	web.ErrTooLarge.Code():  "too-large",
	web.ErrMediaType.Code(): "unsupported-media-type",
	web.ErrMethod.Code():    "method-not-allowed",
}

// problem is RFC 9457, in the shape of the admin API.
type problem struct {
	Type   string `json:"type"`
	Title  string `json:"title"`
	Status int    `json:"status"`
	Detail string `json:"detail"`
	Code   string `json:"code"`
}

func render(c *web.Call, err error) error {
	shown, status := web.Pick(err, byKind, byCode)
	name, ok := typeByCode[shown.Code()]
	if !ok {
		name = typeByKind[shown.Kind()]
	}
	return c.JSONAs(status, "application/problem+json", problem{
		Type: name, Title: http.StatusText(status), Status: status, Detail: shown.Text(), Code: shown.Code(),
	})
}
