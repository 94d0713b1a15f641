// Package scope names portal sections and narrows what a tenant offers down
// to what one contact may see.
package scope

import (
	"maps"
	"slices"

	"ostiary/domain/fault"
)

// ErrName is returned for a name outside [a-z][a-z0-9-]{0,31}.
var ErrName = fault.New(fault.Invalid, "scope_name", "A scope is named by lower case letters, digits and hyphens.")

// Max bounds how many scopes one map may name.
const Max = 100

// Name names a portal section.
type Name string

// The three names that every product of this kind shows.
const (
	Configurator Name = "configurator"
	Finance      Name = "finance"
	Support      Name = "support"
)

// Standard lists the names that are always answered, in their order.
func Standard() []Name { return []Name{Configurator, Finance, Support} }

// ParseName refuses what is not [a-z][a-z0-9-]{0,31}.
func ParseName(s string) (Name, error) {
	if s == "" || len(s) > 32 || s[0] < 'a' || s[0] > 'z' {
		return "", ErrName
	}
	for i := range len(s) {
		c := s[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return "", ErrName
		}
	}
	return Name(s), nil
}

// Map switches scopes on and off by name. As a tenant's offer an absent name
// is off; as a company's or contact's narrowing an absent name inherits and
// true grants nothing that is not there.
type Map map[Name]bool

// Clone returns a copy.
func (m Map) Clone() Map { return maps.Clone(m) }

// Names lists the names m speaks of, sorted.
func (m Map) Names() []Name { return slices.Sorted(maps.Keys(m)) }

// Effective narrows an offer by each map in turn. The result speaks of the
// standard names and of every custom name the offer defines.
func Effective(offer Map, narrowings ...Map) Map {
	out := make(Map, len(offer)+3)
	for _, n := range Standard() {
		out[n] = false
	}
	for n, on := range offer {
		for _, narrow := range narrowings {
			if allowed, said := narrow[n]; said && !allowed {
				on = false
			}
		}
		out[n] = on
	}
	return out
}

// Granted lists the names that are on, sorted: the shape of the scope claim.
func (m Map) Granted() []string {
	out := make([]string, 0, len(m))
	for n, on := range m {
		if on {
			out = append(out, string(n))
		}
	}
	slices.Sort(out)
	return out
}
