package mail

import (
	"bytes"
	"context"
	"time"

	"ostiary/app/port"
	"ostiary/domain/outbox"
)

// RestFor has the connections of an SMTP mailer kept for d.
func RestFor(m port.Mailer, d time.Duration) { m.(*relay).lines.rest = d }

// Compose returns m as it is handed over.
func Compose(ctx context.Context, from string, n Needs, m outbox.Mail) ([]byte, error) {
	p := press{from: from, clock: n.Clock, random: n.Random}
	l, err := p.letter(ctx, m)
	if err != nil {
		return nil, err
	}
	msg, err := p.message(l)
	if err != nil {
		return nil, err
	}
	var raw bytes.Buffer
	_, err = msg.WriteTo(&raw)
	return raw.Bytes(), err
}
