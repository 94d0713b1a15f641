package luminous_test

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/test/harness"
)

// peopled has 23 contacts at Example beside the three that are seeded.
func peopled(t *testing.T) kit {
	t.Helper()
	k := setup(t)
	at := contact.Membership{Company: k.Acme.Example.ID(), Primary: true}
	for i := range 23 {
		k.AddContact(t, harness.Code, fmt.Sprintf("Person %02d", i), "Doe", fmt.Sprintf("p%02d@example.com", i), at)
	}
	return k
}

// names reads the first names of a page, and its meta as it stands.
func names(t *testing.T, a harness.Answer) (first []string, meta string) {
	t.Helper()
	require.Equal(t, 200, a.Status, a.Body)
	var page struct {
		Data []struct {
			FirstName string `json:"first_name"`
		}
		Meta json.RawMessage
	}
	require.NoError(t, json.Unmarshal([]byte(a.Body), &page))
	for _, c := range page.Data {
		first = append(first, c.FirstName)
	}
	return first, string(page.Meta)
}

func metaOf(current int, from string, last, per int, to string, total int) string {
	return fmt.Sprintf(`{"current_page":%d,"from":%s,"last_page":%d,"per_page":%d,"to":%s,"total":%d}`, current, from, last, per, to, total)
}

func TestList_APageIsTheContractsByteForByte(t *testing.T) {
	t.Parallel()
	k := setup(t)

	a := k.get(t, "/contacts?limit=1&page=3")

	require.Equal(t, 200, a.Status)
	one := k.get(t, "/contacts/"+k.Acme.Cy.String()).Body
	require.Equal(t, `{"data":[`+one[len(`{"data":`):len(one)-1]+`],"meta":`+metaOf(3, "3", 3, 1, "3", 3)+`}`, a.Body)
}

func TestList_Pages(t *testing.T) {
	t.Parallel()
	k := peopled(t)
	for query, want := range map[string]struct {
		items       int
		first, meta string
	}{
		"":                   {10, "Ada", metaOf(1, "1", 3, 10, "10", 26)},
		"?page=2":            {10, "Person 07", metaOf(2, "11", 3, 10, "20", 26)},
		"?page=3":            {6, "Person 17", metaOf(3, "21", 3, 10, "26", 26)},
		"?page=4":            {0, "", metaOf(4, "null", 3, 10, "null", 26)},
		"?page=2147483647":   {0, "", metaOf(2147483647, "null", 3, 10, "null", 26)},
		"?limit=100":         {26, "Ada", metaOf(1, "1", 1, 100, "26", 26)},
		"?limit=26":          {26, "Ada", metaOf(1, "1", 1, 26, "26", 26)},
		"?limit=25&page=2":   {1, "Person 22", metaOf(2, "26", 2, 25, "26", 26)},
		"?page=&limit=":      {10, "Ada", metaOf(1, "1", 3, 10, "10", 26)},
		"?first_name=nobody": {0, "", metaOf(1, "null", 1, 10, "null", 0)},
		"?unknown=parameter": {10, "Ada", metaOf(1, "1", 3, 10, "10", 26)},
	} {
		first, meta := names(t, k.get(t, "/contacts"+query))

		require.Len(t, first, want.items, query)
		if want.items > 0 {
			require.Equal(t, want.first, first[0], query)
		}
		require.Equal(t, want.meta, meta, query)
	}
	require.Equal(t, `{"data":[],"meta":`+metaOf(1, "null", 1, 10, "null", 0)+`}`, k.get(t, "/contacts?first_name=nobody").Body)
}

func TestList_Filters(t *testing.T) {
	t.Parallel()
	k := setup(t)
	require.Equal(t, 200, k.post(t, k.ada(), `{"phone_1":"+31 20 1","phone_2":"+31 6 2"}`).Status)
	for query, want := range map[string][]string{
		"?first_name=a":                        {"Ada"},
		"?first_name=ADA":                      {"Ada"},
		"?first_name=da":                       nil, // a prefix
		"?last_name=love":                      {"Ada"},
		"?last_name=l&first_name=b":            nil,
		"?email=ada@EXAMPLE.com":               {"Ada"},
		"?email=ada":                           nil, // the whole address
		"?email=ada@example":                   nil,
		"?phone=%2B31%2020":                    {"Ada"},
		"?phone=%2B31%206":                     {"Ada"},
		"?phone=31":                            nil,
		"?status=active":                       {"Ada", "Bob", "Cy"},
		"?status=inactive":                     nil,
		"?status=Active":                       nil,
		"?first_name=%25":                      nil, // no pattern of any store
		"?first_name=_":                        nil,
		"?first_name=.*":                       nil,
		"?first_name=%27%20OR%20%271%27=%271":  nil,
		"?first_name=&last_name=&email=&phone": {"Ada", "Bob", "Cy"},
	} {
		got, _ := names(t, k.get(t, "/contacts"+query))

		require.Equal(t, want, got, query)
	}
}

func TestList_OfOneCompany(t *testing.T) {
	t.Parallel()
	k := setup(t)
	for id, want := range map[company.ID][]string{k.Acme.Example.ID(): {"Ada", "Bob"}, k.Acme.Second.ID(): {"Ada", "Cy"}} {
		got, meta := names(t, k.get(t, "/companies/"+id.String()+"/contacts"))

		require.Equal(t, want, got)
		require.Equal(t, metaOf(1, "1", 1, 10, "2", 2), meta)
	}
	got, meta := names(t, k.get(t, "/companies/"+k.Acme.Second.ID().String()+"/contacts?last_name=two&limit=1"))
	require.Equal(t, []string{"Cy"}, got)
	require.Equal(t, metaOf(1, "1", 1, 1, "1", 1), meta)
}

func TestList_OfACompanyThatIsNotThere(t *testing.T) {
	t.Parallel()
	k := setup(t)
	k.AddTenant(t, "other")
	var abroad *company.Company
	for range 5 {
		abroad = k.AddCompany(t, "other", company.Details{Name: "Abroad", Portal: company.Portal{Enabled: true}})
	}
	require.NotContains(t, []company.ID{k.Acme.Example.ID(), k.Acme.Second.ID()}, abroad.ID())
	for _, id := range []string{abroad.ID().String(), "999999", "0", "-1", "01", "abc", "9007199254740992", "99999999999999999999"} {
		requireError(t, k.get(t, "/companies/"+id+"/contacts"), 404, noCompany)
		requireError(t, k.get(t, "/companies/"+id+"/contacts?status=inactive"), 404, noCompany)
	}
}

func TestList_ParametersThatBreakARule(t *testing.T) {
	t.Parallel()
	k := setup(t)
	const outside = "That number is outside its range."
	for _, path := range []string{"/contacts", "/companies/" + k.Acme.Example.ID().String() + "/contacts"} {
		for query, member := range map[string]string{
			"?page=0": "page", "?page=-1": "page", "?page=1.5": "page", "?page=x": "page", "?page=%2B1": "page", "?page=01": "page",
			"?page=99999999999999999999": "page", "?limit=0": "limit", "?limit=101": "limit", "?limit=ten": "limit", "?limit=%201": "limit",
		} {
			requireError(t, k.get(t, path+query), 422, invalid(member, outside))
		}
		for _, query := range []string{"?page=1&page=2", "?first_name=a&first_name=b", "?email=%zz", "?phone=%ff", "?last_name=%00"} {
			requireError(t, k.get(t, path+query), 400, malformed)
		}
	}
}

func TestList_NeedsTheRightToRead(t *testing.T) {
	t.Parallel()
	k := setup(t)
	writer := k.APIToken(t, harness.Code, actor.ContactsWrite)
	for _, path := range []string{"/contacts", "/companies/" + k.Acme.Example.ID().String() + "/contacts", "/companies/999999/contacts"} {
		requireError(t, k.Do(t, harness.Ask{Path: root + path, Token: writer}), 403, forbidden)
	}
}
