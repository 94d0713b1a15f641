package contract

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/actor"
	"ostiary/domain/apitoken"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

// APITokens checks any port.APITokens.
func APITokens(t *testing.T, open Open) {
	checks{
		"Add/KeepsEveryMember":     tokensKeepEveryMember,
		"Add/SideBySide":           tokensAddSideBySide,
		"ByID/HidesOtherTenants":   tokensByIDHides,
		"Revoke/Once":              tokensRevokeOnce,
		"Revoke/HidesOtherTenants": tokensRevokeHides,
		"Revoke/OneOfManyWins":     tokensRevokeOneWins,
		"List/RisesInPages":        tokensList,
		"List/HidesOtherTenants":   tokensListHides,
	}.alone(t, open)
}

// theOperator is the owner of tokens that are no tenant's.
var theOperator tenant.ID

func newToken(t testing.TB, owner tenant.ID) *apitoken.Token {
	t.Helper()
	token, err := apitoken.New(apitoken.Snapshot{
		Tenant: owner, ID: apitoken.IDFromBytes(fake.UUID()), Name: "token", Digest: fake.Digest(),
		Permissions: []actor.Permission{actor.ContactsRead}, Created: moment,
	})
	require.NoError(t, err)
	return token
}

func addToken(t testing.TB, s Store, owner tenant.ID) apitoken.ID {
	t.Helper()
	token := newToken(t, owner)
	require.NoError(t, s.APITokens.Add(t.Context(), token))
	return token.Snapshot().ID
}

func tokensKeepEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	full := newToken(t, h.id).Snapshot()
	full.Name, full.CreatedBy = word, "user:0198"
	full.Permissions = []actor.Permission{actor.AuditRead, actor.ContactsRead, actor.TokensWrite}
	full.Expires, full.Revoked = after(time.Millisecond), after(2*time.Millisecond)

	for _, want := range []apitoken.Snapshot{full, newToken(t, h.id).Snapshot(), newToken(t, theOperator).Snapshot()} {
		require.NoError(t, s.APITokens.Add(t.Context(), apitoken.Restore(want)))
		got, err := s.APITokens.ByID(t.Context(), want.Tenant, want.ID)
		require.NoError(t, err)
		same(t, want, got.Snapshot())
	}
}

func tokensAddSideBySide(t *testing.T, s Store) {
	h := settle(t, s)
	tokens := make([]*apitoken.Token, crowd)
	for i := range tokens {
		tokens[i] = newToken(t, h.id)
	}

	allWell(t, crowded(crowd, func(i int) error { return s.APITokens.Add(t.Context(), tokens[i]) }))

	got, err := s.APITokens.List(t.Context(), h.id, apitoken.ID{}, 2*crowd)
	require.NoError(t, err)
	require.Len(t, got, crowd)
	for i, token := range got {
		same(t, tokens[i].Snapshot(), token.Snapshot())
	}
}

func tokensByIDHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	mine, revoked, operators := addToken(t, s, ours.id), addToken(t, s, ours.id), addToken(t, s, theOperator)
	require.NoError(t, s.APITokens.Revoke(t.Context(), ours.id, revoked, moment))

	for _, row := range []struct {
		owner tenant.ID
		id    apitoken.ID
	}{
		{theirs.id, mine},
		{theOperator, mine},
		{theirs.id, revoked},
		{theOperator, revoked},
		{ours.id, operators},
		{ours.id, apitoken.ID{}},
		{ours.id, apitoken.IDFromBytes(fake.UUID())},
	} {
		_, err := s.APITokens.ByID(t.Context(), row.owner, row.id)
		require.ErrorIs(t, err, apitoken.ErrNotFound)
	}
}

func tokensRevokeOnce(t *testing.T, s Store) {
	h := settle(t, s)
	for _, owner := range []tenant.ID{h.id, theOperator} {
		id := addToken(t, s, owner)
		require.NoError(t, s.APITokens.Revoke(t.Context(), owner, id, after(time.Hour)))

		require.ErrorIs(t, s.APITokens.Revoke(t.Context(), owner, id, after(2*time.Hour)), apitoken.ErrNotFound)
		require.ErrorIs(t, s.APITokens.Revoke(t.Context(), owner, apitoken.IDFromBytes(fake.UUID()), moment), apitoken.ErrNotFound)
		got, err := s.APITokens.ByID(t.Context(), owner, id)
		require.NoError(t, err)
		same(t, after(time.Hour), got.Snapshot().Revoked)
	}
}

func tokensRevokeHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	mine, operators := addToken(t, s, ours.id), addToken(t, s, theOperator)

	require.ErrorIs(t, s.APITokens.Revoke(t.Context(), theirs.id, mine, moment), apitoken.ErrNotFound)
	require.ErrorIs(t, s.APITokens.Revoke(t.Context(), theOperator, mine, moment), apitoken.ErrNotFound)
	require.ErrorIs(t, s.APITokens.Revoke(t.Context(), ours.id, operators, moment), apitoken.ErrNotFound)

	require.NoError(t, s.APITokens.Revoke(t.Context(), ours.id, mine, moment))
	require.NoError(t, s.APITokens.Revoke(t.Context(), theOperator, operators, moment))
}

func tokensRevokeOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	id := addToken(t, s, h.id)
	oneWins(t, crowded(crowd, func(int) error { return s.APITokens.Revoke(t.Context(), h.id, id, moment) }), apitoken.ErrNotFound)
}

func listTokens(t testing.TB, s Store, owner tenant.ID, afterID apitoken.ID, limit int) []apitoken.ID {
	t.Helper()
	got, err := s.APITokens.List(t.Context(), owner, afterID, limit)
	require.NoError(t, err)
	var out []apitoken.ID
	for _, token := range got {
		out = append(out, token.Snapshot().ID)
	}
	return out
}

func tokensList(t *testing.T, s Store) {
	h := settle(t, s)
	for _, owner := range []tenant.ID{h.id, theOperator} {
		var ids []apitoken.ID
		for range 5 {
			ids = append(ids, addToken(t, s, owner)) // ids rise as they are made
		}
		require.NoError(t, s.APITokens.Revoke(t.Context(), owner, ids[2], moment))
		ended := newToken(t, owner).Snapshot()
		ended.Expires = after(-time.Hour)
		require.NoError(t, s.APITokens.Add(t.Context(), apitoken.Restore(ended)))

		require.Equal(t, []apitoken.ID{ids[0], ids[1], ids[3], ids[4], ended.ID}, listTokens(t, s, owner, apitoken.ID{}, 50))
		require.Equal(t, []apitoken.ID{ids[0], ids[1]}, listTokens(t, s, owner, apitoken.ID{}, 2))
		require.Equal(t, []apitoken.ID{ids[3], ids[4]}, listTokens(t, s, owner, ids[1], 2))
		require.Equal(t, []apitoken.ID{ids[3]}, listTokens(t, s, owner, ids[2], 1), "the place after which to go on may be revoked")
		require.Empty(t, listTokens(t, s, owner, ended.ID, 2))
	}
}

func tokensListHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	mine, operators := addToken(t, s, ours.id), addToken(t, s, theOperator)

	require.Equal(t, []apitoken.ID{mine}, listTokens(t, s, ours.id, apitoken.ID{}, 50))
	require.Equal(t, []apitoken.ID{operators}, listTokens(t, s, theOperator, apitoken.ID{}, 50))
	require.Empty(t, listTokens(t, s, theirs.id, apitoken.ID{}, 50))
}
