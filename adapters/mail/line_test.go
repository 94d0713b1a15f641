package mail_test

import (
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"ostiary/adapters/mail"
	"ostiary/app/port"
)

func TestSMTP_SendsManyMailsOverOneConnection(t *testing.T) {
	t.Parallel()
	refused := &smtp.SMTPError{Code: 552, Message: "too many recipients"}
	for name, row := range map[string]struct {
		office *office
		visits int
	}{
		"as many as we like":          {&office{}, 2},
		"one at a time":               {&office{most: 1}, 101},
		"some":                        {&office{most: 40}, 3},
		"some, and hangs up":          {&office{most: 40, rude: true}, 3},
		"one, and refuses recipients": {&office{onUsed: refused}, 101},
	} {
		mailer := row.office.open(t, mail.Config{Encryption: mail.Off}, nil, nil)

		for range 101 {
			require.NoError(t, mailer.Send(t.Context(), signIn()), name)
		}

		require.Len(t, row.office.mails, 101, name)
		require.Equal(t, row.visits, row.office.visits, name)
		for _, m := range row.office.mails {
			require.Equal(t, []string{"jane@example.com"}, m.to, name)
		}
	}
}

// A connection that has rested may be gone without a word, also while the
// machine slept and no timer ran.
func TestSMTP_LooksAtAConnectionThatHasRested(t *testing.T) {
	t.Parallel()
	now := &moving{}
	o := &office{clock: now}
	mailer := o.open(t, mail.Config{Encryption: mail.Off}, nil, nil)
	for _, row := range []struct {
		after  time.Duration
		visits int
	}{{0, 1}, {2 * time.Second, 1}, {time.Hour, 2}, {time.Second, 2}} {
		now.by.Add(int64(row.after))

		require.NoError(t, mailer.Send(t.Context(), signIn()))

		require.Equal(t, row.visits, o.visits, row.after)
	}
}

// moving is a clock that is moved by hand.
type moving struct{ by atomic.Int64 }

func (m *moving) Now() time.Time { return clock{}.Now().Add(time.Duration(m.by.Load())) }

func TestSMTP_GoesOnAfterARefusalWithAnotherConnection(t *testing.T) {
	t.Parallel()
	o := &office{onRcpt: &smtp.SMTPError{Code: 550, Message: "nobody"}}
	mailer := o.open(t, mail.Config{Encryption: mail.Off}, nil, nil)

	require.ErrorIs(t, mailer.Send(t.Context(), signIn()), port.ErrMailRefused)
	o.onRcpt = nil
	require.NoError(t, mailer.Send(t.Context(), signIn()))

	require.Equal(t, 2, o.visits)
	require.Len(t, o.mails, 1)
}

func TestSMTP_TakesLeaveOfAServerThatIsNotNeeded(t *testing.T) {
	t.Parallel()
	o := &office{left: make(chan struct{}, 1)}
	mailer := o.open(t, mail.Config{Encryption: mail.Off}, nil, nil)
	mail.RestFor(mailer, time.Millisecond)

	require.NoError(t, mailer.Send(t.Context(), signIn()))
	<-o.left
	require.NoError(t, mailer.Send(t.Context(), signIn()))

	require.Equal(t, 2, o.visits)
	<-o.left
}

func TestSMTP_HasNoMoreConnectionsThanServersBear(t *testing.T) {
	t.Parallel()
	o := &office{}
	mailer := o.open(t, mail.Config{Encryption: mail.Off}, nil, nil)

	var all sync.WaitGroup
	for range 64 {
		all.Go(func() {
			if err := mailer.Send(t.Context(), signIn()); err != nil {
				t.Error(err)
			}
		})
	}
	all.Wait()

	require.Len(t, o.mails, 64)
	require.LessOrEqual(t, o.visits, 8)
}
