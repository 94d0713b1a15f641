package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/url"
	"os"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"ostiary/adapters/argon"
	"ostiary/adapters/imaging"
	"ostiary/adapters/jose"
	"ostiary/adapters/live"
	"ostiary/adapters/mail"
	"ostiary/adapters/seal"
	"ostiary/adapters/sqlite"
	"ostiary/adapters/system"
	"ostiary/app/access"
	"ostiary/app/operation"
	"ostiary/app/port"
)

// Surroundings are what a program gets from whoever starts it.
type Surroundings struct {
	Log     *zap.Logger
	Console io.Writer // for mail of the kind console:
	Version string
}

// Options is the table of contents of the program: c must be complete, its
// public URL included.
func Options(c Config, s Surroundings) fx.Option {
	return fx.Options(
		fx.NopLogger,
		fx.Supply(c, s.Log, s, access.Names{PublicURL: c.PublicURL}),
		storeModule, systemModule, useCaseModule,
	)
}

// storeModule binds every store port to SQLite.
var storeModule = fx.Module("store",
	fx.Provide(
		openSQLite,
		fx.Annotate(sqlite.NewTenants, fx.As(new(port.Tenants))),
		fx.Annotate(sqlite.NewNumbers, fx.As(new(port.Numbers))),
		fx.Annotate(sqlite.NewCompanies, fx.As(new(port.Companies))),
		fx.Annotate(sqlite.NewContacts, fx.As(new(port.Contacts))),
		fx.Annotate(sqlite.NewTags, fx.As(new(port.Tags))),
		fx.Annotate(sqlite.NewUsers, fx.As(new(port.Users))),
		fx.Annotate(sqlite.NewBlobs, fx.As(new(port.Blobs))),
		fx.Annotate(sqlite.NewSessions, fx.As(new(port.Sessions))),
		fx.Annotate(sqlite.NewLinks, fx.As(new(port.Links))),
		fx.Annotate(sqlite.NewCounters, fx.As(new(port.Counters))),
		fx.Annotate(sqlite.NewOutbox, fx.As(new(port.Outbox))),
		fx.Annotate(sqlite.NewAPITokens, fx.As(new(port.APITokens))),
		fx.Annotate(sqlite.NewLedger, fx.As(new(port.Ledger))),
		fx.Annotate(sqlite.NewAudit, fx.As(new(port.Audit))),
		fx.Annotate(sqlite.NewKeys, fx.As(new(port.Keys))),
		fx.Annotate(sqlite.NewIdempotency, fx.As(new(port.Idempotency))),
		fx.Annotate(sqlite.NewChanges, fx.As(new(port.Changes))),
		fx.Annotate(sqlite.NewHealth, fx.As(new(port.Health))),
		fx.Annotate(sqlite.NewJanitor, fx.As(new(port.Janitor))),
	),
)

// openSQLite is closed last: whoever uses the store stops before it. It takes
// the vault because a key file is made, or missed, before the store is there.
func openSQLite(lc fx.Lifecycle, c Config, _ port.Vault) (*sqlite.DB, error) {
	db, err := sqlite.Open(context.Background(), c.SQLitePath, sqlite.Options{})
	if err != nil {
		return nil, fmt.Errorf("storage %s: %w", c.SQLitePath, err)
	}
	lc.Append(fx.StopHook(db.Close))
	return db, nil
}

var systemModule = fx.Module("system",
	fx.Provide(
		fx.Annotate(system.NewClock, fx.As(new(port.Clock))),
		fx.Annotate(system.NewRandom, fx.As(new(port.Random))),
		fx.Annotate(newVault, fx.As(new(port.Vault))),
		newHasher,
		func(h *argon.Hasher) port.Hasher { return h },
		fx.Annotate(imaging.New, fx.As(new(port.Imager))),
		newMailer,
		jose.NewRing,
		func(r *jose.Ring) port.KeyRing { return r },
		func(r *jose.Ring) port.KeyMaker { return r },
		func(r *jose.Ring, n access.Names) port.Tokens { return jose.NewTokens(r, n.PublicURL) },
		liveStores,
		newLive,
		func(l *live.Live) port.Live { return l },
		operation.NewRecorder,
		func(r *operation.Recorder) port.Trail { return r },
		newRegistry,
	),
)

// keyFile is where the master key lives that was not configured.
func keyFile(sqlitePath string) string { return sqlitePath + ".key" }

func newVault(c Config, r port.Random) (*seal.Vault, error) {
	key, err := masterKey(c)
	if err != nil {
		return nil, err
	}
	return seal.New(key, r)
}

func masterKey(c Config) ([]byte, error) {
	if !c.MasterKey.IsZero() {
		return seal.ParseKey(c.MasterKey)
	}
	// A new key beside an old store would only do damage.
	if missing(keyFile(c.SQLitePath)) && !missing(c.SQLitePath) {
		return nil, errKey
	}
	return seal.LoadOrCreate(keyFile(c.SQLitePath))
}

func missing(path string) bool {
	_, err := os.Stat(path)
	return errors.Is(err, fs.ErrNotExist)
}

func newHasher(c Config, clock port.Clock) (*argon.Hasher, error) { return argon.New(c.Argon, clock) }

func newMailer(c Config, s Surroundings, clock port.Clock, r port.Random) (port.Mailer, error) {
	return mail.Open(c.Mail, mail.Needs{Clock: clock, Random: r, PublicHost: publicHost(c), Console: s.Console})
}

func publicHost(c Config) string {
	u, err := url.Parse(c.PublicURL)
	if err != nil {
		return ""
	}
	return u.Hostname()
}

func newLive(c Config, s live.Stores, log *zap.Logger) (*live.Live, error) {
	return live.New(s, live.Options{
		StaleAfter: c.Stale,
		Report:     func(err error) { log.Warn("storage does not tell of changes", zap.Error(err)) },
	})
}

func liveStores(t port.Tenants, s port.Sessions, u port.Users, c port.Companies, a port.APITokens, ch port.Changes, clock port.Clock) live.Stores {
	return live.Stores{Tenants: t, Sessions: s, Users: u, Companies: c, Tokens: a, Changes: ch, Clock: clock}
}
