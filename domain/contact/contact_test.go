package contact_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func at(t *testing.T, n int64, primary bool) contact.Membership {
	t.Helper()
	c, err := company.IDOf(n)
	require.NoError(t, err)
	return contact.Membership{Company: c, Primary: primary}
}

func newContact(d contact.Details) (*contact.Contact, error) {
	return contact.New(tenant.IDFromBytes([16]byte{15: 1}), contact.ID{}, d, now)
}

// codes lists pointer and code of everything that was refused.
func codes(err error) []string {
	var out []string
	if f := fault.Of(err); f != nil {
		for _, field := range f.Fields() {
			out = append(out, field.Pointer+" "+field.Code)
		}
	}
	return out
}

func TestNew_SeesToExactlyOnePrimaryCompany(t *testing.T) {
	t.Parallel()
	many := make([]contact.Membership, contact.MaxCompanies+1)
	for i := range many {
		many[i] = at(t, int64(i+1), false)
	}

	for name, row := range map[string]struct {
		in      []contact.Membership
		primary int64
		refused []string
	}{
		"one":               {[]contact.Membership{at(t, 5, false)}, 5, nil},
		"the first listed":  {[]contact.Membership{at(t, 5, false), at(t, 3, false)}, 5, nil},
		"the named one":     {[]contact.Membership{at(t, 5, false), at(t, 9, true), at(t, 3, false)}, 9, nil},
		"as many as may be": {many[:contact.MaxCompanies], 1, nil},
		"none":              {nil, 0, []string{"/companies required"}},
		"too many":          {many, 0, []string{"/companies too_many"}},
		"two primaries":     {[]contact.Membership{at(t, 1, true), at(t, 2, true)}, 0, []string{"/companies one_primary"}},
		"one twice":         {[]contact.Membership{at(t, 1, true), at(t, 2, false), at(t, 1, false)}, 0, []string{"/companies duplicate"}},
	} {
		c, err := newContact(contact.Details{FirstName: "Ada", Companies: row.in})
		require.Equal(t, row.refused, codes(err), name)
		if row.refused != nil {
			continue
		}
		require.Equal(t, row.primary, c.Primary().Company.Int(), name)
		primaries := 0
		for i, m := range c.Details().Companies {
			if m.Primary {
				primaries++
			}
			require.True(t, i == 0 || c.Details().Companies[i-1].Company.Int() < m.Company.Int(), "%s: sorted", name)
		}
		require.Equal(t, 1, primaries, name)
	}
}

func TestNew_LeavesTheCallersMembershipsAlone(t *testing.T) {
	t.Parallel()
	in := []contact.Membership{at(t, 5, false), at(t, 3, false)}

	_, err := newContact(contact.Details{FirstName: "Ada", Companies: in})

	require.NoError(t, err)
	require.Equal(t, []contact.Membership{at(t, 5, false), at(t, 3, false)}, in)
}

func TestNew_NamesEveryMemberThatBreaksARule(t *testing.T) {
	t.Parallel()
	long := strings.Repeat("é", 201)

	_, err := newContact(contact.Details{LastName: long, Phone: long, Phone2: long, ExternalRef: long, Companies: []contact.Membership{at(t, 1, true)}})

	require.Equal(t, []string{"/firstName length", "/lastName length", "/phone length", "/phone2 length", "/externalRef length"}, codes(err))
}

func TestNew_ListsEachTagOnce(t *testing.T) {
	t.Parallel()
	tag := func(n int64) contact.TagID {
		id, err := contact.TagIDOf(n)
		require.NoError(t, err)
		return id
	}

	c, err := newContact(contact.Details{FirstName: "Ada", Companies: []contact.Membership{at(t, 1, true)}, Tags: []contact.TagID{tag(3), tag(1), tag(3)}})

	require.NoError(t, err)
	require.Equal(t, []contact.TagID{tag(1), tag(3)}, c.Details().Tags)
}

func TestChange_AContactWithALoginKeepsAnAddress(t *testing.T) {
	t.Parallel()
	address, err := email.Parse("ada@example.com")
	require.NoError(t, err)
	d := contact.Details{FirstName: "Ada", Email: address, Companies: []contact.Membership{at(t, 1, true)}}
	c, err := newContact(d)
	require.NoError(t, err)
	s := c.Snapshot()
	s.HasLogin = true
	withLogin := contact.Restore(s)
	d.Email = email.Address{}

	require.ErrorIs(t, withLogin.Change(d, now), contact.ErrNeedsEmail)
	require.Equal(t, []string{"/email email_required"}, codes(withLogin.Change(d, now)))
	require.Equal(t, s, withLogin.Snapshot())
	require.NoError(t, c.Change(d, now), "without a login it may go")
	require.Equal(t, int64(2), c.Version())
}

func TestFullName_JoinsWhatIsThere(t *testing.T) {
	t.Parallel()

	for _, row := range []struct{ first, last, want string }{{"Ada", "Lovelace", "Ada Lovelace"}, {"Ada", "", "Ada"}} {
		c, err := newContact(contact.Details{FirstName: row.first, LastName: row.last, Companies: []contact.Membership{at(t, 1, true)}})
		require.NoError(t, err)
		require.Equal(t, row.want, c.FullName())
	}
}

func TestTag_IsJudgedLikeTheRest(t *testing.T) {
	t.Parallel()
	tag, err := contact.NewTag(tenant.ID{}, contact.TagID{}, contact.TagDetails{Name: "VIP"}, now)
	require.NoError(t, err)

	long := strings.Repeat("é", 501)
	err = tag.Change(contact.TagDetails{Description: long, Icon: long, Color: long}, now)

	require.Equal(t, []string{"/name length", "/description length", "/icon length", "/color length"}, codes(err))
	require.Equal(t, int64(1), tag.Version())
	require.NoError(t, tag.Change(contact.TagDetails{Name: "Very VIP"}, now))
	require.Equal(t, int64(2), tag.Version())
	require.Equal(t, "Very VIP", tag.Details().Name)
}
