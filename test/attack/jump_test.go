package attack_test

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Test103_ClockJumps sets the clock of everything forward and back while
// sessions, links and tokens live: nothing lives longer than it was given,
// nothing answers 5xx, and the audit trail stays whole. Clocks that differ
// between processes are test/e2e's.
func Test103_ClockJumps(t *testing.T) { program.OnEach(t, clockJumps) }

const (
	accessLives  = 15 * time.Minute
	linkLives    = 10 * time.Minute
	signedAhead  = 30 * time.Second // what a clock may differ by (contract, section 6)
	sessionIdles = 30 * 24 * time.Hour
)

func clockJumps(t *testing.T, on program.Engine) {
	d := program.DeployOn(t, on, program.Cheap...)
	set := d.WithClock()
	d.Start()
	p := d.Found("jumped")
	d.Must(200, program.SetPassword(p, program.FirstPassword))
	jump := func(to time.Duration) {
		set(to)
		require.Eventually(t, func() bool { return d.Send(program.Login(p.Code, program.FirstPassword)).Status == 200 }, program.Patience, 5*time.Millisecond, "serves at %v", to)
	}
	letters := 0
	for _, to := range []time.Duration{
		30 * time.Second, -30 * time.Second, 5 * time.Minute, -5 * time.Minute, -time.Hour, 24 * time.Hour, 0,
	} {
		jump(0)
		g := program.TokensOf(t, d.Must(200, program.Login(p.Code, program.FirstPassword)))
		require.Equal(t, accessLives, lifetime(t, g.Access), "no token is given more")
		d.Must(200, program.AskForLink(p.Code, program.Address))
		letters++
		link := d.LettersOf(p.Code, letters)[letters-1]

		jump(to)

		visit := d.Send(program.Visit("/me", g))
		require.Contains(t, []int{200, 401}, visit.Status, "%v: %s", to, visit.Body)
		if to >= accessLives+signedAhead {
			require.Equal(t, 401, visit.Status, "%v later", to)
		}
		if to.Abs() <= signedAhead {
			require.Equal(t, 200, visit.Status, "%v is within the skew", to)
		}
		spent := d.Send(program.Validate(link.Token))
		require.Contains(t, []int{200, 401}, spent.Status, "%v: %s", to, spent.Body)
		if to >= linkLives {
			require.Equal(t, 401, spent.Status, "%v later", to)
		}
		d.Must(401, program.Validate(link.Token))
		next := program.TokensOf(t, d.Must(200, program.Refresh(g.Refresh)))
		require.Equal(t, accessLives, lifetime(t, next.Access))
		d.Must(200, program.Visit("/me", next))
		t.Logf("%v: token %d, link %d", to, visit.Status, spent.Status)
	}
	old := program.TokensOf(t, d.Must(200, program.Login(p.Code, program.FirstPassword)))
	jump(sessionIdles + time.Minute)
	d.Must(401, program.Refresh(old.Refresh))
	jump(0)
	res := d.Send(program.Refresh(old.Refresh))
	require.Contains(t, []int{200, 401}, res.Status, "%s", res.Body)
	require.Equal(t, 0, d.Stop())
	auditIsClean(t, d)
}

// lifetime is what an access token says of itself.
func lifetime(t testing.TB, access string) time.Duration {
	t.Helper()
	parts := strings.Split(access, ".")
	require.Len(t, parts, 3)
	raw, err := base64.RawURLEncoding.DecodeString(parts[1])
	require.NoError(t, err)
	var claims struct{ Iat, Exp int64 }
	require.NoError(t, json.Unmarshal(raw, &claims))
	return time.Duration(claims.Exp-claims.Iat) * time.Second
}

// Test104_RotationUnderLoad makes key after key while tokens are checked and
// refreshed, through several processes where the engine allows it: nobody who
// should be let in is refused. Time goes on between the keys, so that each
// signs, and in the end the first one is not accepted any more.
func Test104_RotationUnderLoad(t *testing.T) { program.OnEach(t, rotationUnderLoad) }

func rotationUnderLoad(t *testing.T, on program.Engine) {
	d := program.DeployOn(t, on, program.Cheap...)
	set := d.WithClock()
	processes := 1
	if on.Name == program.OnMongoDB.Name {
		processes = 3
	}
	d.Spread(processes)
	p := d.Found("rotated")
	first := d.SignIn(p)
	l := &keyload{d: d, over: make(chan struct{})}
	for range 3 {
		l.begin(program.TokensOf(t, d.Must(200, program.Login(p.Code, program.FirstPassword))))
	}
	signers := map[string]bool{}
	var ahead time.Duration

	for range times(4, 60) {
		insist(d, program.Operator("POST", "/keys/rotate", ""))
		// A new key signs once everybody has had time to see it.
		for range 3 {
			ahead += 3 * time.Minute
			set(ahead)
			l.some()
		}
		signers[kidOf(t, program.TokensOf(t, insist(d, program.Login(p.Code, program.FirstPassword))).Access)] = true
	}

	close(l.over)
	l.wg.Wait()
	require.Empty(t, l.wrong, "refused wrongly")
	require.Greater(t, len(signers), 1, "no key has come to sign")
	figure(t, "checks_and_refreshes", l.total())
	figure(t, "signers", len(signers))
	set(ahead + 2*24*time.Hour)
	require.Eventually(t, func() bool {
		jwks := d.Send(program.Request{Method: "GET", Path: "/.well-known/jwks.json"})
		return jwks.Status == 200 && !strings.Contains(string(jwks.Body), kidOf(t, first.Access))
	}, program.Patience, 10*time.Millisecond, "a retired key is published no longer")
	require.Eventually(t, func() bool { return d.Send(program.Visit("/me", first)).Status == 401 }, program.Patience, 10*time.Millisecond)
	require.Equal(t, 0, d.Stop())
	auditIsClean(t, d)
}

// insist repeats a request that is good until it is served: a process that
// jumped in time has not heard from its storage for as long, and says so.
func insist(d *program.Deployment, r program.Request) (res program.Reply) {
	d.T.Helper()
	require.Eventually(d.T, func() bool {
		res = d.Send(r)
		require.Contains(d.T, []int{200, 503}, res.Status, "%s", res.Body)
		return res.Status == 200
	}, program.Patience, 5*time.Millisecond, "%s %s", r.Method, r.Path)
	return res
}

// keyload are visitors whose tokens must hold.
type keyload struct {
	d       *program.Deployment
	wg      sync.WaitGroup
	over    chan struct{}
	answers []*atomic.Int64 // of each

	mu    sync.Mutex
	wrong []string
}

// begin has one visitor check and refresh their tokens without end.
func (l *keyload) begin(g program.Granted) {
	answers := new(atomic.Int64)
	l.answers = append(l.answers, answers)
	l.wg.Go(func() {
		for l.once(&g, answers) {
			select {
			case <-l.over:
				return
			default:
			}
		}
	})
}

// once reports false for a refusal. It counts as an answer when the tokens it
// asked with were of now.
func (l *keyload) once(g *program.Granted, answers *atomic.Int64) bool {
	renewed := false
	asked := []program.Request{program.Refresh(g.Refresh), program.Visit("/scopes", *g), program.Visit("/me", *g)}
	for i, r := range asked {
		res := l.d.Send(r)
		switch {
		case res.Status == 200 && i == 0:
			*g, renewed = program.TokensOf(l.d.T, res), true
		case res.Status != 200 && res.Status != 503:
			l.mu.Lock()
			l.wrong = append(l.wrong, fmt.Sprintf("%s: %d %s", r.Path, res.Status, res.Body))
			l.mu.Unlock()
			return false
		}
	}
	if renewed {
		answers.Add(1)
	}
	return true
}

// some waits until each has been answered again, with tokens of now.
func (l *keyload) some() {
	t := l.d.T
	t.Helper()
	for _, answers := range l.answers {
		began := answers.Load()
		require.Eventually(t, func() bool { return answers.Load() >= began+2 || l.failed() }, program.Patience, time.Millisecond)
	}
}

func (l *keyload) failed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return len(l.wrong) > 0
}

func (l *keyload) total() (n int64) {
	for _, answers := range l.answers {
		n += answers.Load()
	}
	return n
}

func kidOf(t testing.TB, access string) string {
	t.Helper()
	head, _, _ := strings.Cut(access, ".")
	raw, err := base64.RawURLEncoding.DecodeString(head)
	require.NoError(t, err)
	var is struct{ KID string }
	require.NoError(t, json.Unmarshal(raw, &is))
	require.NotEmpty(t, is.KID)
	return is.KID
}
