package harness

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/ledger"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/scope"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Of the seeded tenant. Origin is in its CORS origins.
const (
	Code     = "acme"
	Password = "correct horse battery staple" // Ada's
	Origin   = "https://portal.acme.example"
	AdaMail  = "Ada@example.com"
	BobMail  = "bob@example.com"
	CyMail   = "cy@second.example"
)

// Acme is the seeded tenant: it offers configurator and finance. Ada, with
// Password, belongs to Example (primary) and Second; Bob to Example, with a
// login but no password; Cy to Second, without a login. Example has documents:
// three open orders, one pending estimate, two unpaid invoices of 1234.56.
type Acme struct {
	ID      tenant.ID
	Example *company.Company
	Second  *company.Company
	Ada     contact.ID
	Bob     contact.ID
	Cy      contact.ID
	AdaUser user.ID
	BobUser user.ID
}

// Operator may do everything.
func Operator() actor.Actor { return actor.TheOperator("") }

// Caller is the operator about the seeded tenant.
func Caller() directory.Caller { return directory.Caller{Actor: Operator(), Tenant: Code} }

func (w *World) seed(t testing.TB) Acme {
	t.Helper()
	tn := w.AddTenant(t, Code, Origin)
	a := Acme{ID: tn.ID()}
	lat, long := 52.3676, 4.9041
	a.Example = w.AddCompany(t, Code, company.Details{
		Name: "Example Ltd", Email: fake.Address(t, "office@example.com"), Phone: "+31 20 123 4567",
		Billing: &company.Address{
			ID: "B-1", City: "Amsterdam", Country: "NL", HouseNumber: "1", PostalCode: "1012 AB", Street: "Dam",
			Latitude: &lat, Longitude: &long,
		},
		Portal: company.Portal{DisplayName: "Example portal", Enabled: true},
	})
	a.Second = w.AddCompany(t, Code, company.Details{Name: "Second BV", Portal: company.Portal{Enabled: true}})
	at := func(c *company.Company, primary bool) contact.Membership {
		return contact.Membership{Company: c.ID(), Primary: primary}
	}
	a.Ada = w.AddContact(t, Code, "Ada", "Lovelace", AdaMail, at(a.Example, true), at(a.Second, false))
	a.Bob = w.AddContact(t, Code, "Bob", "", BobMail, at(a.Example, true))
	a.Cy = w.AddContact(t, Code, "Cy", "Twombly", CyMail, at(a.Second, true))
	a.AdaUser = w.SetPassword(t, Code, a.Ada, Password)
	require.NoError(t, w.Store.Users.Add(t.Context(), user.New(tn.ID(), user.IDFromBytes(fake.UUID()), a.Bob, w.Time.Now())))
	bob, err := w.Store.Users.ByContact(t.Context(), tn.ID(), a.Bob)
	require.NoError(t, err)
	a.BobUser = bob.User.ID()
	w.seedDocuments(t, a.Example.ID())
	return a
}

func (w *World) seedDocuments(t testing.TB, c company.ID) {
	t.Helper()
	for _, d := range []ledger.DocumentInput{
		{Kind: "order", Ref: "O-1", Status: "open", Total: "10.00", Outstanding: "0.00"},
		{Kind: "order", Ref: "O-2", Status: "open", Total: "10.00", Outstanding: "0.00"},
		{Kind: "order", Ref: "O-3", Status: "open", Total: "10.00", Outstanding: "0.00"},
		{Kind: "order", Ref: "O-4", Status: "closed", Total: "10.00", Outstanding: "0.00"},
		{Kind: "estimate", Ref: "E-1", Status: "pending", Total: "99.00", Outstanding: "0.00"},
		{Kind: "invoice", Ref: "I-1", Status: "sent", Total: "1000.01", Outstanding: "1000.01"},
		{Kind: "invoice", Ref: "I-2", Status: "overdue", Total: "300.00", Outstanding: "234.55"},
		{Kind: "invoice", Ref: "I-3", Status: "void", Total: "5.00", Outstanding: "5.00"},
	} {
		d.Company, d.Currency = c, "EUR"
		_, err := w.Ledger.Put(t.Context(), ledger.PutInput{Caller: ledger.Caller{Actor: Operator(), Tenant: Code}, Document: d})
		require.NoError(t, err)
	}
}

// AddTenant makes a tenant that offers configurator and finance.
func (w *World) AddTenant(t testing.TB, code tenant.Code, origins ...string) *tenant.Tenant {
	t.Helper()
	tn, err := w.Tenancy.Create(t.Context(), tenancy.CreateInput{Actor: Operator(), Code: code, Details: tenant.Details{
		Name: "Tenant " + string(code), Currency: fake.Currency(t, "EUR"), Settings: tenant.Settings{Origins: origins},
		Scopes: scope.Map{scope.Configurator: true, scope.Finance: true},
	}})
	require.NoError(t, err)
	return tn
}

// ChangeTenant changes a tenant as the operator would.
func (w *World) ChangeTenant(t testing.TB, id tenant.ID, change func(*tenant.Details)) {
	t.Helper()
	require.NoError(t, w.Store.Tenants.Update(t.Context(), id, func(tn *tenant.Tenant) error {
		d := tn.Details()
		change(&d)
		return tn.Change(d, w.Time.Now())
	}))
}

// AddCompany makes a company.
func (w *World) AddCompany(t testing.TB, code tenant.Code, d company.Details) *company.Company {
	t.Helper()
	c, err := w.Companies.Create(t.Context(), directory.CreateCompanyInput{
		Caller: directory.Caller{Actor: Operator(), Tenant: code}, Details: d,
	})
	require.NoError(t, err)
	return c
}

// AddContact makes a contact; an empty mail is none.
func (w *World) AddContact(t testing.TB, code tenant.Code, first, last, mail string, at ...contact.Membership) contact.ID {
	t.Helper()
	var to email.Address
	if mail != "" {
		to = fake.Address(t, mail)
	}
	v, err := w.Contacts.Create(t.Context(), directory.CreateContactInput{
		Caller:  directory.Caller{Actor: Operator(), Tenant: code},
		Details: contact.Details{FirstName: first, LastName: last, Email: to, Companies: at},
	})
	require.NoError(t, err)
	return v.Contact.ID()
}

// SetPassword sets a contact's password and returns whose login that is.
func (w *World) SetPassword(t testing.TB, code tenant.Code, c contact.ID, password string) user.ID {
	t.Helper()
	target := credential.Target{Actor: Operator(), Needs: actor.UsersWrite, Tenant: code, Contact: c}
	require.NoError(t, w.Logins.Set(t.Context(), credential.SetInput{Target: target, Password: secret.New(password)}))
	u, err := w.Logins.User(t.Context(), target)
	require.NoError(t, err)
	return u.ID()
}

// APIToken makes an API token of a tenant, "" for the operator.
func (w *World) APIToken(t testing.TB, code tenant.Code, ps ...actor.Permission) string {
	t.Helper()
	_, shown, err := w.APITokens.Create(t.Context(), operation.CreateTokenInput{
		Caller: operation.Caller{Actor: Operator(), Tenant: code}, Name: "test", Permissions: ps,
		Expires: w.Time.Now().Add(365 * 24 * time.Hour),
	})
	require.NoError(t, err)
	return shown.Reveal()
}

// SignIn signs Ada in at her primary company.
func (w *World) SignIn(t testing.TB) signin.Grant {
	t.Helper()
	g, err := w.Passwords.Login(t.Context(), signin.PasswordInput{
		Hints: tenancy.Hints{Path: Code}, Email: fake.Address(t, AdaMail), Password: secret.New(Password), Origin: "harness",
	})
	require.NoError(t, err)
	return g
}

// AddBlob stores bytes of the seeded tenant as a picture.
func (w *World) AddBlob(t testing.TB, content string) avatar.BlobID {
	t.Helper()
	b := avatar.Blob{ID: avatar.BlobIDFromBytes(fake.UUID()), Media: "image/png", Bytes: []byte(content)}
	require.NoError(t, w.Store.Blobs.Put(t.Context(), w.Acme.ID, b))
	return b.ID
}

// Depict gives pictures of 4 by 3 pixels to Ada and to Example.
func (w *World) Depict(t testing.TB, ada, example avatar.BlobID) {
	t.Helper()
	picture := func(id avatar.BlobID) avatar.Avatar {
		return avatar.Avatar{Blob: id, Thumbnail: id, Width: 4, Height: 3}
	}
	require.NoError(t, w.Store.Contacts.Update(t.Context(), w.Acme.ID, w.Acme.Ada, func(c *contact.Contact) error {
		c.Picture(picture(ada), w.Time.Now())
		return nil
	}))
	require.NoError(t, w.Store.Companies.Update(t.Context(), w.Acme.ID, w.Acme.Example.ID(), func(c *company.Company) error {
		c.Picture(picture(example), w.Time.Now())
		return nil
	}))
}

// Bearer is a token that comes without any hint about its tenant.
func (*World) Bearer(token secret.Text) access.Bearer { return access.Bearer{Token: token} }

// Visit proves an access token.
func (w *World) Visit(t testing.TB, token string) access.Visitor {
	t.Helper()
	v, err := w.Guard.Visitor(t.Context(), w.Bearer(secret.New(token)))
	require.NoError(t, err)
	return v
}

// Refresh trades a refresh token for a new grant.
func (w *World) Refresh(t testing.TB, token string) signin.Grant {
	t.Helper()
	g, err := w.Sessions.Refresh(t.Context(), signin.RefreshInput{Token: secret.New(token)})
	require.NoError(t, err)
	return g
}

// Actions lists what is on record for the seeded tenant, newest first.
func (w *World) Actions(t testing.TB) (actions []string) {
	t.Helper()
	records, err := w.Store.Audit.List(t.Context(), w.Acme.ID, port.AuditQuery{Limit: 500})
	require.NoError(t, err)
	for _, r := range records {
		actions = append(actions, r.Action)
	}
	return actions
}
