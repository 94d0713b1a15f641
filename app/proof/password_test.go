package proof_test

import (
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/app/proof"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func TestCheck_RightPasswordSaysWhoseItIs(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	in := k.ada(t, stage.Password)
	in.Email = fake.Address(t, "aDA@EXAMPLE.com") // the same key

	proven, err := k.Proof.Check(t.Context(), in)

	require.NoError(t, err)
	require.Equal(t, k.AdaUser.ID(), proven.Person.User.ID())
	require.Equal(t, k.Ada.ID(), proven.Person.Contact.ID())
	require.False(t, proven.Weak)
	_, writes := k.counters.cost()
	require.Empty(t, writes, "a success with nothing to clear costs no write")
}

func TestCheck_OtherTenantsPasswordIsWrong(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	in := k.ada(t, stage.Elsewhere)

	_, err := k.Proof.Check(t.Context(), in)
	in.Tenant = of(k.Other)
	proven, other := k.Proof.Check(t.Context(), in)

	require.ErrorIs(t, err, user.ErrBadCredentials)
	require.NoError(t, other)
	require.Equal(t, k.TwinUser.ID(), proven.Person.User.ID())
}

// refusals are all reasons to refuse; prepare returns the try that is refused.
var refusals = map[string]func(t *testing.T, k *kit) proof.Input{
	"wrong password": func(t *testing.T, k *kit) proof.Input { return k.ada(t, "not the password") },
	"unknown address": func(t *testing.T, k *kit) proof.Input {
		in := k.ada(t, stage.Password)
		in.Email = fake.Address(t, "nobody@example.com")
		return in
	},
	"unknown tenant": func(t *testing.T, k *kit) proof.Input {
		in := k.ada(t, stage.Password)
		in.Tenant = tenant.Ref{Given: "ghost"}
		return in
	},
	"suspended tenant": func(t *testing.T, k *kit) proof.Input {
		in := k.ada(t, stage.Password)
		in.Tenant = tenant.Ref{Given: "acme"}
		return in
	},
	"login without password": func(t *testing.T, k *kit) proof.Input {
		c := fake.Contact(t, k.First, 9, "invited@example.com")
		k.Add(t, c, fake.User(c))
		in := k.ada(t, stage.Password)
		in.Email = c.Email()
		return in
	},
	"contact without login": func(t *testing.T, k *kit) proof.Input {
		c := fake.Contact(t, k.First, 9, "plain@example.com")
		k.Add(t, c)
		in := k.ada(t, stage.Password)
		in.Email = c.Email()
		return in
	},
	"disabled login": func(t *testing.T, k *kit) proof.Input {
		k.EditUser(t, k.AdaUser, func(u *user.User) { u.Enable(false, fake.Start) })
		return k.ada(t, stage.Password)
	},
	"locked, right password": func(t *testing.T, k *kit) proof.Input {
		k.fail(t, 10)
		return k.ada(t, stage.Password)
	},
	"locked, wrong password": func(t *testing.T, k *kit) proof.Input {
		k.fail(t, 10)
		return k.ada(t, "not the password")
	},
	"locked, unknown address": func(t *testing.T, k *kit) proof.Input {
		in := k.ada(t, stage.Password)
		in.Email = fake.Address(t, "nobody@example.com")
		for range 10 {
			_, err := k.Proof.Check(t.Context(), in)
			require.Error(t, err)
		}
		return in
	},
	"no password at all": func(t *testing.T, k *kit) proof.Input { return k.ada(t, "") },
	"no text":            func(t *testing.T, k *kit) proof.Input { return k.ada(t, "\xff\xfe"+strings.Repeat("x", 300)) },
}

func TestCheck_RefusalsCannotBeToldApart(t *testing.T) {
	t.Parallel()
	for name, prepare := range refusals {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			k := setup(t, throttle.Default())
			in := prepare(t, k)
			k.counters.cost()
			before := k.Hasher.Verifies + k.Hasher.Decoys

			proven, err := k.Proof.Check(t.Context(), in)

			shown := fault.Of(err)
			require.ErrorIs(t, err, user.ErrBadCredentials)
			require.Equal(t, user.ErrBadCredentials.Text(), shown.Text())
			require.Equal(t, user.ErrBadCredentials.Kind(), shown.Kind())
			require.Equal(t, user.ErrBadCredentials.Error(), err.Error(), "not even the log's text differs")
			require.Empty(t, shown.Fields())
			require.Zero(t, shown.RetryAfter(), "a wait would tell")
			require.Equal(t, proof.Proof{}, proven)
			require.Equal(t, 1, k.Hasher.Verifies+k.Hasher.Decoys-before, "the work of one hash")
			require.Zero(t, k.Hasher.Hashes)
			reads, writes := k.counters.cost()
			require.Equal(t, []int{3}, reads)
			require.Equal(t, []int{3}, writes)
		})
	}
}

func TestCheck_TraceNamesTheCauseAndNothingOfTheRequest(t *testing.T) {
	t.Parallel()
	for name, want := range map[string][]fault.Step{
		"wrong password":         {{Name: "tenant", Outcome: "resolved"}, {Name: "user", Outcome: "found"}, {Name: "limits", Outcome: "passed"}, {Name: "credential", Outcome: "wrong"}},
		"unknown tenant":         {{Name: "tenant", Outcome: "unknown"}, {Name: "user", Outcome: "unknown"}, {Name: "limits", Outcome: "passed"}, {Name: "credential", Outcome: "none"}},
		"unknown address":        {{Name: "tenant", Outcome: "resolved"}, {Name: "user", Outcome: "unknown"}, {Name: "limits", Outcome: "passed"}, {Name: "credential", Outcome: "none"}},
		"login without password": {{Name: "tenant", Outcome: "resolved"}, {Name: "user", Outcome: "found"}, {Name: "limits", Outcome: "passed"}, {Name: "credential", Outcome: "none"}},
		"locked, right password": {{Name: "tenant", Outcome: "resolved"}, {Name: "user", Outcome: "found"}, {Name: "limits", Outcome: "delayed"}, {Name: "credential", Outcome: "right"}},
		"disabled login": {
			{Name: "tenant", Outcome: "resolved"},
			{Name: "user", Outcome: "disabled"},
			{Name: "limits", Outcome: "passed"},
			{Name: "credential", Outcome: "right"},
		},
	} {
		k := setup(t, throttle.Default())

		_, err := k.Proof.Check(t.Context(), refusals[name](t, k))

		require.Equal(t, want, fault.Of(err).Trace(), name)
	}
}

func TestCheck_RightPasswordIsRefusedDuringTheDelayAndTakenAfterIt(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	k.fail(t, 9)
	require.NoError(t, k.try(t, stage.Password), "nine failures are not ten")
	k.fail(t, 10)

	require.ErrorIs(t, k.try(t, stage.Password), user.ErrBadCredentials)
	k.Clock.Advance(firstDelay - blink)
	require.ErrorIs(t, k.try(t, stage.Password), user.ErrBadCredentials)
	k.Clock.Advance(blink)

	require.NoError(t, k.try(t, stage.Password))
}

func TestCheck_APasswordDoesNotRunOut(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())

	k.Clock.Advance(20 * 365 * 24 * time.Hour)

	require.NoError(t, k.try(t, stage.Password))
}

func TestCheck_TriesDuringTheDelayDoNotExtendIt(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	k.fail(t, 10)
	k.Clock.Advance(firstDelay - blink)

	k.fail(t, 30)
	k.Clock.Advance(blink)

	require.NoError(t, k.try(t, stage.Password))
}

func TestCheck_DelayGrowsWithEachFurtherFailure(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	k.fail(t, 10)
	k.Clock.Advance(firstDelay)
	k.fail(t, 1)

	k.Clock.Advance(secondDelay - blink)
	require.ErrorIs(t, k.try(t, stage.Password), user.ErrBadCredentials)
	k.Clock.Advance(blink)

	require.NoError(t, k.try(t, stage.Password))
}

func TestCheck_SuccessClearsTheFailures(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	for range 5 {
		k.fail(t, 9)

		require.NoError(t, k.try(t, stage.Password))
	}
	k.fail(t, 10)
	k.Clock.Advance(firstDelay)
	require.NoError(t, k.try(t, stage.Password))
	k.fail(t, 9)

	require.NoError(t, k.try(t, stage.Password), "the delay began anew, too")
}

func TestCheck_LockIsOneAddressOfOneTenant(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	k.fail(t, 10)
	colleague := fake.Contact(t, k.First, 9, "colleague@example.com")
	k.Add(t, colleague, fake.UserWith(colleague, stage.Password))

	in := k.ada(t, stage.Password)
	in.Email = colleague.Email()
	_, err := k.Proof.Check(t.Context(), in)
	require.NoError(t, err)

	in = k.ada(t, stage.Elsewhere)
	in.Tenant = of(k.Other)
	_, err = k.Proof.Check(t.Context(), in)
	require.NoError(t, err)
}

func TestCheck_TooManyFailuresFromOneOrigin(t *testing.T) {
	t.Parallel()
	k := setup(t, parsed(t, "login-address=3/15m"))
	for range 5 {
		require.NoError(t, k.try(t, stage.Password), "successes do not count")
	}
	in := k.ada(t, "not the password")
	for _, mail := range []string{"a@example.com", "b@example.com", "c@example.com"} {
		in.Email = fake.Address(t, mail)
		_, err := k.Proof.Check(t.Context(), in)
		require.ErrorIs(t, err, user.ErrBadCredentials)
	}
	before := k.Hasher.Verifies + k.Hasher.Decoys

	err := k.try(t, stage.Password)

	require.ErrorIs(t, err, throttle.ErrLimited)
	require.Equal(t, 5*60, int(fault.Of(err).RetryAfter().Seconds()))
	require.Equal(t, []fault.Step{{Name: "tenant", Outcome: "resolved"}, {Name: "limits", Outcome: "refused"}}, fault.Of(err).Trace())
	require.Equal(t, before, k.Hasher.Verifies+k.Hasher.Decoys, "no work for who is limited")
	elsewhere := k.ada(t, stage.Password)
	elsewhere.Origin = "198.51.100.1"
	_, err = k.Proof.Check(t.Context(), elsewhere)
	require.NoError(t, err)
	k.Clock.Advance(5 * 60 * 1000 * blink)
	require.NoError(t, k.try(t, stage.Password))
}

func TestCheck_TooManyFailuresInOneTenant(t *testing.T) {
	t.Parallel()
	k := setup(t, parsed(t, "login-tenant=3/15m"))
	for _, given := range []tenant.Ref{of(k.Acme), {Given: "ghost"}} {
		in := k.ada(t, "not the password")
		in.Tenant = given
		for i := range 3 {
			in.Email, in.Origin = fake.Address(t, fmt.Sprintf("u%d@example.com", i)), fmt.Sprintf("192.0.2.%d", i)
			_, err := k.Proof.Check(t.Context(), in)
			require.ErrorIs(t, err, user.ErrBadCredentials)
		}
		in.Email, in.Origin = fake.Address(t, "last@example.com"), "198.51.100.9"

		_, err := k.Proof.Check(t.Context(), in)

		require.ErrorIs(t, err, throttle.ErrLimited, "tenant %s, known or not", given.Given)
	}
	in := k.ada(t, stage.Elsewhere)
	in.Tenant = of(k.Other)
	_, err := k.Proof.Check(t.Context(), in)
	require.NoError(t, err)
}

func TestCheck_ParallelGuessesGainNothing(t *testing.T) {
	t.Parallel()
	k := setup(t, parsed(t, "login-address=1000/15m"))

	stage.Together(100, func(i int) {
		_, err := k.Proof.Check(t.Context(), k.ada(t, fmt.Sprintf("guess %d", i)))
		if !errors.Is(err, user.ErrBadCredentials) {
			t.Errorf("guess %d: %v", i, err)
		}
	})

	require.ErrorIs(t, k.try(t, stage.Password), user.ErrBadCredentials)
	k.Clock.Advance(firstDelay)
	require.NoError(t, k.try(t, stage.Password), "ten were judged: the first delay, not a later one")
}

func TestCheck_ParallelRightPasswordsAllSucceed(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	k.fail(t, 5)
	var granted atomic.Int64

	stage.Together(100, func(int) {
		if k.try(t, stage.Password) == nil {
			granted.Add(1)
		}
	})

	require.EqualValues(t, 100, granted.Load())
}

func TestCheck_LimitsOff(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Limits{})
	k.fail(t, 30)

	require.NoError(t, k.try(t, stage.Password))
	reads, writes := k.counters.cost()
	require.Empty(t, reads)
	require.Empty(t, writes)
}

func TestCheck_WhatCouldNotBeJudgedDoesNotCount(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	k.Hasher.Err = port.ErrBusy
	for range 30 {
		require.ErrorIs(t, k.try(t, "not the password"), port.ErrBusy)
	}
	in := k.ada(t, "not the password")
	in.Email = fake.Address(t, "nobody@example.com")
	_, err := k.Proof.Check(t.Context(), in)
	require.ErrorIs(t, err, port.ErrBusy)
	k.Hasher.Err = nil

	require.NoError(t, k.try(t, stage.Password))
}

func TestCheck_CountersAwayIsAnOutage(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	down := errors.New("storage is down")
	k.counters.set(nil, down)

	err := k.try(t, stage.Password)

	require.ErrorIs(t, err, down)
	require.Nil(t, fault.Of(err))
	require.Zero(t, k.Hasher.Verifies)
	k.counters.set(nil, nil)
	require.NoError(t, k.try(t, stage.Password))
}

func TestRehash_ReplacesTheHashAndKeepsTheSessions(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Limits{})
	k.Hasher.Weak = true
	k.EditUser(t, k.AdaUser, func(u *user.User) { u.Rehash(fake.Hashed(stage.Password), fake.Start) })
	proven, err := k.Proof.Check(t.Context(), k.ada(t, stage.Password))
	require.NoError(t, err)
	require.True(t, proven.Weak)

	require.NoError(t, k.Proof.Rehash(t.Context(), proven.Person, stage.Text(stage.Password), k.Clock))

	after, err := k.Users.ByID(t.Context(), k.Acme.ID(), k.AdaUser.ID())
	require.NoError(t, err)
	require.Equal(t, proven.Person.User.Epoch(), after.User.Epoch())
	require.Greater(t, after.User.Version(), proven.Person.User.Version())
	require.NoError(t, k.try(t, stage.Password))
}

func TestRehash_GivesWayToAChangeMadeMeanwhile(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Limits{})
	proven, err := k.Proof.Check(t.Context(), k.ada(t, stage.Password))
	require.NoError(t, err)
	k.EditUser(t, k.AdaUser, func(u *user.User) { u.SetPassword(fake.Hashed("a newer password"), false, fake.Start) })

	require.NoError(t, k.Proof.Rehash(t.Context(), proven.Person, stage.Text(stage.Password), k.Clock))

	require.ErrorIs(t, k.try(t, stage.Password), user.ErrBadCredentials)
	require.NoError(t, k.try(t, "a newer password"))
}

func TestCheck_WhoIsNotAdmittedCostsNoLookUp(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	k.Hasher.Full = port.ErrBusy

	require.ErrorIs(t, k.try(t, stage.Password), port.ErrBusy)

	reads, writes := k.counters.cost()
	require.Empty(t, reads)
	require.Empty(t, writes)
	require.Zero(t, k.Hasher.Verifies+k.Hasher.Decoys)
}

func TestCheck_GivesItsPlaceBackHoweverItEnds(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())

	require.NoError(t, k.try(t, stage.Password))
	require.Error(t, k.try(t, "not the password"))
	k.Hasher.Err = port.ErrBusy
	require.Error(t, k.try(t, stage.Password))
	k.counters.set(nil, port.ErrUnavailable)
	require.Error(t, k.try(t, stage.Password))

	require.Zero(t, k.Hasher.Inside)
}
