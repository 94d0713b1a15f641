package attack_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// TestAudit_NamesTheFirstBadRecord has many write to the trail at once,
// through several processes where the engine allows it, one of which is
// killed. Then somebody with access to the store tampers with what they wrote.
func TestAudit_NamesTheFirstBadRecord(t *testing.T) { program.OnEach(t, namesTheFirstBadRecord) }

func namesTheFirstBadRecord(t *testing.T, on program.Engine) {
	d := program.DeployOn(t, on, program.Cheap...)
	processes := 1
	if on.Name == program.OnMongoDB.Name {
		processes = 3
	}
	d.Spread(processes)
	d.Found("audited")
	refused := times(40, 1000)

	answers := d.Parallel(refused, program.Login("audited", "not the password"))
	require.Len(t, answers[401], refused)
	// Refusals that come at once may share a record, those that come after one
	// another never do: each process has a chain to tamper with.
	apart := 8 * processes
	for range apart {
		d.Must(401, program.Login("audited", "not the password"))
	}
	require.Equal(t, refused+apart, refusals(t, d, "audited", "session.opened"), "each refusal is on record once")
	auditIsClean(t, d)
	require.Equal(t, 0, d.Stop())
	report := auditIsClean(t, d)
	figure(t, "chains", report.Chains)
	figure(t, "records", report.Records)

	tampering(t, d)

	d.Nodes = nil
	d.Start()
	d.Must(401, program.Login("audited", "not the password"))
	d.Kill()
	require.Greater(t, auditIsClean(t, d).Records, report.Records, "what a killed writer left has no flaw")
}

// refusals counts how often the trail of a tenant says that an action was
// refused.
func refusals(t testing.TB, d *program.Deployment, code, action string) (n int) {
	t.Helper()
	cursor := ""
	for {
		var page struct {
			Items []struct {
				Outcome string
				Details struct {
					Times int `json:"times,string"`
				}
			}
			NextCursor *string
		}
		path := fmt.Sprintf("/tenants/%s/audit-events?limit=500&action=%s%s", code, action, cursor)
		require.NoError(t, json.Unmarshal(d.Must(200, program.Operator("GET", path, "")).Body, &page))
		for _, item := range page.Items {
			if item.Outcome == "refused" {
				n += max(1, item.Details.Times)
			}
		}
		if page.NextCursor == nil {
			return n
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

// tampering changes the stored trail in each way that there is, and asks after
// each what is wrong.
func tampering(t *testing.T, d *program.Deployment) {
	t.Helper()
	of := trailOf(d)
	signed := longestChain(t, of)
	require.GreaterOrEqual(t, len(signed), 8)
	at := func(n int) link { return signed[n-1] }
	last := at(len(signed))
	for name, row := range map[string]struct {
		tamper func()
		want   flaw
	}{
		"a field changed":   {func() { of.alter(t, at(3)) }, flaw{Flaw: "changed", Seq: 3, Event: at(3).event}},
		"the first changed": {func() { of.alter(t, at(1)) }, flaw{Flaw: "changed", Seq: 1, Event: at(1).event}},
		"the last changed":  {func() { of.alter(t, last) }, flaw{Flaw: "changed", Seq: last.seq, Event: last.event}},
		"two changed":       {func() { of.alter(t, at(6)); of.alter(t, at(4)) }, flaw{Flaw: "changed", Seq: 4, Event: at(4).event}},
		"one removed":       {func() { of.remove(t, at(5)) }, flaw{Flaw: "removed", Seq: 5}},
		"the first removed": {func() { of.remove(t, at(1)) }, flaw{Flaw: "removed", Seq: 1}},
		"the tail cut off":  {func() { of.remove(t, last) }, flaw{Flaw: "removed", Seq: last.seq}},
		"two swapped":       {func() { of.swap(t, at(2), at(7)) }, flaw{Flaw: "reordered", Seq: 2, Event: at(7).event}},
		"the chain dropped": {func() { of.drop(t, last.chain) }, flaw{Flaw: "missing"}},
	} {
		restore := of.keep(t)
		row.tamper()

		report, code := verifyAudit(t, d)

		row.want.Tenant, row.want.Writer = uuidOf(last.chain[:32]), uuidOf(last.chain[32:])
		row.want.Event = uuidOf(row.want.Event)
		require.Equal(t, []flaw{row.want}, report.Findings, name)
		require.Equal(t, 1, code, name)
		restore()
	}
	auditIsClean(t, d)
}

// longestChain is that of a tenant. All writers stopped well, so it is signed
// to its end.
func longestChain(t testing.TB, of trail) (longest []link) {
	t.Helper()
	chains := map[string][]link{}
	for _, l := range of.links(t) {
		if l.chain[:32] != noID {
			chains[l.chain] = append(chains[l.chain], l)
		}
	}
	for _, chain := range chains {
		require.True(t, slices.IsSortedFunc(chain, func(a, b link) int { return int(a.seq - b.seq) }))
		if len(chain) > len(longest) {
			longest = chain
		}
	}
	return longest
}

// noID is the id that is none, in hex.
var noID = strings.Repeat("0", 32)
