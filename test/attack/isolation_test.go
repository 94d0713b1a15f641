package attack_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Every documented route is called with every kind of credential that another
// tenant or another company can hold: what exists there answers like what
// never existed, and nothing of it changes.
func Test062_ForeignIsMissing(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		s := stageIntrusion(program.Shared(t, on, program.Cheap...), "t062")
		s.requireApart()
		before := s.state()
		calls := len(s.operations) * len(s.kinds)

		for _, k := range s.kinds {
			for f := range s.walk(k) {
				t.Errorf("%s", f)
			}
		}

		figure(t, "t062_operations_times_credentials", calls)
		for path, now := range s.state() {
			require.Equal(t, before[path], now, "%s of the victim has changed", path)
		}
		s.d.Must(200, program.Refresh(s.granted.Refresh))
		s.d.Must(200, program.Validate(s.link))
	})
}

// The walk finds what it looks for: with one filter less, in the store, in
// what an administrator may do, or in what a company may see, it says so.
func Test062_NoticesAMissingFilter(t *testing.T) {
	t.Parallel()
	for name, change := range map[string]program.Change{
		"statement of the store": {
			File: "adapters/sqlite/companies.go",
			Old:  `" FROM companies WHERE tenant = ?1 AND id = ?2",`, New: `" FROM companies WHERE (tenant = ?1 OR id > 1) AND id = ?2",`,
		},
		"right of an administrator": {
			File: "app/tenancy/admin.go",
			Old:  `in.Actor.May(in.Permission, t.ID())`, New: `in.Actor.May(in.Permission, in.Actor.Tenant)`,
		},
		"picture of a company": {
			File: "app/profile/profile.go",
			Old:  `if id.IsZero() || (id != own.Blob`, New: `if id.IsZero() && (id != own.Blob`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := program.Deploy(t, program.Cheap...)
			d.Binary = program.Build(t, change)
			d.Start()

			found := stageIntrusion(d.Unchecked(), "t062").first()

			require.NotEmpty(t, found)
			t.Log(found)
		})
	}
}

// first returns what the walk finds first, beginning with those who are
// nearest to the victim.
func (s *intrusion) first() string {
	for _, k := range slices.Backward(s.kinds) {
		for f := range s.walk(k) {
			return f.String()
		}
	}
	return ""
}

// state is all that the operator can read of the victim. Of the audit events
// it is those about what is the victim's, without refusals, which the attempts
// have caused.
func (s *intrusion) state() map[string]string {
	s.d.T.Helper()
	out := map[string]string{}
	at := "/tenants/" + s.victim["tenant"]
	for _, path := range []string{
		"", "/scopes", "/companies?limit=500", "/contacts?limit=500", "/tags?limit=500", "/api-tokens?limit=500", "/contacts/" + s.victim["contact"] + "/user",
	} {
		out[path] = string(s.admin(200, "GET", at+path, "").Body)
	}
	for _, path := range []string{"/me", "/client", "/scopes", "/dashboard/stats"} {
		out[path] = string(s.d.Must(200, program.Visit(path, s.granted)).Body)
	}
	for _, e := range itemsOf(s.d.T, s.admin(200, "GET", at+"/audit-events?limit=500", "")) {
		about := fmt.Sprint(e)
		if e["outcome"] != "refused" && (strings.Contains(about, s.victim["user"]) || strings.Contains(about, s.victim["session"])) {
			out["/audit-events"] += fmt.Sprintln(e["action"], e["id"])
		}
	}
	return out
}
