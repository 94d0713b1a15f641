package user_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newUser() *user.User {
	return user.New(tenant.IDFromBytes([16]byte{15: 1}), user.IDFromBytes([16]byte{15: 2}), contact.ID{}, now)
}

func TestNew_IsEnabledWithoutAPassword(t *testing.T) {
	t.Parallel()
	u := newUser()

	require.True(t, u.Enabled())
	require.True(t, u.Hash().IsZero())
	require.False(t, u.HoldsRole())
	require.Equal(t, int64(1), u.Epoch())
	require.Equal(t, int64(1), u.Version())
}

func TestUser_EndsSessionsByTheEpochExactlyWhenItMust(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		change func(*user.User)
		ends   bool
	}{
		"a new password":     {func(u *user.User) { u.SetPassword(secret.New("h"), false, now) }, true},
		"a temporary one":    {func(u *user.User) { u.SetPassword(secret.New("h"), true, now) }, true},
		"a stronger hash":    {func(u *user.User) { u.Rehash(secret.New("h"), now) }, false},
		"signed out":         {func(u *user.User) { u.SignOut(now) }, true},
		"switched off":       {func(u *user.User) { u.Enable(false, now) }, true},
		"switched on anyway": {func(u *user.User) { u.Enable(true, now) }, false},
		"a role":             {func(u *user.User) { u.SetRoles([]user.Role{user.Admin}, now) }, false},
	} {
		u := newUser()
		row.change(u)
		require.Equal(t, row.ends, u.Epoch() > 1, name)
		require.Equal(t, int64(2), u.Version(), name)
	}
}

func TestEnable_OffTwiceEndsSessionsOnce(t *testing.T) {
	t.Parallel()
	u := newUser()

	u.Enable(false, now)
	u.Enable(false, now)
	u.Enable(true, now)

	require.Equal(t, int64(2), u.Epoch())
	require.True(t, u.Enabled())
}

func TestSetRoles_SortsAndCopies(t *testing.T) {
	t.Parallel()
	u, mine := newUser(), []user.Role{"b", user.Admin, "b"}

	u.SetRoles(mine, now)

	require.Equal(t, []user.Role{user.Admin, "b"}, u.Roles())
	require.Equal(t, []user.Role{"b", user.Admin, "b"}, mine)
	require.True(t, u.HoldsRole())
	u.SetRoles(nil, now)
	require.False(t, u.HoldsRole())
}

func TestParseRole_AcceptsAdminAlone(t *testing.T) {
	t.Parallel()
	r, err := user.ParseRole("admin")
	require.NoError(t, err)
	require.Equal(t, user.Admin, r)

	for _, s := range []string{"", "Admin", "operator", "admin "} {
		_, err := user.ParseRole(s)
		require.ErrorIs(t, err, user.ErrRole)
	}
}

func TestUser_DoesNotPrintItsHash(t *testing.T) {
	t.Parallel()
	u := newUser()
	u.SetPassword(secret.New("$argon2id$hash"), false, now)

	for _, verb := range []string{"%v", "%+v", "%#v"} {
		require.NotContains(t, fmt.Sprintf(verb, u), "argon2id")
		require.NotContains(t, fmt.Sprintf(verb, *u), "argon2id")
		require.NotContains(t, fmt.Sprintf(verb, u.Snapshot()), "argon2id")
	}
}
