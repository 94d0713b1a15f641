// Package portal decides which portals a user may enter, and with which
// scopes. It is one pure function; everything else asks it.
package portal

import (
	"slices"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// ErrClosed is returned when a portal that was asked for may not be entered.
var ErrClosed = fault.New(fault.Forbidden, "portal_closed", "That portal cannot be entered.")

// Entry is a portal that may be entered.
type Entry struct {
	Company *company.Company
	Portal  company.Portal
	Primary bool
	Scopes  scope.Switches
}

// Entries lists what the user may enter, the primary company's portal first,
// then by rising company id. The companies given are those of the contact's
// memberships; others are ignored. A suspended tenant, a disabled user or a
// disabled portal gives nothing.
func Entries(t *tenant.Tenant, u *user.User, c *contact.Contact, companies []*company.Company) []Entry {
	if !t.Active() || !u.Enabled() || u.Tenant() != t.ID() || c.Tenant() != t.ID() || u.Contact() != c.ID() {
		return nil
	}
	var out []Entry
	for _, m := range c.Details().Companies {
		i := slices.IndexFunc(companies, func(co *company.Company) bool {
			return co.ID() == m.Company && co.Tenant() == t.ID()
		})
		if i < 0 || !companies[i].Portal().Enabled {
			continue
		}
		co := companies[i]
		out = append(out, Entry{
			Company: co,
			Portal:  co.Portal(),
			Primary: m.Primary,
			Scopes:  t.Offer().Narrowed(co.Details().Scopes, c.Details().Scopes),
		})
	}
	slices.SortStableFunc(out, func(a, b Entry) int {
		if a.Primary != b.Primary {
			if a.Primary {
				return -1
			}
			return 1
		}
		return int(a.Company.ID().Int() - b.Company.ID().Int())
	})
	return out
}

// Choose picks the wanted portal, or the first entry when none is wanted.
func Choose(entries []Entry, wanted company.PortalID) (Entry, error) {
	for _, e := range entries {
		if wanted.IsZero() || e.Portal.ID == wanted {
			return e, nil
		}
	}
	return Entry{}, ErrClosed
}
