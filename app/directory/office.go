// Package directory keeps a tenant's companies, contacts, tags and their
// pictures. Portal logins are its business only where a contact's fate decides
// theirs: passwords, invitations and roles belong to package credential.
package directory

import (
	"context"
	"fmt"
	"strings"
	"time"

	"ostiary/app/port"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/avatar"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// Office is what every service of the directory works with: who the tenant
// is, the next number, the time, and the record of what was done.
type Office struct {
	Tenants port.Tenants
	Numbers port.Numbers
	Clock   port.Clock
	Random  port.Random
	Trail   port.Trail
}

// Caller says who asks about which tenant.
type Caller struct {
	Actor  actor.Actor
	Tenant tenant.Code
}

func (o Office) admit(ctx context.Context, c Caller, p actor.Permission) (*tenant.Tenant, error) {
	return tenancy.Admit(ctx, o.Tenants, tenancy.Admission{Actor: c.Actor, Permission: p, Tenant: c.Tenant})
}

func (o Office) now() time.Time { return o.Clock.Now() }

// fact is one accepted change, to be recorded.
type fact struct {
	tenant  tenant.ID
	actor   actor.Actor
	action  string
	target  string
	changed []string
}

func (o Office) record(ctx context.Context, facts ...fact) error {
	events := make([]audit.Event, 0, len(facts))
	for _, f := range facts {
		e := audit.Event{Tenant: f.tenant, Actor: f.actor.String(), Action: f.action, Target: f.target, Outcome: audit.Granted}
		if f.changed != nil {
			e.Details = map[string]string{"changed": strings.Join(f.changed, ",")}
		}
		events = append(events, e)
	}
	if err := o.Trail.Record(ctx, events...); err != nil {
		return fmt.Errorf("record %s: %w", facts[0].action, err)
	}
	return nil
}

// page cuts what was read with one item too many, which tells whether the
// list goes on.
func page[T any](items []T, limit int, err error) ([]T, bool, error) {
	if err != nil {
		return nil, false, fmt.Errorf("list: %w", err)
	}
	if len(items) > limit {
		return items[:limit], true, nil
	}
	return items, false, nil
}

// matches returns port.ErrVersion when the caller knows another version; 0
// stands for no version.
func matches(known, stored int64) error {
	if known != 0 && known != stored {
		return port.ErrVersion
	}
	return nil
}

// discard removes the pictures of what is gone. A failure leaves bytes that
// nothing points to; the change they belonged to has been made all the same.
func discard(ctx context.Context, blobs port.Blobs, t tenant.ID, a avatar.Avatar) {
	if !a.IsZero() {
		_ = blobs.Delete(context.WithoutCancel(ctx), t, a.Blob, a.Thumbnail)
	}
}

// differing collects the names of members for which same is false.
type differing []string

func (d *differing) unless(same bool, member string) {
	if !same {
		*d = append(*d, member)
	}
}

func invalidAt(pointer string, cause *fault.Error) error {
	return fault.At(pointer, cause.Code(), cause.Text())
}
