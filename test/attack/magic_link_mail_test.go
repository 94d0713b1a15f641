package attack_test

import (
	"bufio"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// hourglass is a deployment whose clock can be turned.
type hourglass struct {
	*program.Deployment

	set   func(time.Duration)
	ahead time.Duration
}

func turnable(t *testing.T, on program.Engine) *hourglass {
	t.Helper()
	d := program.DeployOn(t, on, program.Cheap...)
	h := &hourglass{Deployment: d, set: d.WithClock()}
	d.Start()
	return h
}

// jump turns the clock and returns when the program is at ease with that.
func (h *hourglass) jump(by time.Duration) {
	h.T.Helper()
	h.ahead += by
	h.set(h.ahead)
	h.Ready()
}

// moment is when something happened, by this clock and by the program's.
type moment struct {
	real  time.Time
	ahead time.Duration
}

func (h *hourglass) now() moment { return moment{time.Now(), h.ahead} }

// since is how long ago that was by the program's clock.
func (h *hourglass) since(m moment) time.Duration { return time.Since(m.real) + h.ahead - m.ahead }

// Test032_LinkLivesTenMinutes turns the clock to just before and just after the
// end. A machine that takes longer than what is left then has shown nothing,
// and is given more.
func Test032_LinkLivesTenMinutes(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		const life = 10 * time.Minute
		h := turnable(t, on)
		_, box := opening(h.Deployment, "t032")
		for left := time.Second; ; left *= 2 {
			require.Less(t, left, life, "no link lives for as long as it should")
			asked := h.now() // minted after that
			token := box.ask(program.Address).Token
			h.jump(life - max(30*time.Second, 2*left) - h.since(asked))
			if rest := life - left - h.since(asked); rest > 0 {
				h.jump(rest)
			}
			got := h.Send(program.Validate(token))
			if h.since(asked) > life && got.Status == http.StatusUnauthorized {
				continue
			}
			require.Equal(t, http.StatusOK, got.Status)
			figure(t, "032-used-before-its-end", left)
			break
		}

		token := box.ask(program.Address).Token
		minted := h.now() // or before that
		h.jump(life + time.Second - h.since(minted))
		h.Must(http.StatusUnauthorized, program.Validate(token))
	})
}

// Test043_MailBombsStop asks for more links for one contact than anybody needs.
func Test043_MailBombsStop(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, fenced...)
		_, box := opening(d, "t043")
		n := times(60, 1000)
		first := unboundReply(t, box.vain(program.AskForLink("t043", program.Address)))

		got := d.Parallel(n-1, program.AskForLink("t043", program.Address))

		require.Len(t, got[http.StatusOK], n-1)
		for _, r := range got[http.StatusOK] {
			alike(t, first, unboundReply(t, r), "one more request")
		}
		box.asked = n
		require.Equal(t, fencedMails, box.count())
		d.Must(http.StatusOK, program.Login("t043", program.FirstPassword))
		good := 0
		for _, l := range d.LettersOf("t043", fencedMails) {
			if d.Send(program.Validate(l.Token)).Status == http.StatusOK {
				good++
			}
		}
		require.Equal(t, 1, good, "the newest link works still, and no other")
	})
}

// Test044_MailServersMayDie lets a mail server take a mail and end the
// connection before or after it said so.
func Test044_MailServersMayDie(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		o := openOffice(t)
		d := program.DeployOn(t, on, slices.Concat(program.Cheap, []string{"OSTIARY_MAIL=smtp://" + o.address + "?from=portal@sender.example&tls=off"})...)
		d.Start()
		_, box := opening(d, "t044")
		never := d.Must(http.StatusUnauthorized, program.Validate("AAAA"))

		o.will(dieSilent)
		box.vain(program.AskForLink("t044", program.Address))
		twice := o.letters(t, 2)
		box.settle()
		require.NotEqual(t, twice[0].Token, twice[1].Token, "each try has a token of its own")
		alike(t, never, d.Send(program.Validate(twice[0].Token)), "the first is void since the second was taken")
		d.Must(http.StatusOK, program.Validate(twice[1].Token))
		alike(t, never, d.Send(program.Validate(twice[1].Token)), "the second, again")

		signedIn := 1

		o.will(dieSilent)
		box.vain(program.AskForLink("t044", program.Address))
		unanswered := o.letters(t, 3)[2].Token
		if got := d.Send(program.Validate(unanswered)); got.Status == http.StatusOK {
			signedIn++
		} else {
			alike(t, never, got, "a machine so slow that there was a second try before")
			o.letters(t, 4)
		}
		alike(t, never, d.Send(program.Validate(unanswered)), "what was read before the second try, again")
		box.settle()
		d.Must(http.StatusOK, program.Validate(o.letters(t, 4)[3].Token))

		o.will(dieAnswered)
		box.vain(program.AskForLink("t044", program.Address))
		box.settle()
		all := o.letters(t, 5)
		d.Must(http.StatusOK, program.Validate(all[4].Token))
		require.Len(t, all, 5, "accepted is accepted")
		require.Equal(t, signedIn+2, grantedSignIns(d, "t044"))
	})
}

// death is what a mail server does with the next mail.
type death int

const (
	liveOn      death = iota
	dieSilent         // takes the mail and hangs up
	dieAnswered       // takes the mail, says so and hangs up
)

// office is a mail server.
type office struct {
	address string

	mu    sync.Mutex
	next  death
	taken []string
}

func openOffice(t *testing.T) *office {
	t.Helper()
	listener, err := (&net.ListenConfig{}).Listen(t.Context(), "tcp", "127.0.0.1:0")
	require.NoError(t, err)
	o := &office{address: listener.Addr().String()}
	var visits sync.WaitGroup
	visits.Go(func() {
		for {
			c, err := listener.Accept()
			if err != nil {
				return
			}
			visits.Go(func() { o.serve(c) })
		}
	})
	t.Cleanup(func() {
		_ = listener.Close()
		visits.Wait()
	})
	return o
}

func (o *office) will(d death) {
	o.mu.Lock()
	defer o.mu.Unlock()
	o.next = d
}

// serve speaks as much of RFC 5321 as one mail takes.
func (o *office) serve(c net.Conn) {
	defer func() { _ = c.Close() }()
	_ = c.SetDeadline(time.Now().Add(program.Patience))
	lines := bufio.NewScanner(c)
	say := func(s string) { _, _ = c.Write([]byte(s + "\r\n")) }
	say("220 office")
	for lines.Scan() {
		switch verb := strings.ToUpper(lines.Text()); {
		case strings.HasPrefix(verb, "EHLO"), strings.HasPrefix(verb, "HELO"):
			say("250 office")
		case verb == "QUIT":
			say("221 bye")
			return
		case verb == "DATA":
			say("354 go on")
			end := o.take(lines)
			if end != dieSilent {
				say("250 taken")
			}
			if end != liveOn {
				return
			}
		default:
			say("250 ok")
		}
	}
}

func (o *office) take(lines *bufio.Scanner) death {
	var raw strings.Builder
	for lines.Scan() && lines.Text() != "." {
		raw.WriteString(strings.TrimPrefix(lines.Text(), ".") + "\r\n")
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	o.taken = append(o.taken, raw.String())
	end := o.next
	o.next = liveOn
	return end
}

// letters waits until n mails were taken and reads all that were.
func (o *office) letters(t testing.TB, n int) (out []program.Letter) {
	t.Helper()
	var all []string
	require.Eventually(t, func() bool {
		o.mu.Lock()
		defer o.mu.Unlock()
		all = slices.Clone(o.taken)
		return len(all) >= n
	}, program.Patience, 10*time.Millisecond, "%d mails", n)
	for _, raw := range all {
		name := filepath.Join(t.TempDir(), "taken.eml")
		require.NoError(t, os.WriteFile(name, []byte(raw), 0o600))
		out = append(out, program.ReadLetter(t, name))
	}
	return out
}
