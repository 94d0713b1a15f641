package directory_test

import (
	"context"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/directory"
	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

var operator = actor.TheOperator("")

// kit is a directory over an empty store with the tenants acme and other.
type kit struct {
	companies  *directory.Companies
	contacts   *directory.Contacts
	tags       *directory.Tags
	avatars    *directory.Avatars
	importer   *directory.Importer
	importerOn func(port.Contacts) *directory.Importer

	store struct {
		port.Companies
		contacts port.Contacts
		users    port.Users
		blobs    port.Blobs
		ledger   *ledger
	}
	clock *fake.Clock
	trail *fake.Trail
	image *imager
	acme  *tenant.Tenant
	other *tenant.Tenant
}

// ledger lets a test act between the question about documents and the change.
type ledger struct {
	port.Ledger
	asked func()
}

func (l *ledger) Figures(ctx context.Context, t tenant.ID, c company.ID) (figures, error) {
	f, err := l.Ledger.Figures(ctx, t, c)
	if l.asked != nil {
		l.asked()
	}
	return f, err
}

// imager hands back what it is given.
type imager struct{ err error }

func (i *imager) Prepare(_ context.Context, raw []byte) (port.Picture, error) {
	return port.Picture{Media: "image/png", Full: raw, ThumbnailMedia: "image/png", Thumbnail: raw, Width: 3, Height: 2}, i.err
}

func setup(t *testing.T) *kit {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	k := &kit{clock: &fake.Clock{}, trail: &fake.Trail{}, image: &imager{}, acme: fake.Tenant(t, "acme"), other: fake.Tenant(t, "other")}
	tenants, tags := sqlite.NewTenants(db), sqlite.NewTags(db)
	k.store.Companies, k.store.contacts, k.store.users = sqlite.NewCompanies(db), sqlite.NewContacts(db), sqlite.NewUsers(db)
	k.store.blobs, k.store.ledger = sqlite.NewBlobs(db), &ledger{Ledger: sqlite.NewLedger(db)}
	require.NoError(t, tenants.Add(t.Context(), k.acme))
	require.NoError(t, tenants.Add(t.Context(), k.other))
	office := directory.Office{Tenants: tenants, Numbers: sqlite.NewNumbers(db), Clock: k.clock, Random: fake.Random{}, Trail: k.trail}
	k.companies = directory.NewCompanies(office, k.store.Companies, k.store.ledger, k.store.blobs)
	k.contacts = directory.NewContacts(office, k.store.contacts, k.store.Companies, tags, k.store.users, k.store.blobs)
	k.tags = directory.NewTags(office, tags)
	k.avatars = directory.NewAvatars(office, k.store.Companies, k.store.contacts, k.store.blobs, k.image)
	k.importer = directory.NewImporter(k.contacts, acceptHash)
	k.importerOn = func(c port.Contacts) *directory.Importer {
		return directory.NewImporter(directory.NewContacts(office, c, k.store.Companies, tags, k.store.users, k.store.blobs), acceptHash)
	}
	return k
}

// as is a credential of acme with the given permissions.
func (k *kit) as(ps ...actor.Permission) directory.Caller {
	return directory.Caller{Actor: actor.Actor{Kind: actor.Token, ID: "t", Tenant: k.acme.ID(), Permissions: ps}, Tenant: "acme"}
}

// admin holds the role admin in acme.
func (k *kit) admin() directory.Caller {
	return directory.Caller{
		Actor:  actor.Actor{Kind: actor.User, ID: "a", Tenant: k.acme.ID(), Permissions: actor.TenantPermissions(), Admin: true},
		Tenant: "acme",
	}
}

var root = directory.Caller{Actor: operator, Tenant: "acme"}

func (k *kit) company(t *testing.T, name string) *company.Company {
	t.Helper()
	c, err := k.companies.Create(t.Context(), directory.CreateCompanyInput{
		Caller: root, Details: company.Details{Name: name}, DefaultPortal: true,
	})
	require.NoError(t, err)
	return c
}

func (k *kit) contact(t *testing.T, mail string, at ...*company.Company) *contact.Contact {
	t.Helper()
	d := contact.Details{FirstName: "Ada"}
	if mail != "" {
		d.Email = fake.Address(t, mail)
	}
	for _, c := range at {
		d.Companies = append(d.Companies, contact.Membership{Company: c.ID()})
	}
	v, err := k.contacts.Create(t.Context(), directory.CreateContactInput{Caller: root, Details: d})
	require.NoError(t, err)
	return v.Contact
}

// login gives the contact a user with the given roles.
func (k *kit) login(t *testing.T, c *contact.Contact, roles ...user.Role) *user.User {
	t.Helper()
	u := fake.UserWith(c, "a good password")
	u.SetRoles(roles, fake.Start)
	require.NoError(t, k.store.users.Add(t.Context(), u))
	return u
}

// bytesOf returns what is stored of a picture.
func (k *kit) bytesOf(t *testing.T, a avatar.Avatar) (full, thumbnail []byte) {
	t.Helper()
	b, _, err := k.store.blobs.Get(t.Context(), k.acme.ID(), a.Blob)
	require.NoError(t, err)
	th, _, err := k.store.blobs.Get(t.Context(), k.acme.ID(), a.Thumbnail)
	require.NoError(t, err)
	return b.Bytes, th.Bytes
}
