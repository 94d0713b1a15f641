package mail

import (
	"context"
	"errors"
	"net"
	"slices"
	"sync"
	"time"

	gomail "github.com/wneessen/go-mail"
	"github.com/wneessen/go-mail/smtp"
)

const (
	// relayLines is how many connections to the server there are at once: many
	// servers refuse a client that has more.
	relayLines = 8
	// lineMails is how many mails go over one connection, as servers count them,
	// and look at a client anew, per connection.
	lineMails = 100
	// lineRest is for how long a connection is kept for the next mail. It saves
	// a handshake while there is much to send and is not worth holding otherwise.
	lineRest = 10 * time.Second
	// courtesy bounds what a server is asked beside mail: whether it is still
	// there, and the goodbye.
	courtesy = 5 * time.Second
	// lineTrust is how long a line may have rested and need not be asked.
	lineTrust = time.Second
)

// line is an open connection to the server. Its holder alone uses it.
type line struct {
	conn    net.Conn
	client  *gomail.Client
	session *smtp.Client
	sent    int
	broken  bool
	since   time.Time // when it came to rest
	resting *time.Timer
}

// alive is asked of lines that have rested. Time that the machine slept counts.
func (l *line) alive(now time.Time) bool {
	rested := now.Sub(l.since)
	if rested <= lineTrust {
		return true
	}
	l.broken = rested > lineRest || l.session.UpdateDeadline(courtesy) != nil || l.session.Noop() != nil
	return !l.broken
}

// send gives up the connection when ctx ends.
func (l *line) send(ctx context.Context, msg *gomail.Msg) error {
	stop := context.AfterFunc(ctx, func() { _ = l.conn.Close() })
	// What is refused may leave the server in the middle of a transaction.
	l.broken = true
	l.sent++
	err := l.client.SendWithSMTPClient(l.session, msg)
	l.broken = !stop() || err != nil
	return err //nolint:wrapcheck // its caller judges it
}

func (l *line) close() {
	if !l.broken {
		_ = l.session.UpdateDeadline(courtesy)
		_ = l.client.CloseWithSMTPClient(l.session)
	}
	_ = l.conn.Close()
}

// isStale says that a server may have refused because of what the connection
// had been used for. It did not have the mail yet.
func isStale(err error) bool {
	var sending *gomail.SendError
	if !errors.As(err, &sending) {
		return false
	}
	switch sending.Reason { //nolint:exhaustive // later than these it may have the mail
	case gomail.ErrConnCheck, gomail.ErrSMTPMailFrom, gomail.ErrSMTPRcptTo, gomail.ErrSMTPData:
		return true
	}
	return false
}

// switchboard bounds the lines, and keeps those that rest.
type switchboard struct {
	places chan struct{}
	rest   time.Duration

	mu      sync.Mutex
	resting []*line // the latest last
}

func newSwitchboard() *switchboard {
	return &switchboard{places: make(chan struct{}, relayLines), rest: lineRest}
}

// take returns a line that has rested, or nil when a new one may be opened. It
// is followed by leave.
func (s *switchboard) take(ctx context.Context) (*line, error) {
	select {
	case s.places <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err() //nolint:wrapcheck // its caller says what it is about
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if len(s.resting) == 0 {
		return nil, nil
	}
	l := s.resting[len(s.resting)-1]
	s.resting = s.resting[:len(s.resting)-1]
	l.resting.Stop()
	return l, nil
}

// leave keeps a line that is good for another mail, and ends others. nil: none
// was opened.
func (s *switchboard) leave(l *line, now time.Time) {
	if l != nil && (l.broken || l.sent >= lineMails) {
		go func() { // its last mail has been accepted, or not: nobody waits for a goodbye
			l.close()
			<-s.places
		}()
		return
	}
	if l != nil {
		l.since = now
		s.mu.Lock()
		s.resting = append(s.resting, l)
		l.resting = time.AfterFunc(s.rest, func() { s.end(l) })
		s.mu.Unlock()
	}
	<-s.places
}

// end closes a line that still rests. It is one of those that a server sees
// until then.
func (s *switchboard) end(l *line) {
	s.places <- struct{}{}
	defer func() { <-s.places }()
	s.mu.Lock()
	at := slices.Index(s.resting, l)
	if at >= 0 {
		s.resting = slices.Delete(s.resting, at, at+1)
	}
	s.mu.Unlock()
	if at >= 0 {
		l.close()
	}
}
