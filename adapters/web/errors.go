package web

import (
	"context"
	"errors"
	"time"

	"ostiary/domain/fault"
)

// Refusals that the wire itself makes.
var (
	ErrMalformed     = fault.New(fault.Malformed, "malformed", "The request is not well formed.")
	ErrWrongType     = fault.New(fault.Malformed, "wrong_type", "A value has the wrong type.")
	ErrUnknownMember = fault.New(fault.Malformed, "unknown_member", "The request has a member that is not known here.")
	ErrTooLarge      = fault.New(fault.Malformed, "too_large", "The request is too large.")
	ErrMediaType     = fault.New(fault.Malformed, "media_type", "The content type is not supported here.")
	ErrHead          = fault.New(fault.Malformed, "head_too_large", "The request headers are too large.")
	ErrTimeout       = fault.New(fault.Malformed, "request_timeout", "The request did not arrive in time.")
	ErrMethod        = fault.New(fault.Malformed, "method_not_allowed", "That method is not allowed here.")
	ErrRoute         = fault.New(fault.NotFound, "not_found", "There is nothing here.")
	ErrBearer        = fault.New(fault.Unauthenticated, "unauthenticated", "A valid bearer token is required.").
				Traced(fault.Step{Name: "credential", Outcome: "missing or malformed"})
	ErrInternal    = fault.New(fault.Internal, "internal", "Something went wrong.")
	ErrUnavailable = fault.New(fault.Unavailable, "unavailable", "The service cannot answer right now. Please try again.")
)

// wireStatus holds for every dialect unless its byCode says otherwise: these
// refusals are about HTTP itself, so their kind does not tell their status.
var wireStatus = map[string]int{
	ErrTooLarge.Code():  413,
	ErrMediaType.Code(): 415,
	ErrHead.Code():      431,
	ErrTimeout.Code():   408,
	ErrMethod.Code():    405,
}

// Pick returns the refusal to show for err and its status: byCode first, then
// the wire's own refusals, then byKind. An outage shows as ErrUnavailable when
// time ran out, else as ErrInternal; its text never gets out.
func Pick(err error, byKind map[fault.Kind]int, byCode map[string]int) (*fault.Error, int) {
	shown := fault.Of(err)
	switch {
	case shown != nil:
	case errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		shown = ErrUnavailable.After(time.Second).Because(err)
	default:
		shown = ErrInternal.Because(err)
	}
	if status, ok := byCode[shown.Code()]; ok {
		return shown, status
	}
	if status, ok := wireStatus[shown.Code()]; ok {
		return shown, status
	}
	if status, ok := byKind[shown.Kind()]; ok {
		return shown, status
	}
	return shown, 500
}
