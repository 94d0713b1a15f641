package e2e_test

import (
	"fmt"
	"testing"
	"time"

	"ostiary/test/program"

	"github.com/stretchr/testify/require"
)

// crowds are many who want the same thing at once.
var crowds = map[string]struct {
	on                               program.Engine
	processes                        int
	validations, refreshes, contacts int
}{
	"one process on SQLite":      {program.OnSQLite, 1, 100, 100, 100},
	"three processes on MongoDB": {program.OnMongoDB, 3, 1000, 1000, 200},
}

// TestRace lets a crowd loose on what may be had once.
func TestRace(t *testing.T) {
	t.Parallel()
	for name, c := range crowds {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := deployOn(t, c.on, "OSTIARY_LIMITS=off")
			d.Spread(c.processes)
			p := d.Found("acme")
			g := d.SignIn(p)

			d.oneLinkOpensOneSession(c.validations)
			d.oneRefreshTokenHasOneSuccessor(c.refreshes, g)
			d.oneContactHasAnAddress(c.contacts, p)
		})
	}
}

func (d deployment) oneLinkOpensOneSession(n int) {
	d.T.Helper()
	d.Must(200, program.AskForLink("acme", program.Address))
	token := d.Letters(1)[0].Token

	got := d.Parallel(n, program.Validate(token))

	require.Len(d.T, got[200], 1)
	require.Len(d.T, got[401], n-1)
}

func (d deployment) oneRefreshTokenHasOneSuccessor(n int, g program.Granted) {
	d.T.Helper()
	began := time.Now()
	got := d.Parallel(n, program.Refresh(g.Refresh))
	late := time.Since(began) > grace

	successors := map[string]bool{}
	for _, r := range got[200] {
		successors[r.Text(d.T, "refreshToken")] = true
	}
	require.Len(d.T, successors, 1)
	require.Equal(d.T, n, len(got[200])+len(got[401]))
	require.True(d.T, late || len(got[401]) == 0, "all are within the grace of the first")
}

func (d deployment) oneContactHasAnAddress(n int, p program.Portal) {
	d.T.Helper()
	body := fmt.Sprintf(`{"firstName":"Ben","email":"ben@globex.example","companies":[{"id":%s,"isPrimary":true}]}`, p.Globex)
	got := d.Parallel(n, program.Operator("POST", "/tenants/acme/contacts", body))

	require.Len(d.T, got[201], 1)
	require.Len(d.T, got[409], n-1)
}
