package e2e_test

import (
	"strings"
	"testing"

	"ostiary/test/program"

	"github.com/stretchr/testify/require"
)

// TestMove carries a deployment to another store. Whoever was signed in stays
// so, a link that was mailed before opens after, and no id is given twice.
func TestMove(t *testing.T) {
	t.Parallel()
	for _, way := range []struct{ from, to program.Engine }{{program.OnSQLite, program.OnSQLite}, {program.OnSQLite, program.OnMongoDB}, {program.OnMongoDB, program.OnSQLite}} {
		t.Run(way.from.Name+" to "+way.to.Name, func(t *testing.T) {
			t.Parallel()
			d := deployOn(t, way.from, "OSTIARY_MASTER_KEY="+program.MasterKey)
			d.Start()
			p := d.Found("acme")
			before := d.SignIn(p)
			d.Must(200, program.AskForLink("acme", program.Address))
			link := d.Letters(1)[0].Token
			stats := program.Request{Method: "GET", Path: "/api/v1/portal/dashboard/stats", Bearer: before.Access}
			figures := string(d.Must(200, stats).Body)
			require.Equal(t, 0, d.Stop())

			d.move(way.to)

			d.Env = append(d.Env, "OSTIARY_LISTEN="+strings.TrimPrefix(d.URL, "http://"))
			d.Start()
			require.Equal(t, figures, string(d.Must(200, stats).Body))
			d.Must(200, program.Request{Method: "GET", Path: "/external/api/v1/contacts/" + p.Contact, Bearer: p.Token})
			d.verifies(before.Access)
			next := d.Tokens(d.Must(200, program.Refresh(before.Refresh)))
			d.Must(200, program.Visit("/me", next))
			d.Tokens(d.Must(200, program.Validate(link)))
			d.Must(401, program.Validate(link))
			d.Must(200, program.Login("acme", program.FirstPassword))
			d.Must(201, program.Operator("POST", "/tenants/acme/companies", `{"name":"Hooli"}`))
			require.Equal(t, 0, d.Stop())
			out, errs, code := d.CLI("audit", "verify", "--json")
			require.Equal(t, 0, code, errs)
			require.Contains(t, out, `"findings": []`)
		})
	}
}

// move copies the store into an empty one, which is the deployment's from then
// on.
func (d deployment) move(to program.Engine) {
	d.T.Helper()
	target := to.Storage(&program.Deployment{T: d.T, Dir: d.T.TempDir()})
	from, there := addressIn(d.T, d.Storage), addressIn(d.T, target)
	out, errs, code := d.CLI("store", "copy", "--json", "--from", from, "--to", there)
	require.Equal(d.T, 0, code, errs)
	require.Contains(d.T, out, `"differences": []`)
	require.NotContains(d.T, out+errs, program.MasterKey)
	d.Storage = target
	_, errs, code = d.CLI("store", "copy", "--from", from, "--to", there)
	require.Equal(d.T, 1, code, "not twice")
	require.Contains(d.T, errs, "not empty")
}

func addressIn(t testing.TB, storage []string) string {
	t.Helper()
	address, ok := strings.CutPrefix(storage[0], "OSTIARY_STORAGE=")
	require.True(t, ok)
	return address
}
