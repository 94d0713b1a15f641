// Package mongod gives tests a server that speaks MongoDB's wire protocol and
// what it takes to make that server fail. It owns which server is used, its
// start and its end, and the two proxies: the turnstile before a server whose
// updates are not atomic, and FaultProxy for lost connections and answers. It
// knows nothing of Ostiary's data.
//
// A package that uses it calls Main from its TestMain.
package mongod

import (
	"context"
	"crypto/rand"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
)

const (
	// patience bounds every single answer that the harness waits for.
	patience = 30 * time.Second
	// startPatience has room for an image or for FerretDB's sources to come
	// over a slow line.
	startPatience = 8 * time.Minute
)

// process is the server of this test binary, started by the first test that
// asks for it.
var process struct {
	sync.Mutex
	supervised bool
	started    bool
	server     *server
	admin      *mongo.Client
	err        error
}

// Runner is a testing.M, or what stands around one.
type Runner interface{ Run() int }

// Main runs the tests and then ends the server, if one of them started it.
func Main(m Runner) int {
	process.Lock()
	process.supervised = true
	process.Unlock()
	defer end()
	return m.Run()
}

// URI names the server, without a database. It asks for a direct connection
// unless it came from OSTIARY_TEST_MONGODB_URI.
func URI(t testing.TB) string {
	t.Helper()
	s, _ := running(t)
	return s.uri
}

// Kind says in words what URI names, for a test to log: what passes on a
// stand-in is proved for the stand-in only.
func Kind(t testing.TB) string {
	t.Helper()
	s, _ := running(t)
	return s.kind
}

// StandIn reports whether something else takes the place of MongoDB, which
// keeps its promises but not its times.
func StandIn(t testing.TB) bool {
	t.Helper()
	return strings.Contains(Kind(t), ferretName)
}

// Database names an empty database on the server, in the URI's path. It is
// dropped when the test ends.
func Database(t testing.TB) string {
	t.Helper()
	s, admin := running(t)
	name := "ostiary_test_" + rand.Text()[:16]
	uri, err := inDatabase(s.uri, name)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		// The test's own context has ended by now.
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		if err := admin.Database(name).Drop(ctx); err != nil {
			t.Errorf("drop the test's database: %v", err)
		}
	})
	return uri
}

func running(t testing.TB) (*server, *mongo.Client) {
	t.Helper()
	process.Lock()
	defer process.Unlock()
	if !process.supervised {
		t.Fatal("TestMain of this package must call mongod.Main, which ends the server")
	}
	if !process.started {
		process.started = true
		process.server, process.admin, process.err = start(machine(t.Logf))
		if process.err == nil {
			t.Logf("mongo suite runs on: %s", process.server.kind)
		}
	}
	if process.err != nil && testing.Short() {
		t.Skipf("-short, and no MongoDB: %v", process.err)
	}
	if process.err != nil {
		t.Fatalf("no MongoDB for this test: %v", process.err)
	}
	return process.server, process.admin
}

func start(from Sources) (*server, *mongo.Client, error) {
	ctx, cancel := context.WithTimeout(context.Background(), startPatience)
	defer cancel()
	s, err := from.choose(ctx)
	if err != nil {
		return nil, nil, err
	}
	admin, err := dial(s.uri)
	if err == nil {
		err = identify(ctx, s, admin)
	}
	if err != nil {
		s.stop()
		return nil, nil, err
	}
	return s, admin, nil
}

func end() {
	process.Lock()
	defer process.Unlock()
	if process.server == nil {
		return
	}
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	if err := process.admin.Disconnect(ctx); err != nil {
		fmt.Fprintln(os.Stderr, "mongod: disconnect:", err)
	}
	process.server.stop()
	process.server = nil
}

func dial(uri string) (*mongo.Client, error) {
	client, err := mongo.Connect(context.Background(), options.Client().ApplyURI(uri).
		SetServerSelectionTimeout(patience).SetAppName("ostiary-test-harness"))
	if err != nil {
		return nil, fmt.Errorf("connect to the test server: %w", err)
	}
	return client, nil
}
