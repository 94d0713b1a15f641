package fake

import (
	"context"
	"errors"
	"slices"
	"sync"

	"ostiary/app/port"
	"ostiary/domain/outbox"
)

var _ port.Mailer = (*Mailer)(nil)

// ErrMail is what a Mailer returns while it is told to fail.
var ErrMail = errors.New("fake: the mail server does not answer")

// Mailer keeps the mail it is given.
type Mailer struct {
	mu   sync.Mutex
	fail int
	sent []outbox.Mail
}

// FailNext makes the next n calls of Send fail.
func (m *Mailer) FailNext(n int) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.fail = n
}

// Send implements port.Mailer.
func (m *Mailer) Send(_ context.Context, mail outbox.Mail) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.fail > 0 {
		m.fail--
		return ErrMail
	}
	m.sent = append(m.sent, mail)
	return nil
}

// Sent returns all mail taken so far, oldest first.
func (m *Mailer) Sent() []outbox.Mail {
	m.mu.Lock()
	defer m.mu.Unlock()
	return slices.Clone(m.sent)
}
