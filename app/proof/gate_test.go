package proof_test

import (
	"context"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/app/proof"
	"ostiary/domain/secret"
	"ostiary/domain/throttle"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func TestEnter_NeverMoreAtOnceThanFailuresAreLeft(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	var open atomic.Int64

	stage.Together(100, func(int) {
		p, err := k.Gate.Enter(t.Context(), attempt(t, stage.Mail, "192.0.2.1"))
		if err != nil {
			t.Error(err)
			return
		}
		if !p.Locked {
			open.Add(1)
		}
		if err := p.Done(t.Context(), false); err != nil {
			t.Error(err)
		}
	})

	require.EqualValues(t, 10, open.Load())
}

func TestDone_WritesAsMuchDuringADelay(t *testing.T) {
	t.Parallel()
	k := setup(t, parsed(t, "login-user=1/15m"))
	fail := func() (changed int) {
		p, err := k.Gate.Enter(t.Context(), attempt(t, stage.Mail, "192.0.2.1"))
		require.NoError(t, err)
		before := k.counters.changed
		require.NoError(t, p.Done(t.Context(), false))
		return k.counters.changed - before
	}

	first := fail()

	for range 3 {
		require.Equal(t, first, fail())
	}
	k.Clock.Advance(firstDelay)
	p, err := k.Gate.Enter(t.Context(), attempt(t, stage.Mail, "192.0.2.1"))
	require.NoError(t, err)
	require.False(t, p.Locked, "tries during the delay do not lengthen it")
	p.Cancel()
}

func TestEnter_OneTooManyWaitsForAVerdict(t *testing.T) {
	t.Parallel()
	k := setup(t, parsed(t, "login-user=2/15m"))
	ada := attempt(t, stage.Mail, "192.0.2.1")
	one, err := k.Gate.Enter(t.Context(), ada)
	require.NoError(t, err)
	two, err := k.Gate.Enter(t.Context(), ada)
	require.NoError(t, err)
	// Time runs out once the third has seen how things stand.
	ctx, cancel := context.WithCancel(t.Context())
	k.counters.set(cancel, nil)

	_, err = k.Gate.Enter(ctx, ada)

	require.ErrorIs(t, err, port.ErrUnavailable)
	k.counters.set(nil, nil)
	_, err = k.Gate.Enter(t.Context(), attempt(t, "somebody@example.com", "192.0.2.1"))
	require.NoError(t, err, "others do not wait")
	require.NoError(t, one.Done(t.Context(), true))
	three, err := k.Gate.Enter(t.Context(), ada)
	require.NoError(t, err, "a success makes room")
	require.False(t, three.Locked)
	two.Cancel()
	three.Cancel()
}

func TestEnter_WaitingEndsWithTheVerdict(t *testing.T) {
	t.Parallel()
	k := setup(t, parsed(t, "login-user=1/15m"))
	ada := attempt(t, stage.Mail, "192.0.2.1")
	first, err := k.Gate.Enter(t.Context(), ada)
	require.NoError(t, err)
	waiting := make(chan struct{})
	var told atomic.Bool
	k.counters.set(func() {
		if told.CompareAndSwap(false, true) {
			close(waiting)
		}
	}, nil)
	entered := make(chan bool)
	go func() {
		p, err := k.Gate.Enter(context.WithoutCancel(t.Context()), ada)
		entered <- err == nil && p.Locked
	}()
	<-waiting

	require.NoError(t, first.Done(t.Context(), false))

	require.True(t, <-entered, "the failure of the first locks out the second")
}

func TestEnter_LockedOnesAreLetInToDoTheWork(t *testing.T) {
	t.Parallel()
	k := setup(t, parsed(t, "login-user=1/15m"))
	ada := attempt(t, stage.Mail, "192.0.2.1")
	p, err := k.Gate.Enter(t.Context(), ada)
	require.NoError(t, err)
	require.NoError(t, p.Done(t.Context(), false))

	for range 5 {
		p, err := k.Gate.Enter(t.Context(), ada)

		require.NoError(t, err)
		require.True(t, p.Locked)
	}
}

func TestEnter_CountersOutliveTheProcess(t *testing.T) {
	t.Parallel()
	k := setup(t, parsed(t, "login-user=1/15m"))
	p, err := k.Gate.Enter(t.Context(), attempt(t, stage.Mail, "192.0.2.1"))
	require.NoError(t, err)
	require.NoError(t, p.Done(t.Context(), false))
	another := proof.NewGate(k.Counters, k.Vault, k.Clock, parsed(t, "login-user=1/15m"))

	p, err = another.Enter(t.Context(), attempt(t, stage.Mail, "192.0.2.2"))

	require.NoError(t, err)
	require.True(t, p.Locked)
}

func TestMail_CountsPerAddressOfATenant(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	mail := func(code, to string) bool {
		allowed, err := k.Gate.Mail(t.Context(), code, fake.Address(t, to).Key())
		require.NoError(t, err)
		return allowed
	}
	for range 5 {
		require.True(t, mail("acme", "ada@example.com"))
	}

	require.False(t, mail("acme", "ada@example.com"))
	require.False(t, mail("acme", "ADA@Example.com"), "one address, however it is spelled")
	require.True(t, mail("other", "ada@example.com"))
	require.True(t, mail("acme", "bob@example.com"))
	k.Clock.Advance(12*time.Minute - blink)
	require.False(t, mail("acme", "ada@example.com"), "what is refused does not count")
	k.Clock.Advance(blink)
	require.True(t, mail("acme", "ada@example.com"))
	require.False(t, mail("acme", "ada@example.com"))
}

func TestMail_ParallelRequestsGainNothing(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())
	var allowed atomic.Int64

	stage.Together(50, func(int) {
		ok, err := k.Gate.Mail(t.Context(), "acme", "ada@example.com")
		if err != nil {
			t.Error(err)
		}
		if ok {
			allowed.Add(1)
		}
	})

	require.EqualValues(t, 5, allowed.Load())
}

func TestMail_LimitsOff(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Limits{})
	for range 20 {
		allowed, err := k.Gate.Mail(t.Context(), "acme", "ada@example.com")

		require.NoError(t, err)
		require.True(t, allowed)
	}
}

func TestMail_IsNotAFailureToSignIn(t *testing.T) {
	t.Parallel()
	k := setup(t, parsed(t, "login-user=1/15m,link-user=100/1h"))
	for range 20 {
		_, err := k.Gate.Mail(t.Context(), "acme", fake.Address(t, stage.Mail).Key())
		require.NoError(t, err)
	}

	require.NoError(t, k.try(t, stage.Password))
}

func TestLinkOrigin_IsADigestPerAddressUnlessSwitchedOff(t *testing.T) {
	t.Parallel()
	k := setup(t, throttle.Default())

	one, limit := k.Gate.LinkOrigin("192.0.2.1")
	two, _ := k.Gate.LinkOrigin("192.0.2.2")
	off, none := setup(t, throttle.Limits{}).Gate.LinkOrigin("192.0.2.1")

	require.Equal(t, throttle.Default().LinkAddress, limit)
	require.NotEqual(t, one, two)
	require.NotEqual(t, secret.DigestOf([]byte("192.0.2.1")), one, "addresses are too few for a plain hash")
	require.True(t, off.IsZero())
	require.True(t, none.Off())
}
