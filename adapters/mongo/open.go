// Package mongo keeps everything Ostiary stores in one MongoDB database, which
// any number of processes share: it implements the store ports of package port,
// and owns the collections, their indexes and shard keys, the protocols that
// make several documents change as one, and the fence that keeps tenants apart.
// Rules are not its business: it stores what the domain decided and answers
// what the ports promise.
//
// Only single documents change atomically; no transaction and no change stream
// is needed. A write is acknowledged by a majority with its journal, a read
// sees what a majority has, on the primary.
package mongo

import (
	"cmp"
	"context"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/readconcern"
	"go.mongodb.org/mongo-driver/mongo/readpref"
	"go.mongodb.org/mongo-driver/mongo/writeconcern"

	"ostiary/app/port"
)

// Options tune a database. The zero value is good for a service.
type Options struct {
	// Timeout bounds every step that a store method takes, the wait for a
	// server and for a connection included: 4 s unless set.
	Timeout time.Duration
	// Connections is how many are held to each server at most: 64 unless the
	// address or this says otherwise.
	Connections uint64
	// Alarm hears of commands on tenant data that name no tenant. They were
	// sent: the monitor cannot refuse.
	Alarm func(command, collection string)
	// Clock learns the time of the server whenever changes are asked for, unless
	// it is nil.
	Clock *Clock
	// Report hears of what is tried again in the background.
	Report func(error)
	// ReadOnly makes nothing, neither collections nor indexes: for whoever only
	// looks.
	ReadOnly bool
	// Copying also opens a database into which a copy is not finished. Without
	// it every method returns port.ErrCopyUnfinished.
	Copying bool
}

const (
	// stepWithin is the default of Options.Timeout.
	stepWithin = 4 * time.Second
	// reachWithin bounds finding a server and connecting to it, so that a step
	// has time left to be tried once more.
	reachWithin = 2 * time.Second
	// idle connections are closed before firewalls forget them.
	idle = 5 * time.Minute
)

// DB is one database. Its methods and those of the stores made from it may be
// called from any goroutine.
type DB struct {
	client  *mongo.Client
	db      *mongo.Database
	within  time.Duration
	report  func(error)
	clock   *Clock
	lanes   lanes
	numbers blocks
	alarms  atomic.Int64
	served  atomic.Bool // it is known to hold no half of a copy, or that does not matter

	cancel   context.CancelFunc
	prepared chan struct{} // closed once it is known which indexes are missing
	wg       sync.WaitGroup

	mu     sync.RWMutex
	listen []func([]port.Announcement)
}

// Open returns at once, whether or not a server answers: until then every
// method returns port.ErrUnavailable. Collections and indexes are made in the
// background as soon as a server is there. The error of a malformed address
// does not repeat it.
func Open(ctx context.Context, address string, o Options) (*DB, error) {
	o.Timeout = cmp.Or(o.Timeout, stepWithin)
	name, err := DatabaseOf(address)
	if err != nil {
		return nil, err
	}
	db := &DB{within: o.Timeout, report: o.Report, clock: o.Clock, prepared: make(chan struct{})}
	if db.report == nil {
		db.report = func(error) {}
	}
	db.client, err = mongo.Connect(ctx, clientOptions(address, o).SetMonitor(db.monitor(o.Alarm)))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", masked(err))
	}
	db.db = db.client.Database(name)
	db.lanes.open()
	db.served.Store(o.Copying)
	background, cancel := context.WithCancel(context.WithoutCancel(ctx))
	db.cancel = cancel
	if !o.ReadOnly {
		db.wg.Go(func() { db.prepare(background) })
	}
	return db, nil
}

func clientOptions(address string, o Options) *options.ClientOptions {
	journal := true
	co := options.Client().SetMaxPoolSize(64).ApplyURI(address).
		SetAppName("ostiary").
		SetTimeout(o.Timeout).
		SetConnectTimeout(reachWithin).
		SetServerSelectionTimeout(reachWithin).
		SetMaxConnIdleTime(idle).
		SetRetryReads(true).
		SetRetryWrites(true).
		SetReadPreference(readpref.Primary()).
		SetReadConcern(readconcern.Majority()).
		SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journal})
	if o.Connections > 0 {
		co.SetMaxPoolSize(o.Connections)
	}
	return co
}

// Close ends the work in the background and the connections. Later calls of
// the stores fail.
func (db *DB) Close() error {
	db.cancel()
	db.wg.Wait()
	ctx, cancel := context.WithTimeout(context.Background(), db.within)
	defer cancel()
	if err := db.client.Disconnect(ctx); err != nil {
		return fmt.Errorf("close database: %w", err)
	}
	return nil
}

// Alarms counts the commands on tenant data that named no tenant.
func (db *DB) Alarms() int64 { return db.alarms.Load() }

// do runs one step of a store method within its time and turns what it ended
// with into what the method returns.
func (db *DB) do(ctx context.Context, what string, step func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, db.within)
	defer cancel()
	if err := db.mayServe(ctx); err != nil {
		return finish(what, err)
	}
	return finish(what, step(ctx))
}

// afterwards does what is left to do once a write has succeeded or was refused:
// the caller's answer does not change, and the janitor finishes what fails.
func (db *DB) afterwards(ctx context.Context, what string, step func(context.Context) error) {
	if err := db.do(context.WithoutCancel(ctx), what, step); err != nil {
		db.report(err)
	}
}
