package sqlite_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

// matches is what port.ContactQuery says, word for word.
func matches(q port.ContactQuery, c *contact.Contact) bool {
	d := c.Details()
	prefix := func(text, p string) bool { return strings.HasPrefix(strings.ToLower(text), strings.ToLower(p)) }
	in := q.Company.IsZero()
	for _, m := range d.Companies {
		in = in || m.Company == q.Company
	}
	return in && (q.Email == "" || d.Email.Key() == q.Email) &&
		(prefix(d.FirstName, q.Prefix) || prefix(d.LastName, q.Prefix) || prefix(c.FullName(), q.Prefix)) &&
		prefix(d.FirstName, q.FirstName) && prefix(d.LastName, q.LastName) && (prefix(d.Phone, q.Phone) || prefix(d.Phone2, q.Phone))
}

// directory is large enough that searches go by index.
func directory(t testing.TB, db *sqlite.DB, owner tenant.ID) []*contact.Contact {
	t.Helper()
	companies := make([]*company.Company, 3)
	for i := range companies {
		companies[i] = fake.Company(t, owner, int64(i)+1)
		require.NoError(t, sqlite.NewCompanies(db).Add(t.Context(), companies[i]))
	}
	firsts := []string{"Anna", "anton", "ÅSA", "Bob", " Lead", "Trail ", "%", "_x", "İpek", "Zoë"}
	lasts := []string{"", "Jansen", "de Vries", "Anderson", "Öz", "bob"}
	all := make([]*contact.Contact, 2500)
	for i := range all {
		mail := ""
		if i%2 == 0 {
			mail = fmt.Sprintf("c%d@example.com", i)
		}
		c := fake.Contact(t, companies[min(i%50, 2)], int64(i)+1, mail)
		d := c.Details()
		d.FirstName, d.LastName = firsts[i%len(firsts)], lasts[i/7%len(lasts)]
		if i%100 == 3 {
			d.FirstName = fmt.Sprintf("Rare%d", i)
		}
		d.Phone, d.Phone2 = fmt.Sprintf("+31%d", i), fmt.Sprintf("X%d", i%400)
		if i%5 == 0 {
			d.Companies = append(d.Companies, contact.Membership{Company: companies[(i%50+1)%2].ID()})
		}
		if d.Companies[0].Company == d.Companies[len(d.Companies)-1].Company {
			d.Companies = d.Companies[:1]
		}
		require.NoError(t, c.Change(d, fake.Start))
		all[i] = c
	}
	addAll(t, db, len(all), func(i int) *contact.Contact { return all[i] })
	return all
}

func TestContacts_SearchAgreesWithANaiveFilter(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())
	all := directory(t, db, acme)
	estate(t, db, tenant.IDFromBytes(fake.UUID()), 5)
	for _, q := range []port.ContactQuery{
		{},
		{Prefix: "an"},
		{Prefix: "ANNA"},
		{Prefix: "anna jan"},
		{Prefix: "bob"},
		{Prefix: "rare"},
		{Prefix: "rare2403"},
		{Prefix: " lead"},
		{Prefix: "trail "},
		{Prefix: "trail jan"},
		{Prefix: " "},
		{Prefix: "%"},
		{Prefix: "_"},
		{Prefix: "å"},
		{Prefix: "i̇p"},
		{Prefix: "zoë"},
		{Prefix: "nobody"},
		{Prefix: "\U0010ffff"},
		{FirstName: "an"},
		{FirstName: "rare"},
		{LastName: "de v"},
		{LastName: "ö"},
		{FirstName: "Anna", LastName: "j"},
		{Phone: "+3110"},
		{Phone: "x39"},
		{Phone: "x"},
		{Phone: "+31", Prefix: "rare"},
		{Phone: "x1", LastName: "a", FirstName: "b"},
		{Email: "c10@example.com"},
		{Email: "c10@example.com", Prefix: "nobody"},
		{Email: "c11@example.com"},
		{Company: fake.CompanyID(t, 1)},
		{Company: fake.CompanyID(t, 3)},
		{Company: fake.CompanyID(t, 99)},
		{Company: fake.CompanyID(t, 3), Prefix: "rare"},
		{Company: fake.CompanyID(t, 1), FirstName: "rare"},
		{Company: fake.CompanyID(t, 3), Prefix: "an", Phone: "x"},
		{Company: fake.CompanyID(t, 2), Phone: "+3110"},
	} {
		t.Run(fmt.Sprintf("%+v", q), func(t *testing.T) {
			t.Parallel()
			var want []int64
			for _, c := range all {
				if matches(q, c) {
					want = append(want, c.ID().Int())
				}
			}
			agrees(t, sqlite.NewContacts(db), acme, q, want)
		})
	}
}

// agrees reads all matches in pages of several sizes, both ways.
func agrees(t *testing.T, contacts *sqlite.Contacts, owner tenant.ID, q port.ContactQuery, want []int64) {
	t.Helper()
	for _, limit := range []int{7, 100, 5000} {
		var listed, paged []int64
		for after := (contact.ID{}); ; {
			got, err := contacts.List(t.Context(), owner, q, after, limit)
			require.NoError(t, err)
			for _, c := range got {
				after, listed = c.ID(), append(listed, c.ID().Int())
			}
			if len(got) < limit || len(listed) > 300 {
				break
			}
		}
		require.Equal(t, want[:min(len(listed), len(want))], listed)
		require.GreaterOrEqual(t, len(listed), min(300, len(want)))
		for offset := 0; ; offset += limit {
			got, total, err := contacts.Page(t.Context(), owner, q, offset, limit)
			require.NoError(t, err)
			require.Equal(t, len(want), total)
			for _, c := range got {
				paged = append(paged, c.ID().Int())
			}
			if len(got) < limit || len(paged) > 300 {
				break
			}
		}
		require.Equal(t, want[:min(len(paged), len(want))], paged)
		require.GreaterOrEqual(t, len(paged), min(300, len(want)))
	}
}
