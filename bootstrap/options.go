package bootstrap

import (
	"io"
	"net/url"

	"github.com/prometheus/client_golang/prometheus"
	"go.uber.org/fx"
	"go.uber.org/zap"

	"ostiary/adapters/argon"
	"ostiary/adapters/imaging"
	"ostiary/adapters/jose"
	"ostiary/adapters/live"
	"ostiary/adapters/mail"
	"ostiary/adapters/seal"
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
		store(c.Storage), systemModule, useCaseModule,
	)
}

var systemModule = fx.Module("system",
	fx.Provide(
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

func newVault(c Config, r port.Random) (*seal.Vault, error) {
	key, err := masterKey(c)
	if err != nil {
		return nil, err
	}
	return seal.New(key, r)
}

func newHasher(c Config, reg *prometheus.Registry) (*argon.Hasher, error) {
	a := c.Argon
	a.Waited = waits(reg)
	return argon.New(a, system.Instant)
}

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

func newLive(c Config, s live.Stores, reg *prometheus.Registry, log *zap.Logger) (*live.Live, error) {
	return live.New(s, live.Options{
		StaleAfter: c.Stale,
		Observe:    revocations(reg),
		Report:     func(err error) { log.Warn("storage does not tell of changes", zap.Error(err)) },
	})
}

func liveStores(t port.Tenants, s port.Sessions, u port.Users, c port.Companies, a port.APITokens, ch port.Changes, ring port.KeyRing) live.Stores {
	return live.Stores{
		Tenants: t, Sessions: s, Users: u, Companies: c, Tokens: a, Changes: ch, Keys: ring.Reload,
		Clock: system.NewClock(),
	}
}
