package apitoken_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

var (
	now  = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	acme = tenant.IDFromBytes([16]byte{15: 1})
	name = apitoken.IDFromBytes([16]byte{15: 2})
)

func shown(owner tenant.ID) secret.Text {
	return apitoken.Format(owner, name, [apitoken.SecretSize]byte{0: 0xab, 31: 0xcd})
}

func TestParse_ReadsWhatFormatWrites(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		var raw [64]byte
		copy(raw[:], rapid.SliceOfN(rapid.Byte(), 64, 64).Draw(rt, "bytes"))
		owner := tenant.IDFromBytes([16]byte(raw[:16]))
		id := apitoken.IDFromBytes([16]byte(raw[16:32]))
		random := [apitoken.SecretSize]byte(raw[32:])

		b, err := apitoken.Parse(apitoken.Format(owner, id, random))

		require.NoError(rt, err)
		require.Equal(rt, apitoken.Bearer{Tenant: owner, ID: id, Digest: secret.DigestOf(random[:])}, b)
	})
}

func TestParse_AcceptsOneSpelling(t *testing.T) {
	t.Parallel()

	for _, owner := range []tenant.ID{{}, acme} {
		good := shown(owner).Reveal()
		require.True(t, apitoken.LooksLike(good))
		for _, s := range []string{
			"", "ost_", "ost__", strings.ToUpper(good), "OST_" + good[4:], "ost_" + strings.ToUpper(good[4:]), good[4:], " " + good, good + " ", good + "\n",
			good + "_", good + "00", good[:len(good)-2], strings.Replace(good, "ost_", "ost-", 1), strings.Replace(good, "_0", "__", 1),
			strings.Replace(good, "00", "0g", 1), "ost_" + good, strings.Replace(good, "0", "", 1), good[:10] + "\x00" + good[11:],
		} {
			_, err := apitoken.Parse(secret.New(s))
			require.ErrorIs(t, err, apitoken.ErrMalformed, "%q", s)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(shown(acme).Reveal())
	f.Add(shown(tenant.ID{}).Reveal())
	f.Add(strings.ToUpper(shown(acme).Reveal()))
	f.Add("ost__")

	f.Fuzz(func(t *testing.T, s string) {
		b, err := apitoken.Parse(secret.New(s))
		if err != nil {
			require.True(t, errors.Is(err, apitoken.ErrMalformed))
			return
		}
		require.True(t, apitoken.LooksLike(s))
		require.Equal(t, strings.ToLower(s), s)
		require.True(t, len(s) == 4+32+1+64 || len(s) == 4+64+1+64)
		if !b.Tenant.IsZero() {
			head := apitoken.Format(b.Tenant, b.ID, [apitoken.SecretSize]byte{}).Reveal()
			require.Equal(t, head[:4+64+1], s[:4+64+1])
		}
	})
}

func snapshot() apitoken.Snapshot {
	return apitoken.Snapshot{
		Tenant: acme, ID: name, Name: "ci", Digest: secret.Digest{1}, Created: now,
		Permissions: []actor.Permission{actor.UsersWrite, actor.AuditRead, actor.UsersWrite},
	}
}

func TestNew_NamesTheMemberThatBreaksARule(t *testing.T) {
	t.Parallel()

	for pointer, change := range map[string]func(*apitoken.Snapshot){
		"/name":        func(s *apitoken.Snapshot) { s.Name = strings.Repeat("é", 101) },
		"/permissions": func(s *apitoken.Snapshot) { s.Permissions = nil },
		"/expiresAt":   func(s *apitoken.Snapshot) { s.Expires = now },
	} {
		s := snapshot()
		change(&s)
		_, err := apitoken.New(s)
		require.ErrorIs(t, err, fault.ErrInvalid)
		require.Equal(t, pointer, fault.Of(err).Fields()[0].Pointer)
	}
}

func TestNew_SortsPermissionsWithoutTouchingTheCallers(t *testing.T) {
	t.Parallel()
	s := snapshot()

	made, err := apitoken.New(s)

	require.NoError(t, err)
	require.Equal(t, []actor.Permission{actor.AuditRead, actor.UsersWrite}, made.Snapshot().Permissions)
	require.Equal(t, actor.UsersWrite, s.Permissions[0])
}

func TestAccepts_TheRightSecretOfTheRightTenantInItsTime(t *testing.T) {
	t.Parallel()
	right := apitoken.Bearer{Tenant: acme, ID: name, Digest: secret.Digest{1}}
	other := tenant.IDFromBytes([16]byte{15: 9})

	for what, row := range map[string]struct {
		change func(*apitoken.Snapshot)
		b      apitoken.Bearer
		want   bool
	}{
		"right":              {func(*apitoken.Snapshot) {}, right, true},
		"not yet over":       {func(s *apitoken.Snapshot) { s.Expires = now.Add(time.Millisecond) }, right, true},
		"over":               {func(s *apitoken.Snapshot) { s.Expires = now }, right, false},
		"revoked":            {func(s *apitoken.Snapshot) { s.Revoked = now }, right, false},
		"another secret":     {func(*apitoken.Snapshot) {}, apitoken.Bearer{Tenant: acme, ID: name, Digest: secret.Digest{2}}, false},
		"another tenant":     {func(*apitoken.Snapshot) {}, apitoken.Bearer{Tenant: other, ID: name, Digest: secret.Digest{1}}, false},
		"as the operator's":  {func(*apitoken.Snapshot) {}, apitoken.Bearer{ID: name, Digest: secret.Digest{1}}, false},
		"operator's as ours": {func(s *apitoken.Snapshot) { s.Tenant = tenant.ID{} }, right, false},
	} {
		s := snapshot()
		row.change(&s)
		require.Equal(t, row.want, apitoken.Restore(s).Accepts(row.b, now), what)
	}
}

func TestActor_HasTheTokensTenantAndPermissions(t *testing.T) {
	t.Parallel()
	operators := snapshot()
	operators.Tenant = tenant.ID{}

	a := apitoken.Restore(snapshot()).Actor()

	require.Equal(t, actor.Token, a.Kind)
	require.Equal(t, acme, a.Tenant)
	require.Equal(t, name.String(), a.ID)
	require.False(t, a.MayHandleRoles())
	require.True(t, apitoken.Restore(operators).Actor().MayHandleRoles())
}
