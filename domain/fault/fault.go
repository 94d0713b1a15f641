// Package fault names every refusal that Ostiary makes on purpose. It owns
// kinds, codes and public text; what a protocol turns them into (status,
// body) belongs to each dialect.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind classes refusals by what the caller can do about them. The set is closed.
type Kind uint8

// The kinds. Internal is the zero value, so that an unset kind never looks
// like a decision.
const (
	Internal        Kind = iota
	Malformed            // the request could not be read
	Invalid              // readable, but a value breaks a rule
	Unauthenticated      // no proof, or proof that does not hold
	Forbidden            // proven, but not allowed
	NotFound
	Conflict
	Stale // a precondition named by the caller no longer holds
	Expired
	Limited     // asked too often; RetryAfter says when to come back
	Unavailable // cannot be decided now; RetryAfter says when to try again
)

// Field is one value that breaks a rule. Pointer is an RFC 6901 pointer into
// the request; the refused value itself is never kept.
type Field struct {
	Pointer string
	Code    string
	Detail  string
}

// Step is one decision on the way to a refusal. Name says what was judged,
// Outcome how; both are constants of the code, never request data. As far as
// they are reached, steps are told in the order tenant, user, limits,
// credential, portal, scope or permission, whatever order they were made in.
type Step struct {
	Name    string
	Outcome string
}

// Error is a refusal. Its text may be shown to the caller; its cause and its
// trace may not.
type Error struct {
	kind   Kind
	code   string
	text   string
	cause  error
	fields []Field
	trace  []Step
	retry  time.Duration
}

// New declares a refusal. Code is stable once released.
func New(kind Kind, code, text string) *Error {
	return &Error{kind: kind, code: code, text: text}
}

// Error implements error with the public text and, for logs, the cause.
func (e *Error) Error() string {
	if e.cause != nil {
		return fmt.Sprintf("%s: %v", e.code, e.cause)
	}
	return e.code
}

// Kind returns the class of the refusal.
func (e *Error) Kind() Kind { return e.kind }

// Code returns the stable name of the refusal.
func (e *Error) Code() string { return e.code }

// Text returns the sentence that may be shown to the caller.
func (e *Error) Text() string { return e.text }

// Fields returns what broke a rule, for kinds Malformed and Invalid.
func (e *Error) Fields() []Field { return e.fields }

// Trace returns the ordered decisions that led to the refusal.
func (e *Error) Trace() []Step { return e.trace }

// RetryAfter returns how long the caller should wait; zero when unknown.
func (e *Error) RetryAfter() time.Duration { return e.retry }

// Unwrap returns the cause.
func (e *Error) Unwrap() error { return e.cause }

// Is compares codes, so that a refusal with a cause matches its declaration.
func (e *Error) Is(target error) bool {
	t, ok := target.(*Error)
	return ok && t.code == e.code
}

// Because returns a copy that carries a cause for the log.
func (e *Error) Because(cause error) *Error {
	c := *e
	c.cause = cause
	return &c
}

// With returns a copy that names the values that broke a rule.
func (e *Error) With(fields ...Field) *Error {
	c := *e
	c.fields = append(append([]Field(nil), e.fields...), fields...)
	return &c
}

// Traced returns a copy that carries the decisions that led here.
func (e *Error) Traced(steps ...Step) *Error {
	c := *e
	c.trace = append(append([]Step(nil), e.trace...), steps...)
	return &c
}

// Led returns a copy whose trace begins with the decisions made before those
// that it carries already.
func (e *Error) Led(steps ...Step) *Error {
	c := *e
	c.trace = append(append([]Step(nil), steps...), e.trace...)
	return &c
}

// After returns a copy that tells the caller when to come back.
func (e *Error) After(d time.Duration) *Error {
	c := *e
	c.retry = d
	return &c
}

// Of returns the refusal inside err, or nil when err is an outage.
func Of(err error) *Error {
	var e *Error
	if errors.As(err, &e) {
		return e
	}
	return nil
}

// KindOf returns the kind of the refusal inside err, Internal for an outage.
func KindOf(err error) Kind {
	if e := Of(err); e != nil {
		return e.kind
	}
	return Internal
}

// ErrInvalid is the general refusal of values that break a rule; Fields says which.
var ErrInvalid = New(Invalid, "invalid", "Some values are not acceptable.")

// At refuses the single value at pointer.
func At(pointer, code, detail string) *Error {
	return ErrInvalid.With(Field{Pointer: pointer, Code: code, Detail: detail})
}
