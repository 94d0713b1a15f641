package signin

import (
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"ostiary/app/access"
	"ostiary/app/port"
	"ostiary/app/proof"
	"ostiary/domain/audit"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/outbox"
	"ostiary/domain/portal"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

const (
	postmen  = 32          // deliveries at once, most of which wait for the store
	counters = 12          // of them at once between the link and the server that has the mail
	patrol   = time.Second // how often jobs of other processes are looked for
)

// Postman delivers the jobs of the outbox, at least once each. Tokens are
// minted here, one per attempt, and never stored in clear.
type Postman struct {
	sys    System
	outbox port.Outbox
	links  port.Links
	users  port.Users
	issuer *Issuer
	gate   *proof.Gate
	mailer port.Mailer
	names  access.Names
	failed func(job outbox.ID, err error)
	wake   chan struct{}
	places chan struct{} // taken by each mail that is handed over
}

// PostmanParts is what a postman works with. Failed hears of deliveries that
// did not succeed; it must not log the error's address.
type PostmanParts struct {
	Outbox port.Outbox
	Links  port.Links
	Users  port.Users
	Issuer *Issuer
	Gate   *proof.Gate
	Mailer port.Mailer
	Failed func(job outbox.ID, err error)
}

// NewPostman puts the parts together.
func NewPostman(p PostmanParts) *Postman {
	return &Postman{
		sys: p.Issuer.sys, outbox: p.Outbox, links: p.Links, users: p.Users, issuer: p.Issuer, gate: p.Gate,
		mailer: p.Mailer, names: p.Issuer.names, failed: p.Failed, wake: make(chan struct{}, 1),
		places: make(chan struct{}, counters),
	}
}

// Wake tells the postman of new work. It never blocks.
func (p *Postman) Wake() {
	select {
	case p.wake <- struct{}{}:
	default:
	}
}

// Run delivers until ctx ends.
func (p *Postman) Run(ctx context.Context) {
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-p.wake:
		case <-timer.C:
		}
		if err := p.Drain(ctx); err != nil && ctx.Err() == nil {
			p.failed(outbox.ID{}, err)
		}
		timer.Reset(patrol)
	}
}

// Drain delivers everything that is due and returns when nothing is and all is
// settled. While a mail server is slow with one mail, what Wake tells of is
// looked for at once, and what other processes left every second.
func (p *Postman) Drain(ctx context.Context) error {
	rounds := time.NewTicker(patrol)
	defer rounds.Stop()
	done, under := make(chan struct{}, postmen), 0
	finish := func(left int) {
		for under > left {
			<-done
			under--
		}
	}
	defer finish(0)
	for {
		if err := ctx.Err(); err != nil {
			return fmt.Errorf("lease jobs: %w", err) // what was put back is for the next start
		}
		jobs, err := p.outbox.Lease(ctx, p.sys.Clock.Now(), postmen-under)
		if err != nil {
			return fmt.Errorf("lease jobs: %w", err)
		}
		for _, j := range jobs {
			under++
			go func() {
				defer func() { done <- struct{}{} }()
				p.handle(ctx, j)
			}()
		}
		for len(jobs) == 0 && under > 0 {
			select {
			case <-done:
				under--
				continue
			case <-p.wake:
			case <-rounds.C:
			}
			break
		}
		if len(jobs) == 0 && under == 0 {
			return nil
		}
		finish(postmen - postmen/4) // to lease several at once again
	}
}

// errStopping is why a mail that waits is not handed over.
var errStopping = errors.New("the postman stops")

// handle delivers one job and settles it, and is not kept from that by the end
// of ctx, which only sends those back that wait. A job that cannot be settled
// comes back when its lease ends.
func (p *Postman) handle(ctx context.Context, j outbox.Job) {
	err := p.guarded(ctx, j)
	ctx = context.WithoutCancel(ctx)
	if errors.Is(err, errStopping) {
		err = p.outbox.Retry(ctx, j.ID, p.sys.Clock.Now())
	} else if err == nil || errors.Is(err, port.ErrMailRefused) {
		err = errors.Join(err, p.outbox.Done(ctx, j.ID, p.sys.Clock.Now()))
	} else if due, worth := j.Retry(p.sys.Clock.Now()); worth {
		err = errors.Join(err, p.outbox.Retry(ctx, j.ID, due))
	} else {
		err = errors.Join(err, p.outbox.Done(ctx, j.ID, p.sys.Clock.Now()))
	}
	if err != nil && ctx.Err() == nil {
		p.failed(j.ID, err)
	}
}

// guarded keeps a job that panics from ending the process, and all other mail
// with it. The value is not told, here or by the runtime: it may quote the mail.
func (p *Postman) guarded(ctx context.Context, j outbox.Job) (err error) {
	defer func() {
		if v := recover(); v != nil {
			err = fmt.Errorf("panic of type %T: %s", v, debug.Stack())
		}
	}()
	return p.deliver(ctx, j)
}

// deliver returns nil when there is nothing to send or the mail was handed over.
// The end of ctx matters to a mail that waits for its turn, and to no other.
func (p *Postman) deliver(ctx context.Context, j outbox.Job) error {
	stopping := ctx.Done()
	ctx = context.WithoutCancel(ctx)
	t, err := p.issuer.live.TenantByCode(ctx, tenant.Code(j.Tenant))
	if fault.KindOf(err) == fault.NotFound || (err == nil && !t.Active()) {
		return nil
	}
	if err != nil {
		return fmt.Errorf("find tenant: %w", err)
	}
	person, err := p.receiver(ctx, t, j)
	if fault.KindOf(err) == fault.NotFound {
		return p.record(ctx, t, j, audit.Refused, "user_unknown")
	}
	if err != nil {
		return fmt.Errorf("find receiver: %w", err)
	}
	entries, err := p.issuer.entries(ctx, t, person)
	if err != nil {
		return err
	}
	if len(entries) == 0 {
		return p.record(ctx, t, j, audit.Refused, portal.ErrClosed.Code())
	}
	if j.Kind == outbox.Link && j.Attempts <= 1 {
		allowed, err := p.gate.Mail(ctx, string(t.Code()), person.User.Email().Key())
		if err != nil {
			return err
		}
		if !allowed {
			return p.record(ctx, t, j, audit.Refused, "limited")
		}
	}
	defer p.holding(ctx, j)()
	link, err := p.handOver(ctx, stopping, t, person, j)
	if err != nil {
		return err
	}
	if err := p.links.HandedOver(ctx, link); err != nil {
		return fmt.Errorf("void older links: %w", err)
	}
	return p.record(ctx, t, j, audit.Granted, "mailed")
}

func (p *Postman) receiver(ctx context.Context, t *tenant.Tenant, j outbox.Job) (port.Person, error) {
	if j.Kind == outbox.Invitation {
		return p.users.ByContact(ctx, t.ID(), j.Contact)
	}
	to, err := email.Parse(j.Address)
	if err != nil {
		return port.Person{}, contact.ErrNotFound
	}
	return p.users.ByEmail(ctx, t.ID(), to.Key())
}

// handOver mints the link when it is the mail's turn, for its time runs from
// then.
func (p *Postman) handOver(ctx context.Context, stopping <-chan struct{}, t *tenant.Tenant, person port.Person, j outbox.Job) (session.Link, error) {
	select {
	case p.places <- struct{}{}:
		defer func() { <-p.places }()
	case <-stopping:
	}
	select { // anew, for a place may have come with the end
	case <-stopping:
		return session.Link{}, errStopping
	default:
	}
	link, mail := p.mint(t, person.User, j)
	mail.To, mail.Name = person.User.Email().Mailbox(), person.Contact.Details().FirstName
	if err := p.links.Add(ctx, link); err != nil {
		return session.Link{}, fmt.Errorf("store link: %w", err)
	}
	if err := p.mailer.Send(ctx, mail); err != nil {
		return session.Link{}, fmt.Errorf("hand mail over: %w", err)
	}
	return link, nil
}

// holding keeps a job leased, for as long as others and the mail server take,
// until it is called off.
func (p *Postman) holding(ctx context.Context, j outbox.Job) (off func()) {
	over := make(chan struct{})
	var wg sync.WaitGroup
	wg.Go(func() {
		renew := time.NewTicker(outbox.Renew)
		defer renew.Stop()
		for {
			select {
			case <-over:
				return
			case <-renew.C:
				// A renewal that fails costs at most a second mail.
				_ = p.outbox.Retry(ctx, j.ID, p.sys.Clock.Now().Add(outbox.Lease))
			}
		}
	})
	return func() {
		close(over)
		wg.Wait()
	}
}

// mint makes a link and the mail that carries it.
func (p *Postman) mint(t *tenant.Tenant, u *user.User, j outbox.Job) (session.Link, outbox.Mail) {
	now := p.sys.Clock.Now()
	token := session.LinkToken{Tenant: t.ID()}
	p.sys.Random.Fill(token.Secret[:])
	purpose, ttl := session.SignIn, t.Settings().MagicLinkTTL()
	if j.Kind == outbox.Invitation {
		purpose, ttl = session.Invitation, session.InvitationTTL
	}
	link := session.Link{
		Tenant: t.ID(), ID: session.LinkIDFromBytes(p.sys.Random.UUID()), User: u.ID(), Epoch: u.Epoch(),
		Purpose: purpose, Token: token.Digest(), Minted: now, Expires: now.Add(ttl),
	}
	mail := outbox.Mail{
		Kind: j.Kind, Tenant: t.Code(), Sender: t.Name(), Locale: t.Settings().Locale,
		Link: p.address(t, token), Minutes: int(ttl / time.Minute),
	}
	if !j.Binding.IsZero() {
		code := p.code()
		link.Binding, link.Code = j.Binding, codeDigest(p.sys.Vault, u, j.Binding, code)
		mail.Code = secret.New(code)
	}
	return link, mail
}

// address builds the link from configuration and the tenant's settings alone.
func (p *Postman) address(t *tenant.Tenant, token session.LinkToken) secret.Text {
	if custom := t.Settings().MagicLinkURL; custom != "" {
		return secret.New(strings.Replace(custom, "{token}", token.Text().Reveal(), 1))
	}
	return secret.New(p.names.TenantURL(t.Code()) + "/magic#token=" + token.Text().Reveal())
}

// code draws 40 bits: 32 letters divide 256 evenly, so no letter is likelier.
func (p *Postman) code() string {
	var b [session.CodeLength]byte
	p.sys.Random.Fill(b[:])
	for i := range b {
		b[i] = session.CodeAlphabet[b[i]%byte(len(session.CodeAlphabet))]
	}
	return string(b[:])
}

func (p *Postman) record(ctx context.Context, t *tenant.Tenant, j outbox.Job, how audit.Outcome, why string) error {
	err := p.issuer.trail.Record(ctx, audit.Event{
		Tenant: t.ID(), Actor: "system:", Action: string(j.Kind) + ".asked", Outcome: how, Request: j.Request,
		Details: map[string]string{"outcome": why},
	})
	if err != nil {
		return fmt.Errorf("record mail: %w", err)
	}
	return nil
}
