package admin

import (
	"slices"
	"strconv"
	"strings"

	"ostiary/domain/fault"
)

// etagOf is the strong entity tag of a version.
func etagOf(version int64) string { return quoted(strconv.FormatInt(version, 10)) }

func quoted(s string) string { return `"` + s + `"` }

// entityTags is a list of RFC 9110 section 8.8.3, without the quotes.
type entityTags struct {
	any          bool
	strong, weak []string
}

// maxTags bounds how many states a caller may name at once.
const maxTags = 16

// parseTags reads If-Match and If-None-Match. What is no entity tag names no
// state, and so does what follows it.
func parseTags(s string) entityTags {
	var out entityTags
	s = strings.Trim(s, " \t")
	if s == "*" {
		return entityTags{any: true}
	}
	for s != "" && len(out.strong)+len(out.weak) < maxTags {
		rest, weak := strings.CutPrefix(s, "W/")
		rest, opened := strings.CutPrefix(rest, `"`)
		tag, after, closed := strings.Cut(rest, `"`)
		if !opened || !closed || strings.ContainsFunc(tag, func(r rune) bool { return r <= ' ' || r == 0x7f }) {
			break
		}
		if weak {
			out.weak = append(out.weak, tag)
		} else {
			out.strong = append(out.strong, tag)
		}
		after = strings.TrimLeft(after, " \t")
		if after != "" && after[0] != ',' {
			break
		}
		s = strings.TrimLeft(after, ", \t")
	}
	return out
}

// condition is If-Match over states of type T.
type condition[T any] struct {
	none   T // what use cases take for "whatever is there"
	never  T // matches nothing that is stored
	states []T
	sent   bool
}

// ifMatch reads the header. A weak tag never matches (RFC 9110 section 13.1.1).
func ifMatch[T any](r *request, none, never T, parse func(string) (T, bool)) (condition[T], error) {
	sent, err := r.Header("If-Match")
	if err != nil {
		return condition[T]{}, err
	}
	tags := parseTags(sent)
	c := condition[T]{none: none, never: never, sent: sent != "" && !tags.any}
	for _, tag := range tags.strong {
		if state, ok := parse(tag); ok {
			c.states = append(c.states, state)
		}
	}
	return c, nil
}

// loginMark follows the version in the tag of a contact that has a login: it
// shows in the contact without being a part of it.
const loginMark = "-login"

// versions is ifMatch for what has a version.
func (r *request) versions() (condition[int64], error) {
	return ifMatch(r, 0, -1, func(tag string) (int64, bool) {
		tag = strings.TrimSuffix(tag, loginMark)
		v, err := strconv.ParseInt(tag, 10, 64)
		return v, err == nil && v > 0 && strconv.FormatInt(v, 10) == tag
	})
}

// try makes the change for the one state that is named, or for each of them
// until one is what is stored: each attempt by itself is atomic.
func (c condition[T]) try(change func(T) error) error {
	if !c.sent {
		return change(c.none)
	}
	if len(c.states) == 0 {
		return change(c.never)
	}
	var err error
	for _, state := range c.states {
		if err = change(state); fault.KindOf(err) != fault.Stale {
			return err
		}
	}
	return err
}

// fresh answers 304 to who has the present state already.
func fresh(h handler) handler {
	return func(r *request) (answer, error) {
		sent, err := r.Header("If-None-Match")
		if err != nil {
			return answer{}, err
		}
		out, err := h(r)
		if err != nil || out.ETag == "" || sent == "" {
			return out, err
		}
		tags, present := parseTags(sent), strings.Trim(out.ETag, `"`)
		if tags.any || slices.Contains(tags.strong, present) || slices.Contains(tags.weak, present) {
			return answer{Status: 304, ETag: out.ETag}, nil
		}
		return out, nil
	}
}
