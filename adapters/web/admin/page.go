package admin

import (
	"encoding/base64"
	"strconv"

	"ostiary/domain/fault"
)

const (
	defaultLimit = 50
	maxLimit     = 500
)

// span is the part of a list that is asked for: what comes after a key.
type span[T any] struct {
	limit int
	after T
}

// errCursor is about a text that no list has given out.
var errCursor = fault.New(fault.Invalid, "cursor_malformed", "That is not a cursor of this list.")

// spanOf reads limit and cursor.
func spanOf[T any](r *request, f *form, parse func(string) (T, error)) (span[T], error) {
	out := span[T]{limit: defaultLimit}
	limit, err := r.Query("limit")
	if err != nil {
		return out, err
	}
	if limit != "" {
		n, err := strconv.Atoi(limit)
		f.unless(err == nil && n >= 1 && n <= maxLimit && strconv.Itoa(n) == limit, "/limit", "out_of_range", "A limit is 1 to 500.")
		out.limit = n
	}
	cursor, err := r.Query("cursor")
	if err != nil || cursor == "" {
		return out, err
	}
	key, err := base64.RawURLEncoding.Strict().DecodeString(cursor)
	if err == nil {
		out.after, err = parse(string(key))
	}
	if err != nil {
		f.refuse("/cursor", errCursor)
	}
	return out, nil
}

// list is how every list looks.
type list[W any] struct {
	Items      []W     `json:"items"`
	NextCursor *string `json:"nextCursor"`
}

// listed shows a page; more says that the list goes on after it.
func listed[A, W any](items []A, more bool, show func(A) W, key func(A) string) (answer, error) {
	out := list[W]{Items: make([]W, 0, len(items))}
	for _, item := range items {
		out.Items = append(out.Items, show(item))
	}
	if more && len(items) > 0 {
		next := base64.RawURLEncoding.EncodeToString([]byte(key(items[len(items)-1])))
		out.NextCursor = &next
	}
	return jsonAnswer(200, out)
}
