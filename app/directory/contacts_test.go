package directory_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/directory"
	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

func moveTo(a email.Address) func(contact.Details) (contact.Details, error) {
	return func(d contact.Details) (contact.Details, error) {
		d.Email = a
		return d, nil
	}
}

func TestCreateContact_ResolvesWhatItRefersTo(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a, b := k.company(t, "A"), k.company(t, "B")
	tag, err := k.tags.Create(t.Context(), directory.CreateTagInput{Caller: root, Details: contact.TagDetails{Name: "VIP"}})
	require.NoError(t, err)

	v, err := k.contacts.Create(t.Context(), directory.CreateContactInput{Caller: root, Details: contact.Details{
		FirstName: "Ada", Tags: []contact.TagID{tag.ID()},
		Companies: []contact.Membership{{Company: b.ID()}, {Company: a.ID(), Primary: true}},
	}})

	require.NoError(t, err)
	require.Equal(t, a.ID(), v.Contact.Primary().Company)
	require.Equal(t, []string{"A", "B"}, []string{v.Companies[0].Name(), v.Companies[1].Name()})
	require.Equal(t, "VIP", v.Tags[0].Details().Name)
	again, err := k.contacts.Get(t.Context(), directory.GetContactInput{Caller: root, ID: v.Contact.ID()})
	require.NoError(t, err)
	require.Equal(t, v.Contact.Snapshot(), again.Contact.Snapshot())
}

func TestCreateContact_RefusesWhatDoesNotExistAsAValue(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.company(t, "A")
	tag, err := contact.TagIDOf(99)
	require.NoError(t, err)
	for pointer, d := range map[string]contact.Details{
		"/companies": {FirstName: "Ada", Companies: []contact.Membership{{Company: fake.CompanyID(t, 99)}}},
		"/tags":      {FirstName: "Ada", Companies: []contact.Membership{{Company: c.ID()}}, Tags: []contact.TagID{tag}},
	} {
		_, err := k.contacts.Create(t.Context(), directory.CreateContactInput{Caller: root, Details: d})

		require.Equal(t, fault.Invalid, fault.KindOf(err), pointer)
		require.Equal(t, pointer, fault.Of(err).Fields()[0].Pointer)
	}
}

func TestCreateContact_RefusesATakenAddress(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.company(t, "A")
	k.contact(t, "ada@example.com", c)

	_, err := k.contacts.Create(t.Context(), directory.CreateContactInput{Caller: root, Details: contact.Details{
		FirstName: "Ada", Email: fake.Address(t, "ADA@Example.com"), Companies: []contact.Membership{{Company: c.ID()}},
	}})

	require.ErrorIs(t, err, contact.ErrEmailTaken)
}

func TestUpdateContact_ANewAddressMovesTheLoginAndEndsItsSessions(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.contact(t, "old@example.com", k.company(t, "A"))
	u := k.login(t, c)

	v, err := k.contacts.Update(t.Context(), directory.UpdateContactInput{Caller: k.as(actor.ContactsWrite), ID: c.ID(), Edit: moveTo(fake.Address(t, "new@example.com"))})

	require.NoError(t, err)
	require.True(t, v.Contact.HasLogin())
	p, err := k.store.users.ByEmail(t.Context(), k.acme.ID(), "new@example.com")
	require.NoError(t, err)
	require.Equal(t, u.ID(), p.User.ID())
	require.Greater(t, p.User.Epoch(), u.Epoch())
	_, err = k.store.users.ByEmail(t.Context(), k.acme.ID(), "old@example.com")
	require.ErrorIs(t, err, user.ErrNotFound)
	require.Contains(t, k.trail.Actions(), "user.moved")
	for _, e := range k.trail.Events() {
		require.NotContains(t, fmt.Sprintf("%+v", e), "example.com")
	}
}

func TestUpdateContact_OtherMembersLeaveSessionsAlone(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.contact(t, "ada@example.com", k.company(t, "A"))
	u := k.login(t, c, user.Admin)

	_, err := k.contacts.Update(t.Context(), directory.UpdateContactInput{Caller: k.as(actor.ContactsWrite), ID: c.ID(), Edit: func(d contact.Details) (contact.Details, error) {
		d.LastName = "Lovelace"
		return d, nil
	}})

	require.NoError(t, err)
	p, err := k.store.users.ByID(t.Context(), k.acme.ID(), u.ID())
	require.NoError(t, err)
	require.Equal(t, u.Epoch(), p.User.Epoch())
}

func TestContacts_RoleHoldersAreForThoseWhoHandleRoles(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		caller  func(k *kit) directory.Caller
		allowed bool
	}{
		"a token":        {func(k *kit) directory.Caller { return k.as(actor.TenantPermissions()...) }, false},
		"a tenant admin": {(*kit).admin, true},
		"the operator":   {func(*kit) directory.Caller { return root }, true},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := setup(t)
			holder := k.contact(t, "boss@example.com", k.company(t, "A"))
			u := k.login(t, holder, user.Admin)

			_, moved := k.contacts.Update(t.Context(), directory.UpdateContactInput{
				Caller: c.caller(k), ID: holder.ID(), Edit: moveTo(fake.Address(t, "mallory@example.com")),
			})
			p, err := k.store.users.ByID(t.Context(), k.acme.ID(), u.ID())
			require.NoError(t, err)
			deleted := k.contacts.Delete(t.Context(), directory.DeleteContactInput{Caller: c.caller(k), ID: holder.ID()})

			if c.allowed {
				require.NoError(t, moved)
				require.NoError(t, deleted)
				return
			}
			require.ErrorIs(t, moved, user.ErrRoleHolder)
			require.ErrorIs(t, deleted, user.ErrRoleHolder)
			require.Equal(t, "boss@example.com", p.User.Email().String())
			require.Equal(t, u.Epoch(), p.User.Epoch())
		})
	}
}

func TestUpdateContact_KeepsTheAddressOfALogin(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.contact(t, "ada@example.com", k.company(t, "A"))
	k.login(t, c)

	_, err := k.contacts.Update(t.Context(), directory.UpdateContactInput{Caller: root, ID: c.ID(), Edit: moveTo(email.Address{})})

	require.ErrorIs(t, err, contact.ErrNeedsEmail)
}

func TestUpdateContact_HonoursTheKnownVersion(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.contact(t, "", k.company(t, "A"))

	_, err := k.contacts.Update(t.Context(), directory.UpdateContactInput{Caller: root, ID: c.ID(), IfMatch: 7, Edit: same[contact.Details]})
	require.ErrorIs(t, err, port.ErrVersion)
	require.ErrorIs(t, k.contacts.Delete(t.Context(), directory.DeleteContactInput{Caller: root, ID: c.ID(), IfMatch: 7}), port.ErrVersion)
	require.NoError(t, k.contacts.Delete(t.Context(), directory.DeleteContactInput{Caller: root, ID: c.ID(), IfMatch: 1}))
}

func TestPage_CountsAndResolves(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a, b := k.company(t, "A"), k.company(t, "B")
	for i := range 5 {
		k.contact(t, fmt.Sprintf("c%d@example.com", i), a)
	}
	k.contact(t, "b@example.com", b)

	page, err := k.contacts.Page(t.Context(), directory.PageInput{Caller: root, Query: directory.ContactQuery{Company: a.ID()}, Number: 2, Size: 2})
	require.NoError(t, err)
	require.Equal(t, 5, page.Total)
	require.Len(t, page.Views, 2)
	require.Equal(t, "c2@example.com", page.Views[0].Contact.Email().String())
	require.Equal(t, "A", page.Views[0].Companies[0].Name())
	far, err := k.contacts.Page(t.Context(), directory.PageInput{Caller: root, Number: 1 << 62, Size: 100})
	require.NoError(t, err)
	require.Empty(t, far.Views)
	require.Equal(t, 6, far.Total)
	_, err = k.contacts.Page(t.Context(), directory.PageInput{Caller: root, Query: directory.ContactQuery{Company: fake.CompanyID(t, 99)}, Number: 1, Size: 2})
	require.ErrorIs(t, err, company.ErrNotFound)
}

func TestTags_ComeOffTheirContacts(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.company(t, "A")
	tag, err := k.tags.Create(t.Context(), directory.CreateTagInput{Caller: root, Details: contact.TagDetails{Name: "VIP"}})
	require.NoError(t, err)
	v, err := k.contacts.Create(t.Context(), directory.CreateContactInput{Caller: root, Details: contact.Details{
		FirstName: "Ada", Companies: []contact.Membership{{Company: c.ID()}}, Tags: []contact.TagID{tag.ID()},
	}})
	require.NoError(t, err)

	renamed, err := k.tags.Update(t.Context(), directory.UpdateTagInput{Caller: root, ID: tag.ID(), IfMatch: 1, Edit: func(d contact.TagDetails) (contact.TagDetails, error) {
		d.Name = "Friend"
		return d, nil
	}})
	require.NoError(t, err)
	require.Equal(t, "Friend", renamed.Details().Name)
	require.ErrorIs(t, k.tags.Delete(t.Context(), directory.DeleteTagInput{Caller: root, ID: tag.ID(), IfMatch: 1}), port.ErrVersion)
	require.NoError(t, k.tags.Delete(t.Context(), directory.DeleteTagInput{Caller: root, ID: tag.ID(), IfMatch: 2}))
	v, err = k.contacts.Get(t.Context(), directory.GetContactInput{Caller: root, ID: v.Contact.ID()})

	require.NoError(t, err)
	require.Empty(t, v.Tags)
	require.Empty(t, v.Contact.Details().Tags)
}

func TestAvatars_ReplaceAndLeaveNothingBehind(t *testing.T) {
	t.Parallel()
	k := setup(t)
	c := k.contact(t, "", k.company(t, "A"))
	put := func(raw string, version int64) (*contact.Contact, error) {
		return k.avatars.PutContact(t.Context(), directory.ContactAvatarInput{Caller: root, ID: c.ID(), IfMatch: version, Raw: []byte(raw)})
	}

	first, err := put("one", 1)
	require.NoError(t, err)
	second, err := put("two", 2)
	require.NoError(t, err)
	_, stale := put("three", 2)
	k.image.err = port.ErrImage
	_, refused := put("no picture", 0)

	require.ErrorIs(t, stale, port.ErrVersion)
	require.ErrorIs(t, refused, port.ErrImage)
	full, thumbnail := k.bytesOf(t, first.Avatar())
	require.Empty(t, full)
	require.Empty(t, thumbnail)
	full, thumbnail = k.bytesOf(t, second.Avatar())
	require.Equal(t, "two", string(full))
	require.Equal(t, "two", string(thumbnail))
	require.Equal(t, 3, second.Avatar().Width)
}
