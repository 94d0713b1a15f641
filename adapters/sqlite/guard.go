package sqlite

import (
	"fmt"
	"regexp"
	"slices"
	"strings"
)

// access says whose data a statement is about.
type access uint8

const (
	ofTenant access = iota + 1 // one tenant's: the tenant is bound as ?1
	shared                     // nobody's or everybody's, by the tables it names
	control                    // transactions
)

// owned lists the tables of tenant data with the rest of their primary keys,
// children before what they refer to. All but audit go when the tenant goes.
var owned = []struct{ table, key string }{
	{"memberships", "company, contact"},
	{"contact_tags", "tag, contact"},
	{"users", "id"},
	{"contacts", "id"},
	{"contact_totals", "company"},
	{"documents", "company, kind, ref"},
	{"figures", "company"},
	{"companies", "id"},
	{"tags", "id"},
	{"blobs", "id"},
	{"sessions", "id"},
	{"links", "token"},
	{"api_tokens", "id"},
	{"idempotency", "digest"},
	{"numbers", "kind"},
	{"audit", "writer, seq"},
}

// walks are the only statements that go through owned tables without a
// tenant: they say which tenants there are, never what they have.
var walks = append([]string{nextChain}, nextOfEach("sessions", "links", "idempotency", "numbers", "companies", "tags",
	"contacts", "blobs", "documents", "figures", "api_tokens", "audit")...)

func nextOfEach(tables ...string) (out []string) {
	for _, table := range tables {
		out = append(out, nextOf(table))
	}
	return out
}

// nextOf finds the next tenant that has rows in a table.
func nextOf(table string) string { return "SELECT min(tenant) FROM " + table + " WHERE tenant > ?1" }

var (
	words  = regexp.MustCompile(`[A-Za-z_0-9]+`)
	bound  = regexp.MustCompile(`\btenant = \?1\b`)
	heads  = regexp.MustCompile(`\bINTO \w+ \(tenant,[^)]*\)\s*(VALUES \(\?1,|SELECT \?1,)`)
	blanks = regexp.MustCompile(`\s+`)
)

// check refuses a statement that could reach another tenant's data: every
// mention of an owned table needs a condition on the tenant of its own, or an
// insert that begins with it. It runs once for each text and connection.
func check(a access, query string) error {
	if a == control {
		return nil
	}
	mentions, bindings := mentioned(query), len(bound.FindAllString(query, -1))+len(heads.FindAllString(query, -1))
	text := strings.TrimSpace(blanks.ReplaceAllString(query, " "))
	switch {
	case a == shared && mentions > 0 && !slices.Contains(walks, text):
		return fmt.Errorf("sqlite: statement on tenant data without a tenant: %s", text)
	case a == ofTenant && (mentions == 0 || bindings < mentions):
		return fmt.Errorf("sqlite: statement on tenant data does not bind the tenant everywhere: %s", text)
	}
	return nil
}

// mentioned counts the owned tables that query names. A name before a point
// qualifies a column and is not counted.
func mentioned(query string) int {
	n := 0
	for _, at := range words.FindAllStringIndex(query, -1) {
		if at[1] < len(query) && query[at[1]] == '.' {
			continue
		}
		word := strings.ToLower(query[at[0]:at[1]])
		for _, o := range owned {
			if o.table == word {
				n++
			}
		}
	}
	return n
}
