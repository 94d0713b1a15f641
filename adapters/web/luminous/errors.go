package luminous

import (
	"net/http"
	"strings"

	"ostiary/adapters/web"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/user"
)

var byKind = map[fault.Kind]int{
	fault.Internal:        http.StatusServiceUnavailable,
	fault.Malformed:       http.StatusBadRequest,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Stale:           http.StatusConflict,
	fault.Expired:         http.StatusUnauthorized,
	fault.Limited:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
}

var byCode = map[string]int{
	web.ErrWrongType.Code():      http.StatusUnprocessableEntity,
	web.ErrUnknownMember.Code():  http.StatusUnprocessableEntity,
	contact.ErrEmailTaken.Code(): http.StatusUnprocessableEntity,
}

type message struct {
	Message string `json:"message"`
}

type invalid struct {
	Message string              `json:"message"`
	Errors  map[string][]string `json:"errors"`
}

func render(c *web.Call, err error) error {
	shown, status := web.Pick(err, byKind, byCode)
	switch status {
	case http.StatusUnauthorized:
		// One sentence for every cause.
		return c.JSON(status, message{user.ErrBadCredentials.Text()})
	case http.StatusUnprocessableEntity:
		return c.JSON(status, invalid{Message: shown.Text(), Errors: paths(shown)})
	default:
		return c.JSON(status, message{shown.Text()})
	}
}

// names are the members of this dialect by the names that rules are told in.
var names = map[string]string{
	"firstName": "first_name", "lastName": "last_name", "phone": "phone_1", "phone2": "phone_2",
	"companies": "company_ids", "isPrimary": "is_primary",
}

// whole names the member that a refusal without fields is about.
var whole = map[string]string{contact.ErrEmailTaken.Code(): "email"}

// paths turns RFC 6901 pointers into field.path keys.
func paths(f *fault.Error) map[string][]string {
	out := map[string][]string{}
	for _, field := range f.Fields() {
		segments := strings.Split(strings.TrimPrefix(field.Pointer, "/"), "/")
		for i, s := range segments {
			if name, ok := names[s]; ok {
				segments[i] = name
			}
		}
		key := strings.Join(segments, ".")
		if key == "" {
			key = "body"
		}
		out[key] = append(out[key], field.Detail)
	}
	if len(out) == 0 {
		key, ok := whole[f.Code()]
		if !ok {
			key = "body"
		}
		out[key] = []string{f.Text()}
	}
	return out
}
