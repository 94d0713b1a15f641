package mail_test

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"encoding/base64"
	"errors"
	"io"
	"math/big"
	"net"
	"sync"
	"testing"
	"time"

	"github.com/emersion/go-sasl"
	"github.com/emersion/go-smtp"
	"github.com/stretchr/testify/require"

	"ostiary/adapters/mail"
	"ostiary/app/port"
	"ostiary/domain/secret"
)

// taken is one mail as the server took it.
type taken struct {
	from   string
	to     []string
	raw    []byte
	user   string
	secure bool
}

// office is an SMTP server that answers as told.
type office struct {
	mu         sync.Mutex
	mails      []taken
	password   string // asked for when not empty
	onMail     error
	onRcpt     error
	onData     error
	mechanisms []string
	visits     int
	most       int           // mails that one visit may bring, when it is not 0
	rude       bool          // to visits that bring more: they are cut off
	onUsed     error         // answers RCPT of all but a visit's first mail
	left       chan struct{} // told of visits that end, when it is not nil
	clock      port.Clock
}

func (o *office) NewSession(c *smtp.Conn) (smtp.Session, error) {
	_, secure := c.TLSConnectionState()
	o.mu.Lock()
	defer o.mu.Unlock()
	o.visits++
	return &visit{office: o, conn: c, now: taken{secure: secure}}, nil
}

type visit struct {
	office *office
	conn   *smtp.Conn
	now    taken
	mails  int
}

func (v *visit) Reset() { v.now.from, v.now.to, v.now.raw = "", nil, nil }

func (v *visit) Logout() error {
	if v.office.left != nil {
		v.office.left <- struct{}{}
	}
	return nil
}

func (v *visit) AuthMechanisms() []string { return v.office.mechanisms }

func (v *visit) Auth(string) (sasl.Server, error) {
	return sasl.NewPlainServer(func(_, user, password string) error {
		if v.now.user = user; password != v.office.password {
			return &smtp.SMTPError{Code: 535, Message: "no such user " + user}
		}
		return nil
	}), nil
}

func (v *visit) Mail(from string, _ *smtp.MailOptions) error {
	if v.office.password != "" && v.now.user == "" {
		return smtp.ErrAuthRequired
	}
	if v.mails++; v.office.most != 0 && v.mails > v.office.most {
		if v.office.rude {
			_ = v.conn.Conn().Close()
		}
		return &smtp.SMTPError{Code: 421, Message: "enough for today"}
	}
	v.now.from = from
	return v.office.onMail
}

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.now.to = append(v.now.to, to)
	if v.mails > 1 && v.office.onUsed != nil {
		return v.office.onUsed
	}
	return v.office.onRcpt
}

func (v *visit) Data(r io.Reader) (err error) {
	if v.now.raw, err = io.ReadAll(r); err != nil {
		return err
	}
	if v.office.onData != nil {
		return v.office.onData
	}
	v.office.mu.Lock()
	defer v.office.mu.Unlock()
	v.office.mails = append(v.office.mails, v.now)
	return nil
}

// certificate is for 127.0.0.1, signed by itself.
func certificate(t testing.TB) (tls.Certificate, *x509.CertPool) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), NotBefore: time.Unix(0, 0), NotAfter: time.Unix(1<<33, 0),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	require.NoError(t, err)
	parsed, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	pool := x509.NewCertPool()
	pool.AddCert(parsed)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: key}, pool
}

// open starts the office and returns a mailer that knows its address.
func (o *office) open(t testing.TB, c mail.Config, serverTLS *tls.Config, roots *x509.CertPool) port.Mailer {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	server := smtp.NewServer(o)
	server.Domain, server.AllowInsecureAuth, server.TLSConfig = "office", true, serverTLS
	serving := listener
	if c.Encryption == mail.Implicit {
		serving = tls.NewListener(listener, serverTLS)
	}
	done := make(chan struct{})
	go func() { defer close(done); _ = server.Serve(serving) }()
	t.Cleanup(func() { _ = server.Close(); <-done })
	c.Kind, c.Host, c.Port, c.From = mail.SMTP, "127.0.0.1", listener.Addr().(*net.TCPAddr).Port, "portal@sender.example"
	n := needs(nil)
	n.Roots = roots
	if o.clock != nil {
		n.Clock = o.clock
	}
	mailer, err := mail.Open(c, n)
	require.NoError(t, err)
	return mailer
}

func TestSMTP_HandsOverOneMailToOneRecipient(t *testing.T) {
	t.Parallel()
	o := &office{}
	mailer := o.open(t, mail.Config{Encryption: mail.Opportunistic}, nil, nil)

	require.NoError(t, mailer.Send(t.Context(), signIn()))
	require.NoError(t, mailer.Send(t.Context(), invitation()))

	require.Len(t, o.mails, 2)
	require.Equal(t, "portal@sender.example", o.mails[0].from)
	require.Equal(t, []string{"jane@example.com"}, o.mails[0].to)
	got := read(t, o.mails[0].raw)
	require.Contains(t, lines(got.text), link)
	require.Equal(t, `"Acme Machines" <portal@sender.example>`, got.header.Get("From"))
	require.Regexp(t, `@sender\.example>$`, got.header.Get("Message-Id"))
	require.False(t, o.mails[0].secure)
}

func TestSMTP_EncryptsWhereItCan(t *testing.T) {
	t.Parallel()
	cert, roots := certificate(t)
	for _, e := range []mail.Encryption{mail.Opportunistic, mail.Required, mail.Implicit} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			o := &office{password: "s3cret", mechanisms: []string{"PLAIN"}}
			c := mail.Config{Encryption: e, User: secret.New("me"), Password: secret.New("s3cret")}
			mailer := o.open(t, c, &tls.Config{Certificates: []tls.Certificate{cert}}, roots)

			require.NoError(t, mailer.Send(t.Context(), signIn()))

			require.True(t, o.mails[0].secure)
			require.Equal(t, "me", o.mails[0].user)
		})
	}
}

func TestSMTP_RefusesACertificateThatDoesNotHold(t *testing.T) {
	t.Parallel()
	cert, _ := certificate(t)
	_, others := certificate(t)
	for _, e := range []mail.Encryption{mail.Opportunistic, mail.Required, mail.Implicit} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			o := &office{}
			mailer := o.open(t, mail.Config{Encryption: e}, &tls.Config{Certificates: []tls.Certificate{cert}}, others)

			err := mailer.Send(t.Context(), signIn())

			require.Error(t, err)
			require.NotErrorIs(t, err, port.ErrMailRefused)
			require.Empty(t, o.mails)
		})
	}
}

func TestSMTP_SpeaksNoTLSBefore12(t *testing.T) {
	t.Parallel()
	cert, roots := certificate(t)
	for _, e := range []mail.Encryption{mail.Opportunistic, mail.Required, mail.Implicit} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			o := &office{}
			old := &tls.Config{Certificates: []tls.Certificate{cert}, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11}
			mailer := o.open(t, mail.Config{Encryption: e}, old, roots)

			require.Error(t, mailer.Send(t.Context(), signIn()))

			require.Empty(t, o.mails)
		})
	}
}

func TestSMTP_ProvesNothingByMD5(t *testing.T) {
	t.Parallel()
	cert, roots := certificate(t)
	o := &office{password: "s3cret", mechanisms: []string{"CRAM-MD5"}}
	c := mail.Config{Encryption: mail.Required, User: secret.New("me"), Password: secret.New("s3cret")}
	mailer := o.open(t, c, &tls.Config{Certificates: []tls.Certificate{cert}}, roots)

	err := mailer.Send(t.Context(), signIn())

	require.ErrorContains(t, err, "no way to authenticate")
	require.Empty(t, o.mails)
}

func TestSMTP_SendsNoPasswordInClear(t *testing.T) {
	t.Parallel()
	for _, e := range []mail.Encryption{mail.Required, mail.Opportunistic, mail.Off} {
		t.Run(string(e), func(t *testing.T) {
			t.Parallel()
			o := &office{password: "s3cret", mechanisms: []string{"PLAIN"}}
			mailer := o.open(t, mail.Config{Encryption: e, User: secret.New("me"), Password: secret.New("s3cret")}, nil, nil)

			err := mailer.Send(t.Context(), signIn())

			if e == mail.Off {
				require.NoError(t, err)
				require.Equal(t, "me", o.mails[0].user)
			} else {
				require.Error(t, err)
				require.Empty(t, o.mails)
			}
		})
	}
}

func TestSMTP_ErrorsHoldNoCredentialsAndNoAddresses(t *testing.T) {
	t.Parallel()
	o := &office{password: "right", mechanisms: []string{"PLAIN"}}
	mailer := o.open(t, mail.Config{Encryption: mail.Off, User: secret.New("SECRETUSER"), Password: secret.New("SECRETPASS")}, nil, nil)

	err := mailer.Send(t.Context(), signIn())

	require.ErrorContains(t, err, "535")
	require.NotErrorIs(t, err, port.ErrMailRefused, "a wrong password of ours is an outage, not the mail's fault")
	require.NotContains(t, err.Error(), "SECRET")
}

func TestSMTP_TellsRefusedFromTryAgain(t *testing.T) {
	t.Parallel()
	at := map[string]func(*office, error){
		"MAIL": func(o *office, err error) { o.onMail = err },
		"RCPT": func(o *office, err error) { o.onRcpt = err },
		"DATA": func(o *office, err error) { o.onData = err },
	}
	for command, set := range at {
		for code, refused := range map[int]bool{421: false, 451: false, 550: true, 554: true} {
			o := &office{}
			set(o, &smtp.SMTPError{Code: code, Message: "because of jane@example.com"})
			mailer := o.open(t, mail.Config{Encryption: mail.Off}, nil, nil)

			err := mailer.Send(t.Context(), signIn())

			require.Error(t, err, command)
			require.Equal(t, refused, errors.Is(err, port.ErrMailRefused), "%s %d: %v", command, code, err)
			require.NotContains(t, err.Error(), "jane")
			require.Empty(t, o.mails)
		}
	}
}

// script is a server of which every line is given.
func script(t testing.TB, serve func(net.Conn)) mail.Config {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	done := make(chan struct{})
	go func() {
		defer close(done)
		conn, err := listener.Accept()
		if err != nil {
			return
		}
		serve(conn)
		_ = conn.Close()
	}()
	t.Cleanup(func() { _ = listener.Close(); <-done })
	return mail.Config{Kind: mail.SMTP, Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "a@example.com", Encryption: mail.Off}
}

// A server may repeat what it was told wherever it has a word.
func TestSMTP_ErrorsDoNotQuoteTheServer(t *testing.T) {
	t.Parallel()
	again := base64.StdEncoding.EncodeToString([]byte("SECRETPASS"))
	for name, answers := range map[string][]string{
		"greeting without a code": {"SECRETPASS"},
		"greeting of a few words": {"no SECRETPASS here"},
		"challenge to PLAIN":      {"220 a", "250-a\r\n250 AUTH PLAIN", "334 " + again},
		"challenge to LOGIN":      {"220 a", "250-a\r\n250 AUTH LOGIN", "334 " + again, "334 " + again, "334 " + again},
		"challenge to SCRAM":      {"220 a", "250-a\r\n250 AUTH SCRAM-SHA-256", "334 " + again, "334 " + again},
		"challenge in clear":      {"220 a", "250-a\r\n250 AUTH PLAIN", "334 SECRETPASS"},
		"answer without a code":   {"220 a", "250-a\r\n250 AUTH PLAIN", "you said SECRETPASS"},
		"refusal":                 {"220 a", "250-a\r\n250 AUTH PLAIN", "535 SECRETPASS"},
	} {
		config := script(t, func(conn net.Conn) {
			buffer := make([]byte, 4<<10)
			for _, answer := range answers {
				_, _ = io.WriteString(conn, answer+"\r\n")
				_, _ = conn.Read(buffer)
			}
		})
		config.User, config.Password = secret.New("SECRETUSER"), secret.New("SECRETPASS")
		mailer, err := mail.Open(config, needs(nil))
		require.NoError(t, err)

		err = mailer.Send(t.Context(), signIn())

		require.Error(t, err, name)
		require.NotContains(t, err.Error(), "SECRET", name)
		require.NotContains(t, err.Error(), again, name)
	}
}

func TestSMTP_GivesUpWithItsContext(t *testing.T) {
	t.Parallel()
	connected, ended := make(chan struct{}), make(chan error, 1)
	config := script(t, func(conn net.Conn) {
		close(connected)
		_, err := io.ReadAll(conn) // never says a word; ends when the client hangs up
		ended <- err
	})
	mailer, err := mail.Open(config, needs(nil))
	require.NoError(t, err)
	ctx, cancel := context.WithCancel(t.Context())
	go func() { <-connected; cancel() }()

	err = mailer.Send(ctx, signIn())

	require.ErrorIs(t, err, context.Canceled)
	require.NoError(t, <-ended, "the connection is closed")
}

func TestSMTP_AcceptedIsSentWhateverComesAfter(t *testing.T) {
	t.Parallel()
	config := script(t, func(conn net.Conn) {
		say := func(line string) { _, _ = io.WriteString(conn, line+"\r\n") }
		buffer := make([]byte, 64<<10)
		hear := func() { _, _ = conn.Read(buffer) }
		say("220 hello")
		for _, answer := range []string{"250 hello", "250 sender ok", "250 recipient ok", "354 go on"} {
			hear()
			say(answer)
		}
		for seen := ""; len(seen) < 5 || seen[len(seen)-5:] != "\r\n.\r\n"; {
			n, err := conn.Read(buffer)
			if err != nil {
				return
			}
			seen += string(buffer[:n])
		}
		say("250 accepted") // and hangs up
	})
	mailer, err := mail.Open(config, needs(nil))
	require.NoError(t, err)

	require.NoError(t, mailer.Send(t.Context(), signIn()))
}

func TestSMTP_NobodyThereIsAnOutage(t *testing.T) {
	t.Parallel()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	require.NoError(t, listener.Close())
	mailer, err := mail.Open(mail.Config{Kind: mail.SMTP, Host: "127.0.0.1", Port: listener.Addr().(*net.TCPAddr).Port, From: "a@example.com"}, needs(nil))
	require.NoError(t, err)

	err = mailer.Send(t.Context(), signIn())

	require.Error(t, err)
	require.NotErrorIs(t, err, port.ErrMailRefused)
}
