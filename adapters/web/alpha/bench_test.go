package alpha_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/alpha"
	"ostiary/test/exchange"
	"ostiary/test/harness"
	"ostiary/test/load"
)

// The four reads of a portal, over one connection of the loopback. Next to
// nothing of the allocations is the client's.
func BenchmarkReads(b *testing.B) {
	w := harness.New(b, harness.Options{Undocumented: true})
	w.Serve(b, alpha.New(alpha.Services{
		Resolver: w.Resolver, Guard: w.Guard, Passwords: w.Passwords, Links: w.Links, Sessions: w.Sessions,
		Changes: w.Changes, Profile: w.Profile,
	}, alpha.Config{Now: w.Clock.Now}).Dialect())
	token := w.SignIn(b).Access.Reveal()
	for _, path := range []string{"/scopes", "/me", "/client", "/dashboard/stats"} {
		b.Run(path[1:], func(b *testing.B) {
			c, err := load.Dial(w.URL)
			require.NoError(b, err)
			defer c.Close()
			r := load.Prepare(w.URL, exchange.Request{Method: "GET", Path: portal + path, Bearer: token})
			b.ReportAllocs()
			for b.Loop() {
				if res, err := c.Do(b.Context(), r); err != nil || res.StatusCode() != 200 {
					b.Fatal(res, err)
				}
			}
		})
	}
}
