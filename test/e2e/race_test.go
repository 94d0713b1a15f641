package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// crowds are many who want the same thing at once.
var crowds = map[string]struct {
	on                               engine
	processes                        int
	validations, refreshes, contacts int
}{
	"one process on SQLite":      {onSQLite, 1, 100, 100, 100},
	"three processes on MongoDB": {onMongoDB, 3, 1000, 1000, 200},
}

// TestRace lets a crowd loose on what may be had once.
func TestRace(t *testing.T) {
	t.Parallel()
	for name, c := range crowds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deployOn(t, c.on, "OSTIARY_LIMITS=off")
			d.spread(c.processes)
			p := d.found("acme")
			g := d.signIn(p)

			d.oneLinkOpensOneSession(c.validations)
			d.oneRefreshTokenHasOneSuccessor(c.refreshes, g)
			d.oneContactHasAnAddress(c.contacts, p)
		})
	}
}

func (d *deployment) oneLinkOpensOneSession(n int) {
	d.t.Helper()
	d.must(200, request{method: "POST", path: "/api/v1/portal/auth/request-magic-link", body: `{"email":"` + address + `","tenantCode":"acme"}`})
	token := d.letters(1)[0].token

	got := d.parallel(n, request{method: "POST", path: "/api/v1/portal/auth/validate?token=" + token})

	require.Len(d.t, got[200], 1)
	require.Len(d.t, got[401], n-1)
}

func (d *deployment) oneRefreshTokenHasOneSuccessor(n int, g granted) {
	d.t.Helper()
	began := time.Now()
	got := d.parallel(n, request{method: "POST", path: "/api/v1/portal/auth/refresh", body: `{"refreshToken":"` + g.refresh + `"}`})
	late := time.Since(began) > grace

	successors := map[string]bool{}
	for _, r := range got[200] {
		successors[r.text(d.t, "refreshToken")] = true
	}
	require.Len(d.t, successors, 1)
	require.Equal(d.t, n, len(got[200])+len(got[401]))
	require.True(d.t, late || len(got[401]) == 0, "all are within the grace of the first")
}

func (d *deployment) oneContactHasAnAddress(n int, p portal) {
	d.t.Helper()
	body := fmt.Sprintf(`{"firstName":"Ben","email":"ben@globex.example","companies":[{"id":%s,"isPrimary":true}]}`, p.globex)
	got := d.parallel(n, request{method: "POST", path: "/admin/v1/tenants/acme/contacts", bearer: operatorToken, body: body})

	require.Len(d.t, got[201], 1)
	require.Len(d.t, got[409], n-1)
}
