package e2e_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/mongod"
	"ostiary/test/program"
)

// Reads come out of memory, and what is not there takes one command; a refresh
// takes two, and a sign-in one for each thing that it must find or leave behind.
func TestMongo_IsAskedNoMoreThanItMust(t *testing.T) {
	t.Parallel()
	var p *mongod.FaultProxy
	d := program.DeployOn(t, program.Behind(&p), program.Cheap...)
	d.Start()
	g := d.SignIn(d.Found("asked"))
	d.Must(200, program.Visit("/scopes", g))
	d.Must(200, program.Visit("/dashboard/stats", g))

	for range 3 {
		require.Empty(t, d.Asked(p, 200, program.Visit("/scopes", g)))
		require.Empty(t, d.Asked(p, 200, program.Visit("/me", g)))
		require.Equal(t, []string{"find companies"}, d.Asked(p, 200, program.Visit("/dashboard/stats", g)))

		p.Asked()
		g = program.TokensOf(t, d.Must(200, program.Refresh(g.Refresh)))
		require.Equal(t, []string{"find sessions", "update sessions"}, ofSessions(program.Questions(p)))
		require.Equal(t, []string{"find contacts", "insert sessions", "insert audit"}, d.Asked(p, 200, program.Login("asked", program.FirstPassword)))
	}
}

// ofSessions leaves out the signing of the audit trail, which a refresh that
// cannot be repeated may meet: a refresh is not on record.
func ofSessions(asked []string) []string {
	return slices.DeleteFunc(asked, func(q string) bool {
		return strings.HasSuffix(q, " heads") || strings.HasSuffix(q, " batches") || strings.HasSuffix(q, " audit")
	})
}
