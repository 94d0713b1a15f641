package admin

import (
	"strconv"
	"time"

	"ostiary/adapters/web"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/money"
	"ostiary/domain/scope"
)

// form turns texts into values of the domain and remembers all that it had to
// refuse.
type form struct{ bad []fault.Field }

// refuse notes the refusal of the value at pointer, if it is one.
func (f *form) refuse(pointer string, err error) {
	if shown := fault.Of(err); shown != nil {
		f.bad = append(f.bad, fault.Field{Pointer: pointer, Code: shown.Code(), Detail: shown.Text()})
	}
}

func (f *form) unless(ok bool, pointer, code, detail string) {
	if !ok {
		f.bad = append(f.bad, fault.Field{Pointer: pointer, Code: code, Detail: detail})
	}
}

func (f *form) err() error {
	if len(f.bad) == 0 {
		return nil
	}
	return fault.ErrInvalid.With(f.bad...)
}

// email takes "" for no address.
func (f *form) email(pointer, s string) email.Address {
	if s == "" {
		return email.Address{}
	}
	out, err := email.Parse(s)
	f.refuse(pointer, err)
	return out
}

// currency takes "" for none.
func (f *form) currency(pointer, s string) money.Currency {
	if s == "" {
		return money.Currency{}
	}
	out, err := money.ParseCurrency(s)
	f.refuse(pointer, err)
	return out
}

// scopes points to the map as a whole: its names are the caller's own text.
func (f *form) scopes(pointer string, m map[string]*bool) scope.Map {
	out := make(scope.Map, len(m))
	f.unless(len(m) <= scope.Max, pointer, "too_many", "At most 100 scopes.")
	for s, on := range m {
		name, err := scope.ParseName(s)
		if err == nil && on == nil {
			err = web.ErrWrongType
		}
		if err != nil {
			f.refuse(pointer, err)
			break
		}
		out[name] = *on
	}
	return out
}

func scopesOf(m scope.Map) map[string]*bool {
	out := make(map[string]*bool, len(m))
	for name, on := range m {
		out[string(name)] = &on
	}
	return out
}

// shownScopes is never nil, so that an empty map shows as one.
func shownScopes(m scope.Map) map[string]bool {
	out := make(map[string]bool, len(m))
	for name, on := range m {
		out[string(name)] = on
	}
	return out
}

// time takes nil and "" for no time.
func (f *form) time(pointer string, s *string) time.Time {
	if s == nil {
		return time.Time{}
	}
	out, err := time.Parse(time.RFC3339, *s)
	f.unless(err == nil, pointer, "time_malformed", "A time is written by RFC 3339, such as 2026-11-22T10:00:00Z.")
	return out.UTC()
}

func shownTime(t time.Time) string { return t.UTC().Truncate(time.Second).Format(time.RFC3339) }

// maybeTime shows the zero time as null.
func maybeTime(t time.Time) *string {
	if t.IsZero() {
		return nil
	}
	s := shownTime(t)
	return &s
}

func at(list string, i int, member ...string) string {
	p := "/" + list + "/" + strconv.Itoa(i)
	for _, m := range member {
		p += "/" + m
	}
	return p
}
