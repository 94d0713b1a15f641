package mongod

import (
	"errors"
	"fmt"
	"net/url"
	"strings"
)

// address is a connection string in parts. net/url cannot read one that names
// several hosts.
type address struct {
	user, hosts, database string
	options               url.Values
}

var errScheme = errors.New("a test server needs a mongodb:// URI")

func parse(uri string) (address, error) {
	rest, ok := strings.CutPrefix(uri, "mongodb://")
	if !ok {
		return address{}, errScheme
	}
	var a address
	authority, query, _ := strings.Cut(rest, "?")
	authority, a.database, _ = strings.Cut(authority, "/")
	a.hosts = authority
	if at := strings.LastIndex(authority, "@"); at >= 0 {
		a.user, a.hosts = authority[:at], authority[at+1:]
	}
	var err error
	if a.options, err = url.ParseQuery(query); err != nil {
		return address{}, fmt.Errorf("options of a test server's URI: %w", err)
	}
	return a, nil
}

func (a address) String() string {
	s := "mongodb://"
	if a.user != "" {
		s += a.user + "@"
	}
	s += a.hosts + "/" + a.database
	if len(a.options) > 0 {
		s += "?" + a.options.Encode()
	}
	return s
}

func (a address) several() bool { return strings.Contains(a.hosts, ",") }

// option looks a name up as the driver does, without regard to case.
func (a address) option(name string) string {
	for key, values := range a.options {
		if strings.EqualFold(key, name) && len(values) > 0 {
			return values[0]
		}
	}
	return ""
}

func (a address) set(name, value string) {
	for key := range a.options {
		if strings.EqualFold(key, name) {
			delete(a.options, key)
		}
	}
	a.options.Set(name, value)
}

// at is the same server, reached at another address and nowhere else: without
// a direct connection the driver would go on to the hosts of the replica set.
func (a address) at(hostport string) address {
	a.hosts = hostport
	a.set("directConnection", "true")
	return a
}

// inDatabase keeps where a user logs in, which the path says unless an option
// does.
func inDatabase(uri, name string) (string, error) {
	a, err := parse(uri)
	if err != nil {
		return "", err
	}
	if a.user != "" && a.option("authSource") == "" {
		source := a.database
		if source == "" {
			source = "admin"
		}
		a.set("authSource", source)
	}
	a.database = name
	return a.String(), nil
}
