package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Users checks any port.Users.
func Users(t *testing.T, open Open) {
	checks{
		"Add/KeepsEveryMember":             usersKeepEveryMember,
		"Add/KeepsZeroMembers":             usersKeepZeroMembers,
		"Add/RefusesASecondLogin":          usersAddRefusesSecond,
		"Add/RefusesAMissingContact":       usersAddRefusesMissing,
		"Add/RefusesAContactWithoutEmail":  usersAddRefusesNoEmail,
		"Add/OneOfManyWins":                usersAddOneWins,
		"By/FindsUserAndContact":           usersFind,
		"By/MissesContactsWithoutLogin":    usersMiss,
		"By/HidesOtherTenants":             usersByHides,
		"Update/KeepsPromises":             usersUpdate,
		"Update/KeepsEveryMember":          usersUpdateEveryMember,
		"Update/LeavesTheContactAlone":     usersUpdateLeavesContact,
		"Update/HidesOtherTenants":         usersUpdateHides,
		"Update/StandsBesideContactUpdate": usersUpdateBesideContact,
	}.together(t, open)
}

func (h home) person(t testing.TB, id user.ID) port.Person {
	t.Helper()
	p, err := h.Users.ByID(t.Context(), h.id, id)
	require.NoError(t, err)
	return p
}

func fullUser(c *contact.Contact) user.Snapshot {
	return user.Snapshot{
		Tenant: c.Tenant(), ID: user.IDFromBytes(fake.UUID()), Contact: c.ID(), Hash: secret.New("$argon2id$v=19$" + word),
		Temporary: true, Enabled: true, Roles: []user.Role{user.Admin}, Epoch: 1 << 40,
		Created: moment, Updated: after(time.Millisecond), Version: 1 << 41,
	}
}

func usersKeepEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	c := h.addContact(t, 1)
	want := fullUser(c)
	claimed := want
	claimed.Email = fake.Address(t, "not-the-contacts@example.com")
	require.NoError(t, s.Users.Add(t.Context(), user.Restore(claimed)))

	got := h.person(t, want.ID)

	want.Email = c.Email() // it has one home
	same(t, want, got.User.Snapshot())
	same(t, h.contact(t, c.ID()).Snapshot(), got.Contact.Snapshot())
}

func usersKeepZeroMembers(t *testing.T, s Store) {
	h := settle(t, s)
	c := h.addContact(t, 1)
	want := user.Snapshot{
		Tenant: h.id, ID: user.IDFromBytes(fake.UUID()), Contact: c.ID(), Created: moment, Updated: moment, Version: 1,
	}
	require.NoError(t, s.Users.Add(t.Context(), user.Restore(want)))

	want.Email = c.Email()
	same(t, want, h.person(t, want.ID).User.Snapshot())
}

func usersAddRefusesSecond(t *testing.T, s Store) {
	h := settle(t, s)
	first := h.addUser(t, 1)

	err := s.Users.Add(t.Context(), fake.User(h.contact(t, first.Contact())))

	require.ErrorIs(t, err, user.ErrExists)
	p, err := s.Users.ByContact(t.Context(), h.id, first.Contact())
	require.NoError(t, err)
	require.Equal(t, first.ID(), p.User.ID())
}

func usersAddRefusesMissing(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	theirs.addContact(t, 1)
	u := fake.User(fake.Contact(t, ours.co, 1, mailOf(1)))

	require.ErrorIs(t, s.Users.Add(t.Context(), u), contact.ErrNotFound)

	_, err := s.Users.ByID(t.Context(), ours.id, u.ID())
	require.ErrorIs(t, err, user.ErrNotFound)
}

func usersAddRefusesNoEmail(t *testing.T, s Store) {
	h := settle(t, s)
	h.addNamed(t, 1, "Anna", "")
	c := h.contact(t, fake.ContactID(t, 1))
	u := fake.User(c)

	require.ErrorIs(t, s.Users.Add(t.Context(), u), contact.ErrNeedsEmail)

	_, err := s.Users.ByID(t.Context(), h.id, u.ID())
	require.ErrorIs(t, err, user.ErrNotFound)
	require.False(t, h.contact(t, c.ID()).HasLogin())
	require.NoError(t, h.update(t, c.ID(), func(d *contact.Details) { d.Email = fake.Address(t, mailOf(1)) }))
	require.NoError(t, s.Users.Add(t.Context(), u))
}

func usersAddOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	c := h.addContact(t, 1)
	rivals := make([]*user.User, crowd)
	for i := range rivals {
		rivals[i] = fake.User(c)
	}

	oneWins(t, crowded(crowd, func(i int) error { return s.Users.Add(t.Context(), rivals[i]) }), user.ErrExists)
}

func usersFind(t *testing.T, s Store) {
	h := settle(t, s)
	h.addUser(t, 2)
	u := h.addUser(t, 1)
	want := h.person(t, u.ID())
	require.Equal(t, u.Contact(), want.Contact.ID())
	require.True(t, want.Contact.HasLogin())

	byEmail, err := s.Users.ByEmail(t.Context(), h.id, fake.Address(t, "C1@EXAMPLE.COM").Key())
	require.NoError(t, err)
	byContact, err := s.Users.ByContact(t.Context(), h.id, u.Contact())
	require.NoError(t, err)

	for _, got := range []port.Person{byEmail, byContact} {
		same(t, want.User.Snapshot(), got.User.Snapshot())
		same(t, want.Contact.Snapshot(), got.Contact.Snapshot())
	}
}

func usersMiss(t *testing.T, s Store) {
	h := settle(t, s)
	c := h.addContact(t, 1)
	h.addNamed(t, 2, "Without", "address")

	_, err := s.Users.ByEmail(t.Context(), h.id, c.Email().Key())
	require.ErrorIs(t, err, user.ErrNotFound)
	_, err = s.Users.ByEmail(t.Context(), h.id, "nobody@example.com")
	require.ErrorIs(t, err, user.ErrNotFound)
	_, err = s.Users.ByEmail(t.Context(), h.id, "")
	require.ErrorIs(t, err, user.ErrNotFound)
	for _, id := range []contact.ID{c.ID(), fake.ContactID(t, 2), fake.ContactID(t, 3), {}} {
		_, err = s.Users.ByContact(t.Context(), h.id, id)
		require.ErrorIs(t, err, user.ErrNotFound)
	}
	for _, id := range []user.ID{{}, user.IDFromBytes(fake.UUID())} {
		_, err = s.Users.ByID(t.Context(), h.id, id)
		require.ErrorIs(t, err, user.ErrNotFound)
	}
}

func usersByHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	mine, twin, only := ours.addUser(t, 1), theirs.addUser(t, 1), theirs.addUser(t, 2)

	_, err := s.Users.ByID(t.Context(), ours.id, twin.ID())
	require.ErrorIs(t, err, user.ErrNotFound)
	_, err = s.Users.ByContact(t.Context(), ours.id, only.Contact())
	require.ErrorIs(t, err, user.ErrNotFound)
	_, err = s.Users.ByEmail(t.Context(), ours.id, fake.Address(t, mailOf(2)).Key())
	require.ErrorIs(t, err, user.ErrNotFound)
	p, err := s.Users.ByEmail(t.Context(), ours.id, fake.Address(t, mailOf(1)).Key())
	require.NoError(t, err)
	require.Equal(t, mine.ID(), p.User.ID())
	require.Equal(t, ours.id, p.Contact.Tenant())
	p, err = s.Users.ByContact(t.Context(), theirs.id, twin.Contact())
	require.NoError(t, err)
	require.Equal(t, twin.ID(), p.User.ID())
}

func updatedUser(t testing.TB, h home, id user.ID) updated[*user.User] {
	return updated[*user.User]{
		update:  func(change func(*user.User) error) error { return h.Users.Update(t.Context(), h.id, id, change) },
		load:    func() *user.User { return h.person(t, id).User },
		version: (*user.User).Version,
		bump: func(u *user.User) error {
			u.SignOut(after(time.Hour))
			return nil
		},
		count: (*user.User).Epoch,
		open:  func(u *user.User) any { return u.Snapshot() },
	}
}

func usersUpdate(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	updatedUser(t, h, u.ID()).keepsPromises(t)

	var want user.Snapshot
	require.NoError(t, s.Users.Update(t.Context(), h.id, u.ID(), func(u *user.User) error {
		u.SetPassword(secret.New("other hash"), true, after(time.Minute))
		u.SetRoles([]user.Role{user.Admin}, after(time.Minute))
		u.Enable(false, after(time.Hour))
		want = u.Snapshot()
		return nil
	}))
	same(t, want, h.person(t, u.ID()).User.Snapshot())
}

func usersUpdateLeavesContact(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	before := h.contact(t, u.Contact())

	bumped := updatedUser(t, h, u.ID())
	require.NoError(t, bumped.update(bumped.bump))

	same(t, before.Snapshot(), h.contact(t, u.Contact()).Snapshot())
}

func usersUpdateHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	ours.addUser(t, 1)
	twin := theirs.addUser(t, 1)
	before := theirs.person(t, twin.ID())

	for _, id := range []user.ID{twin.ID(), user.IDFromBytes(fake.UUID())} {
		isHidden(t, user.ErrNotFound, func(change func(*user.User) error) error {
			return s.Users.Update(t.Context(), ours.id, id, change)
		})
	}

	same(t, before.User.Snapshot(), theirs.person(t, twin.ID()).User.Snapshot())
}

// usersUpdateBesideContact changes a user and its contact at once: an engine
// that keeps both in one record loses neither.
func usersUpdateBesideContact(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	people, contacts := updatedUser(t, h, u.ID()), updatedContact(t, h, u.Contact())
	before := h.person(t, u.ID())

	allWell(t, crowded(crowd, func(i int) error {
		if i%2 == 0 {
			return people.update(people.bump)
		}
		return contacts.update(contacts.bump)
	}))

	got := h.person(t, u.ID())
	require.Equal(t, before.User.Epoch()+crowd/2, got.User.Epoch())
	require.Equal(t, before.Contact.Version()+crowd/2, got.Contact.Version())
	require.Equal(t, contacts.count(before.Contact)+crowd/2, contacts.count(got.Contact))
}

func usersUpdateEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	c := h.addContact(t, 1)
	bare := user.Snapshot{Tenant: h.id, ID: user.IDFromBytes(fake.UUID()), Contact: c.ID(), Created: moment, Updated: moment, Version: 1}
	require.NoError(t, s.Users.Add(t.Context(), user.Restore(bare)))
	full := fullUser(c)
	full.ID = bare.ID
	for _, want := range []user.Snapshot{full, bare} {
		want.Email = c.Email()
		updatedUser(t, h, bare.ID).becomes(t, want, func(u *user.User) { *u = *user.Restore(want) })
	}
}
