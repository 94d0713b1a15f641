package mongo

import (
	"context"
	"time"

	"go.mongodb.org/mongo-driver/bson"

	"ostiary/app/port"
)

// Topology is how servers stand together.
type Topology string

// The topologies. A standalone server has no retryable writes.
const (
	Standalone Topology = "standalone"
	ReplicaSet Topology = "replica set"
	Sharded    Topology = "sharded cluster"
)

// Server is what a server says of itself and its database.
type Server struct {
	Version  string
	Topology Topology
	Set      string // name of the replica set
	Members  int    // of the replica set, those that hold data
	Empty    bool   // the database has no collections
	Took     time.Duration
	Ahead    time.Duration // of this machine's clock, as exact as half of Took
}

// Examine asks the server what it is. It writes nothing.
func (db *DB) Examine(ctx context.Context, clock port.Clock) (out Server, err error) {
	err = db.do(ctx, "examine server", func(ctx context.Context) error {
		// The first command also opens a connection, which is no part of Took.
		var build struct {
			Version string `bson:"version"`
		}
		if err := db.db.RunCommand(ctx, bson.D{is("buildInfo", 1)}).Decode(&build); err != nil {
			return err
		}
		began := clock.Now()
		var hello struct {
			Set   string    `bson:"setName"`
			Hosts []string  `bson:"hosts"`
			Kind  string    `bson:"msg"`
			Now   time.Time `bson:"localTime"`
		}
		if err := db.db.RunCommand(ctx, bson.D{is("hello", 1)}).Decode(&hello); err != nil {
			return err
		}
		took := clock.Now().Sub(began)
		names, err := db.db.ListCollectionNames(ctx, bson.D{})
		if err != nil {
			return err
		}
		out = Server{
			Version: build.Version, Topology: topology(hello.Set, hello.Kind), Set: hello.Set, Members: len(hello.Hosts),
			Empty: len(names) == 0, Took: took,
		}
		if !hello.Now.IsZero() {
			out.Ahead = hello.Now.Sub(began.Add(took / 2))
		}
		return nil
	})
	return out, err
}

func topology(set, kind string) Topology {
	switch {
	case kind == "isdbgrid":
		return Sharded
	case set != "":
		return ReplicaSet
	default:
		return Standalone
	}
}
