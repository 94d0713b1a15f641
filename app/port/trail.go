package port

import (
	"context"

	"ostiary/domain/audit"
)

// Trail records decisions. Record returns when the events are stored for good,
// so that no answer goes out before what it stands for is on record. ID, At and
// when it is unset, Request (RequestOf) are filled in. Tenant zero means the
// system's chain.
type Trail interface {
	Record(ctx context.Context, events ...audit.Event) error
}
