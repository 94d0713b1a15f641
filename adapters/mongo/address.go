package mongo

import (
	"errors"
	"slices"
	"strings"

	"go.mongodb.org/mongo-driver/x/mongo/driver/connstring"
)

// Address is what an address says without anybody being asked: its user and
// password are left out.
type Address struct {
	Scheme   string
	Hosts    []string // for mongodb+srv the one name to look up
	Database string   // "" when none is named
	TLS      bool
}

// ErrAddress is returned for what is no address, or names no database of its
// own. The error does not repeat it.
var ErrAddress = errors.New("mongo: the address must be mongodb://… or mongodb+srv://… and name a database")

// ParseAddress reads an address. Hosts behind mongodb+srv are not looked up:
// that is for Open.
func ParseAddress(address string) (Address, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	lookup := scheme == connstring.SchemeMongoDBSRV
	if !ok || (!lookup && scheme != connstring.SchemeMongoDB) {
		return Address{}, ErrAddress
	}
	if lookup {
		rest = withoutLookup(rest)
	}
	cs, err := connstring.ParseAndValidate(connstring.SchemeMongoDB + "://" + rest)
	if err != nil || (lookup && (len(cs.Hosts) != 1 || strings.Contains(cs.Hosts[0], ":"))) {
		return Address{}, ErrAddress
	}
	return Address{Scheme: scheme, Hosts: cs.Hosts, Database: cs.Database, TLS: cs.SSL || (lookup && !cs.SSLSet)}, nil
}

// withoutLookup drops the options that say how hosts are looked up, which the
// driver refuses on an address that has them.
func withoutLookup(rest string) string {
	before, query, _ := strings.Cut(rest, "?")
	kept := slices.DeleteFunc(strings.FieldsFunc(query, func(c rune) bool { return c == '&' || c == ';' }), func(option string) bool {
		name, _, _ := strings.Cut(option, "=")
		return strings.EqualFold(name, "srvMaxHosts") || strings.EqualFold(name, "srvServiceName")
	})
	return before + "?" + strings.Join(kept, "&")
}

// String has neither user nor password nor options.
func (a Address) String() string {
	return a.Scheme + "://" + strings.Join(a.Hosts, ",") + "/" + a.Database
}

// reserved reports whether the address names a database of the server's own
// (https://www.mongodb.com/docs/manual/reference/local-database/), where
// nobody else's data belongs.
func (a Address) reserved() bool {
	switch strings.ToLower(a.Database) {
	case "admin", "config", "local":
		return true
	default:
		return false
	}
}

// DatabaseOf returns the name of the database that an address names, without
// asking any server.
func DatabaseOf(address string) (string, error) {
	a, err := ParseAddress(address)
	if err != nil {
		return "", err
	}
	// https://www.mongodb.com/docs/manual/reference/limits/#naming-restrictions,
	// and no mark of an option that lost its place.
	if a.Database == "" || len(a.Database) > 63 || strings.ContainsAny(a.Database, "/\\. \"$*<>:|?#&=\x00") || a.reserved() {
		return "", ErrAddress
	}
	return a.Database, nil
}
