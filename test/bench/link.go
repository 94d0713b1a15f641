package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"sync"
	"time"

	"github.com/emersion/go-smtp"

	"ostiary/test/load"
	"ostiary/test/program"
)

// office takes mails by SMTP and hands the token in each to whoever waits for
// it.
type office struct {
	mu    sync.Mutex
	boxes map[string]chan string // by address
}

// open returns where the office takes mails.
func (o *office) open(s *scene) (address string) {
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	s.must(err)
	server := smtp.NewServer(o)
	server.Domain = "localhost"
	go func() { _ = server.Serve(ln) }()
	s.Cleanup(func() { _ = server.Close() })
	return ln.Addr().String()
}

// box is where the tokens for an address come in.
func (o *office) box(address string) chan string {
	o.mu.Lock()
	defer o.mu.Unlock()
	if o.boxes == nil {
		o.boxes = map[string]chan string{}
	}
	if o.boxes[address] == nil {
		o.boxes[address] = make(chan string, 16)
	}
	return o.boxes[address]
}

// NewSession implements smtp.Backend.
func (o *office) NewSession(*smtp.Conn) (smtp.Session, error) { return &visit{office: o}, nil }

type visit struct {
	office *office
	to     string
}

func (*visit) Reset() {}

func (*visit) Logout() error { return nil }

func (*visit) Mail(string, *smtp.MailOptions) error { return nil }

func (v *visit) Rcpt(to string, _ *smtp.RcptOptions) error {
	v.to = to
	return nil
}

func (v *visit) Data(r io.Reader) error {
	raw, err := io.ReadAll(r)
	if err != nil {
		return err //nolint:wrapcheck // part of smtp.Session
	}
	letter, err := program.ParseLetter(raw)
	if err != nil {
		return err //nolint:wrapcheck // says what it is about
	}
	v.office.box(v.to) <- letter.Token
	return nil
}

var errNoMail = errors.New("no mail came")

// setting starts the office and has a program send its mail there.
func (o *office) setting(s *scene) string {
	return "OSTIARY_MAIL=smtp://" + o.open(s) + "?from=portal@sender.example&tls=off"
}

// linking has each of n connections ask for a link to an address of its own,
// wait for its mail and open it.
func (o *office) linking(s *scene, t target, code string, n int, address func(int) string) []load.Op {
	ops := make([]load.Op, n)
	for i := range ops {
		c, box := t.dial(s), o.box(address(i))
		ask := load.Prepare(t.origin, program.AskForLink(code, address(i)))
		ops[i] = func(ctx context.Context) error {
			if _, err := expect(ctx, c, ask, 200); err != nil {
				return err
			}
			select {
			case token := <-box:
				_, err := expect(ctx, c, load.Prepare(t.origin, program.Validate(token)), 200)
				return err
			case <-time.After(program.Patience):
				return fmt.Errorf("%w for %s", errNoMail, address(i))
			}
		}
	}
	return ops
}

func links(s *scene, p plan, out *sheet) {
	o := &office{}
	d, us := deployed(s, p, o.setting(s))
	ops := o.linking(s, us, contacts(s, d, wide).Code, wide, address)
	for range p.rounds {
		us.closed(s, out, loop{"links", ops, p.lasts})
	}
}
