package contract

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/test/fake"
)

func (h home) list(t testing.TB, q port.ContactQuery, afterID contact.ID, limit int) []int64 {
	t.Helper()
	got, err := h.Contacts.List(t.Context(), h.id, q, afterID, limit)
	require.NoError(t, err)
	return numbersOf(got)
}

func (h home) page(t testing.TB, q port.ContactQuery, offset, limit int) ([]int64, int) {
	t.Helper()
	got, total, err := h.Contacts.Page(t.Context(), h.id, q, offset, limit)
	require.NoError(t, err)
	return numbersOf(got), total
}

func numbersOf(cs []*contact.Contact) []int64 {
	var out []int64
	for _, c := range cs {
		out = append(out, c.ID().Int())
	}
	return out
}

// addNamed adds a contact without an address.
func (h home) addNamed(t testing.TB, n int64, first, last string) {
	t.Helper()
	c := fake.Contact(t, h.co, n, "")
	require.NoError(t, changeContact(func(d *contact.Details) { d.FirstName, d.LastName = first, last })(c))
	require.NoError(t, h.Contacts.Add(t.Context(), c))
}

func contactsList(t *testing.T, s Store) {
	h := settle(t, s)
	for _, n := range []int64{30, 4, 100, 20, 3} {
		h.addContact(t, n)
	}
	all := port.ContactQuery{}

	require.Equal(t, []int64{3, 4, 20, 30, 100}, h.list(t, all, contact.ID{}, 50))
	require.Equal(t, []int64{3, 4}, h.list(t, all, contact.ID{}, 2))
	require.Equal(t, []int64{20, 30}, h.list(t, all, fake.ContactID(t, 4), 2))
	require.Equal(t, []int64{20, 30, 100}, h.list(t, all, fake.ContactID(t, 5), 50))
	require.Empty(t, h.list(t, all, fake.ContactID(t, 100), 50))
	got, err := s.Contacts.List(t.Context(), h.id, all, contact.ID{}, 1)
	require.NoError(t, err)
	same(t, h.contact(t, fake.ContactID(t, 3)).Snapshot(), got[0].Snapshot())
}

// contactsListReadsNoPatterns asks for text that LIKE, GLOB and regular
// expressions read as more than text, and for letters outside ASCII.
func contactsListReadsNoPatterns(t *testing.T, s Store) {
	h := settle(t, s)
	h.addNamed(t, 1, "Ab", "")
	h.addNamed(t, 2, "A%b", "")
	h.addNamed(t, 3, "a_b", "")
	h.addNamed(t, 4, `A\b`, "")
	h.addNamed(t, 5, "A*b", "ÉVA")
	h.addNamed(t, 6, "A.b", "Иван")
	h.addNamed(t, 7, "[a]b", "O'Neil")

	for prefix, want := range map[string][]int64{
		"a": {1, 2, 3, 4, 5, 6}, "a%": {2}, "A_": {3}, `a\`: {4}, "A*": {5}, "a.": {6}, "[a": {7}, "%": nil, "_": nil, ".*": nil, "^a": nil,
		"év": {5}, "ÉV": {5}, "ev": nil, "ИВ": {6}, "o'": {7}, "a*b É": {5}, "[A]B o'n": {7}, "b": nil,
	} {
		require.Equal(t, want, h.list(t, port.ContactQuery{Prefix: prefix}, contact.ID{}, 50), prefix)
	}
	require.Equal(t, []int64{2}, h.list(t, port.ContactQuery{FirstName: "a%"}, contact.ID{}, 50))
	require.Equal(t, []int64{6}, h.list(t, port.ContactQuery{LastName: "и"}, contact.ID{}, 50))
}

func contactsPage(t *testing.T, s Store) {
	h := settle(t, s)
	for n := range int64(7) {
		h.addNamed(t, 2*n+1, "Odd", "")
		h.addNamed(t, 2*n+2, "Even", "")
	}
	odd := port.ContactQuery{FirstName: "odd"}

	for _, row := range []struct {
		offset, limit int
		want          []int64
	}{
		{0, 3, []int64{1, 3, 5}}, {3, 3, []int64{7, 9, 11}}, {6, 3, []int64{13}}, {7, 3, nil}, {1000, 3, nil}, {0, 100, []int64{1, 3, 5, 7, 9, 11, 13}},
	} {
		got, total := h.page(t, odd, row.offset, row.limit)
		require.Equal(t, row.want, got)
		require.Equal(t, 7, total)
	}
	require.NoError(t, s.Contacts.Delete(t.Context(), h.id, fake.ContactID(t, 5), 0))
	left, total := h.page(t, odd, 0, 3)
	require.Equal(t, []int64{1, 3, 7}, left)
	require.Equal(t, 6, total)
	_, total = h.page(t, port.ContactQuery{}, 0, 3)
	require.Equal(t, 13, total)
	_, total = h.page(t, port.ContactQuery{Company: h.co.ID()}, 0, 3)
	require.Equal(t, 13, total)
	none, total := h.page(t, port.ContactQuery{FirstName: "nobody"}, 0, 3)
	require.Empty(t, none)
	require.Zero(t, total)
}

func contactsListHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	ours.addContact(t, 1)
	theirs.addContact(t, 1)
	theirs.addContact(t, 2)

	for _, q := range []port.ContactQuery{{}, {Company: ours.co.ID()}, {Prefix: "c"}, {FirstName: "contact"}, {LastName: "number"}} {
		require.Equal(t, []int64{1}, ours.list(t, q, contact.ID{}, 50))
		require.Equal(t, []int64{1, 2}, theirs.list(t, q, contact.ID{}, 50))
		_, total := ours.page(t, q, 0, 50)
		require.Equal(t, 1, total)
	}
	only := port.ContactQuery{Email: fake.Address(t, mailOf(2)).Key()}
	require.Empty(t, ours.list(t, only, contact.ID{}, 50))
	_, total := ours.page(t, only, 0, 50)
	require.Zero(t, total)
}

// matches is the query as its comment reads.
func matches(q port.ContactQuery, c *contact.Contact) bool {
	d := c.Details()
	begins := func(prefix string, texts ...string) bool {
		return prefix == "" || slices.ContainsFunc(texts, func(s string) bool {
			return strings.HasPrefix(strings.ToLower(s), strings.ToLower(prefix))
		})
	}
	member := q.Company.IsZero() || slices.ContainsFunc(d.Companies, func(m contact.Membership) bool { return m.Company == q.Company })
	return begins(q.Prefix, d.FirstName, d.LastName, c.FullName()) && begins(q.FirstName, d.FirstName) &&
		begins(q.LastName, d.LastName) && begins(q.Phone, d.Phone, d.Phone2) && member && (q.Email == "" || q.Email == d.Email.Key())
}

// few draws from a small alphabet, so that prefixes meet.
func few(rt *rapid.T, label string, lo, hi int) string {
	return rapid.StringOfN(rapid.RuneFrom([]rune("aAbéÉßİ %_")), lo, hi, -1).Draw(rt, label)
}

// drawContact restores a contact: what names the domain accepts is not the
// store's business.
func drawContact(t testing.TB, rt *rapid.T, h home, n int64, companies []company.ID) *contact.Contact {
	mail := ""
	if rapid.Bool().Draw(rt, "has mail") {
		mail = mailOf(n)
	}
	c := fake.Contact(t, h.co, n, mail).Snapshot()
	c.Details.FirstName, c.Details.LastName = few(rt, "first", 1, 3), few(rt, "last", 0, 3)
	c.Details.Phone, c.Details.Phone2 = few(rt, "phone", 0, 2), few(rt, "phone2", 0, 2)
	c.Details.Companies = nil
	for i, id := range rapid.SliceOfNDistinct(rapid.SampledFrom(companies), 1, 2, rapid.ID).Draw(rt, "companies") {
		c.Details.Companies = append(c.Details.Companies, contact.Membership{Company: id, Primary: i == 0})
	}
	return contact.Restore(c)
}

// drawQuery sets each member in about a quarter of all queries.
func drawQuery(rt *rapid.T, companies []company.ID, count int64) (q port.ContactQuery) {
	set := func() bool { return rapid.IntRange(0, 3).Draw(rt, "set") == 0 }
	for _, member := range []*string{&q.Prefix, &q.FirstName, &q.LastName, &q.Phone} {
		if set() {
			*member = few(rt, "prefix", 0, 3)
		}
	}
	if set() {
		q.Company = rapid.SampledFrom(companies).Draw(rt, "company")
	}
	if set() {
		q.Email = email.Key(mailOf(rapid.Int64Range(1, count+1).Draw(rt, "mail")))
	}
	return q
}

func contactsAgreeWithNaiveFilter(t *testing.T, s Store) {
	rapid.Check(t, func(rt *rapid.T) {
		h := settle(t, s)
		companies := []company.ID{h.co.ID(), h.addCompany(t, 2).ID(), h.addCompany(t, 3).ID()}
		count := rapid.Int64Range(0, 8).Draw(rt, "contacts")
		var all []*contact.Contact
		for n := range count {
			c := drawContact(t, rt, h, n+1, companies)
			require.NoError(rt, s.Contacts.Add(t.Context(), c))
			all = append(all, c)
		}
		for range 5 {
			q := drawQuery(rt, companies, count)
			var want []int64
			for _, c := range all {
				if matches(q, c) {
					want = append(want, c.ID().Int())
				}
			}
			offset, limit := rapid.IntRange(0, 9).Draw(rt, "offset"), rapid.IntRange(1, 4).Draw(rt, "limit")
			beyond := min(offset, len(want))
			page, total := h.page(t, q, offset, limit)
			require.Equal(rt, len(want), total, "%+v", q)
			require.Equal(rt, numbersIn(want[beyond:], limit), page, "%+v", q)

			last := rapid.Int64Range(1, 9).Draw(rt, "after")
			rest := slices.DeleteFunc(slices.Clone(want), func(n int64) bool { return n <= last })
			require.Equal(rt, numbersIn(rest, limit), h.list(t, q, fake.ContactID(t, last), limit), "%+v", q)
		}
	})
}

// numbersIn cuts to limit and turns an empty list into none.
func numbersIn(ns []int64, limit int) []int64 {
	return append([]int64(nil), ns[:min(limit, len(ns))]...)
}
