package program

import (
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"ostiary/test/mongod"
)

// Behind is MongoDB behind a proxy of its own, which p is set to.
func Behind(p **mongod.FaultProxy) Engine {
	return Engine{Name: OnMongoDB.Name, Storage: func(d *Deployment) []string {
		d.T.Log(mongod.Kind(d.T))
		*p = mongod.NewFaultProxy(d.T, mongod.Database(d.T))
		return MongoAt((*p).URI())
	}}
}

// Asked sends r and returns the commands that MongoDB was sent for it. It asks
// again when the process signed its part of the audit trail in between, as it
// does every minute: nobody could tell its commands apart.
func (d *Deployment) Asked(p *mongod.FaultProxy, status int, r Request) []string {
	d.T.Helper()
	for {
		p.Asked()
		res := d.Send(r)
		require.Equal(d.T, status, res.Status, "%s %s: %s", r.Method, r.Path, res.Body)
		if out := Questions(p); !Signed(out) {
			return out
		}
	}
}

// Signed reports whether the process signed its part of the audit trail, which
// no request makes it do.
func Signed(asked []string) bool {
	return slices.ContainsFunc(asked, func(q string) bool { return strings.HasSuffix(q, " heads") || strings.HasSuffix(q, " batches") })
}

// Questions are the commands since the last time, but for those that a process
// sends whether it is asked or not.
func Questions(p *mongod.FaultProxy) (out []string) {
	for _, q := range p.Asked() {
		switch _, collection, _ := strings.Cut(q, " "); collection {
		case "changes", "keys", "outbox":
		default:
			out = append(out, q)
		}
	}
	return out
}
