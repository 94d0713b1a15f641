package attack_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// waysIn are the routes that take a link's token.
var waysIn = map[string]func(code, token, binding string) program.Request{
	"query": func(_, token, _ string) program.Request { return program.Validate(token) },
	"body":  func(_, token, _ string) program.Request { return bodyToken(token) },
	"page":  func(code, token, binding string) program.Request { return pageForm(code, binding, "token="+token) },
}

func Test028_LinkOpensOnce(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		_, box := opening(d, "t028")
		for name, first := range waysIn {
			m := box.ask(program.Address)

			d.Must(http.StatusOK, first(box.code, m.Token, m.Binding))

			for again, second := range waysIn {
				never := d.Must(http.StatusUnauthorized, second(box.code, forged(t, m.Token), m.Binding))
				alike(t, never, d.Send(second(box.code, m.Token, m.Binding)), name+", then "+again)
			}
			d.Must(http.StatusUnauthorized, byCode(box.code, program.Address, m.typed(t), m.Binding))
		}
	})
}

// Test029_LinkOpensOnceForACrowd is told to three processes where a store can
// have several.
func Test029_LinkOpensOnceForACrowd(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		processes := 1
		if on.Name == program.OnMongoDB.Name {
			processes = 3
		}
		d := program.DeployOn(t, on, program.Cheap...)
		d.Spread(processes)
		_, box := opening(d, "t029")
		crowd, began := times(60, 1000), time.Now()
		for range times(3, 1000) {
			token := box.ask(program.Address).Token

			got := d.Parallel(crowd, program.Validate(token))

			require.Len(t, got[http.StatusOK], 1)
			require.Len(t, got[http.StatusUnauthorized], crowd-1)
		}
		figure(t, "029-crowd", fmt.Sprintf("%d tries of each token at %d processes", crowd, processes))
		figure(t, "029-took", time.Since(began))
	})
}

// Test030_OpeningALinkSpendsNothing is what scanners, previews and prefetching
// browsers do to a link in a mail.
func Test030_OpeningALinkSpendsNothing(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		_, box := opening(d, "t030")
		m := box.ask(program.Address)
		bare := d.Unchecked()
		for _, method := range []string{"GET", "HEAD", "OPTIONS"} {
			for _, path := range []string{
				"/t/t030/magic", "/t/t030/magic?token=" + m.Token, "/t/t030/magic/page.js?token=" + m.Token,
				"/api/v1/portal/auth/validate?token=" + m.Token, "/t/t030/api/v1/portal/auth/validate?token=" + m.Token,
			} {
				for _, h := range []map[string]string{
					nil,
					{"Purpose": "prefetch"},
					{"Sec-Purpose": "prefetch;prerender", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"},
					{"Cookie": "ostiary-link=" + m.Binding, "X-Link-Binding": m.Binding},
				} {
					got := bare.Send(program.Request{Method: method, Path: path, Header: h})

					require.Less(t, got.Status, 500, "%s %s", method, path)
					require.NotContains(t, string(got.Body), "accessToken")
					require.Empty(t, got.Header.Values("Set-Cookie"))
				}
			}
		}
		// A scanner that runs scripts and sends forms does not have the cookie.
		d.Must(http.StatusUnauthorized, pageForm("t030", "", "token="+m.Token))
		require.Zero(t, grantedSignIns(d, "t030"))

		d.Must(http.StatusOK, program.Validate(m.Token))

		require.Equal(t, 1, grantedSignIns(d, "t030"))
	})
}

// Test031_BindingIsNeededWhereDocumented is about contract.md 3: a typed code
// and the page's form work in the browser that asked, a link's token anywhere.
func Test031_BindingIsNeededWhereDocumented(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		p, box := opening(d, "t031")
		enrol(d, p, "other@globex.example")
		foreign := box.ask("other@globex.example").Binding
		m := box.ask(program.Address)
		for about, binding := range map[string]string{
			"none": "", "of another request": foreign, "made up": forged(t, m.Binding), "no binding": "planted", "the token": m.Token,
		} {
			require.Equal(t, http.StatusUnauthorized, d.Send(pageForm("t031", binding, "token="+m.Token)).Status, "page: "+about)
			require.Equal(t, http.StatusUnauthorized, d.Send(pageForm("t031", binding, "email="+program.Address+"&code="+m.typed(t))).Status, "page, code: "+about)
			require.Equal(t, http.StatusUnauthorized, d.Send(byCode("t031", program.Address, m.typed(t), binding)).Status, "code: "+about)
		}
		d.Must(http.StatusUnauthorized, byCode("t031", "other@globex.example", m.typed(t), m.Binding))
		require.Zero(t, grantedSignIns(d, "t031"), "nothing was spent")

		d.Must(http.StatusOK, byCode("t031", program.Address, m.typed(t), m.Binding))

		bound := box.ask(program.Address)
		d.Must(http.StatusOK, pageForm("t031", bound.Binding, "token="+bound.Token))
		elsewhere := box.ask(program.Address)
		d.Must(http.StatusOK, program.Validate(elsewhere.Token))
	})
}

func Test033_ANewerMailVoidsOlderLinks(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		_, box := opening(d, "t033")
		var all []mailed
		for range times(3, 50) {
			all = append(all, box.ask(program.Address))
		}
		newest := all[len(all)-1]
		never := d.Must(http.StatusUnauthorized, program.Validate(forged(t, newest.Token)))

		for _, older := range all[:len(all)-1] {
			alike(t, never, d.Send(program.Validate(older.Token)), "an older link")
			d.Must(http.StatusUnauthorized, byCode("t033", program.Address, older.typed(t), older.Binding))
		}

		d.Must(http.StatusOK, program.Validate(newest.Token))
	})
}

func Test034_TokensCannotBeGuessed(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, program.Cheap...)
		_, box := opening(d, "t034")
		m := box.ask(program.Address)
		never := d.Must(http.StatusUnauthorized, program.Validate(forged(t, m.Token)))
		took := map[string][]time.Duration{}
		for range times(40, 25_000) {
			for about, token := range guesses(t, m.Token) {
				began := time.Now()
				got := d.Send(program.Validate(token))
				took[about] = append(took[about], time.Since(began))
				alike(t, never, got, about)
			}
		}
		for about, all := range took {
			slices.Sort(all)
			figure(t, "034-median-"+about, all[len(all)/2])
		}

		d.Must(http.StatusOK, program.Validate(m.Token))
	})
}

// guesses come nearer and nearer to a token.
func guesses(t testing.TB, token string) map[string]string {
	t.Helper()
	raw := opened(t, token)
	with := func(from int) string {
		guess := slices.Clone(raw)
		_, err := rand.Read(guess[from:])
		require.NoError(t, err)
		if slices.Equal(guess, raw) {
			guess[len(guess)-1] ^= 1
		}
		return base64.RawURLEncoding.EncodeToString(guess)
	}
	return map[string]string{
		"random": with(0), "right-tenant": with(16), "half-right": with(16 + 16), "all-but-a-byte": with(len(raw) - 1),
	}
}

func Test034_WhoGuessesIsHeldBack(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, fenced...)
		_, box := opening(d, "t034-held")
		m := box.ask(program.Address)
		from := func(address, token string) program.Reply {
			r := program.Validate(token)
			r.Header = forwarded(address)
			return d.Send(r)
		}
		for range fencedGuesses {
			require.Equal(t, http.StatusUnauthorized, from("198.51.100.34", forged(t, m.Token)).Status)
		}

		held := from("198.51.100.34", forged(t, m.Token))

		require.Equal(t, http.StatusTooManyRequests, held.Status)
		require.NotEmpty(t, held.Header.Get("Retry-After"))
		require.Equal(t, http.StatusTooManyRequests, from("198.51.100.34", m.Token).Status, "the right token, from there")
		require.Equal(t, http.StatusOK, from("203.0.113.34", m.Token).Status, "others are not held back, and nothing was spent")
	})
}
