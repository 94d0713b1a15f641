package mail

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net"
	"net/textproto"
	"slices"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"

	"ostiary/app/port"
	"ostiary/domain/outbox"
)

// relay hands mail to an SMTP server.
type relay struct {
	press  press
	config Config
	roots  *x509.CertPool
	lines  *switchboard
}

// Send returns nil when the server accepted the mail, whatever became of the
// connection afterwards: trying again would send it twice.
func (r *relay) Send(ctx context.Context, m outbox.Mail) error {
	words, err := r.press.letter(ctx, m)
	if err != nil {
		return err
	}
	msg, err := r.press.message(words)
	if err != nil {
		return err
	}
	l, err := r.lines.take(ctx)
	if err != nil {
		return fmt.Errorf("send mail: %w", err)
	}
	defer func() { r.lines.leave(l, r.press.clock.Now()) }()
	// Who has waited for a place has as much time as others.
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	l, err = r.deliver(ctx, l, msg)
	switch {
	case msg.IsDelivered():
		return nil
	case ctx.Err() != nil:
		return fmt.Errorf("send mail: %w", ctx.Err())
	default:
		return judge(err)
	}
}

// deliver uses l, if any, or another connection instead, and returns the one
// that is open now.
func (r *relay) deliver(ctx context.Context, l *line, msg *gomail.Msg) (*line, error) {
	if l != nil {
		if l.alive(r.press.clock.Now()) {
			if err := l.send(ctx, msg); !isStale(err) || ctx.Err() != nil {
				return l, err
			}
		}
		l.close() // before another is opened, for the server counts them
	}
	l, err := r.dial(ctx)
	if err != nil {
		return nil, err
	}
	return l, l.send(ctx, msg)
}

// dial owns the connection: the library neither closes one whose greeting
// failed nor watches the context once it is connected.
func (r *relay) dial(ctx context.Context) (*line, error) {
	var conn net.Conn
	stop := func() bool { return true }
	client, err := r.client(func(dial context.Context, network, address string) (_ net.Conn, err error) {
		if conn, err = new(net.Dialer).DialContext(dial, network, address); err != nil {
			return nil, err
		}
		stop = context.AfterFunc(ctx, func() { _ = conn.Close() })
		return r.wrap(dial, conn)
	})
	if err != nil {
		return nil, err
	}
	session, err := client.DialToSMTPClientWithContext(ctx)
	stop()
	if err == nil {
		return &line{conn: conn, client: client, session: session}, nil
	}
	if conn != nil {
		_ = conn.Close()
	}
	return nil, err
}

func (r *relay) client(dial gomail.DialContextFunc) (*gomail.Client, error) {
	policy := gomail.NoTLS
	switch r.config.Encryption {
	case Required:
		policy = gomail.TLSMandatory
	case Opportunistic:
		policy = gomail.TLSOpportunistic
	case Implicit, Off:
	}
	options := []gomail.Option{
		gomail.WithPort(r.config.Port), gomail.WithTimeout(patience), gomail.WithTLSPolicy(policy), gomail.WithTLSConfig(r.tls()),
		gomail.WithDialContextFunc(dial), gomail.WithoutNoop(), gomail.WithoutRset(), gomail.WithoutSMTPUTF8(),
	}
	if !r.config.User.IsZero() {
		options = append(options, gomail.WithSMTPAuthCustom(&proof{config: r.config}))
	}
	client, err := gomail.NewClient(r.config.Host, options...)
	if err != nil {
		return nil, fmt.Errorf("prepare SMTP: %w", err)
	}
	return client, nil
}

func (r *relay) tls() *tls.Config {
	return &tls.Config{ServerName: r.config.Host, RootCAs: r.roots, MinVersion: tls.VersionTLS12}
}

func (r *relay) wrap(ctx context.Context, conn net.Conn) (net.Conn, error) {
	if r.config.Encryption != Implicit {
		return conn, nil
	}
	secured := tls.Client(conn, r.tls())
	if err := secured.HandshakeContext(ctx); err != nil {
		return nil, err
	}
	return secured, nil
}

var (
	errNoMechanism = errors.New("the server offers no way to authenticate that is safe here")
	errChallenge   = errors.New("the server does not authenticate as it should")
)

// proof chooses among what the server offers; CRAM-MD5 is not chosen, for MD5
// proves nothing any more. Over a connection in clear it sends the password
// only where the configuration says tls=off.
type proof struct {
	config Config
	smtp.Auth
}

// Start implements smtp.Auth.
func (p *proof) Start(server *smtp.ServerInfo) (string, []byte, error) {
	user, password, inClear := p.config.User.Reveal(), p.config.Password.Reveal(), p.config.Encryption == Off
	offered := func(mechanism string) bool { return slices.Contains(server.Auth, mechanism) }
	switch {
	case !server.TLS && !inClear:
		return "", nil, errNoMechanism
	case offered("SCRAM-SHA-256"):
		p.Auth = smtp.ScramSHA256Auth(user, password)
	case offered("PLAIN"):
		p.Auth = smtp.PlainAuth("", user, password, p.config.Host, inClear)
	case offered("LOGIN"):
		p.Auth = smtp.LoginAuth(user, password, p.config.Host, inClear)
	default:
		return "", nil, errNoMechanism
	}
	return p.Auth.Start(server)
}

// Next implements smtp.Auth. What the library says of a challenge quotes it,
// and a server may have put into it what it was told.
func (p *proof) Next(challenge []byte, more bool) ([]byte, error) {
	answer, err := p.Auth.Next(challenge, more)
	if err != nil {
		return nil, errChallenge
	}
	return answer, nil
}

// judge tells what trying again cannot help from an outage. Of what the server
// said only the code is kept: servers quote addresses.
func judge(err error) error {
	var sending *gomail.SendError
	if errors.As(err, &sending) {
		code := sending.ErrorCode()
		switch {
		case code >= 500 && code <= 599:
			return fmt.Errorf("send mail: %s: answered %d: %w", sending.Reason, code, port.ErrMailRefused)
		case code != 0:
			return fmt.Errorf("send mail: %s: answered %d", sending.Reason, code)
		default:
			return fmt.Errorf("send mail: %s: connection lost", sending.Reason)
		}
	}
	var answer *textproto.Error
	if errors.As(err, &answer) {
		return fmt.Errorf("connect to mail server: answered %d", answer.Code)
	}
	var garbled textproto.ProtocolError
	if errors.As(err, &garbled) {
		return errors.New("connect to mail server: it does not answer in SMTP")
	}
	return fmt.Errorf("connect to mail server: %w", err)
}
