package attack_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// once makes tags by requests that may be sent again.
type once struct {
	names, keys []string
	answers     []string // "" when none came
}

func (o *once) request(i int) program.Request {
	r := ofTenant("POST", "/tags", `{"name":"`+o.names[i]+`"}`)
	r.Header = map[string]string{"Idempotency-Key": o.keys[i]}
	return r
}

func (o *once) do(c *crowd, n int) bool {
	o.names, o.keys = append(o.names, fmt.Sprintf("Once %d", n)), append(o.keys, fmt.Sprintf("key-%d", n))
	res, ok := c.ask("create tag once", o.request(len(o.names)-1), 201)
	o.answers = append(o.answers, string(res.Body))
	if !ok {
		o.answers[len(o.answers)-1] = ""
	}
	return ok
}

// holds sends the latest again: an answer that was given is given again, and
// there is one tag for it.
func (o *once) holds(c *crowd) {
	t := c.d.T
	found := map[string]int{}
	for _, tag := range c.items("/tags") {
		found[tag.Name]++
	}
	for i := max(0, len(o.names)-4); i < len(o.names); i++ {
		require.LessOrEqual(t, found[o.names[i]], 1, o.names[i])
		if o.answers[i] == "" {
			continue
		}
		require.Equal(t, 1, found[o.names[i]], o.names[i])
		require.JSONEq(t, o.answers[i], string(c.d.Must(201, o.request(i)).Body))
	}
}

// keysOfPrograms are API tokens, of which every second is revoked again.
type keysOfPrograms struct {
	contact      string
	good, gone   []string
	last, lastID string
}

func (k *keysOfPrograms) do(c *crowd, n int) bool {
	res, ok := c.ask("create API token", ofTenant("POST", "/api-tokens", fmt.Sprintf(`{"name":"Key %d","permissions":["contacts:read"]}`, n)), 201)
	if !ok {
		return false
	}
	k.last, k.lastID = res.Text(c.d.T, "token"), res.Text(c.d.T, "id")
	if n%2 != 0 {
		k.good = append(k.good, k.last)
		return true
	}
	_, ok = c.ask("revoke API token", ofTenant("DELETE", "/api-tokens/"+k.lastID, ""), 204)
	if ok {
		k.gone = append(k.gone, k.last)
	}
	return ok
}

func (k *keysOfPrograms) holds(c *crowd) {
	read := func(token string) program.Request {
		return program.Request{Method: "GET", Path: "/external/api/v1/contacts/" + k.contact, Bearer: token}
	}
	for _, token := range k.good[max(0, len(k.good)-3):] {
		c.d.Must(200, read(token))
	}
	for _, token := range k.gone[max(0, len(k.gone)-3):] {
		c.d.Must(401, read(token))
	}
}

// visits are sessions, of which every second is ended again.
type visits struct {
	mail        string
	open, ended []program.Granted
}

func (v *visits) do(c *crowd, n int) bool {
	res, ok := c.ask("sign in", signIn(v.mail, commonPassword), 200)
	if !ok {
		return false
	}
	g := program.TokensOf(c.d.T, res)
	if n%2 != 0 {
		v.open = append(v.open, g)
		return true
	}
	_, ok = c.ask("sign out", program.Request{Method: "POST", Path: "/api/v1/portal/auth/logout", Body: `{"refreshToken":"` + g.Refresh + `"}`}, 204)
	if ok {
		v.ended = append(v.ended, g)
	}
	return ok
}

func (v *visits) holds(c *crowd) {
	for _, g := range v.open[max(0, len(v.open)-2):] {
		c.d.Must(200, program.Visit("/me", g))
	}
	for _, g := range v.ended[max(0, len(v.ended)-3):] {
		c.d.Must(401, program.Visit("/me", g))
		c.d.Must(401, program.Refresh(g.Refresh))
	}
}

// chainOfTokens is one session's refresh tokens.
type chainOfTokens struct {
	mail, current string
	since         time.Time // of a trade without an answer
}

// forgiven is how long a traded refresh token is good (contract, section 6).
const forgiven = 10 * time.Second

func (k *chainOfTokens) do(c *crowd, _ int) bool {
	if k.current == "" {
		res, ok := c.ask("sign in", signIn(k.mail, commonPassword), 200)
		if ok {
			k.current = res.Text(c.d.T, "refreshToken")
		}
		return ok
	}
	began := time.Now()
	res, ok := c.ask("refresh", program.Refresh(k.current), 200)
	if !ok {
		k.since = began
		return false
	}
	k.current = res.Text(c.d.T, "refreshToken")
	return true
}

// holds asks again for an answer that was lost: within the grace it comes,
// and is the same however often.
func (k *chainOfTokens) holds(c *crowd) {
	t := c.d.T
	if k.current == "" {
		return
	}
	lost := !k.since.IsZero()
	first := c.d.Send(program.Refresh(k.current))
	if lost && time.Since(k.since) > forgiven && first.Status == 401 {
		k.current, k.since = "", time.Time{} // this machine was too slow to ask in time
		return
	}
	require.Equal(t, 200, first.Status, "%s", first.Body)
	k.since = time.Time{}
	asked := time.Now()
	again := c.d.Send(program.Refresh(k.current))
	if again.Status == 200 {
		require.Equal(t, first.Text(t, "refreshToken"), again.Text(t, "refreshToken"), "one token, two successors")
	} else {
		require.Greater(t, time.Since(asked), forgiven)
	}
	k.current = first.Text(t, "refreshToken")
	c.d.Must(200, program.Visit("/me", program.TokensOf(t, first)))
}

// passwords replace each other, by the user or by an administrator.
type passwords struct {
	mail, contact   string
	own             bool
	current, wanted string
	before          string
}

func (p *passwords) do(c *crowd, n int) bool {
	if p.current == "" {
		p.current = commonPassword
	}
	p.wanted = fmt.Sprintf("Harbour-Lamp-%d-%d", n, n*7)
	r := ofTenant("PUT", "/contacts/"+p.contact+"/password", `{"password":"`+p.wanted+`"}`)
	if p.own {
		r = program.Request{
			Method: "POST", Path: "/t/" + crashed + "/api/v3/portal/change-password",
			Body: fmt.Sprintf(`{"email":%q,"current_password":%q,"new_password":%q}`, p.mail, p.current, p.wanted),
		}
	}
	_, ok := c.ask("password", r, 200)
	if ok {
		p.before, p.current, p.wanted = p.current, p.wanted, ""
	}
	return ok
}

// holds asserts that exactly one password opens, and that it is no older one.
func (p *passwords) holds(c *crowd) {
	t := c.d.T
	if p.current == "" {
		return
	}
	opens := func(password string) bool {
		res := c.d.Send(signIn(p.mail, password))
		require.Contains(t, []int{200, 401}, res.Status)
		return res.Status == 200
	}
	if p.before != "" {
		require.False(t, opens(p.before), "a password that was replaced opens again")
	}
	is := opens(p.current)
	if p.wanted == "" {
		require.True(t, is, "an acknowledged password does not open")
		return
	}
	will := opens(p.wanted)
	require.NotEqual(t, is, will, "one of the two")
	if will {
		p.before, p.current = p.current, p.wanted
	}
	p.wanted = ""
}

// toggle enables and disables a login in turn.
type toggle struct {
	contact, mail string
	known         bool
	enabled       bool
}

func (g *toggle) do(c *crowd, n int) bool {
	want := n%2 == 0
	_, ok := c.ask("enable", ofTenant("PATCH", "/contacts/"+g.contact+"/user", fmt.Sprintf(`{"enabled":%v}`, want)), 200)
	g.known, g.enabled = ok, want
	return ok
}

func (g *toggle) holds(c *crowd) {
	status := map[bool]int{true: 200, false: 401}
	res := c.d.Send(signIn(g.mail, commonPassword))
	require.Contains(c.d.T, []int{200, 401}, res.Status)
	if g.known {
		require.Equal(c.d.T, status[g.enabled], res.Status)
	}
}

// links are asked for, waited for and spent, by their token or their code.
type links struct {
	mail, binding string
	read          map[string]bool // files of letters that were dealt with
	newest        program.Letter
	spent         []program.Letter
	doubtful      bool // whether the newest is spent
	waiting       bool // a letter was promised
}

var codeInMail = regexp.MustCompile(`(?m)^\s*([0-9A-Z]{4}[- ]?[0-9A-Z]{4})\s*$`)

// look finds a letter that was not there before. Of several the last one named
// is taken: each voids the older ones, so at most one is good.
func (l *links) look(c *crowd) bool {
	names, _ := filepath.Glob(filepath.Join(c.d.MailDir(), "*.eml"))
	for _, name := range names {
		if l.read[name] {
			continue
		}
		if l.read == nil {
			l.read = map[string]bool{}
		}
		l.read[name] = true
		l.newest, l.waiting, l.doubtful = program.ReadLetter(c.d.T, name), false, true
	}
	return !l.waiting
}

func (l *links) do(c *crowd, n int) bool {
	if !l.waiting {
		res, ok := c.ask("ask for a link", program.AskForLink(crashed, l.mail), 200)
		if !ok {
			return false
		}
		l.binding, l.waiting = res.Header.Get("X-Link-Binding"), true
	}
	tick := time.NewTicker(2 * time.Millisecond)
	defer tick.Stop()
	late := time.After(2 * time.Second)
	for !l.look(c) {
		if c.over.Load() {
			return true
		}
		select {
		case <-late:
			return false // no letter comes while the storage is away
		case <-tick.C:
		}
	}
	r := program.Validate(l.newest.Token)
	if n%2 == 0 {
		code := codeInMail.FindStringSubmatch(l.newest.Text)
		require.NotNil(c.d.T, code, "the mail has no code")
		r = program.Request{
			Method: "POST", Path: "/api/v1/portal/auth/validate-code", Header: map[string]string{"X-Link-Binding": l.binding},
			Body: fmt.Sprintf(`{"email":%q,"code":%q,"tenantCode":%q}`, l.mail, code[1], crashed),
		}
	}
	// A letter that was written twice around a kill has a link that is void.
	res, ok := c.ask("spend a link", r, 200, 401)
	if ok && res.Status == 200 {
		l.spent = append(l.spent, l.newest)
		l.doubtful = false
	}
	return ok
}

// holds waits for what was promised and asserts that what was spent stays so.
func (l *links) holds(c *crowd) {
	t := c.d.T
	require.Eventually(t, func() bool { return l.look(c) }, program.Patience, 10*time.Millisecond, "a letter that was promised")
	for _, letter := range l.spent[max(0, len(l.spent)-3):] {
		c.d.Must(401, program.Validate(letter.Token))
	}
	if !l.doubtful {
		return
	}
	require.Contains(t, []int{200, 401}, c.d.Send(program.Validate(l.newest.Token)).Status)
	c.d.Must(401, program.Validate(l.newest.Token))
	l.doubtful = false
}

// rotations make keys, as many as rounds.
type rotations struct {
	made []string
	done bool
}

func (r *rotations) do(c *crowd, _ int) bool {
	if r.done {
		return false
	}
	res, ok := c.ask("rotate keys", program.Operator("POST", "/keys/rotate", ""), 200, 201)
	if ok {
		r.done, r.made = true, kids(c, res)
	}
	return ok
}

func (r *rotations) holds(c *crowd) {
	r.done = false
	now := kids(c, c.d.Must(200, program.Operator("GET", "/keys", "")))
	for _, kid := range r.made {
		require.True(c.d.T, slices.Contains(now, kid), "an acknowledged key is gone")
	}
	jwks := string(c.d.Must(200, program.Request{Method: "GET", Path: "/.well-known/jwks.json"}).Body)
	require.True(c.d.T, slices.ContainsFunc(now, func(kid string) bool { return strings.Contains(jwks, kid) }))
}

func kids(c *crowd, r program.Reply) (out []string) {
	var list struct{ Items []struct{ KID string } }
	require.NoError(c.d.T, json.Unmarshal(r.Body, &list))
	for _, k := range list.Items {
		out = append(out, k.KID)
	}
	return out
}
