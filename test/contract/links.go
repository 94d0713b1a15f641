package contract

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Links checks any port.Links.
func Links(t *testing.T, open Open) {
	checks{
		"Use/ReturnsEveryMember":       linksUseReturns,
		"Use/OnlyWhileUsable":          linksUseOnlyWhileUsable,
		"Use/OneOfManyWins":            linksUseOneWins,
		"Use/HidesOtherTenants":        linksUseHides,
		"UseBound/ReturnsEveryMember":  linksUseBoundReturns,
		"UseBound/OthersSpendNothing":  linksUseBoundOthers,
		"UseBound/ZeroBindsNothing":    linksUseBoundZero,
		"UseBound/OnlyWhileUsable":     linksUseBoundOnlyWhileUsable,
		"UseBound/OneOfManyWins":       linksUseBoundOneWins,
		"UseCode/ReturnsEveryMember":   linksUseCodeReturns,
		"UseCode/OnlyWhileUsable":      linksUseCodeOnlyWhileUsable,
		"UseCode/AsksTheNewest":        linksUseCodeNewest,
		"UseCode/WrongCodesCostTries":  linksUseCodeTries,
		"UseCode/OthersCostNoTries":    linksUseCodeOthers,
		"UseCode/OneOfManyWins":        linksUseCodeOneWins,
		"UseCode/ManyWrongAtOnce":      linksUseCodeManyWrong,
		"UseCode/HidesOtherTenants":    linksUseCodeHides,
		"Use/OneOfAllThreeWaysWins":    linksAnyWayOnce,
		"HandedOver/VoidsOlderOnes":    linksHandedOver,
		"HandedOver/HidesOtherTenants": linksHandedOverHides,
		"HandedOver/BesideUse":         linksHandedOverBesideUse,
		"Add/SideBySide":               linksAddSideBySide,
	}.together(t, open)
}

func (h home) useCode(t testing.TB, l session.Link, code secret.Digest, now time.Time) error {
	_, err := h.Links.UseCode(t.Context(), h.id, l.User, l.Binding, code, now)
	return err
}

// asMinted takes away what using a link changes.
func asMinted(l session.Link) session.Link {
	l.Used = time.Time{}
	return l
}

func linksUseReturns(t *testing.T, s Store) {
	h := settle(t, s)
	full := h.link(h.addUser(t, 1), moment)
	full.Epoch, full.Expires = 1<<40, after(time.Millisecond)
	invitation := session.Link{
		Tenant: h.id, ID: session.LinkIDFromBytes(fake.UUID()), User: full.User, Epoch: 1, Purpose: session.Invitation,
		Token: fake.Digest(), Minted: moment, Expires: after(session.InvitationTTL),
	}
	for _, want := range []session.Link{full, invitation} {
		require.NoError(t, s.Links.Add(t.Context(), want))

		got, err := s.Links.Use(t.Context(), h.id, want.Token, moment)

		require.NoError(t, err)
		same(t, want, asMinted(got))
	}
}

func linksUseOnlyWhileUsable(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	used, late, last := h.addLink(t, u, moment), h.addLink(t, u, moment), h.addLink(t, u, moment)
	void, spent := h.link(u, moment), h.link(u, moment)
	void.Void, spent.Used = true, moment
	require.NoError(t, s.Links.Add(t.Context(), void))
	require.NoError(t, s.Links.Add(t.Context(), spent))
	require.NoError(t, h.useLink(t, used.Token, moment))

	for why, token := range map[string]secret.Digest{
		"used": used.Token, "void": void.Token, "stored as used": spent.Token, "unknown": fake.Digest(), "zero": {},
		"a binding": late.Binding, "a code": late.Code,
	} {
		require.ErrorIs(t, h.useLink(t, token, moment), session.ErrLinkSpent, why)
	}
	require.NoError(t, h.useLink(t, last.Token, last.Expires.Add(-time.Millisecond)))
	require.ErrorIs(t, h.useLink(t, late.Token, late.Expires), session.ErrLinkSpent)
}

func linksUseOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	l := h.addLink(t, h.addUser(t, 1), moment)
	oneWins(t, crowded(2*crowd, func(int) error { return h.useLink(t, l.Token, moment) }), session.ErrLinkSpent)
}

func linksUseHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	l := ours.addLink(t, ours.addUser(t, 1), moment)
	require.ErrorIs(t, theirs.useLink(t, l.Token, moment), session.ErrLinkSpent)
	require.NoError(t, ours.useLink(t, l.Token, moment))
}

func (h home) useBound(t testing.TB, token, binding secret.Digest, now time.Time) error {
	_, err := h.Links.UseBound(t.Context(), h.id, token, binding, now)
	return err
}

func linksUseBoundReturns(t *testing.T, s Store) {
	h := settle(t, s)
	want := h.addLink(t, h.addUser(t, 1), moment)

	got, err := s.Links.UseBound(t.Context(), h.id, want.Token, want.Binding, moment)

	require.NoError(t, err)
	same(t, want, asMinted(got))
	require.ErrorIs(t, h.useLink(t, want.Token, moment), session.ErrLinkSpent)
	require.ErrorIs(t, h.useCode(t, want, want.Code, moment), session.ErrLinkSpent)
}

func linksUseBoundOthers(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	u := ours.addUser(t, 1)
	l, other := ours.addLink(t, u, moment), ours.addLink(t, u, moment)

	for range 2 * session.CodeTries {
		for _, binding := range []secret.Digest{fake.Digest(), other.Binding, l.Code, l.Token, {}} {
			require.ErrorIs(t, ours.useBound(t, l.Token, binding, moment), session.ErrLinkSpent)
		}
		require.ErrorIs(t, theirs.useBound(t, l.Token, l.Binding, moment), session.ErrLinkSpent)
		require.ErrorIs(t, ours.useBound(t, fake.Digest(), l.Binding, moment), session.ErrLinkSpent)
	}

	require.NoError(t, ours.useBound(t, l.Token, l.Binding, moment))
	require.NoError(t, ours.useCode(t, other, other.Code, moment))
}

func linksUseBoundZero(t *testing.T, s Store) {
	h := settle(t, s)
	invitation := h.link(h.addUser(t, 1), moment)
	invitation.Purpose, invitation.Binding, invitation.Code = session.Invitation, secret.Digest{}, secret.Digest{}
	require.NoError(t, s.Links.Add(t.Context(), invitation))

	for _, binding := range []secret.Digest{{}, fake.Digest()} {
		require.ErrorIs(t, h.useBound(t, invitation.Token, binding, moment), session.ErrLinkSpent)
	}

	require.NoError(t, h.useLink(t, invitation.Token, moment))
}

func linksUseBoundOnlyWhileUsable(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	void, spent := h.link(u, moment), h.link(u, moment)
	void.Void, spent.Used = true, moment
	for _, l := range []session.Link{void, spent} {
		require.NoError(t, s.Links.Add(t.Context(), l))
		require.ErrorIs(t, h.useBound(t, l.Token, l.Binding, moment), session.ErrLinkSpent)
	}
	l := h.addLink(t, u, moment)
	require.ErrorIs(t, h.useBound(t, l.Token, l.Binding, l.Expires), session.ErrLinkSpent)
	require.NoError(t, h.useBound(t, l.Token, l.Binding, l.Expires.Add(-time.Millisecond)))
}

func linksUseBoundOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	l := h.addLink(t, h.addUser(t, 1), moment)
	oneWins(t, crowded(2*crowd, func(int) error { return h.useBound(t, l.Token, l.Binding, moment) }), session.ErrLinkSpent)
}

func linksUseCodeReturns(t *testing.T, s Store) {
	h := settle(t, s)
	want := h.addLink(t, h.addUser(t, 1), moment)
	require.ErrorIs(t, h.useCode(t, want, fake.Digest(), moment), session.ErrLinkSpent)

	got, err := s.Links.UseCode(t.Context(), h.id, want.User, want.Binding, want.Code, moment)

	require.NoError(t, err)
	want.Tries = got.Tries // whether the right code counts as a try is the store's choice
	same(t, want, asMinted(got))
	require.ErrorIs(t, h.useCode(t, want, want.Code, moment), session.ErrLinkSpent)
	require.ErrorIs(t, h.useLink(t, want.Token, moment), session.ErrLinkSpent)
}

func linksUseCodeOnlyWhileUsable(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	void, spent := h.link(u, moment), h.link(u, moment)
	void.Void, spent.Used = true, moment
	for _, l := range []session.Link{void, spent} {
		require.NoError(t, s.Links.Add(t.Context(), l))
		require.ErrorIs(t, h.useCode(t, l, l.Code, moment), session.ErrLinkSpent)
	}
	l := h.addLink(t, u, moment)
	require.ErrorIs(t, h.useCode(t, l, l.Code, l.Expires), session.ErrLinkSpent)
	require.NoError(t, h.useCode(t, l, l.Code, l.Expires.Add(-time.Millisecond)))
	byToken := h.addLink(t, u, moment)
	require.NoError(t, h.useLink(t, byToken.Token, moment))
	require.ErrorIs(t, h.useCode(t, byToken, byToken.Code, moment), session.ErrLinkSpent)
}

func linksUseCodeNewest(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	newest, oldest := h.link(u, after(time.Minute)), h.link(u, moment)
	oldest.Binding = newest.Binding
	require.NoError(t, s.Links.Add(t.Context(), newest))
	require.NoError(t, s.Links.Add(t.Context(), oldest)) // stored last, minted first

	require.ErrorIs(t, h.useCode(t, newest, oldest.Code, after(time.Minute)), session.ErrLinkSpent)
	require.NoError(t, h.useCode(t, newest, newest.Code, after(time.Minute)))
}

func linksUseCodeTries(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	for wrong, want := range map[int]error{0: nil, 1: nil, session.CodeTries - 1: nil, session.CodeTries: session.ErrLinkSpent, 9: session.ErrLinkSpent} {
		l := h.addLink(t, u, moment)
		for range wrong {
			require.ErrorIs(t, h.useCode(t, l, fake.Digest(), moment), session.ErrLinkSpent)
		}
		require.ErrorIs(t, h.useCode(t, l, l.Code, moment), want, "after %d wrong ones", wrong)
	}
}

// linksUseCodeOthers guesses with another binding and for another user, who
// must not be able to burn the tries.
func linksUseCodeOthers(t *testing.T, s Store) {
	h := settle(t, s)
	u, other := h.addUser(t, 1), h.addUser(t, 2)
	l := h.addLink(t, u, moment)
	foreign, stolen := l, l
	foreign.Binding, stolen.User = fake.Digest(), other.ID()

	for range 2 * session.CodeTries {
		for _, wrong := range []session.Link{foreign, stolen} {
			require.ErrorIs(t, h.useCode(t, wrong, l.Code, moment), session.ErrLinkSpent)
			require.ErrorIs(t, h.useCode(t, wrong, fake.Digest(), moment), session.ErrLinkSpent)
		}
	}

	require.NoError(t, h.useCode(t, l, l.Code, moment))
}

func linksUseCodeOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	l := h.addLink(t, h.addUser(t, 1), moment)
	oneWins(t, crowded(2*crowd, func(int) error { return h.useCode(t, l, l.Code, moment) }), session.ErrLinkSpent)
}

func linksUseCodeManyWrong(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	for _, guesses := range []int{session.CodeTries, session.CodeTries + 1, crowd} {
		l := h.addLink(t, u, moment)
		for _, err := range crowded(guesses, func(int) error { return h.useCode(t, l, fake.Digest(), moment) }) {
			require.ErrorIs(t, err, session.ErrLinkSpent)
		}
		require.ErrorIs(t, h.useCode(t, l, l.Code, moment), session.ErrLinkSpent, "every guess counted")
	}
	spared := h.addLink(t, u, moment)
	crowded(session.CodeTries-1, func(int) error { return h.useCode(t, spared, fake.Digest(), moment) })
	require.NoError(t, h.useCode(t, spared, spared.Code, moment), "no guess counted twice")
}

func linksUseCodeHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	l := ours.addLink(t, ours.addUser(t, 1), moment)
	for range 2 * session.CodeTries {
		require.ErrorIs(t, theirs.useCode(t, l, l.Code, moment), session.ErrLinkSpent)
		require.ErrorIs(t, theirs.useCode(t, l, fake.Digest(), moment), session.ErrLinkSpent)
	}
	require.NoError(t, ours.useCode(t, l, l.Code, moment))
}

func linksAnyWayOnce(t *testing.T, s Store) {
	h := settle(t, s)
	l := h.addLink(t, h.addUser(t, 1), moment)
	oneWins(t, crowded(2*crowd, func(i int) error {
		switch i % 3 {
		case 0:
			return h.useLink(t, l.Token, moment)
		case 1:
			return h.useBound(t, l.Token, l.Binding, moment)
		default:
			return h.useCode(t, l, l.Code, moment)
		}
	}), session.ErrLinkSpent)
}

func linksHandedOver(t *testing.T, s Store) {
	h := settle(t, s)
	u, other := h.addUser(t, 1), h.addUser(t, 2)
	older, named, newer := h.addLink(t, u, moment), h.addLink(t, u, after(time.Second)), h.addLink(t, u, after(2*time.Second))
	byCode, theirs := h.addLink(t, u, moment), h.addLink(t, other, moment)
	invitation := h.link(u, moment)
	invitation.Purpose = session.Invitation
	require.NoError(t, s.Links.Add(t.Context(), invitation))

	require.NoError(t, s.Links.HandedOver(t.Context(), named))
	require.NoError(t, s.Links.HandedOver(t.Context(), named), "saying so again changes nothing")

	require.ErrorIs(t, h.useLink(t, older.Token, after(3*time.Second)), session.ErrLinkSpent)
	require.ErrorIs(t, h.useCode(t, byCode, byCode.Code, after(3*time.Second)), session.ErrLinkSpent)
	for why, l := range map[string]session.Link{
		"the named one": named, "a newer one": newer, "of another purpose": invitation, "of another user": theirs,
	} {
		require.NoError(t, h.useLink(t, l.Token, after(3*time.Second)), why)
	}
}

func linksHandedOverHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	l := ours.addLink(t, ours.addUser(t, 1), moment)
	foreign := l
	foreign.Tenant, foreign.Minted = theirs.id, after(time.Minute)

	require.NoError(t, s.Links.HandedOver(t.Context(), foreign))

	require.NoError(t, ours.useLink(t, l.Token, moment))
}

// linksHandedOverBesideUse races the two: a link is used or void, and stays so.
func linksHandedOverBesideUse(t *testing.T, s Store) {
	h := settle(t, s)
	u := h.addUser(t, 1)
	for range 10 {
		older, named := h.addLink(t, u, moment), h.addLink(t, u, after(time.Second))

		errs := crowded(2, func(i int) error {
			if i == 0 {
				return s.Links.HandedOver(t.Context(), named)
			}
			return h.useLink(t, older.Token, moment)
		})

		require.NoError(t, errs[0])
		require.True(t, errs[1] == nil || errors.Is(errs[1], session.ErrLinkSpent))
		require.ErrorIs(t, h.useLink(t, older.Token, moment), session.ErrLinkSpent)
	}
}

func linksAddSideBySide(t *testing.T, s Store) {
	h := settle(t, s)
	users := []*user.User{h.addUser(t, 1), h.addUser(t, 2)}
	links := make([]session.Link, crowd)
	for i := range links {
		links[i] = h.link(users[i%2], moment)
	}

	allWell(t, crowded(crowd, func(i int) error { return s.Links.Add(t.Context(), links[i]) }))

	allWell(t, crowded(crowd, func(i int) error { return h.useLink(t, links[i].Token, moment) }))
}
