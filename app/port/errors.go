package port

import (
	"time"

	"ostiary/domain/fault"
)

// Refusals that any store may return.
var (
	// ErrVersion is returned when the caller named a version and another is stored.
	ErrVersion = fault.New(fault.Stale, "version_stale", "The resource has changed since you read it.")
	// ErrUnavailable is an outage that the caller may outwait.
	ErrUnavailable = fault.New(fault.Unavailable, "unavailable", "The service cannot answer right now. Please try again.")
	// ErrBusy is returned at once, before memory is taken, when too much work of
	// one kind is waiting already.
	ErrBusy = fault.New(fault.Unavailable, "busy", "The service is busy. Please try again in a moment.").After(2 * time.Second)
)

// ErrImage is returned for bytes that are no acceptable picture.
var ErrImage = fault.New(fault.Invalid, "image_refused", "The picture is not a PNG, JPEG or WebP of at most 40 megapixels.")
