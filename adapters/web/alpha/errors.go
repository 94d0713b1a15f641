package alpha

import (
	"errors"
	"net/http"

	"ostiary/adapters/web"
	"ostiary/app/signin"
	"ostiary/domain/fault"
	"ostiary/domain/user"
)

// Refusals of requests that lack what the route is about.
var (
	errAddress  = fault.New(fault.Malformed, "address_missing", "Exactly one e-mail address is required.")
	errPassword = fault.New(fault.Malformed, "password_missing", "A password is required.")
	errCode     = fault.New(fault.Malformed, "code_missing", "A code is required.")
	errToken    = fault.New(fault.Malformed, "token_missing", "Exactly one token is required.")
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

var typeByKind = map[fault.Kind]string{
	fault.Internal:        "unavailable",
	fault.Malformed:       "malformed",
	fault.Invalid:         "invalid",
	fault.Unauthenticated: "unauthenticated",
	fault.Forbidden:       "forbidden",
	fault.NotFound:        "not-found",
	fault.Conflict:        "conflict",
	fault.Stale:           "conflict",
	fault.Expired:         "unauthenticated",
	fault.Limited:         "limited",
	fault.Unavailable:     "unavailable",
}

var typeByCode = map[string]string{
	web.ErrTooLarge.Code():        "too-large",
	web.ErrMediaType.Code():       "unsupported-media-type",
	web.ErrMethod.Code():          "method-not-allowed",
	user.ErrChangeRequired.Code(): "password-change-required",
}

type problem struct {
	Title   string `json:"title"`
	Detail  string `json:"detail"`
	Time    string `json:"time"`
	Status  int    `json:"status"`
	Type    string `json:"type"`
	Receipt string `json:"receipt"`

	// Only after a sign-in by a temporary password.
	AccessExpiresUnix int64  `json:"accessExpiresUnix,omitzero"`
	AccessToken       string `json:"accessToken,omitzero"`
}

func (a *API) render(c *web.Call, err error) error {
	shown, status := web.Pick(err, byKind, byCode)
	p := problem{
		Title: http.StatusText(status), Detail: detail(shown, status), Time: timestamp(a.cfg.Now()),
		Status: status, Type: typeOf(shown), Receipt: c.Receipt(err),
	}
	var change *signin.ChangeRequired
	if errors.As(err, &change) {
		p.AccessExpiresUnix, p.AccessToken = a.unix(change.Grant.AccessExpires), change.Grant.Access.Reveal()
	}
	return c.JSON(status, p)
}

func typeOf(f *fault.Error) string {
	if t, ok := typeByCode[f.Code()]; ok {
		return t
	}
	return typeByKind[f.Kind()]
}

// detail is one sentence for every 401, so that causes cannot be told apart.
func detail(f *fault.Error, status int) string {
	if status == http.StatusUnauthorized {
		return user.ErrBadCredentials.Text()
	}
	for _, field := range f.Fields() {
		if field.Detail != f.Text() {
			return f.Text() + " " + field.Detail
		}
	}
	return f.Text()
}
