package mongo

import (
	"context"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/event"
)

// monitor is the second alarm: it sees every command that leaves, also one that
// did not come through a collection of this package.
func (db *DB) monitor(alarm func(command, collection string)) *event.CommandMonitor {
	return &event.CommandMonitor{Started: func(_ context.Context, e *event.CommandStartedEvent) {
		name, reaches := reach(e.CommandName, e.Command)
		if !reaches {
			return
		}
		db.alarms.Add(1)
		if alarm != nil {
			alarm(e.CommandName, name)
		}
	}}
}

// harmless commands on a collection name no documents.
var harmless = []string{"getMore", "killCursors", "createIndexes", "listIndexes", "create"}

// reach reports whether a command goes through tenant data without saying
// whose, and names the collection.
func reach(command string, body bson.Raw) (name string, reaches bool) {
	first, err := body.IndexErr(0)
	if err != nil {
		return "", false
	}
	switch command {
	case "bulkWrite":
		return bulk(body)
	case "explain":
		return explained(first.Value())
	}
	name, _ = first.Value().StringValueOK()
	if command == "aggregate" && leaves(body.Lookup("pipeline")) {
		return name, true
	}
	if !isOwned(name) || slices.Contains(harmless, command) {
		return name, false
	}
	switch command {
	case "find":
		return name, !filtered(body, "filter") && !walks(body)
	case "count", "distinct", "findAndModify":
		return name, !filtered(body, "query")
	case "insert":
		return name, !every(body, "documents", namesTenant)
	case "update":
		return name, !every(body, "updates", statement)
	case "delete":
		return name, !every(body, "deletes", statement)
	case "aggregate":
		return name, !matches(body)
	default:
		return name, true
	}
}

// bulk finds tenant data among the namespaces of a bulkWrite
// (https://www.mongodb.com/docs/manual/reference/command/bulkWrite/). This
// package sends none, so that whether it names the tenant is not asked.
func bulk(body bson.Raw) (name string, reaches bool) {
	shared := every(body, "nsInfo", func(d bson.Raw) bool {
		namespace, _ := d.Lookup("ns").StringValueOK()
		var ok bool
		_, name, ok = strings.Cut(namespace, ".")
		return ok && !isOwned(name)
	})
	return name, !shared
}

// explained judges the command that an explain carries.
func explained(v bson.RawValue) (name string, reaches bool) {
	body, ok := v.DocumentOK()
	if !ok {
		return "", false
	}
	inner, err := body.IndexErr(0)
	if err != nil {
		return "", false
	}
	return reach(inner.Key(), body)
}

// filtered reports whether a member of a document is a filter with a tenant.
func filtered(body bson.Raw, member string) bool {
	doc, ok := body.Lookup(member).DocumentOK()
	return ok && namesTenant(doc)
}

func statement(d bson.Raw) bool { return filtered(d, "q") }

// every holds when a list of documents is there and each passes.
func every(body bson.Raw, member string, pass func(bson.Raw) bool) bool {
	array, ok := body.Lookup(member).ArrayOK()
	if !ok {
		return false
	}
	values, err := array.Values()
	if err != nil || len(values) == 0 {
		return false
	}
	for _, v := range values {
		if d, ok := v.DocumentOK(); !ok || !pass(d) {
			return false
		}
	}
	return true
}

// matches holds for a pipeline that begins by naming the tenant.
func matches(body bson.Raw) bool {
	first := true
	return every(body, "pipeline", func(stage bson.Raw) bool {
		if !first {
			return true
		}
		first = false
		return filtered(stage, "$match")
	})
}

// elsewhere are the stages of a pipeline that go on to another collection.
var elsewhere = []string{"$lookup", "$graphLookup", "$unionWith", "$out", "$merge"}

// leaves reports whether a pipeline, or one within it, has such a stage.
func leaves(v bson.RawValue) bool {
	var elements []bson.RawElement
	if d, ok := v.DocumentOK(); ok {
		elements, _ = d.Elements()
	} else if a, ok := v.ArrayOK(); ok {
		elements, _ = a.Elements()
	}
	return slices.ContainsFunc(elements, func(e bson.RawElement) bool {
		return slices.Contains(elsewhere, e.Key()) || leaves(e.Value())
	})
}

// walks knows the command of nextTenant by what it asks for: one tenant's id.
func walks(body bson.Raw) bool {
	projection, ok := body.Lookup("projection").DocumentOK()
	if !ok {
		return false
	}
	want, err := bson.Marshal(tenantAlone)
	return err == nil && string(projection) == string(want)
}
