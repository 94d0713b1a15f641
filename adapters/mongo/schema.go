package mongo

import (
	"fmt"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
)

// table declares one collection.
type table struct {
	name string
	// owned: tenant data. Its keys begin with the tenant, and so do its indexes.
	owned bool
	// width is the length of the keys of owned data beyond the tenant.
	width   int
	indexes []index
}

// index declares one index; its fields rise. some leaves out what lacks that
// field (https://www.mongodb.com/docs/manual/core/index-partial/).
type index struct {
	fields []string
	some   string
}

func by(fields ...string) index { return index{fields: fields} }

func (i index) where(field string) index {
	i.some = field
	return i
}

// Names of collections.
const (
	inTenants     = "tenants"
	inCompanies   = "companies"
	inContacts    = "contacts"
	inTags        = "tags"
	inClaims      = "claims"
	inDocuments   = "documents"
	inSessions    = "sessions"
	inLinks       = "links"
	inAPITokens   = "api_tokens"
	inIdempotency = "idempotency"
	inNumbers     = "numbers"
	inBlobs       = "blobs"
	inAudit       = "audit"
	inHeads       = "heads"
	inBatches     = "batches"
	inCounters    = "counters"
	inOutbox      = "outbox"
	inOrigins     = "origins"
	inKeys        = "keys"
	inChanges     = "changes"
	inMeta        = "meta"
)

// tables is the whole schema: all that is made at start, compared by Drift and
// sharded by ShardCommands. No index but that of _id is unique: what must be
// unique is the _id of a document, so a shard key of (t, _id) keeps it so on
// any number of shards.
var tables = []table{
	{name: inCompanies, owned: true, width: 8, indexes: []index{by("t", "limbo").where("limbo")}},
	{name: inContacts, owned: true, width: 8, indexes: []index{
		by("t", "n"), by("t", "ek").where("ek"), by("t", "login.id").where("login.id"), by("t", "cs", "n"), by("t", "gs"),
		by("t", "fk", "n"), by("t", "lk", "n"), by("t", "uk", "n"), by("t", "pk", "n").where("pk"),
		by("t", "qk", "n").where("qk"), by("t", "want.cs").where("want.cs"), by("t", "want.gs").where("want.gs"),
		by("t", "limbo").where("limbo"),
	}},
	{name: inTags, owned: true, width: 8, indexes: []index{by("t", "limbo").where("limbo")}},
	{name: inClaims, owned: true, width: 32, indexes: nil},
	{name: inDocuments, owned: true, width: 8 + 32, indexes: []index{
		by("t", "company", "kind", "ref"), by("t", "limbo").where("limbo"),
	}},
	{name: inSessions, owned: true, width: 16, indexes: []index{by("t", "user", "created", "_id"), by("t", "expires")}},
	{name: inLinks, owned: true, width: 32, indexes: []index{by("t", "user", "minted"), by("t", "expires")}},
	{name: inAPITokens, owned: true, width: 16, indexes: nil},
	{name: inIdempotency, owned: true, width: 32, indexes: []index{by("t", "expires")}},
	{name: inNumbers, owned: true, width: 1, indexes: nil},
	{name: inBlobs, owned: true, width: 16, indexes: nil},
	{name: inAudit, owned: true, width: 16 + 8, indexes: []index{by("t", "id"), by("t", "batch").where("batch")}},

	{name: inTenants, indexes: []index{by("code"), by("hosts"), by("origins", "status"), by("limbo").where("limbo")}},
	{name: inHeads},
	{name: inBatches, indexes: []index{by("at")}},
	{name: inCounters, indexes: []index{by("forget")}},
	{name: inOutbox, indexes: []index{by("due").where("due"), by("done").where("done")}},
	{name: inOrigins, indexes: []index{by("forget")}},
	{name: inKeys},
	{name: inChanges, indexes: []index{by("at")}},
	{name: inMeta},
}

func tableOf(name string) (table, bool) {
	i := slices.IndexFunc(tables, func(t table) bool { return t.name == name })
	if i < 0 {
		return table{}, false
	}
	return tables[i], true
}

func isOwned(name string) bool {
	t, ok := tableOf(name)
	return ok && t.owned
}

func widthOf(name string) int {
	t, _ := tableOf(name)
	return t.width
}

// keys is the index as the server spells it.
func (i index) keys() bson.D {
	out := make(bson.D, len(i.fields))
	for n, f := range i.fields {
		out[n] = bson.E{Key: f, Value: int32(1)}
	}
	return out
}

func (i index) name() string { return strings.Join(i.fields, "_1_") + "_1" }

// spread lists what grows with use and is read by its key alone: such a
// collection is spread by a hash.
var spread = []string{inCounters, inOutbox, inOrigins}

// ShardCommands returns what an operator types into mongosh to spread a
// database over the shards of a cluster. Tenant data is spread by (t, _id): a
// tenant's data stays together until it is too large for one shard, every
// filter names t, and every write that must happen once names both, so that it
// goes to one shard. What is small or read in the order of time (tenants,
// keys, heads, batches, changes, meta) stays on the database's first shard.
func ShardCommands(database string) []string {
	quoted := func(name string) string { return fmt.Sprintf("%q", database+"."+name) }
	out := []string{fmt.Sprintf("sh.enableSharding(%q)", database)}
	for _, t := range tables {
		switch {
		case t.owned:
			out = append(out,
				fmt.Sprintf("db.getSiblingDB(%q).getCollection(%q).createIndex({ t: 1, _id: 1 })", database, t.name),
				fmt.Sprintf("sh.shardCollection(%s, { t: 1, _id: 1 })", quoted(t.name)))
		case slices.Contains(spread, t.name):
			out = append(out,
				fmt.Sprintf("db.getSiblingDB(%q).getCollection(%q).createIndex({ _id: \"hashed\" })", database, t.name),
				fmt.Sprintf("sh.shardCollection(%s, { _id: \"hashed\" })", quoted(t.name)))
		}
	}
	return out
}

// shardIndex is what ShardCommands adds to tenant data.
var shardIndex = by("t", "_id")

// hashed reports whether an index found on the server is the one that spreads
// a collection.
func hashed(keys bson.Raw) bool {
	v, err := keys.LookupErr("_id")
	text, ok := v.StringValueOK()
	return err == nil && ok && text == "hashed"
}

// partial is the option that some stands for.
func (i index) partial() any {
	if i.some == "" {
		return nil
	}
	return bson.D{{Key: i.some, Value: bson.D{{Key: "$exists", Value: true}}}}
}
