package attack_test

import (
	"fmt"
	"net/http"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// proxied trusts a proxy on this machine and in 10.9.0.0/16, so that a test
// can come from anywhere. What one address and one tenant may try is little.
var proxied = slices.Concat(program.Cheap, []string{
	"OSTIARY_TRUSTED_PROXIES=127.0.0.1/32,10.9.0.0/16",
	"OSTIARY_LIMITS=login-user=1000/15m,login-address=5/24h,login-tenant=30/24h",
})

// from sends a request through a chain of proxies.
func from(chain string, r program.Request) program.Request {
	r.Header = map[string]string{"X-Forwarded-For": chain}
	return r
}

func limited(t testing.TB, r program.Reply, about string) {
	t.Helper()
	require.Equal(t, http.StatusTooManyRequests, r.Status, about)
	require.Regexp(t, `^[1-9]\d*$`, r.Header.Get("Retry-After"), about)
}

// Test056_StuffingIsNoticed tries many accounts once each from as many
// addresses.
func Test056_StuffingIsNoticed(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		const allowed = 30
		d := program.Shared(t, on, proxied...)
		small(d, "t056", program.Address)
		small(d, "t056-calm", program.Address)
		stuff := func(code string, i int) program.Reply {
			return d.Send(from(fmt.Sprintf("10.56.%d.%d", i/256, i%256), program.LoginAs(code, fmt.Sprintf("person%d@globex.example", i), wrong)))
		}

		for i := range allowed {
			require.Equal(t, http.StatusUnauthorized, stuff("t056", i).Status, "try %d", i)
		}
		for i := range times(10, 10_000) {
			limited(t, stuff("t056", allowed+i), "a tenant that is guessed at")
		}

		d.Must(http.StatusOK, from("10.57.0.1", program.LoginAs("t056-calm", program.Address, program.FirstPassword)))
		for i := range allowed {
			require.Equal(t, http.StatusUnauthorized, stuff("t056-none", 1000+i).Status, "try %d", i)
		}
		alike(t, retryHidden(stuff("t056", 2000)), retryHidden(stuff("t056-none", 2000)), "a tenant that does not exist")
	})
}

// retryHidden leaves out how long to wait, which depends on when it was asked.
func retryHidden(r program.Reply) program.Reply {
	r.Header = r.Header.Clone()
	r.Header.Set("Retry-After", "")
	return r
}

// Test057_DelaysGrowDecayAndEnd turns the clock instead of waiting.
func Test057_DelaysGrowDecayAndEnd(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.DeployOn(t, on, guarded...)
		set := d.WithClock()
		d.Start()
		c := assemble(d, "t057")
		var offset time.Duration
		pass := func(by time.Duration) {
			offset += by
			set(offset)
			d.Ready()
		}
		guess, right := program.LoginAs(c.Code, program.Address, wrong), program.Login(c.Code, program.FirstPassword)

		fail(d, guess)
		pass(firstDelay + time.Second)
		const longest = 15 * time.Minute
		for delay := firstDelay; delay < longest; delay *= 2 {
			// A delay that is over is followed by one twice as long.
			d.Must(http.StatusUnauthorized, guess)
			pass(delay + time.Second)
			d.Must(http.StatusUnauthorized, right)
			pass(delay)
		}
		// The last one is cut off at the window, whatever else is tried.
		d.Must(http.StatusUnauthorized, guess)
		pass(longest / 2)
		for range times(20, 100) {
			d.Must(http.StatusUnauthorized, guess)
		}
		d.Must(http.StatusUnauthorized, right)
		pass(longest / 2)
		d.Must(http.StatusOK, right)

		fail(d, guess)
		d.Must(http.StatusOK, program.AskForLink(c.Code, program.Address))
		letters := d.LettersOf(c.Code, 2) // the first was an invitation
		d.Must(http.StatusOK, program.Validate(letters[1].Token))
		d.Must(http.StatusOK, right) // who reads the mail need not wait either

		for range tries - 1 {
			d.Must(http.StatusUnauthorized, guess)
		}
		pass(3 * longest)
		for range tries - 1 {
			d.Must(http.StatusUnauthorized, guess)
		}
		d.Must(http.StatusOK, right) // what was long ago counts no more
	})
}

// Test058_NoSpellingLeadsAroundALockOut fails at one login and then tries the
// right password in every way that could be counted apart.
func Test058_NoSpellingLeadsAroundALockOut(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.DeployOn(t, on, guarded...)
		nodes := spreadWhereShared(d, 3)
		c := assemble(d, "t058")
		a := attempt{tenant: c.Code, mail: program.Address, password: program.FirstPassword}

		whileDelayed(t, func() bool {
			for i := range tries {
				nodes[i%len(nodes)].Must(http.StatusUnauthorized, program.LoginAs(c.Code, program.Address, wrong))
			}
			for about, r := range twins(a) {
				for _, node := range nodes {
					got := node.Unchecked().Send(r)
					if got.Status == http.StatusOK {
						t.Logf("opened by %s", about)
						return false
					}
					require.Contains(t, []int{400, 401, 415}, got.Status, about)
				}
			}
			return true
		})
	})
}

// twins are one sign-in spelled in many ways.
func twins(a attempt) map[string]program.Request {
	out := map[string]program.Request{}
	for name, way := range ways {
		if name != "Exsited change" {
			out[name] = way(a)
		}
	}
	for _, name := range []string{"X-Forwarded-For", "X-Real-IP", "Forwarded", "True-Client-IP", "CF-Connecting-IP", "X-Client-IP"} {
		r := program.LoginAs(a.tenant, a.mail, a.password)
		r.Header = map[string]string{name: "198.51.100.7"}
		out[name] = r
	}
	for about, mail := range map[string]string{
		"case": "ADA@Globex.EXAMPLE", "dots": "a.d.a@globex.example", "plus tag": "ada+x@globex.example", "blank behind": a.mail + " ",
		"blank before": " " + a.mail, "dot behind": a.mail + ".", "wide letters": "ada@ｇlobex.example", "Cyrillic": "аda@globex.example",
		"soft hyphen": "ada@glo\u00adbex.example", "zero width": "ada\u200b@globex.example", "quoted": `\"ada\"@globex.example`, "name": `Ada <ada@globex.example>`,
	} {
		r := program.LoginAs(a.tenant, "", a.password)
		r.Body = `{"email":"` + mail + `","password":"` + a.password + `"}`
		out[about] = r
	}
	for about, code := range map[string]string{"T058": "T058", "dot": "t058.", "blank": "t058 ", "encoded": "%74058", "NUL": "t058%00"} {
		out["tenant in the path: "+about] = program.LoginAs(code, a.mail, a.password)
		out["tenant in the body: "+about] = ways["Alpha, tenant in the body"](attempt{tenant: code, mail: a.mail, password: a.password})
		out["tenant in a header: "+about] = ways["parity"](attempt{tenant: code, mail: a.mail, password: a.password})
	}
	form := program.LoginAs(a.tenant, "", "")
	form.Body = "email=ada%40globex.example&password=" + a.password
	form.Header = map[string]string{"Content-Type": "application/x-www-form-urlencoded"}
	out["form"] = form
	return out
}

// Test058_OriginIsTheRightmostUntrustedHop guesses from addresses that are
// one's own, made up, or of one IPv6 network.
func Test058_OriginIsTheRightmostUntrustedHop(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, proxied...)
		small(d, "t058-hop", program.Address)
		guess := func(chain string) program.Reply {
			return d.Send(from(chain, program.LoginAs("t058-hop", nobody, wrong)))
		}
		allowedThenNot := func(about string, chain func(i int) string) {
			for i := range 5 {
				require.Equal(t, http.StatusUnauthorized, guess(chain(i)).Status, about)
			}
			limited(t, guess(chain(5)), about)
		}

		allowedThenNot("IPv6 network", func(i int) string { return fmt.Sprintf("2001:db8:58:1:%x::%x", i, i*7919) })
		require.Equal(t, http.StatusUnauthorized, guess("2001:db8:58:2::1").Status, "its neighbour")
		allowedThenNot("made up before", func(i int) string { return fmt.Sprintf("198.51.100.%d, 10.58.0.1", i) })
		allowedThenNot("two proxies", func(i int) string { return fmt.Sprintf("198.51.100.%d, 10.58.0.2, 10.9.0.%d", i, i) })
		allowedThenNot("IPv4 as IPv6 and with a port", func(i int) string {
			return []string{"10.58.0.3", "::ffff:10.58.0.3", "10.58.0.3:4711", "[::ffff:10.58.0.3]:80", "10.58.0.3:1", "::ffff:a3a:3"}[i]
		})
		// The address limits count failures: what is right passes elsewhere.
		d.Must(http.StatusOK, from("10.58.0.4", program.LoginAs("t058-hop", program.Address, program.FirstPassword)))
	})
}

// Test058_NobodyNamesTheirOwnAddress has no proxy to trust.
func Test058_NobodyNamesTheirOwnAddress(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.DeployOn(t, on, slices.Concat(program.Cheap, []string{"OSTIARY_LIMITS=login-address=5/24h"})...)
		d.Start()
		p := d.Found("t058-own")
		guess := func(i int) program.Reply {
			r := program.LoginAs(p.Code, nobody, wrong)
			one := fmt.Sprintf("198.51.100.%d", i)
			r.Header = map[string]string{"X-Forwarded-For": one, "X-Real-IP": one, "Forwarded": "for=" + one, "True-Client-IP": one}
			return d.Send(r)
		}

		for i := range 5 {
			require.Equal(t, http.StatusUnauthorized, guess(i).Status)
		}
		limited(t, guess(6), "the same client")
	})
}

func Test059_OnlyOnesOwnSuccessForgives(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.Shared(t, on, guarded...)
		c := assemble(d, "t059")
		guess, right := program.LoginAs(c.Code, program.Address, wrong), program.Login(c.Code, program.FirstPassword)

		for range 3 {
			for range tries - 1 {
				d.Must(http.StatusUnauthorized, guess)
			}
			d.Must(http.StatusOK, right)
		}

		whileDelayed(t, func() bool {
			for range tries {
				d.Must(http.StatusUnauthorized, guess)
				d.Must(http.StatusOK, program.LoginAs(c.Code, hasty, program.FirstPassword))
				d.Must(http.StatusOK, program.LoginAs(c.other, foreign, program.FirstPassword))
			}
			return d.Send(right).Status == http.StatusUnauthorized
		})
	})
}

func Test060_FailuresAreSharedAndOutliveTheProcess(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.DeployOn(t, on, guarded...)
		nodes := spreadWhereShared(d, 3)
		small(d, "t060", program.Address)
		guess, right := program.LoginAs("t060", program.Address, wrong), program.Login("t060", program.FirstPassword)

		for i := range tries - 1 {
			nodes[i%len(nodes)].Must(http.StatusUnauthorized, guess)
		}
		last := nodes[len(nodes)-1]
		last.Kill()
		last.Start()

		whileDelayed(t, func() bool {
			last.Must(http.StatusUnauthorized, guess)
			for _, node := range nodes {
				if node.Send(right).Status != http.StatusUnauthorized {
					fail(node, guess) // what a restart kept is gone now
					return false
				}
			}
			return true
		})
	})
}

// spreadWhereShared starts several processes where the engine lets them share
// a store, and otherwise one.
func spreadWhereShared(d *program.Deployment, n int) []*program.Deployment {
	d.T.Helper()
	if d.On.Name == program.OnMongoDB.Name {
		return d.Spread(n)
	}
	d.Start()
	return []*program.Deployment{d}
}
