package luminous_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/luminous"
	"ostiary/app/directory"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/harness"
)

const (
	root    = "/external/api/v1"
	stamp   = "2026-03-04T05:06:07Z" // the harness's clock, whole seconds
	fresh   = "a-brand-new-passphrase"
	planted = "P14nted-v4lue"
)

// kit is a served world and a token of acme for reading and writing contacts.
type kit struct {
	*harness.World
	token string
}

func setup(t *testing.T) kit { return serve(t, harness.Options{}) }

func serve(t *testing.T, o harness.Options) kit {
	t.Helper()
	w := harness.New(t, o)
	w.Serve(t, luminous.New(w.Guard, w.Resolver, w.Contacts, w.Enrolment).Dialect())
	return kit{World: w, token: w.APIToken(t, harness.Code, actor.ContactsRead, actor.ContactsWrite)}
}

func (k kit) get(t *testing.T, path string) harness.Answer {
	t.Helper()
	return k.Do(t, harness.Ask{Path: root + path, Token: k.token})
}

func (k kit) post(t *testing.T, path, body string) harness.Answer {
	t.Helper()
	return k.Do(t, harness.Ask{Path: root + path, Token: k.token, Body: body})
}

// made creates a contact by this dialect and returns its id.
func (k kit) made(t *testing.T, body string) string {
	t.Helper()
	a := k.post(t, "/contacts", body)
	require.Equal(t, 201, a.Status, a.Body)
	return idIn(t, a)
}

func idIn(t *testing.T, a harness.Answer) string {
	t.Helper()
	rest, ok := strings.CutPrefix(a.Body, `{"data":{"id":"`)
	require.True(t, ok, a.Body)
	id, _, ok := strings.Cut(rest, `"`)
	require.True(t, ok)
	return id
}

func (k kit) contacts(id string) string { return "/contacts/" + id }

// ada is the seeded contact's path.
func (k kit) ada() string { return "/contacts/" + k.Acme.Ada.String() }

// requireError compares the whole body of a refusal.
func requireError(t *testing.T, a harness.Answer, status int, body string) {
	t.Helper()
	require.Equal(t, status, a.Status, a.Body)
	require.Equal(t, body, a.Body)
	require.NotEmpty(t, a.Header.Get("X-Receipt"))
	require.Equal(t, "no-store", a.Header.Get("Cache-Control"))
	require.Equal(t, "application/json", a.Header.Get("Content-Type"))
}

// invalid is the body of an error with one field.
func invalid(member, why string) string {
	return fmt.Sprintf(`{"message":"Some values are not acceptable.","errors":{"%s":["%s"]}}`, member, why)
}

func wrongType(members ...string) string {
	var out []string
	for _, m := range members {
		out = append(out, fmt.Sprintf(`"%s":["A value has the wrong type."]`, m))
	}
	return `{"message":"A value has the wrong type.","errors":{` + strings.Join(out, ",") + `}}`
}

func badPassword(why string) string {
	return fmt.Sprintf(`{"message":"That password is not acceptable.","errors":{"password":["%s"]}}`, why)
}

const (
	tooShort   = "The password is too short."
	tooLong    = "The password is too long."
	noContact  = `{"message":"There is no such contact."}`
	noCompany  = `{"message":"There is no such company."}`
	forbidden  = `{"message":"You are not allowed to do that."}`
	generic    = `{"message":"The credentials are missing, wrong or no longer valid."}`
	malformed  = `{"message":"The request is not well formed."}`
	roleHolder = `{"message":"Only the operator and administrators may do that to a user who holds a role."}`
	badText    = "That text is too short or too long."
)

func (k kit) signIn(t *testing.T, mail, password string) (signin.Grant, error) {
	t.Helper()
	return k.Passwords.Login(t.Context(), signin.PasswordInput{
		Hints: tenancy.Hints{Path: harness.Code}, Email: fake.Address(t, mail), Password: secret.New(password), Origin: "test",
	})
}

// ended holds that an access token is good for nothing any more.
func (k kit) ended(t *testing.T, g signin.Grant) {
	t.Helper()
	_, err := k.Guard.Visitor(t.Context(), k.Bearer(g.Access))
	require.Error(t, err)
}

func (k kit) alive(t *testing.T, g signin.Grant) {
	t.Helper()
	_, err := k.Guard.Visitor(t.Context(), k.Bearer(g.Access))
	require.NoError(t, err)
}

// promote gives Ada the role admin.
func (k kit) promote(t *testing.T) {
	t.Helper()
	require.NoError(t, k.Store.Users.Update(t.Context(), k.Acme.ID, k.Acme.AdaUser, func(u *user.User) error {
		u.SetRoles([]user.Role{user.Admin}, fake.Start)
		return nil
	}))
}

// tag makes a tag of the seeded tenant.
func (k kit) tag(t *testing.T, d contact.TagDetails) contact.TagID {
	t.Helper()
	tag, err := k.Tags.Create(t.Context(), directory.CreateTagInput{Caller: harness.Caller(), Details: d})
	require.NoError(t, err)
	return tag.ID()
}
