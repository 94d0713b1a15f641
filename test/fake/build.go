package fake

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// Tenant builds an active tenant that pays in euros and offers the three
// standard scopes.
func Tenant(t testing.TB, code string) *tenant.Tenant {
	t.Helper()
	c, err := tenant.ParseCode(code)
	require.NoError(t, err)
	out, err := tenant.New(tenant.IDFromBytes(UUID()), c, tenant.Details{
		Name: "Tenant " + code, Currency: Currency(t, "EUR"),
		Scopes: scope.Map{scope.Configurator: true, scope.Finance: true, scope.Support: true},
	}, Start)
	require.NoError(t, err)
	return out
}

// Company builds the tenant's company of that number, its portal enabled.
func Company(t testing.TB, owner tenant.ID, n int64) *company.Company {
	t.Helper()
	out, err := company.New(owner, CompanyID(t, n), company.Details{
		Name:   fmt.Sprintf("Company %d", n),
		Portal: company.Portal{ID: company.PortalIDFromBytes(UUID()), Enabled: true},
	}, Start)
	require.NoError(t, err)
	return out
}

// Contact builds the tenant's contact of that number at one company; an empty
// mail is none.
func Contact(t testing.TB, at *company.Company, n int64, mail string) *contact.Contact {
	t.Helper()
	d := contact.Details{
		FirstName: "Contact", LastName: fmt.Sprintf("Number %d", n),
		Companies: []contact.Membership{{Company: at.ID(), Primary: true}},
	}
	if mail != "" {
		d.Email = Address(t, mail)
	}
	out, err := contact.New(at.Tenant(), ContactID(t, n), d, Start)
	require.NoError(t, err)
	return out
}

// User builds an enabled login of the contact, without a password.
func User(c *contact.Contact) *user.User {
	return user.New(c.Tenant(), user.IDFromBytes(UUID()), c.ID(), Start)
}

// UserWith builds an enabled login with a password that Hasher knows.
func UserWith(c *contact.Contact, password string) *user.User {
	u := User(c)
	u.SetPassword(Hashed(password), false, Start)
	return u
}

// CompanyID wraps a number.
func CompanyID(t testing.TB, n int64) company.ID {
	t.Helper()
	out, err := company.IDOf(n)
	require.NoError(t, err)
	return out
}

// ContactID wraps a number.
func ContactID(t testing.TB, n int64) contact.ID {
	t.Helper()
	out, err := contact.IDOf(n)
	require.NoError(t, err)
	return out
}

// Address parses an e-mail address.
func Address(t testing.TB, s string) email.Address {
	t.Helper()
	out, err := email.Parse(s)
	require.NoError(t, err)
	return out
}

// Currency parses an ISO 4217 code.
func Currency(t testing.TB, code string) money.Currency {
	t.Helper()
	out, err := money.ParseCurrency(code)
	require.NoError(t, err)
	return out
}
