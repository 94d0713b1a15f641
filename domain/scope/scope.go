// Package scope names portal sections and narrows what a tenant offers down
// to what one contact may see.
package scope

import (
	"maps"
	"slices"
	"strings"

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

var standard = [...]Name{Configurator, Finance, Support}

// Standard lists the names that are always answered, in their order.
func Standard() []Name { return slices.Clone(standard[:]) }

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

// Switch says of one scope whether it is on.
type Switch struct {
	Name Name
	On   bool
}

// Switches speak of each name once, sorted by name.
type Switches []Switch

// Offered speaks of the standard names and of every custom name that the offer
// defines.
func Offered(offer Map) Switches {
	out := make(Switches, 0, len(offer)+len(standard))
	for n, on := range offer {
		out = append(out, Switch{n, on})
	}
	for _, n := range standard {
		if _, offered := offer[n]; !offered {
			out = append(out, Switch{n, false})
		}
	}
	slices.SortFunc(out, func(a, b Switch) int { return strings.Compare(string(a.Name), string(b.Name)) })
	return out
}

// Narrowed switches off what any of the maps does. The result may be s itself:
// read it only.
func (s Switches) Narrowed(by ...Map) Switches {
	out := s
	for i, one := range s {
		off := func(m Map) bool { allowed, said := m[one.Name]; return said && !allowed }
		if !one.On || !slices.ContainsFunc(by, off) {
			continue
		}
		if &out[0] == &s[0] {
			out = slices.Clone(s)
		}
		out[i].On = false
	}
	return out
}

// On reports whether n is there and on.
func (s Switches) On(n Name) bool { return slices.Contains(s, Switch{n, true}) }

// Map returns the same, to be asked by name.
func (s Switches) Map() Map {
	out := make(Map, len(s))
	for _, one := range s {
		out[one.Name] = one.On
	}
	return out
}

// Granted lists the names that are on, sorted: the shape of the scope claim.
func (s Switches) Granted() []string {
	out := make([]string, 0, len(s))
	for _, one := range s {
		if one.On {
			out = append(out, string(one.Name))
		}
	}
	return out
}
