package signin_test

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/credential"
	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/domain/actor"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func TestPostman_RetriesWithAFreshToken(t *testing.T) {
	t.Parallel()
	links := &minted{}
	s := stage.New(t, stage.Options{Limits: throttle.Default(), Wrap: func(st *stage.Stores) {
		links.Links = st.Links
		st.Links = links
	}})
	s.Mailer.FailNext(2)
	binding := ask(t, s, stage.Mail)

	require.Empty(t, s.Deliver(t), "the first attempt fails")
	require.Empty(t, s.Deliver(t), "too early for a second")
	s.Clock.Advance(2 * time.Second)
	require.Empty(t, s.Deliver(t), "the second attempt fails")
	s.Clock.Advance(4*time.Second - blink)
	require.Empty(t, s.Deliver(t), "the wait doubles")
	s.Clock.Advance(blink)
	sent := s.Deliver(t)

	require.Len(t, sent, 1)
	require.Len(t, links.added, 3, "a token per attempt")
	require.NotEqual(t, links.added[0].Token, links.added[1].Token)
	require.NotEqual(t, links.added[1].Token, links.added[2].Token)
	require.Len(t, s.Failed(), 2)
	for _, err := range s.Failed() {
		require.ErrorIs(t, err, fake.ErrMail)
	}
	for _, failed := range links.added[:2] {
		_, err := s.Links.Use(t.Context(), s.Acme.ID(), failed.Token, s.Clock.Now())
		require.ErrorIs(t, err, session.ErrLinkSpent, "what was not handed over dies when its successor is")
	}
	_, err := s.Linked.ValidateCode(t.Context(), codeFor(t, sent[0], binding))
	require.NoError(t, err)
}

func TestPostman_AJobThatPanicsIsTriedAgainAndQuotesNothing(t *testing.T) {
	t.Parallel()
	links := &brittle{quote: "quoted by a panic"}
	s := stage.New(t, stage.Options{Wrap: func(st *stage.Stores) {
		links.Links = st.Links
		st.Links = links
	}})
	ask(t, s, stage.Mail)

	require.Empty(t, s.Deliver(t))
	s.Clock.Advance(2 * time.Second)
	sent := s.Deliver(t)

	require.Len(t, sent, 1)
	require.Len(t, s.Failed(), 1)
	require.ErrorContains(t, s.Failed()[0], "panic of type string")
	require.NotContains(t, s.Failed()[0].Error(), links.quote)
}

// brittle panics once.
type brittle struct {
	port.Links
	quote string
	broke bool
}

func (b *brittle) Add(ctx context.Context, l session.Link) error {
	if !b.broke {
		b.broke = true
		panic(b.quote)
	}
	return b.Links.Add(ctx, l)
}

func TestPostman_TokenOfAnAttemptThatSeemedToFailWorksUntilTheNext(t *testing.T) {
	t.Parallel()
	links := &minted{}
	s := stage.New(t, stage.Options{Wrap: func(st *stage.Stores) {
		links.Links = st.Links
		st.Links = links
	}})
	s.Mailer.FailNext(1)
	ask(t, s, stage.Mail)
	s.Deliver(t)

	// The other side may have taken the mail and lost the answer.
	first, err := s.Links.Use(t.Context(), s.Acme.ID(), links.added[0].Token, s.Clock.Now())
	require.NoError(t, err)
	s.Clock.Advance(2 * time.Second)
	second := s.Deliver(t)

	require.Equal(t, s.AdaUser.ID(), first.User)
	require.Len(t, second, 1)
	_, err = spend(t, s, stage.TokenOf(t, second[0]))
	require.NoError(t, err)
}

func TestPostman_RetryIsNoFurtherMailForTheLimit(t *testing.T) {
	t.Parallel()
	limits, err := throttle.Parse("link-user=1/1h")
	require.NoError(t, err)
	s := stage.New(t, stage.Options{Limits: limits})
	s.Mailer.FailNext(1)
	ask(t, s, stage.Mail)
	s.Deliver(t)
	s.Clock.Advance(2 * time.Second)

	require.Len(t, s.Deliver(t), 1)
}

func TestPostman_GivesALinkUpThatNobodyWaitsFor(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.Mailer.FailNext(1000)
	ask(t, s, stage.Mail)
	for range 70 {
		s.Clock.Advance(30 * time.Second)
		s.Deliver(t)
	}
	attempts := len(s.Failed())
	s.Mailer.FailNext(0)
	s.Clock.Advance(time.Hour)

	require.Empty(t, s.Deliver(t))
	require.Greater(t, attempts, 5)
	due, err := s.Outbox.Next(t.Context())
	require.NoError(t, err)
	require.True(t, due.IsZero())
}

func TestPostman_WhatIsRefusedForGoodIsNotTriedAgain(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	p := postmanWith(t, s, refusing{})
	ask(t, s, stage.Mail)
	require.NoError(t, p.Drain(t.Context()))
	s.Clock.Advance(time.Hour)

	require.Empty(t, s.Deliver(t))
	require.Len(t, s.Failed(), 0)
}

type refusing struct{}

func (refusing) Send(context.Context, outbox.Mail) error { return port.ErrMailRefused }

// postmanWith is another process that serves the same outbox.
func postmanWith(t *testing.T, s *stage.Stage, m port.Mailer) *signin.Postman {
	t.Helper()
	issuer := signin.NewIssuer(signin.System{Clock: s.Clock, Random: fake.Random{}, Vault: s.Vault}, s.Sessions, s.Live, s.Tokens, s.Trail, s.Names)
	return signin.NewPostman(signin.PostmanParts{
		Outbox: s.Outbox, Links: s.Links, Users: s.Users, Issuer: issuer, Gate: s.Gate, Mailer: m,
		Failed: func(_ outbox.ID, err error) {
			if !errors.Is(err, port.ErrMailRefused) {
				t.Error(err)
			}
		},
	})
}

// manyAsk has n people ask for a link each.
func manyAsk(t *testing.T, s *stage.Stage, n int) {
	t.Helper()
	for i := range n {
		c := fake.Contact(t, s.First, int64(100+i), "")
		d := c.Details()
		d.Email = fake.Address(t, "p"+c.ID().String()+"@example.com")
		c, err := contact.New(c.Tenant(), c.ID(), d, fake.Start)
		require.NoError(t, err)
		s.Add(t, c, fake.User(c))
		ask(t, s, c.Email().String())
	}
}

func TestPostman_ManyAtOnceSendOneMailEach(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	manyAsk(t, s, 40)
	other := postmanWith(t, s, s.Mailer)

	stage.Together(4, func(i int) {
		p := s.Postman
		if i%2 == 0 {
			p = other
		}
		if err := p.Drain(t.Context()); err != nil {
			t.Error(err)
		}
	})

	seen := map[string]int{}
	for _, m := range s.Mailer.Sent() {
		seen[m.To]++
	}
	require.Len(t, seen, 40)
	require.Len(t, s.Mailer.Sent(), 40)
}

func TestPostman_SendsNothingToWhomItMayNot(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		prepare func(s *stage.Stage)
		why     string
	}{
		"disabled":  {func(s *stage.Stage) { s.EditUser(t, s.AdaUser, func(u *user.User) { u.Enable(false, fake.Start) }) }, "portal_closed"},
		"suspended": {func(s *stage.Stage) { s.EditTenant(t, s.Acme, stage.Suspend) }, ""},
		"no login": {func(s *stage.Stage) {
			require.NoError(t, s.Contacts.Delete(t.Context(), s.Acme.ID(), s.Ada.ID(), 0))
		}, "user_unknown"},
		"no portal": {func(s *stage.Stage) {
			for _, co := range []*company.Company{s.First, s.Second} {
				s.EditCompany(t, co, func(d *company.Details) { d.Portal.Enabled = false })
			}
		}, "portal_closed"},
	} {
		s := stage.New(t, stage.Options{})
		ask(t, s, stage.Mail)
		c.prepare(s)

		require.Empty(t, s.Deliver(t), name)

		require.Empty(t, s.Failed(), name)
		due, err := s.Outbox.Next(t.Context())
		require.NoError(t, err)
		require.True(t, due.IsZero(), name)
		events := s.Recorded("link.asked")
		if c.why == "" {
			require.Empty(t, events, name)
			continue
		}
		require.Len(t, events, 1, name)
		require.Equal(t, audit.Refused, events[0].Outcome, name)
		require.Equal(t, map[string]string{"outcome": c.why}, events[0].Details, name)
	}
}

func TestPostman_MoveOfTheAddressBeforeTheMailIsMade(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	ask(t, s, stage.Mail)
	s.EditContact(t, s.Ada, func(d *contact.Details) { d.Email = fake.Address(t, "new@example.com") })

	require.Empty(t, s.Deliver(t), "the old address is nobody's now")
}

func TestPostman_RecordsWithTheRequestThatAsked(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	_, err := s.Linked.Request(port.WithRequest(t.Context(), "request-1"), linkFor(t, "acme", stage.Mail))
	require.NoError(t, err)

	s.Deliver(t)

	require.Equal(t, []audit.Event{{
		Tenant: s.Acme.ID(), Actor: "system:", Action: "link.asked", Outcome: audit.Granted, Request: "request-1",
		Details: map[string]string{"outcome": "mailed"},
	}}, s.Trail.Events())
}

func TestInvitation_IsGoodForADay(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	bob := fake.Contact(t, s.First, 9, "bob@example.com")
	s.Add(t, bob)
	mail := invite(t, s, bob)
	token := stage.TokenOf(t, mail)

	require.Equal(t, outbox.Invitation, mail.Kind)
	require.Equal(t, "bob@example.com", mail.To)
	require.Equal(t, 24*60, mail.Minutes)
	require.True(t, mail.Code.IsZero(), "nobody holds a binding for it")
	s.Clock.Advance(day - time.Second)
	_, err := s.Linked.ValidateBound(t.Context(), signin.ValidateInput{Token: token}, session.Binding{}.Text())
	refuses(t, err)
	g, err := spend(t, s, token)
	require.NoError(t, err)
	require.NoError(t, s.Enters(t.Context(), g))
	_, err = spend(t, s, token)
	refuses(t, err)

	late := invite(t, s, bob)
	s.Clock.Advance(day)
	_, err = spend(t, s, stage.TokenOf(t, late))
	refuses(t, err)
}

func invite(t *testing.T, s *stage.Stage, who *contact.Contact) outbox.Mail {
	t.Helper()
	before := len(s.Mailer.Sent())
	require.NoError(t, s.Logins.Invite(t.Context(), credential.Target{
		Actor: actor.TheOperator(""), Needs: actor.UsersWrite, Tenant: tenant.Code("acme"), Contact: who.ID(),
	}))
	all := s.Deliver(t)
	require.Len(t, all, before+1)
	return all[before]
}

func TestInvitation_AndLinksDoNotVoidEachOther(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	invitation := invite(t, s, s.Ada)
	link, _ := mailed(t, s)
	newer := invite(t, s, s.Ada)

	_, void := spend(t, s, stage.TokenOf(t, invitation))
	_, one := spend(t, s, stage.TokenOf(t, link))
	_, two := spend(t, s, stage.TokenOf(t, newer))

	refuses(t, void)
	require.NoError(t, one)
	require.NoError(t, two)
}

func TestInvitation_IsNoMailForTheLimit(t *testing.T) {
	t.Parallel()
	limits, err := throttle.Parse("link-user=1/1h")
	require.NoError(t, err)
	s := stage.New(t, stage.Options{Limits: limits})
	for range 3 {
		invite(t, s, s.Ada)
	}

	_, _ = mailed(t, s)
}

// running has the postman at work until stop returns.
func running(t *testing.T, p *signin.Postman) (stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		p.Run(ctx)
	}()
	return func() {
		cancel()
		<-done
	}
}

func TestPostman_RunDeliversWhenWoken(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	delivered := make(chan secret.Text, 1)
	p := postmanWith(t, s, handing{delivered})
	stop := running(t, p)
	ask(t, s, stage.Mail)
	p.Wake()
	p.Wake() // never blocks

	link := <-delivered

	require.False(t, link.IsZero())
	stop()
}

type handing struct{ to chan<- secret.Text }

func (h handing) Send(_ context.Context, m outbox.Mail) error {
	h.to <- m.Link
	return nil
}

// A mail server that is slow with one mail keeps no other waiting: neither what
// this process is woken for, nor what another one asked for.
func TestPostman_DeliversBesideASlowMail(t *testing.T) {
	t.Parallel()
	for about, wake := range map[string]bool{"woken": true, "asked for elsewhere": false} {
		t.Run(about, func(t *testing.T) {
			t.Parallel()
			s := stage.New(t, stage.Options{})
			slow := &held{begun: make(chan struct{}, 10), release: make(chan struct{})}
			p := postmanWith(t, s, slow)
			stop := running(t, p)
			ask(t, s, stage.Mail)
			p.Wake()
			<-slow.begun

			ask(t, s, stage.Mail)
			if wake {
				p.Wake()
			}

			<-slow.begun // while the first is still under way
			close(slow.release)
			stop()
		})
	}
}

func TestPostman_HandsOverNoMoreThanTwelveMailsAtOnce(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	manyAsk(t, s, 40)
	mails := &held{begun: make(chan struct{}, 40), release: make(chan struct{})}
	p := postmanWith(t, s, mails)
	done := make(chan error, 1)
	go func() { done <- p.Drain(t.Context()) }()
	for range 12 {
		<-mails.begun
	}
	for range 28 {
		mails.release <- struct{}{}
		<-mails.begun
	}
	close(mails.release)

	require.NoError(t, <-done)
	require.Equal(t, int64(12), mails.most.Load())
}

// What waits for its turn is not sent by a program that ends, and by the next
// one at once.
func TestPostman_PutsBackWhatWaitsWhenItStops(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	manyAsk(t, s, 20)
	mails := &held{begun: make(chan struct{}, 20), release: make(chan struct{})}
	p := postmanWith(t, s, mails)
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- p.Drain(ctx) }()
	for range 12 {
		<-mails.begun
	}

	stop()
	close(mails.release)
	if err := <-done; err != nil {
		require.ErrorIs(t, err, context.Canceled)
	}

	require.Empty(t, mails.begun, "no mail begins after the end")
	require.NoError(t, p.Drain(t.Context()))
	require.Len(t, mails.begun, 8)
}

// held takes each mail when it is released, or all when none is held back.
type held struct {
	now, most      atomic.Int64
	begun, release chan struct{}
}

func (m *held) Send(context.Context, outbox.Mail) error {
	now := m.now.Add(1)
	defer m.now.Add(-1)
	for most := m.most.Load(); now > most && !m.most.CompareAndSwap(most, now); most = m.most.Load() {
	}
	m.begun <- struct{}{}
	<-m.release
	return nil
}
