package credential_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/port"
	"ostiary/domain/actor"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func caller(by actor.Actor) directory.Caller { return directory.Caller{Actor: by, Tenant: "acme"} }

// eve is a new contact of company 1.
func eve(t *testing.T, s *stage.Stage, by actor.Actor, password string) credential.CreateInput {
	t.Helper()
	return credential.CreateInput{
		CreateContactInput: directory.CreateContactInput{Caller: caller(by), Details: contact.Details{
			FirstName: "Eve", Email: fake.Address(t, "eve@example.com"), Companies: []contact.Membership{{Company: s.First.ID()}},
		}},
		Password: stage.Text(password),
	}
}

// change edits Ada and sets her password.
func change(s *stage.Stage, by actor.Actor, password string, edit func(d *contact.Details)) credential.UpdateInput {
	return credential.UpdateInput{
		UpdateContactInput: directory.UpdateContactInput{Caller: caller(by), ID: s.Ada.ID(), Edit: func(d contact.Details) (contact.Details, error) {
			edit(&d)
			return d, nil
		}},
		Password: stage.Text(password),
	}
}

// people are all contacts of acme as they are stored.
func people(t *testing.T, s *stage.Stage) []contact.Snapshot {
	t.Helper()
	all, err := s.Contacts.List(t.Context(), s.Acme.ID(), port.ContactQuery{}, contact.ID{}, 100)
	require.NoError(t, err)
	var out []contact.Snapshot
	for _, c := range all {
		out = append(out, c.Snapshot())
	}
	return out
}

func TestEnrol_CreatesContactAndLogin(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})

	with, err := s.Enrolment.Create(t.Context(), eve(t, s, program(s, actor.ContactsWrite), fresh))

	require.NoError(t, err)
	require.True(t, with.Contact.HasLogin())
	require.Equal(t, "Company 1", with.Companies[0].Name())
	g, err := signIn(t, s, with.Contact.Email(), fresh)
	require.NoError(t, err)
	require.NoError(t, s.Enters(t.Context(), g))
	in := eve(t, s, program(s, actor.ContactsWrite), "")
	in.Details.Email = fake.Address(t, "mallory@example.com")
	without, err := s.Enrolment.Create(t.Context(), in)
	require.NoError(t, err)
	require.False(t, without.Contact.HasLogin())
}

func TestEnrol_CreateThatIsRefusedMakesNothing(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	before := people(t, s)
	for password, code := range map[string]string{
		"short": "password_short", "password1": "password_common", "eve@example.com": "password_context",
		"Tenant acme": "password_context", "company 1": "password_context", "Company1": "password_context",
	} {
		_, err := s.Enrolment.Create(t.Context(), eve(t, s, operator, password))
		require.Equal(t, code, why(t, err), password)
	}
	noAddress := eve(t, s, operator, fresh)
	noAddress.Details.Email = email.Address{}
	_, err := s.Enrolment.Create(t.Context(), noAddress)
	require.ErrorIs(t, err, contact.ErrNeedsEmail)
	taken := eve(t, s, operator, fresh)
	taken.Details.Email = s.Ada.Email()
	_, err = s.Enrolment.Create(t.Context(), taken)
	require.ErrorIs(t, err, contact.ErrEmailTaken)
	_, err = s.Enrolment.Create(t.Context(), eve(t, s, program(s, actor.ContactsRead), fresh))
	require.ErrorIs(t, err, actor.ErrForbidden)
	abroad := eve(t, s, program(s, actor.ContactsWrite), fresh)
	abroad.Tenant = "other"
	_, err = s.Enrolment.Create(t.Context(), abroad)
	require.ErrorIs(t, err, tenant.ErrNotFound)
	s.Hasher.Err = port.ErrBusy
	_, err = s.Enrolment.Create(t.Context(), eve(t, s, operator, fresh))
	require.ErrorIs(t, err, port.ErrBusy, "who is told to come back finds nothing in the way")

	require.Equal(t, before, people(t, s))
	require.Empty(t, s.Trail.Events())
}

func TestEnrol_UpdatesContactAndPassword(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)

	v, err := s.Enrolment.Update(t.Context(), change(s, program(s, actor.ContactsWrite), fresh, func(d *contact.Details) {
		d.FirstName, d.Email = "Augusta", fake.Address(t, "augusta@example.com")
	}))

	require.NoError(t, err)
	require.Equal(t, "Augusta", v.Contact.Details().FirstName)
	ended(t, s, g)
	_, err = signIn(t, s, s.Ada.Email(), fresh)
	require.ErrorIs(t, err, user.ErrBadCredentials)
	_, err = signIn(t, s, v.Contact.Email(), fresh)
	require.NoError(t, err)
}

func TestEnrol_UpdateWithoutPasswordLeavesTheLogin(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)

	_, err := s.Enrolment.Update(t.Context(), change(s, program(s, actor.ContactsWrite), "", func(d *contact.Details) { d.Phone = "1" }))

	require.NoError(t, err)
	require.NoError(t, s.Enters(t.Context(), g))
	opens(t, s, stage.Password)
}

func TestEnrol_UpdateThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	makeAdminOf(t, s, bob(t, s))
	s.Clock.Advance(1)
	before := people(t, s)
	rename := func(d *contact.Details) { d.FirstName = "Augusta" }
	for password, code := range map[string]string{"short": "password_short", "password1": "password_common", "Company 2": "password_context", "ada@example.com": "password_context"} {
		_, err := s.Enrolment.Update(t.Context(), change(s, operator, password, rename))
		require.Equal(t, code, why(t, err), password)
	}
	_, err := s.Enrolment.Update(t.Context(), change(s, operator, "new@example.com", func(d *contact.Details) {
		d.Email = fake.Address(t, "new@example.com")
	}))
	require.Equal(t, "password_context", why(t, err), "judged by the address that it will belong to")
	third := fake.Company(t, s.Acme.ID(), 3)
	s.Add(t, third)
	_, err = s.Enrolment.Update(t.Context(), change(s, operator, "company 3", func(d *contact.Details) {
		d.Companies = []contact.Membership{{Company: third.ID()}}
	}))
	require.Equal(t, "password_context", why(t, err), "and by the company")
	_, err = s.Enrolment.Update(t.Context(), change(s, program(s, actor.ContactsRead), fresh, rename))
	require.ErrorIs(t, err, actor.ErrForbidden)
	holder := change(s, program(s, actor.TenantPermissions()...), fresh, rename)
	holder.ID = fake.ContactID(t, 9)
	_, err = s.Enrolment.Update(t.Context(), holder)
	require.ErrorIs(t, err, user.ErrRoleHolder)
	unknown := change(s, operator, fresh, rename)
	unknown.ID = fake.ContactID(t, 999)
	_, err = s.Enrolment.Update(t.Context(), unknown)
	require.ErrorIs(t, err, contact.ErrNotFound)
	s.Hasher.Err = port.ErrBusy
	_, err = s.Enrolment.Update(t.Context(), change(s, operator, fresh, rename))
	require.ErrorIs(t, err, port.ErrBusy)

	require.Equal(t, before, people(t, s))
	require.Empty(t, s.Trail.Events())
	s.Hasher.Err = nil
	opens(t, s, stage.Password)
}

func makeAdminOf(t *testing.T, s *stage.Stage, c *contact.Contact) {
	t.Helper()
	u := fake.UserWith(c, stage.Password)
	u.SetRoles([]user.Role{user.Admin}, fake.Start)
	s.Add(t, u)
}

func TestEnrol_UpdateTakesTheAddressAway(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	c := bob(t, s)
	in := change(s, operator, fresh, func(d *contact.Details) { d.Email = email.Address{} })
	in.ID = c.ID()

	_, err := s.Enrolment.Update(t.Context(), in)

	require.ErrorIs(t, err, contact.ErrNeedsEmail)
	p, err := s.Contacts.ByID(t.Context(), s.Acme.ID(), c.ID())
	require.NoError(t, err)
	require.Equal(t, "bob@example.com", p.Email().String())
	require.False(t, p.HasLogin())
}

func TestEnrol_SetPasswordNeedsContactsWriteAlone(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	c := bob(t, s)

	_, none := s.Enrolment.SetPassword(t.Context(), caller(program(s, actor.UsersWrite, actor.ContactsRead)), c.ID(), stage.Text(fresh))
	v, err := s.Enrolment.SetPassword(t.Context(), caller(program(s, actor.ContactsWrite)), c.ID(), stage.Text(fresh))

	require.ErrorIs(t, none, actor.ErrForbidden)
	require.NoError(t, err)
	require.True(t, v.Contact.HasLogin())
	_, err = signIn(t, s, c.Email(), fresh)
	require.NoError(t, err)
}
