package directory_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/directory"
	"ostiary/app/port"
	"ostiary/domain/company"
	domain "ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/test/fake"
)

type figures = domain.Figures

func (k *kit) document(t *testing.T, c *company.Company) {
	t.Helper()
	_, err := k.store.ledger.Put(t.Context(), domain.Document{
		Tenant: k.acme.ID(), Company: c.ID(), Kind: domain.Order, Ref: "1", Status: "open",
		Currency: money.RestoreCurrency("EUR"), Updated: fake.Start,
	})
	require.NoError(t, err)
}

func inCurrency(code string) func(company.Details) (company.Details, error) {
	return func(d company.Details) (company.Details, error) {
		d.Currency = money.RestoreCurrency(code)
		return d, nil
	}
}

func TestCreateCompany_MakesAPortalAndKeepsTheCurrency(t *testing.T) {
	t.Parallel()
	k := setup(t)

	c := k.company(t, "Globex")

	require.Equal(t, "Globex", c.Portal().DisplayName)
	require.True(t, c.Portal().Enabled)
	require.False(t, c.Portal().ID.IsZero())
	require.Equal(t, "EUR", c.Details().Currency.String())
	require.Equal(t, []string{"company.created"}, k.trail.Actions())
	require.Equal(t, "company:"+c.ID().String(), k.trail.Events()[0].Target)
}

func TestCreateCompany_LeavesADescribedPortalClosed(t *testing.T) {
	t.Parallel()
	k := setup(t)

	c, err := k.companies.Create(t.Context(), directory.CreateCompanyInput{Caller: root, Details: company.Details{
		Name: "Globex", Portal: company.Portal{DisplayName: "Globex customers"},
	}})

	require.NoError(t, err)
	require.Equal(t, "Globex customers", c.Portal().DisplayName)
	require.False(t, c.Portal().Enabled)
}

func TestUpdateCompany_NamesWhatChanged(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.company(t, "Globex")

	out, err := k.companies.Update(t.Context(), directory.UpdateCompanyInput{Caller: root, ID: c.ID(), IfMatch: 1, Edit: func(d company.Details) (company.Details, error) {
		d.Phone, d.Scopes = "1", scope.Map{"my-section": false, scope.Configurator: true, scope.Finance: false, scope.Support: true}
		return d, nil
	}})

	require.NoError(t, err)
	stored, err := k.store.ByID(t.Context(), k.acme.ID(), c.ID())
	require.NoError(t, err)
	require.Equal(t, out.Snapshot(), stored.Snapshot())
	require.Equal(t, int64(2), stored.Version())
	require.Equal(t, c.Portal().ID, stored.Portal().ID)
	require.Equal(t, map[string]string{"changed": "phone,scopes"}, k.trail.Events()[1].Details)
	_, err = k.companies.Update(t.Context(), directory.UpdateCompanyInput{Caller: root, ID: c.ID(), IfMatch: 1, Edit: same[company.Details]})
	require.ErrorIs(t, err, port.ErrVersion)
}

func TestUpdateCompany_CurrencyIsFreeOnlyWithoutDocuments(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.company(t, "Globex")

	out, err := k.companies.Update(t.Context(), directory.UpdateCompanyInput{Caller: root, ID: c.ID(), Edit: inCurrency("USD")})
	require.NoError(t, err)
	require.Equal(t, "USD", out.Details().Currency.String())
	k.document(t, c)
	_, err = k.companies.Update(t.Context(), directory.UpdateCompanyInput{Caller: root, ID: c.ID(), Edit: inCurrency("EUR")})

	require.ErrorIs(t, err, company.ErrCurrency)
	_, err = k.companies.Update(t.Context(), directory.UpdateCompanyInput{Caller: root, ID: c.ID(), Edit: inCurrency("USD")})
	require.NoError(t, err, "the same currency is no change")
}

func TestUpdateCompany_TakesTheCurrencyBackFromALateDocument(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.company(t, "Globex")
	k.store.ledger.asked = func() {
		k.store.ledger.asked = nil
		k.document(t, c)
	}

	_, err := k.companies.Update(t.Context(), directory.UpdateCompanyInput{Caller: root, ID: c.ID(), Edit: inCurrency("USD")})

	require.ErrorIs(t, err, company.ErrCurrency)
	stored, err := k.store.ByID(t.Context(), k.acme.ID(), c.ID())
	require.NoError(t, err)
	require.Equal(t, "EUR", stored.Details().Currency.String())
}

func TestDeleteCompany_WaitsForItsContacts(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.company(t, "Globex")
	who := k.contact(t, "", c)
	pictured, err := k.avatars.PutCompany(t.Context(), directory.CompanyAvatarInput{Caller: root, ID: c.ID(), Raw: []byte("png")})
	require.NoError(t, err)

	in := directory.DeleteCompanyInput{Caller: root, ID: c.ID()}
	require.ErrorIs(t, k.companies.Delete(t.Context(), in), company.ErrInUse)
	require.NoError(t, k.contacts.Delete(t.Context(), directory.DeleteContactInput{Caller: root, ID: who.ID()}))
	require.NoError(t, k.companies.Delete(t.Context(), in))

	full, thumbnail := k.bytesOf(t, pictured.Avatar())
	require.Empty(t, full)
	require.Empty(t, thumbnail)
	require.ErrorIs(t, k.companies.Delete(t.Context(), in), company.ErrNotFound)
}

func TestListCompanies_SaysWhetherItGoesOn(t *testing.T) {
	t.Parallel()
	k := setup(t)
	for _, name := range []string{"A", "B", "C"} {
		k.company(t, name)
	}

	first, more, err := k.companies.List(t.Context(), directory.ListCompaniesInput{Caller: root, Limit: 2})
	require.NoError(t, err)
	require.True(t, more)
	require.Len(t, first, 2)
	rest, more, err := k.companies.List(t.Context(), directory.ListCompaniesInput{Caller: root, After: first[1].ID(), Limit: 2})

	require.NoError(t, err)
	require.False(t, more)
	require.Len(t, rest, 1)
	require.Equal(t, "C", rest[0].Name())
}
