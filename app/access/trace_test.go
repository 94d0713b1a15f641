package access_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/signin"
	"ostiary/domain/actor"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func steps(pairs ...string) (out []fault.Step) {
	for i := 0; i < len(pairs); i += 2 {
		out = append(out, fault.Step{Name: pairs[i], Outcome: pairs[i+1]})
	}
	return out
}

// ownerOf is whose administrators may know of a refusal.
func ownerOf(err error) tenant.ID {
	var refused interface{ Owner() tenant.ID }
	if errors.As(err, &refused) {
		return refused.Owner()
	}
	return tenant.ID{}
}

func TestVisitor_TraceNamesTheCauseAndTheTenant(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		change func(s *stage.Stage, g signin.Grant)
		want   []fault.Step
	}{
		"suspended": {func(s *stage.Stage, _ signin.Grant) { s.EditTenant(t, s.Acme, stage.Suspend) }, steps("tenant", "suspended")},
		"audience": {func(s *stage.Stage, _ signin.Grant) {
			s.EditTenant(t, s.Acme, func(d *tenant.Details) { d.Settings.Audience = "another" })
		}, steps("tenant", "resolved", "credential", "for another audience")},
		"disabled": {func(s *stage.Stage, _ signin.Grant) {
			s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start) })
		}, steps("tenant", "resolved", "user", "disabled")},
		"ended": {func(s *stage.Stage, g signin.Grant) {
			require.NoError(t, s.Signed.Logout(t.Context(), stage.Bearer(g)))
		}, steps("tenant", "resolved", "user", "found", "credential", "session ended")},
		"portal": {func(s *stage.Stage, _ signin.Grant) {
			s.EditCompany(t, s.Second, func(d *company.Details) { d.Portal.Enabled = false })
		}, steps("tenant", "resolved", "user", "found", "credential", "right", "portal", "closed")},
	} {
		s := stage.New(t, stage.Options{})
		g := s.Login(t)
		row.change(s, g)

		err := s.Enters(t.Context(), g)

		require.Equal(t, row.want, fault.Of(err).Trace(), name)
		require.Equal(t, s.Acme.ID(), ownerOf(err), name)
	}
}

func TestVisitor_WithoutAPartOfItsStanding(t *testing.T) {
	t.Parallel()
	down := errors.New("the store is down")
	for part, row := range map[stage.Part]struct {
		gone error
		want []fault.Step
	}{
		stage.Tenant:  {tenant.ErrNotFound, steps("tenant", "unknown")},
		stage.Session: {session.ErrNotFound, steps("tenant", "resolved", "credential", "session unknown")},
		stage.Person:  {user.ErrNotFound, steps("tenant", "resolved", "user", "unknown")},
		stage.Company: {company.ErrNotFound, steps("tenant", "resolved", "user", "found", "credential", "right", "portal", "company unknown")},
	} {
		s := stage.New(t, stage.Options{})
		g := s.Login(t)

		err := s.Blind(t, part, row.gone).Enters(t.Context(), g)
		require.ErrorIs(t, err, session.ErrToken, part)
		require.Equal(t, row.want, fault.Of(err).Trace(), part)

		err = s.Blind(t, part, down).Enters(t.Context(), g)
		require.ErrorIs(t, err, down, part)
		require.NotErrorIs(t, err, session.ErrToken, part)
	}
}

func TestVisitor_WhatIsNoGenuineTokenIsNobodys(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	g := s.Login(t)
	s.Clock.Advance(time.Hour)

	expired := s.Enters(t.Context(), g)
	_, junk := s.Guard.Actor(t.Context(), bearer(stage.Text("ost_junk")))

	for _, err := range []error{expired, junk} {
		require.ErrorIs(t, err, session.ErrToken)
		require.Len(t, fault.Of(err).Trace(), 1)
		require.True(t, ownerOf(err).IsZero())
	}
}

func TestActor_TraceNamesTheCauseAndTheTenant(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	revoked, tok := s.Token(t, s.Acme, actor.ContactsRead)
	require.NoError(t, s.APITokens.Revoke(t.Context(), s.Acme.ID(), tok.Snapshot().ID, s.Clock.Now()))

	_, plain := s.Guard.Actor(t.Context(), stage.Bearer(s.Login(t)))
	_, gone := s.Guard.Actor(t.Context(), bearer(revoked))

	require.Equal(t, steps("tenant", "resolved", "user", "found", "credential", "right", "portal", "open", "permission", "missing"), fault.Of(plain).Trace())
	require.Equal(t, steps("credential", "wrong, revoked or expired"), fault.Of(gone).Trace())
	for _, err := range []error{plain, gone} {
		require.Equal(t, s.Acme.ID(), ownerOf(err))
	}
}
