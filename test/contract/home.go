package contract

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// home is a tenant with its company 1, where a check lives.
type home struct {
	Store
	id   tenant.ID
	code tenant.Code
	co   *company.Company
}

func settle(t testing.TB, s Store) home {
	t.Helper()
	tn := fake.Tenant(t, unique())
	require.NoError(t, s.Tenants.Add(t.Context(), tn))
	h := home{Store: s, id: tn.ID(), code: tn.Snapshot().Code}
	h.co = h.addCompany(t, 1)
	return h
}

// neighbours are two tenants: companies, contacts and tags that are added to
// both by number, and users added by mail, have equal ids and addresses.
func neighbours(t testing.TB, s Store) (ours, theirs home) {
	t.Helper()
	return settle(t, s), settle(t, s)
}

func (h home) addCompany(t testing.TB, n int64) *company.Company {
	t.Helper()
	co := fake.Company(t, h.id, n)
	require.NoError(t, h.Companies.Add(t.Context(), co))
	return co
}

// addContact adds a contact of company 1 with the address c<n>@example.com.
func (h home) addContact(t testing.TB, n int64) *contact.Contact {
	t.Helper()
	c := fake.Contact(t, h.co, n, mailOf(n))
	require.NoError(t, h.Contacts.Add(t.Context(), c))
	return c
}

func mailOf(n int64) string { return fmt.Sprintf("c%d@example.com", n) }

func (h home) addTag(t testing.TB, n int64) *contact.Tag {
	t.Helper()
	tag := newTag(t, h.id, n)
	require.NoError(t, h.Tags.Add(t.Context(), tag))
	return tag
}

func newTag(t testing.TB, owner tenant.ID, n int64) *contact.Tag {
	t.Helper()
	tag, err := contact.NewTag(owner, tagID(t, n), contact.TagDetails{Name: fmt.Sprintf("Tag %d", n)}, moment)
	require.NoError(t, err)
	return tag
}

func tagID(t testing.TB, n int64) contact.TagID {
	t.Helper()
	out, err := contact.TagIDOf(n)
	require.NoError(t, err)
	return out
}

// addUser adds contact n with a login.
func (h home) addUser(t testing.TB, n int64) *user.User {
	t.Helper()
	u := fake.UserWith(h.addContact(t, n), "correct horse")
	require.NoError(t, h.Users.Add(t.Context(), u))
	return u
}

// addSession opens a session that lasts 30 days idle and 90 days in all, and
// returns it with its first refresh token.
func (h home) addSession(t testing.TB, u *user.User, now time.Time) (*session.Session, session.Refresh) {
	t.Helper()
	first := session.Refresh{Tenant: h.id, Session: session.IDFromBytes(fake.UUID()), Generation: 1, Secret: fake.Digest()}
	s := session.Open(session.Opening{
		ID: first.Session, User: u, Company: h.co.ID(), Portal: h.co.Portal().ID, Method: session.ByPassword,
		First: first.Digest(), Limits: limits,
	}, now)
	require.NoError(t, h.Sessions.Add(t.Context(), s))
	return s, first
}

var limits = session.Limits{Idle: 30 * 24 * time.Hour, Absolute: 90 * 24 * time.Hour}

// link builds a sign-in link of the user that is good for ten minutes.
func (h home) link(u *user.User, minted time.Time) session.Link {
	return session.Link{
		Tenant: h.id, ID: session.LinkIDFromBytes(fake.UUID()), User: u.ID(), Epoch: u.Epoch(), Purpose: session.SignIn,
		Token: fake.Digest(), Binding: fake.Digest(), Code: fake.Digest(), Minted: minted, Expires: minted.Add(10 * time.Minute),
	}
}

func (h home) addLink(t testing.TB, u *user.User, minted time.Time) session.Link {
	t.Helper()
	l := h.link(u, minted)
	require.NoError(t, h.Links.Add(t.Context(), l))
	return l
}

func (h home) useLink(t testing.TB, token secret.Digest, now time.Time) error {
	_, err := h.Links.Use(t.Context(), h.id, token, now)
	return err
}
