package directory_test

import (
	"context"
	"io"
	"maps"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/directory"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

// same edits nothing.
func same[D any](d D) (D, error) { return d, nil }

// right is a use case with the permission it needs.
type right struct {
	needs actor.Permission
	call  func(ctx context.Context, k *kit, c directory.Caller) error
}

func companyRights(t *testing.T) map[string]right {
	t.Helper()
	one := fake.CompanyID(t, 1)
	return map[string]right{
		"Companies.Create": {actor.CompaniesWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.companies.Create(ctx, directory.CreateCompanyInput{Caller: c, Details: company.Details{Name: "New"}, DefaultPortal: true})
			return err
		}},
		"Companies.Get": {actor.CompaniesRead, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.companies.Get(ctx, directory.GetCompanyInput{Caller: c, ID: one})
			return err
		}},
		"Companies.List": {actor.CompaniesRead, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, _, err := k.companies.List(ctx, directory.ListCompaniesInput{Caller: c, Limit: 5})
			return err
		}},
		"Companies.Update": {actor.CompaniesWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.companies.Update(ctx, directory.UpdateCompanyInput{Caller: c, ID: one, Edit: same[company.Details]})
			return err
		}},
		"Companies.Delete": {actor.CompaniesWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			return k.companies.Delete(ctx, directory.DeleteCompanyInput{Caller: c, ID: fake.CompanyID(t, 2)})
		}},
	}
}

func contactRights(t *testing.T) map[string]right {
	t.Helper()
	one := fake.CompanyID(t, 1)
	who := fake.ContactID(t, 1)
	return map[string]right{
		"Contacts.Create": {actor.ContactsWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.contacts.Create(ctx, directory.CreateContactInput{Caller: c, Details: contact.Details{
				FirstName: "New", Companies: []contact.Membership{{Company: one}},
			}})
			return err
		}},
		"Contacts.Get": {actor.ContactsRead, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.contacts.Get(ctx, directory.GetContactInput{Caller: c, ID: who})
			return err
		}},
		"Contacts.List": {actor.ContactsRead, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, _, err := k.contacts.List(ctx, directory.ListContactsInput{Caller: c, Limit: 5})
			return err
		}},
		"Contacts.Page": {actor.ContactsRead, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.contacts.Page(ctx, directory.PageInput{Caller: c, Number: 1, Size: 5})
			return err
		}},
		"Contacts.Update": {actor.ContactsWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.contacts.Update(ctx, directory.UpdateContactInput{Caller: c, ID: who, Edit: same[contact.Details]})
			return err
		}},
		"Contacts.Delete": {actor.ContactsWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			return k.contacts.Delete(ctx, directory.DeleteContactInput{Caller: c, ID: who})
		}},
	}
}

func otherRights(t *testing.T) map[string]right {
	t.Helper()
	one := fake.CompanyID(t, 1)
	who := fake.ContactID(t, 1)
	tag, err := contact.TagIDOf(1)
	require.NoError(t, err)
	return map[string]right{
		"Tags.Create": {actor.ContactsWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.tags.Create(ctx, directory.CreateTagInput{Caller: c, Details: contact.TagDetails{Name: "New"}})
			return err
		}},
		"Tags.Get": {actor.ContactsRead, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.tags.Get(ctx, directory.GetTagInput{Caller: c, ID: tag})
			return err
		}},
		"Tags.List": {actor.ContactsRead, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, _, err := k.tags.List(ctx, directory.ListTagsInput{Caller: c, Limit: 5})
			return err
		}},
		"Tags.Update": {actor.ContactsWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.tags.Update(ctx, directory.UpdateTagInput{Caller: c, ID: tag, Edit: same[contact.TagDetails]})
			return err
		}},
		"Tags.Delete": {actor.ContactsWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			return k.tags.Delete(ctx, directory.DeleteTagInput{Caller: c, ID: tag})
		}},
		"Avatars.PutCompany": {actor.CompaniesWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.avatars.PutCompany(ctx, directory.CompanyAvatarInput{Caller: c, ID: one, Raw: []byte("png")})
			return err
		}},
		"Avatars.PutContact": {actor.ContactsWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			_, err := k.avatars.PutContact(ctx, directory.ContactAvatarInput{Caller: c, ID: who, Raw: []byte("png")})
			return err
		}},
		"Importer.Import": {actor.ContactsWrite, func(ctx context.Context, k *kit, c directory.Caller) error {
			if c.Actor.Has(actor.ContactsWrite) && !c.Actor.OfOperator() {
				c.Actor.Permissions = append(c.Actor.Permissions, actor.UsersWrite) // it needs both
			}
			_, err := k.importer.Import(ctx, directory.ImportInput{Caller: c, Next: func() (directory.ImportRow, error) { return directory.ImportRow{}, io.EOF }})
			return err
		}},
	}
}

func TestPermissions(t *testing.T) {
	t.Parallel()
	rights := companyRights(t)
	maps.Copy(rights, contactRights(t))
	maps.Copy(rights, otherRights(t))
	for name, c := range rights {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := setup(t)
			first := k.company(t, "First")
			k.company(t, "Second")
			k.contact(t, "ada@example.com", first)
			_, err := k.tags.Create(t.Context(), directory.CreateTagInput{Caller: root, Details: contact.TagDetails{Name: "VIP"}})
			require.NoError(t, err)
			recorded := len(k.trail.Events())
			var lacking []actor.Permission
			for _, p := range actor.OperatorPermissions() {
				if p != c.needs {
					lacking = append(lacking, p)
				}
			}
			foreign, unknown := k.as(actor.TenantPermissions()...), k.as(actor.TenantPermissions()...)
			foreign.Tenant, unknown.Tenant = "other", "nobody"

			require.ErrorIs(t, c.call(t.Context(), k, k.as(lacking...)), actor.ErrForbidden)
			weak := directory.Caller{Actor: actor.Actor{Kind: actor.Token, Permissions: lacking}, Tenant: "acme"}
			require.ErrorIs(t, c.call(t.Context(), k, weak), actor.ErrForbidden)
			require.ErrorIs(t, c.call(t.Context(), k, foreign), tenant.ErrNotFound)
			require.ErrorIs(t, c.call(t.Context(), k, unknown), tenant.ErrNotFound)
			require.Len(t, k.trail.Events(), recorded, "a refusal changes nothing")
			require.NoError(t, c.call(t.Context(), k, k.as(c.needs)))
		})
	}
}

func TestImport_NeedsTheRightToMakeLogins(t *testing.T) {
	t.Parallel()
	k := setup(t)

	_, err := k.importer.Import(t.Context(), directory.ImportInput{Caller: k.as(actor.ContactsWrite)})

	require.ErrorIs(t, err, actor.ErrForbidden)
}
