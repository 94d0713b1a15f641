package e2e_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestMove carries a deployment to another store. Whoever was signed in stays
// so, a link that was mailed before opens after, and no id is given twice.
func TestMove(t *testing.T) {
	t.Parallel()
	for _, way := range []struct{ from, to engine }{{onSQLite, onSQLite}, {onSQLite, onMongoDB}, {onMongoDB, onSQLite}} {
		t.Run(way.from.name+" to "+way.to.name, func(t *testing.T) {
			t.Parallel()
			d := deployOn(t, way.from, "OSTIARY_MASTER_KEY="+masterKey)
			d.start()
			p := d.found("acme")
			before := d.signIn(p)
			d.must(200, request{method: "POST", path: "/api/v1/portal/auth/request-magic-link", body: `{"email":"` + address + `","tenantCode":"acme"}`})
			link := d.letters(1)[0].token
			stats := request{method: "GET", path: "/api/v1/portal/dashboard/stats", bearer: before.access}
			figures := string(d.must(200, stats).body)
			require.Equal(t, 0, d.stop())

			d.move(way.to)

			d.env = append(d.env, "OSTIARY_LISTEN="+strings.TrimPrefix(d.base, "http://"))
			d.start()
			require.Equal(t, figures, string(d.must(200, stats).body))
			d.must(200, request{method: "GET", path: "/external/api/v1/contacts/" + p.contact, bearer: p.token})
			d.verifies(before.access)
			next := d.tokens(d.must(200, request{method: "POST", path: "/api/v1/portal/auth/refresh", body: `{"refreshToken":"` + before.refresh + `"}`}))
			d.must(200, request{method: "GET", path: "/api/v1/portal/me", bearer: next.access})
			d.tokens(d.must(200, request{method: "POST", path: "/api/v1/portal/auth/validate?token=" + link}))
			d.must(401, request{method: "POST", path: "/api/v1/portal/auth/validate?token=" + link})
			d.must(200, login("acme", firstPassword))
			d.must(201, request{method: "POST", path: "/admin/v1/tenants/acme/companies", bearer: operatorToken, body: `{"name":"Hooli"}`})
			require.Equal(t, 0, d.stop())
			out, errs, code := d.cli("audit", "verify", "--json")
			require.Equal(t, 0, code, errs)
			require.Contains(t, out, `"findings": []`)
		})
	}
}

// move copies the store into an empty one, which is the deployment's from then
// on.
func (d *deployment) move(to engine) {
	d.t.Helper()
	target := to.storage(&deployment{t: d.t, dir: d.t.TempDir()})
	from, there := addressIn(d.t, d.storage), addressIn(d.t, target)
	out, errs, code := d.cli("store", "copy", "--json", "--from", from, "--to", there)
	require.Equal(d.t, 0, code, errs)
	require.Contains(d.t, out, `"differences": []`)
	require.NotContains(d.t, out+errs, masterKey)
	d.storage = target
	_, errs, code = d.cli("store", "copy", "--from", from, "--to", there)
	require.Equal(d.t, 1, code, "not twice")
	require.Contains(d.t, errs, "not empty")
}

func addressIn(t *testing.T, storage []string) string {
	t.Helper()
	address, ok := strings.CutPrefix(storage[0], "OSTIARY_STORAGE=")
	require.True(t, ok)
	return address
}
