package attack_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/mongod"
	"ostiary/test/program"
)

// Test024_RefusalsAskTheDatabaseAlike compares the commands that MongoDB is
// sent for each class of refusal. What a command takes is the server's affair,
// and what stands in for it takes longer the more there is; but whoever sends
// the same ones takes equally long.
func Test024_RefusalsAskTheDatabaseAlike(t *testing.T) {
	t.Parallel()
	var p *mongod.FaultProxy
	d := program.DeployOn(t, program.Behind(&p), slices.Concat(program.Cheap, []string{
		"OSTIARY_LIMITS=login-user=1000/24h,login-tenant=1000000/24h", "OSTIARY_TRUSTED_PROXIES=127.0.0.1",
	})...)
	d.Start()
	classes := signIns(assemble(d, "t024"))
	classes = slices.DeleteFunc(classes, func(c *class) bool { return strings.Contains(c.about, "must wait") })

	for range 2 { // what is looked up once is known
		for _, c := range classes {
			d.Must(http.StatusUnauthorized, c.ask())
		}
	}
	for range times(3, 100) {
		for _, c := range classes[1:] {
			requireAlike(d, p, classes[0], c)
		}
	}
}

// requireAlike compares again when the answers differ: what a process tidies up
// by itself every few minutes may have come in between.
func requireAlike(d *program.Deployment, p *mongod.FaultProxy, a, b *class) {
	d.T.Helper()
	var want, got []string
	for range 3 {
		want, got = alikes(d.Asked(p, http.StatusUnauthorized, a.ask())), alikes(d.Asked(p, http.StatusUnauthorized, b.ask()))
		if b.about == "unknown tenant, ever another" {
			// Nobody knows the name of a tenant that was never asked for.
			got = slices.DeleteFunc(got, func(q string) bool { return q == "find tenants" })
		}
		if slices.Equal(want, got) {
			break
		}
	}
	require.NotEmpty(d.T, want)
	require.Equal(d.T, want, got, b.about)
}

// Test024_RightAndWrongAskAlikeWhileDelayed is the same for somebody who must
// wait, whose password must not be told right by it.
func Test024_RightAndWrongAskAlikeWhileDelayed(t *testing.T) {
	t.Parallel()
	var p *mongod.FaultProxy
	d := program.DeployOn(t, program.Behind(&p), guarded...)
	d.Start()
	c := assemble(d, "t024")
	try := func(password string) program.Request { return program.LoginAs(c.Code, hasty, password) }

	for signed := true; signed; {
		whileDelayed(t, func() bool {
			fail(d, try(wrong))
			p.Asked()
			refused := d.Send(try(program.FirstPassword))
			right := alikes(program.Questions(p))
			d.Must(http.StatusUnauthorized, try(wrong))
			if refused.Status == http.StatusOK {
				return false
			}
			asked := alikes(program.Questions(p))
			if signed = program.Signed(right) || program.Signed(asked); !signed {
				require.Equal(t, right, asked)
				require.NotEmpty(t, right)
			}
			return true
		})
	}
}

// alikes takes a counter that is there, and counted up, for one that is not and
// is made.
func alikes(asked []string) []string {
	for i, q := range asked {
		if strings.HasSuffix(q, " counters") {
			asked[i] = strings.NewReplacer("insert", "write", "update", "write").Replace(q)
		}
	}
	return asked
}
