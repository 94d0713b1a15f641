package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"ostiary/adapters/mongo"
	"ostiary/adapters/seal"
	"ostiary/adapters/sqlite"
	"ostiary/adapters/system"
	"ostiary/app/port"
)

// store binds every store port to one engine, and the clock: on a store that
// several processes share, the time is the server's.
func store(s Storage) fx.Option {
	switch s.Engine {
	case SQLite:
		return sqliteModule
	case MongoDB:
		return mongoModule
	default:
		return fx.Error(errors.New("no storage is configured"))
	}
}

// as binds what a constructor returns to the port P.
func as[P any](constructor any) any { return fx.Annotate(constructor, fx.As(new(P))) }

var sqliteModule = fx.Module("sqlite",
	fx.Provide(
		openSQLite,
		as[port.Clock](system.NewClock),
		as[port.Tenants](sqlite.NewTenants),
		as[port.Numbers](sqlite.NewNumbers),
		as[port.Companies](sqlite.NewCompanies),
		as[port.Contacts](sqlite.NewContacts),
		as[port.Tags](sqlite.NewTags),
		as[port.Users](sqlite.NewUsers),
		as[port.Blobs](sqlite.NewBlobs),
		as[port.Sessions](sqlite.NewSessions),
		as[port.Links](sqlite.NewLinks),
		as[port.Counters](sqlite.NewCounters),
		as[port.Outbox](sqlite.NewOutbox),
		as[port.APITokens](sqlite.NewAPITokens),
		as[port.Ledger](sqlite.NewLedger),
		as[port.Audit](sqlite.NewAudit),
		as[port.Keys](sqlite.NewKeys),
		as[port.Idempotency](sqlite.NewIdempotency),
		as[port.Changes](sqlite.NewChanges),
		as[port.Health](sqlite.NewHealth),
		as[port.Janitor](sqlite.NewJanitor),
	),
)

var mongoModule = fx.Module("mongo",
	fx.Provide(
		openMongo,
		func() *mongo.Clock { return mongo.NewClock(system.NewClock()) },
		func(c *mongo.Clock) port.Clock { return c },
		as[port.Tenants](mongo.NewTenants),
		as[port.Numbers](mongo.NewNumbers),
		as[port.Companies](mongo.NewCompanies),
		as[port.Contacts](mongo.NewContacts),
		as[port.Tags](mongo.NewTags),
		as[port.Users](mongo.NewUsers),
		as[port.Blobs](mongo.NewBlobs),
		as[port.Sessions](mongo.NewSessions),
		as[port.Links](mongo.NewLinks),
		as[port.Counters](mongo.NewCounters),
		as[port.Outbox](mongo.NewOutbox),
		as[port.APITokens](mongo.NewAPITokens),
		as[port.Ledger](mongo.NewLedger),
		as[port.Audit](mongo.NewAudit),
		as[port.Keys](mongo.NewKeys),
		as[port.Idempotency](mongo.NewIdempotency),
		as[port.Changes](mongo.NewChanges),
		as[port.Health](mongo.NewHealth),
		as[port.Janitor](mongo.NewJanitor),
	),
	fx.Invoke(countAlarms),
)

// openSQLite is closed last: whoever uses the store stops before it. It takes
// the vault because a key file is made, or missed, before the store is there.
func openSQLite(lc fx.Lifecycle, c Config, _ port.Vault) (*sqlite.DB, error) {
	db, err := sqlite.Open(context.Background(), c.Storage.Path, sqlite.Options{})
	if err != nil {
		return nil, fmt.Errorf("storage %s: %w", c.Storage.Path, err)
	}
	lc.Append(fx.StopHook(db.Close))
	return db, nil
}

// openMongo does not wait for a server.
func openMongo(lc fx.Lifecycle, c Config, clock *mongo.Clock, log *zap.Logger) (*mongo.DB, error) {
	db, err := mongo.Open(context.Background(), c.Storage.Address.Reveal(), mongo.Options{
		Clock: clock,
		Alarm: func(command, collection string) {
			log.Error("a command on tenant data named no tenant", zap.String("command", command), zap.String("collection", collection))
		},
		Report: func(err error) { log.Warn("storage: left for later", zap.Error(err)) },
	})
	if err != nil {
		return nil, fmt.Errorf("storage %s: %w", c.Storage, err)
	}
	lc.Append(fx.StopHook(db.Close))
	return db, nil
}

// keyFile is where the master key lives that was not configured.
func keyFile(sqlitePath string) string { return sqlitePath + ".key" }

func masterKey(c Config) ([]byte, error) {
	if !c.MasterKey.IsZero() {
		return seal.ParseKey(c.MasterKey)
	}
	if c.Storage.Engine != SQLite {
		return nil, errKey
	}
	// A new key beside an old store would only do damage.
	path := keyFile(c.Storage.Path)
	if missing(path) && !missing(c.Storage.Path) {
		return nil, errKey
	}
	return seal.LoadOrCreate(path)
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

// countAlarms shows what must stay at zero.
func countAlarms(r *prometheus.Registry, db *mongo.DB) {
	r.MustRegister(prometheus.NewCounterFunc(prometheus.CounterOpts{
		Name: "ostiary_tenant_isolation_alarms_total",
		Help: "Commands on tenant data that named no tenant. Any is a defect: please report it.",
	}, func() float64 { return float64(db.Alarms()) }))
}
