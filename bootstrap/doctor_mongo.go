package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strconv"
	"strings"
	"time"

	"ostiary/adapters/argon"
	"ostiary/adapters/cli"
	"ostiary/adapters/jose"
	"ostiary/adapters/mongo"
	"ostiary/adapters/seal"
	"ostiary/adapters/system"
	"ostiary/app/port"
	"ostiary/domain/fault"
)

const (
	// oldestServer is the major version from which on Ostiary is tested.
	oldestServer = 6
	// Clocks of processes may differ by clockLimit; whoever keeps time at all
	// stays below clockNote.
	clockLimit = 30 * time.Second
	clockNote  = 5 * time.Second
)

// checkMongo looks at the database without making anything in it.
func checkMongo(ctx context.Context, c Config) []cli.Finding {
	out := []cli.Finding{
		{Check: "storage address", OK: true, Text: c.Storage.String()},
		checkEncryption(c.Storage.At),
		{Check: "master key", OK: true, Text: "given by OSTIARY_MASTER_KEY"},
	}
	db, err := mongo.Open(ctx, c.Storage.Address.Reveal(), mongo.Options{ReadOnly: true})
	if err != nil {
		return append(out, checkedBy(cli.Finding{Check: "storage"}, err, "", "see that the name in OSTIARY_STORAGE can be looked up and the files that it names be read"))
	}
	defer func() { _ = db.Close() }()
	clock := system.NewClock()
	server, err := db.Examine(ctx, clock)
	if errors.Is(err, port.ErrCopyUnfinished) {
		return append(out, halfCopied())
	}
	if err != nil {
		return append(out, checkedBy(cli.Finding{Check: "storage"}, outage(err), "", "see that the server runs, that a firewall lets this machine through, and that host, port, user and password of OSTIARY_STORAGE are right"))
	}
	out = append(out,
		cli.Finding{Check: "storage", OK: true, Text: fmt.Sprintf("answers within %d ms", server.Took.Milliseconds())},
		checkVersion(server.Version), checkTopology(server), checkClock(server.Ahead, server.Took))
	out = append(out, checkIndexes(ctx, db, server)...)
	return append(out, checkSigningKeys(ctx, c, db, clock), checkHashing(ctx, c, clock))
}

// outage is the cause that a refusal keeps from callers: whoever asks here is
// the operator. The driver's errors name hosts, never a password.
func outage(err error) error {
	if f := fault.Of(err); f != nil && f.Unwrap() != nil {
		return f.Unwrap()
	}
	return err
}

func checkEncryption(at mongo.Address) cli.Finding {
	f := cli.Finding{Check: "storage encryption", OK: true, Text: "TLS"}
	if at.TLS {
		return f
	}
	if !slices.ContainsFunc(at.Hosts, func(host string) bool { return !isLocal(host) }) {
		f.Text = "none: the server is on this machine"
		return f
	}
	f.Text, f.Mend = "none: whoever is on the way reads along", "add tls=true to the options in OSTIARY_STORAGE unless the network is yours alone"
	return f
}

// isLocal reports whether a host of an address, or a socket, is on this machine.
func isLocal(host string) bool {
	if name, _, err := net.SplitHostPort(host); err == nil {
		host = name
	}
	return isLoopback(strings.Trim(host, "[]")) || strings.HasSuffix(host, ".sock")
}

func checkVersion(version string) cli.Finding {
	f := cli.Finding{Check: "server version", OK: true, Text: version}
	major, _, _ := strings.Cut(version, ".")
	if n, err := strconv.Atoi(major); err != nil || n < oldestServer {
		f.Mend = fmt.Sprintf("move to MongoDB %d.0 or later: older ones are not tested with", oldestServer)
	}
	return f
}

func checkTopology(s mongo.Server) cli.Finding {
	f := cli.Finding{Check: "topology", OK: true, Text: string(s.Topology)}
	switch s.Topology {
	case mongo.Sharded:
	case mongo.ReplicaSet:
		f.Text = fmt.Sprintf("%s %s of %d", s.Topology, s.Set, s.Members)
		if s.Members == 1 {
			f.Mend = "add members before the database matters: with one, its end is the service's end"
		}
	case mongo.Standalone:
		f.OK = false
		f.Text = "one standalone server, which cannot repeat a write safely"
		f.Mend = "start it with --replSet rs0 and run rs.initiate() once: one member is enough"
	}
	return f
}

func checkClock(ahead, took time.Duration) cli.Finding {
	f := cli.Finding{Check: "clock", OK: true, Text: "agrees with the server's"}
	away := ahead.Abs() - took/2
	if away <= clockNote {
		return f
	}
	f.OK = away <= clockLimit
	word := "behind"
	if ahead > 0 {
		word = "ahead of"
	}
	f.Text = fmt.Sprintf("the server's is %d s %s this machine's", int(ahead.Abs().Seconds()), word)
	f.Mend = "keep time by NTP on this machine and on the servers"
	return f
}

func checkIndexes(ctx context.Context, db *mongo.DB, s mongo.Server) []cli.Finding {
	f := cli.Finding{Check: "indexes", OK: true, Text: "as declared"}
	if s.Empty {
		f.Text = "the database is empty; the first start makes them"
		return []cli.Finding{f}
	}
	drift, err := db.Drift(ctx)
	if err != nil {
		return []cli.Finding{checkedBy(cli.Finding{Check: f.Check}, outage(err), "", "let the user of OSTIARY_STORAGE list indexes")}
	}
	if len(drift) == 0 {
		return []cli.Finding{f}
	}
	var out []cli.Finding
	for _, line := range drift {
		f := cli.Finding{Check: "indexes", Text: line, Mend: "start ostiary: it makes what is missing; drop an index of that name first if it differs"}
		// One more index costs writes, nothing else.
		if strings.HasSuffix(line, "is not declared") {
			f.OK, f.Mend = true, "drop it unless something else needs it: it costs every write"
		}
		out = append(out, f)
	}
	return out
}

// checkSigningKeys opens the stored keys with the master key.
func checkSigningKeys(ctx context.Context, c Config, db *mongo.DB, clock port.Clock) cli.Finding {
	f := cli.Finding{Check: "signing keys"}
	key, err := seal.ParseKey(c.MasterKey)
	if err != nil {
		return checkedBy(f, err, "", "set OSTIARY_MASTER_KEY")
	}
	vault, err := seal.New(key, system.NewRandom())
	if err != nil {
		return checkedBy(f, err, "", "set OSTIARY_MASTER_KEY")
	}
	keys := mongo.NewKeys(db)
	err = jose.NewRing(keys, vault, clock).Reload(ctx)
	if errors.Is(err, seal.ErrOpen) {
		return checkedBy(f, err, "", "set OSTIARY_MASTER_KEY to the key that the store was made with")
	}
	if err != nil {
		return checkedBy(f, outage(err), "", "see that the user of OSTIARY_STORAGE may read the database")
	}
	return checkedBy(f, nil, "open with the master key", "")
}

func checkHashing(ctx context.Context, c Config, clock port.Clock) cli.Finding {
	f := cli.Finding{Check: "password hash"}
	h, err := argon.New(c.Argon, system.Instant)
	if err != nil {
		return checkedBy(f, err, "", "lower OSTIARY_ARGON2_MEMORY_KIB")
	}
	return checkHash(ctx, f, h, clock)
}
