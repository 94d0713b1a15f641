// Package operation is what running a deployment takes beside its tenants'
// data: API tokens, signing keys, the audit trail with its proof, receipts of
// refusals, and answers that are given twice. Who somebody is, is decided in
// package access.
package operation

import (
	"context"
	"fmt"

	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
)

// WithRequest returns a context that carries the id of a request into what is
// recorded for it.
func WithRequest(ctx context.Context, id string) context.Context { return port.WithRequest(ctx, id) }

// Caller says who asks about which tenant; "" stands for the deployment
// itself, which is the operator's alone.
type Caller struct {
	Actor  actor.Actor
	Tenant tenant.Code
}

func record(ctx context.Context, trail port.Trail, by string, e audit.Event) error {
	e.Actor, e.Outcome = by, audit.Granted
	if err := trail.Record(ctx, e); err != nil {
		return fmt.Errorf("record %s: %w", e.Action, err)
	}
	return nil
}
