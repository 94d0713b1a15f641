package mail

import (
	"context"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	netmail "net/mail"
	"strings"
	"time"

	"github.com/google/uuid"
	gomail "github.com/wneessen/go-mail"

	"ostiary/app/port"
	"ostiary/domain/outbox"
)

// patience bounds a delivery once it has a connection, or may open one.
const patience = 30 * time.Second

// Needs are what mailers use of their surroundings.
type Needs struct {
	Clock      port.Clock
	Random     port.Random
	PublicHost string         // of the public URL, names the default sender
	Console    io.Writer      // for the kind Console
	Roots      *x509.CertPool // nil: the system's
}

// Open makes the mailer that c describes. It connects to nothing; the
// directory of the kind File is made if missing.
func Open(c Config, n Needs) (port.Mailer, error) {
	if c.From == "" {
		c.From = "ostiary@" + domainOf(n.PublicHost)
	}
	if !isMailbox(c.From) {
		return nil, ErrFrom
	}
	press := press{from: c.From, clock: n.Clock, random: n.Random}
	switch c.Kind {
	case Console:
		return &console{press: press, out: n.Console}, nil
	case File:
		return openFiles(press, c.Dir)
	case SMTP:
		return &relay{press: press, config: c, roots: n.Roots, lines: newSwitchboard()}, nil
	default:
		return nil, ErrForm
	}
}

// domainOf returns what may stand behind the at sign for a host that may be an
// address.
func domainOf(host string) string {
	if host == "" || net.ParseIP(strings.Trim(host, "[]")) != nil {
		return "localhost"
	}
	return host
}

// press turns a mail into what is handed over.
type press struct {
	from   string
	clock  port.Clock
	random port.Random
}

// errRecipient never names the recipient.
var errRecipient = errors.New("the recipient is not one bare ASCII address")

// letter words the mail for exactly one recipient.
func (p press) letter(ctx context.Context, m outbox.Mail) (letter, error) {
	if err := ctx.Err(); err != nil {
		return letter{}, fmt.Errorf("send mail: %w", err)
	}
	if !isMailbox(m.To) {
		return letter{}, fmt.Errorf("send mail: %w: %w", errRecipient, port.ErrMailRefused)
	}
	return write(m)
}

// message lays l out as a MIME message (RFC 5322, RFC 2046). Links are long:
// both parts are quoted-printable, so that no relay breaks their lines.
func (p press) message(l letter) (*gomail.Msg, error) {
	plain, err := l.plain()
	if err != nil {
		return nil, err
	}
	html, err := l.html()
	if err != nil {
		return nil, err
	}
	m := gomail.NewMsg(gomail.WithNoDefaultUserAgent(), gomail.WithEncoding(gomail.EncodingQP), gomail.WithCharset(gomail.CharsetUTF8))
	m.FromMailAddress(&netmail.Address{Name: fromName(l.Sender), Address: p.from})
	m.ToMailAddress(&netmail.Address{Address: l.To})
	m.Subject(l.Subject)
	m.SetDateWithValue(p.clock.Now())
	m.SetMessageIDWithValue(p.name() + "@" + p.from[strings.LastIndexByte(p.from, '@')+1:])
	m.SetGenHeader("Auto-Submitted", "auto-generated") // RFC 3834: nobody's absence is to be answered
	m.SetGenHeader(gomail.HeaderContentLang, l.Language)
	m.SetBodyString(gomail.TypeTextPlain, plain)
	m.AddAlternativeString(gomail.TypeTextHTML, html)
	return m, nil
}

// fromName has no backslash beside letters that are not ASCII: net/mail leaves
// it as it is in an encoded word, where RFC 2047 section 5 forbids it, and then
// not even net/mail can read the From.
func fromName(s string) string {
	if strings.ContainsFunc(s, func(r rune) bool { return r > '~' }) {
		return strings.ReplaceAll(s, `\`, "/")
	}
	return s
}

// name returns a name that sorts by time.
func (p press) name() string { return uuid.UUID(p.random.UUID()).String() }
