// Package contract checks that an engine keeps what the comments in app/port
// promise. It knows no engine: whoever opens one calls All, Processes and
// Durability, and may leave nothing out. How use cases behave is not its
// business.
package contract

import (
	"testing"

	"ostiary/app/port"
)

// Store is one handle on a database: what one process has.
type Store struct {
	Tenants     port.Tenants
	Numbers     port.Numbers
	Companies   port.Companies
	Contacts    port.Contacts
	Tags        port.Tags
	Users       port.Users
	Blobs       port.Blobs
	Sessions    port.Sessions
	Links       port.Links
	Counters    port.Counters
	Outbox      port.Outbox
	APITokens   port.APITokens
	Ledger      port.Ledger
	Audit       port.Audit
	Keys        port.Keys
	Idempotency port.Idempotency
	Changes     port.Changes
	Health      port.Health
	Janitor     port.Janitor
	Archive     port.Archive
}

// Open returns a store on an empty database of its own and closes it when the
// test ends.
type Open func(testing.TB) Store

// All checks every port.
func All(t *testing.T, open Open) {
	for name, suite := range map[string]func(*testing.T, Open){
		"Tenants":     Tenants,
		"Numbers":     Numbers,
		"Companies":   Companies,
		"Contacts":    Contacts,
		"Tags":        Tags,
		"Users":       Users,
		"Blobs":       Blobs,
		"Sessions":    Sessions,
		"Links":       Links,
		"Counters":    Counters,
		"Outbox":      Outbox,
		"APITokens":   APITokens,
		"Ledger":      Ledger,
		"Audit":       Audit,
		"Keys":        Keys,
		"Idempotency": Idempotency,
		"Changes":     Changes,
		"Health":      Health,
		"Janitor":     Janitor,
		"Archive":     Archive,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			suite(t, open)
		})
	}
}

type checks map[string]func(*testing.T, Store)

// together runs checks side by side on one store. They keep apart by tenants
// and ids of their own, so each also runs among other tenants' data.
func (cs checks) together(t *testing.T, open Open) {
	t.Helper()
	s := open(t)
	for name, check := range cs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, s)
		})
	}
}

// alone gives every check a store of its own, for ports whose data belongs to
// no tenant, and for checks that store so much that it would slow others down.
func (cs checks) alone(t *testing.T, open Open) {
	t.Helper()
	for name, check := range cs {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			check(t, open(t))
		})
	}
}
