package contract

import (
	"errors"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/scope"
	"ostiary/domain/session"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Contacts checks any port.Contacts.
func Contacts(t *testing.T, open Open) {
	checks{
		"Add/KeepsEveryMember":            contactsKeepEveryMember,
		"Add/KeepsZeroMembers":            contactsKeepZeroMembers,
		"Add/WritesHasLoginItself":        contactsWriteHasLogin,
		"Add/NeverReplaces":               contactsAddNeverReplaces,
		"Add/RefusesTakenEmail":           contactsAddRefusesTakenEmail,
		"Add/RefusesWhatDoesNotExist":     contactsAddRefusesUnknown,
		"Add/OneOfManyGetsTheEmail":       contactsAddOneGetsEmail,
		"Add/HidesOtherTenants":           contactsAddHides,
		"ByID/HidesOtherTenants":          contactsByIDHides,
		"Update/KeepsPromises":            contactsUpdate,
		"Update/KeepsEveryMember":         contactsUpdateEveryMember,
		"Update/HidesOtherTenants":        contactsUpdateHides,
		"Update/RefusesWhatAddRefuses":    contactsUpdateRefuses,
		"Update/OneOfManyGetsTheEmail":    contactsUpdateOneGetsEmail,
		"Update/FreesTheOldEmail":         contactsUpdateFreesEmail,
		"Update/MovesTheLogin":            contactsUpdateMovesLogin,
		"Update/LoginKeepsAnAddress":      contactsUpdateLoginKeepsAddress,
		"Update/LoginAndAddressNeverPart": contactsLoginAndAddressNeverPart,
		"Delete/ComparesVersions":         contactsDeleteComparesVersions,
		"Delete/HidesOtherTenants":        contactsDeleteHides,
		"Delete/TakesTheLoginAlong":       contactsDeleteTakesLogin,
		"Delete/OneOfManyWins":            contactsDeleteOneWins,
		"Delete/LeavesNoLateLogin":        contactsDeleteLeavesNoLogin,
		"List/RisesInPages":               contactsList,
		"List/ReadsNoPatterns":            contactsListReadsNoPatterns,
		"Page/CountsAndCuts":              contactsPage,
		"ListAndPage/HideOtherTenants":    contactsListHides,
	}.together(t, open)
	checks{
		"List/AgreesWithANaiveFilter": contactsAgreeWithNaiveFilter,
	}.alone(t, open)
}

func fullContact(t testing.TB, h home, n int64) *contact.Contact {
	t.Helper()
	for _, m := range []int64{7, 1 << 52} {
		h.addCompany(t, m)
		h.addTag(t, m)
	}
	c, err := contact.New(h.id, fake.ContactID(t, n), contact.Details{
		FirstName: word, LastName: word, Email: fake.Address(t, "Anna.B+x@Bücher.example"), Phone: "+31 6 123", Phone2: word,
		Companies: []contact.Membership{
			{Company: h.co.ID(), Receives: contact.Receives{Quotation: true}},
			{Company: fake.CompanyID(t, 7), Primary: true, Receives: contact.Receives{PurchaseOrder: true}},
			{Company: fake.CompanyID(t, 1<<52), Receives: contact.Receives{PurchaseOrderInvoice: true}},
		},
		Tags:   []contact.TagID{tagID(t, 7), tagID(t, 1<<52)},
		Scopes: scope.Map{scope.Support: false, "own-9": true}, ExternalRef: word,
	}, moment)
	require.NoError(t, err)
	c.Picture(fullAvatar(), after(time.Millisecond))
	s := c.Snapshot()
	s.Version = 1 << 40
	return contact.Restore(s)
}

// changeContact is a change for Update.
func changeContact(change func(*contact.Details)) func(*contact.Contact) error {
	return func(c *contact.Contact) error {
		d := c.Details()
		change(&d)
		return c.Change(d, after(time.Hour))
	}
}

func (h home) update(t testing.TB, c contact.ID, change func(*contact.Details)) error {
	return h.Contacts.Update(t.Context(), h.id, c, changeContact(change))
}

func (h home) contact(t testing.TB, id contact.ID) *contact.Contact {
	t.Helper()
	c, err := h.Contacts.ByID(t.Context(), h.id, id)
	require.NoError(t, err)
	return c
}

func contactsKeepEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	want := fullContact(t, h, 1<<53-1)
	require.NoError(t, s.Contacts.Add(t.Context(), want))
	same(t, want.Snapshot(), h.contact(t, want.ID()).Snapshot())
}

func contactsKeepZeroMembers(t *testing.T, s Store) {
	h := settle(t, s)
	for n := int64(1); n < 4; n++ { // several, for no address is nobody's
		want, err := contact.New(h.id, fake.ContactID(t, n), contact.Details{
			FirstName: "x", Companies: []contact.Membership{{Company: h.co.ID()}},
		}, moment)
		require.NoError(t, err)
		require.NoError(t, s.Contacts.Add(t.Context(), want))
		same(t, want.Snapshot(), h.contact(t, want.ID()).Snapshot())
	}
}

func contactsWriteHasLogin(t *testing.T, s Store) {
	h := settle(t, s)
	claimed := fake.Contact(t, h.co, 1, mailOf(1)).Snapshot()
	claimed.HasLogin = true
	require.NoError(t, s.Contacts.Add(t.Context(), contact.Restore(claimed)))
	require.False(t, h.contact(t, claimed.ID).HasLogin(), "no user exists")

	require.NoError(t, s.Users.Add(t.Context(), fake.User(h.contact(t, claimed.ID))))

	require.True(t, h.contact(t, claimed.ID).HasLogin())
	listed, err := s.Contacts.List(t.Context(), h.id, port.ContactQuery{}, contact.ID{}, 10)
	require.NoError(t, err)
	require.True(t, listed[0].HasLogin())
}

func contactsAddNeverReplaces(t *testing.T, s Store) {
	h := settle(t, s)
	c := h.addContact(t, 1)

	require.Error(t, s.Contacts.Add(t.Context(), fake.Contact(t, h.co, 1, "other@example.com")))

	same(t, c.Snapshot(), h.contact(t, c.ID()).Snapshot())
	require.NoError(t, s.Contacts.Add(t.Context(), fake.Contact(t, h.co, 2, "other@example.com")), "what failed holds no address")
}

func contactsAddRefusesTakenEmail(t *testing.T, s Store) {
	h := settle(t, s)
	require.NoError(t, s.Contacts.Add(t.Context(), fake.Contact(t, h.co, 1, "Anna@Bücher.example")))

	for _, spelling := range []string{"Anna@Bücher.example", "aNNA@xn--bcher-kva.example"} {
		require.ErrorIs(t, s.Contacts.Add(t.Context(), fake.Contact(t, h.co, 2, spelling)), contact.ErrEmailTaken)
		_, err := s.Contacts.ByID(t.Context(), h.id, fake.ContactID(t, 2))
		require.ErrorIs(t, err, contact.ErrNotFound)
	}
	require.NoError(t, s.Contacts.Add(t.Context(), fake.Contact(t, h.co, 2, "an.na@bücher.example")), "dots count")
}

func contactsAddRefusesUnknown(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	foreign, tag := theirs.addCompany(t, 2), theirs.addTag(t, 2)

	stranger := fake.Contact(t, fake.Company(t, ours.id, foreign.ID().Int()), 1, mailOf(1))
	require.ErrorIs(t, s.Contacts.Add(t.Context(), stranger), company.ErrNotFound)
	half := fake.Contact(t, ours.co, 1, mailOf(1))
	require.NoError(t, changeContact(func(d *contact.Details) {
		d.Companies = append(d.Companies, contact.Membership{Company: foreign.ID()})
	})(half))
	require.ErrorIs(t, s.Contacts.Add(t.Context(), half), company.ErrNotFound)
	tagged := fake.Contact(t, ours.co, 1, mailOf(1))
	require.NoError(t, changeContact(func(d *contact.Details) { d.Tags = []contact.TagID{tag.ID()} })(tagged))
	require.ErrorIs(t, s.Contacts.Add(t.Context(), tagged), contact.ErrTagNotFound)

	_, err := s.Contacts.ByID(t.Context(), ours.id, fake.ContactID(t, 1))
	require.ErrorIs(t, err, contact.ErrNotFound)
	require.NoError(t, s.Contacts.Add(t.Context(), fake.Contact(t, ours.co, 1, mailOf(1))), "what was refused holds no address")
}

func contactsAddOneGetsEmail(t *testing.T, s Store) {
	h := settle(t, s)
	rivals := make([]*contact.Contact, 2*crowd)
	for i := range rivals {
		rivals[i] = fake.Contact(t, h.co, int64(i)+1, "same@example.com")
	}

	oneWins(t, crowded(2*crowd, func(i int) error { return s.Contacts.Add(t.Context(), rivals[i]) }), contact.ErrEmailTaken)

	_, total, err := s.Contacts.Page(t.Context(), h.id, port.ContactQuery{}, 0, 1)
	require.NoError(t, err)
	require.Equal(t, 1, total)
}

func contactsAddHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	mine := ours.addContact(t, 1)
	twin := theirs.addContact(t, 1)
	same(t, mine.Snapshot(), ours.contact(t, mine.ID()).Snapshot())
	same(t, twin.Snapshot(), theirs.contact(t, twin.ID()).Snapshot())
}

func contactsByIDHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	only := ours.addContact(t, 1)
	_, err := s.Contacts.ByID(t.Context(), theirs.id, only.ID())
	require.ErrorIs(t, err, contact.ErrNotFound)
	_, err = s.Contacts.ByID(t.Context(), ours.id, contact.ID{})
	require.ErrorIs(t, err, contact.ErrNotFound)
}

func updatedContact(t testing.TB, h home, id contact.ID) updated[*contact.Contact] {
	count := func(c *contact.Contact) int64 {
		n, _ := strconv.ParseInt(c.Details().Phone, 10, 64)
		return n
	}
	return updated[*contact.Contact]{
		update: func(change func(*contact.Contact) error) error {
			return h.Contacts.Update(t.Context(), h.id, id, change)
		},
		load:    func() *contact.Contact { return h.contact(t, id) },
		version: (*contact.Contact).Version,
		bump: func(c *contact.Contact) error {
			return changeContact(func(d *contact.Details) { d.Phone = strconv.FormatInt(count(c)+1, 10) })(c)
		},
		count: count,
		open:  func(c *contact.Contact) any { return c.Snapshot() },
	}
}

func contactsUpdate(t *testing.T, s Store) {
	h := settle(t, s)
	c := fullContact(t, h, 2)
	require.NoError(t, s.Contacts.Add(t.Context(), c))
	updatedContact(t, h, c.ID()).keepsPromises(t)
}

func contactsUpdateHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	ours.addContact(t, 1)
	twin, only := theirs.addContact(t, 1), theirs.addContact(t, 2)
	isHidden(t, contact.ErrNotFound, func(change func(*contact.Contact) error) error {
		return s.Contacts.Update(t.Context(), ours.id, only.ID(), change)
	})

	bumped := updatedContact(t, ours, twin.ID())
	require.NoError(t, bumped.update(bumped.bump))

	same(t, twin.Snapshot(), theirs.contact(t, twin.ID()).Snapshot())
}

func contactsUpdateRefuses(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	c, other := ours.addContact(t, 1), ours.addContact(t, 2)
	foreign, tag := theirs.addCompany(t, 2), theirs.addTag(t, 2)
	theirs.addContact(t, 3)

	for refusal, change := range map[error]func(*contact.Details){
		contact.ErrEmailTaken:  func(d *contact.Details) { d.Email = other.Email() },
		company.ErrNotFound:    func(d *contact.Details) { d.Companies = []contact.Membership{{Company: foreign.ID()}} },
		contact.ErrTagNotFound: func(d *contact.Details) { d.Tags = []contact.TagID{tag.ID()} },
	} {
		require.ErrorIs(t, ours.update(t, c.ID(), change), refusal)
		same(t, c.Snapshot(), ours.contact(t, c.ID()).Snapshot())
	}
	respelt := fake.Address(t, "C1@EXAMPLE.com")
	require.NoError(t, ours.update(t, c.ID(), func(d *contact.Details) { d.Email = respelt }), "one's own address is not taken")
	same(t, respelt, ours.contact(t, c.ID()).Email())
	require.NoError(t, ours.update(t, c.ID(), func(d *contact.Details) { d.Email = fake.Address(t, mailOf(3)) }), "another tenant's address is free")
}

func contactsUpdateOneGetsEmail(t *testing.T, s Store) {
	h := settle(t, s)
	for n := range int64(crowd) {
		h.addContact(t, n+1)
	}
	wanted, ids := fake.Address(t, "same@example.com"), make([]contact.ID, crowd)
	for i := range ids {
		ids[i] = fake.ContactID(t, int64(i)+1)
	}

	errs := crowded(crowd, func(i int) error {
		return h.update(t, ids[i], func(d *contact.Details) { d.Email = wanted })
	})

	oneWins(t, errs, contact.ErrEmailTaken)
}

func contactsUpdateFreesEmail(t *testing.T, s Store) {
	h := settle(t, s)
	c, bare := h.addContact(t, 1), h.addContact(t, 2)
	require.NoError(t, h.update(t, c.ID(), func(d *contact.Details) { d.Email = fake.Address(t, "new@example.com") }))
	require.NoError(t, h.update(t, bare.ID(), func(d *contact.Details) { d.Email = email.Address{} }))

	for n, mail := range map[int64]string{3: mailOf(1), 4: mailOf(2)} {
		require.NoError(t, s.Contacts.Add(t.Context(), fake.Contact(t, h.co, n, mail)))
	}
	require.ErrorIs(t, s.Contacts.Add(t.Context(), fake.Contact(t, h.co, 5, "new@example.com")), contact.ErrEmailTaken)
}

func contactsUpdateMovesLogin(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	u, twin := ours.addUser(t, 1), theirs.addUser(t, 1)
	moved := fake.Address(t, "Moved@Example.com")

	require.NoError(t, ours.update(t, u.Contact(), func(d *contact.Details) { d.Email = moved }))

	p, err := s.Users.ByEmail(t.Context(), ours.id, moved.Key())
	require.NoError(t, err)
	require.Equal(t, u.ID(), p.User.ID())
	same(t, moved, p.User.Email())
	same(t, moved, p.Contact.Email())
	_, err = s.Users.ByEmail(t.Context(), ours.id, fake.Address(t, mailOf(1)).Key())
	require.ErrorIs(t, err, user.ErrNotFound)
	p, err = s.Users.ByEmail(t.Context(), theirs.id, fake.Address(t, mailOf(1)).Key())
	require.NoError(t, err)
	require.Equal(t, twin.ID(), p.User.ID())
}

func contactsUpdateLoginKeepsAddress(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	before := h.contact(t, u.Contact())

	err := h.update(t, u.Contact(), func(d *contact.Details) { d.Email = email.Address{} })

	require.ErrorIs(t, err, contact.ErrNeedsEmail)
	same(t, before.Snapshot(), h.contact(t, u.Contact()).Snapshot())
}

// contactsLoginAndAddressNeverPart races the first login of a contact with the
// loss of its address.
func contactsLoginAndAddressNeverPart(t *testing.T, s Store) {
	h := settle(t, s)
	for n := range int64(20) {
		c := h.addContact(t, n+1)
		u := fake.User(c)

		errs := crowded(2, func(i int) error {
			if i == 0 {
				return s.Users.Add(t.Context(), u)
			}
			return h.update(t, c.ID(), func(d *contact.Details) { d.Email = email.Address{} })
		})

		require.True(t, (errs[0] == nil) != (errs[1] == nil), "one of them loses: %v", errs)
		require.ErrorIs(t, errors.Join(errs...), contact.ErrNeedsEmail)
		got := h.contact(t, c.ID())
		require.Equal(t, errs[0] == nil, got.HasLogin())
		require.Equal(t, errs[0] == nil, !got.Email().IsZero())
	}
}

func contactsDeleteComparesVersions(t *testing.T, s Store) {
	h := settle(t, s)
	c, other := h.addContact(t, 1), h.addContact(t, 2)

	require.ErrorIs(t, s.Contacts.Delete(t.Context(), h.id, c.ID(), c.Version()+1), port.ErrVersion)
	same(t, c.Snapshot(), h.contact(t, c.ID()).Snapshot())

	require.NoError(t, s.Contacts.Delete(t.Context(), h.id, c.ID(), c.Version()))
	require.NoError(t, s.Contacts.Delete(t.Context(), h.id, other.ID(), 0))
	for _, gone := range []contact.ID{c.ID(), other.ID()} {
		_, err := s.Contacts.ByID(t.Context(), h.id, gone)
		require.ErrorIs(t, err, contact.ErrNotFound)
		require.ErrorIs(t, s.Contacts.Delete(t.Context(), h.id, gone, 1), contact.ErrNotFound)
	}
	require.NoError(t, s.Contacts.Add(t.Context(), fake.Contact(t, h.co, 3, mailOf(1))), "the address is free again")
}

func contactsDeleteHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	mine := ours.addUser(t, 1)
	twin, only := theirs.addUser(t, 1), theirs.addContact(t, 2)

	require.ErrorIs(t, s.Contacts.Delete(t.Context(), ours.id, only.ID(), 0), contact.ErrNotFound)
	require.NoError(t, s.Contacts.Delete(t.Context(), ours.id, mine.Contact(), 0))

	same(t, only.Snapshot(), theirs.contact(t, only.ID()).Snapshot())
	_, err := s.Users.ByContact(t.Context(), theirs.id, twin.Contact())
	require.NoError(t, err)
}

func contactsDeleteTakesLogin(t *testing.T, s Store) {
	h := settle(t, s)
	u, other := h.addUser(t, 1), h.addUser(t, 2)
	gone, _ := h.addSession(t, u, moment)
	stays, _ := h.addSession(t, other, moment)
	dead, alive := h.addLink(t, u, moment), h.addLink(t, other, moment)
	require.ErrorIs(t, s.Contacts.Delete(t.Context(), h.id, u.Contact(), 99), port.ErrVersion)
	_, err := s.Sessions.ByID(t.Context(), h.id, gone.ID())
	require.NoError(t, err, "a refused Delete takes nothing along")

	require.NoError(t, s.Contacts.Delete(t.Context(), h.id, u.Contact(), 0))

	_, err = s.Users.ByID(t.Context(), h.id, u.ID())
	require.ErrorIs(t, err, user.ErrNotFound)
	_, err = s.Users.ByEmail(t.Context(), h.id, fake.Address(t, mailOf(1)).Key())
	require.ErrorIs(t, err, user.ErrNotFound)
	_, err = s.Sessions.ByID(t.Context(), h.id, gone.ID())
	require.ErrorIs(t, err, session.ErrNotFound)
	require.ErrorIs(t, h.useLink(t, dead.Token, moment), session.ErrLinkSpent)
	_, err = s.Sessions.ByID(t.Context(), h.id, stays.ID())
	require.NoError(t, err)
	require.NoError(t, h.useLink(t, alive.Token, moment))
}

func contactsDeleteOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	c := h.addContact(t, 1)
	oneWins(t, crowded(crowd, func(int) error { return s.Contacts.Delete(t.Context(), h.id, c.ID(), 0) }), contact.ErrNotFound)
}

// contactsDeleteLeavesNoLogin races Delete with the contact's first login.
func contactsDeleteLeavesNoLogin(t *testing.T, s Store) {
	h := settle(t, s)
	for n := range int64(20) {
		c := h.addContact(t, n+1)
		u := fake.User(c)

		errs := crowded(2, func(i int) error {
			if i == 0 {
				return s.Contacts.Delete(t.Context(), h.id, c.ID(), 0)
			}
			return s.Users.Add(t.Context(), u)
		})

		require.NoError(t, errs[0])
		if errs[1] != nil {
			require.ErrorIs(t, errs[1], contact.ErrNotFound)
		}
		_, err := s.Users.ByID(t.Context(), h.id, u.ID())
		require.ErrorIs(t, err, user.ErrNotFound)
	}
}

func contactsUpdateEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	h.addNamed(t, 1, "x", "")
	bare := h.contact(t, fake.ContactID(t, 1)).Snapshot()
	for _, want := range []contact.Snapshot{fullContact(t, h, 1).Snapshot(), bare} {
		updatedContact(t, h, bare.ID).becomes(t, want, func(c *contact.Contact) { *c = *contact.Restore(want) })
	}
}
