package proof

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ostiary/app/port"
	"ostiary/domain/email"
	"ostiary/domain/secret"
	"ostiary/domain/throttle"
)

// Attempt is one try to sign in: the tenant as given, known or not, the
// address, and the key of the network address it came from.
type Attempt struct {
	Tenant string
	Email  email.Key
	Origin string
}

// Gate counts failures by keyed digest, alike for what exists and what does
// not, and says who must wait.
type Gate struct {
	counters port.Counters
	vault    port.Vault
	clock    port.Clock
	limits   throttle.Limits

	mu      sync.Mutex
	entries map[secret.Digest]*entry
}

// entry is one address under trial. Between reading the failures and counting
// a new one at most as many tries run as failures are left, so that parallel
// guesses gain nothing over guesses in a row.
type entry struct {
	mu      sync.Mutex
	users   int
	running int
	changed chan struct{}
}

// NewGate makes a gate; zero limits let everything pass.
func NewGate(counters port.Counters, vault port.Vault, clock port.Clock, limits throttle.Limits) *Gate {
	return &Gate{counters: counters, vault: vault, clock: clock, limits: limits, entries: map[secret.Digest]*entry{}}
}

// Pass is a try that was let in. Done must be called once.
type Pass struct {
	gate    *Gate
	keys    [3]secret.Digest // user, origin, tenant
	entry   *entry
	counted bool // there are failures to clear
	// Locked reports that even the right password must be refused.
	Locked bool
}

func (g *Gate) keysOf(a Attempt) [3]secret.Digest {
	return [3]secret.Digest{
		g.vault.MAC("attempt", []byte("user"), []byte(a.Tenant), []byte(a.Email)),
		g.vault.MAC("attempt", []byte("origin"), []byte(a.Origin)),
		g.vault.MAC("attempt", []byte("tenant"), []byte(a.Tenant)),
	}
}

// Enter returns throttle.ErrLimited when the origin or the tenant has failed
// too often; a locked user is let in to be refused after the usual work.
func (g *Gate) Enter(ctx context.Context, a Attempt) (*Pass, error) {
	p := &Pass{gate: g, keys: g.keysOf(a)}
	if g.limits == (throttle.Limits{}) {
		return p, nil
	}
	e := g.hold(p.keys[0])
	for {
		wait, err := p.try(ctx, e)
		if err != nil {
			g.drop(p.keys[0], e)
			return nil, err
		}
		if wait == nil {
			return p, nil
		}
		select {
		case <-wait:
		case <-ctx.Done():
			g.drop(p.keys[0], e)
			return nil, port.ErrUnavailable.After(time.Second).Because(ctx.Err())
		}
	}
}

// try reads the counters and takes a place, or returns what to wait for.
func (p *Pass) try(ctx context.Context, e *entry) (<-chan struct{}, error) {
	e.mu.Lock()
	defer e.mu.Unlock()
	g, now := p.gate, p.gate.clock.Now()
	states, err := g.counters.Get(ctx, p.keys[:]...)
	if err != nil {
		return nil, fmt.Errorf("read attempt counters: %w", err)
	}
	wait := max(g.limits.LoginAddress.Full(states[1], now), g.limits.LoginTenant.Full(states[2], now))
	if wait > 0 {
		return nil, throttle.ErrLimited.After(wait)
	}
	limit := g.limits.LoginUser
	p.Locked = limit.Locked(states[0], now) > 0
	p.counted = states[0].Count > 0
	if !p.Locked && !limit.Off() && e.running > 0 && states[0].Count+e.running >= limit.Count {
		return e.changed, nil
	}
	e.running++
	p.entry = e
	return nil, nil
}

// Done records how the try went and lets the next one in.
func (p *Pass) Done(ctx context.Context, proven bool) error {
	defer p.leave()
	if p.entry == nil || (proven && !p.counted) {
		return nil
	}
	g, now := p.gate, p.gate.clock.Now()
	if proven {
		return g.apply(ctx, counted(p.keys[0], g.limits.LoginUser, cleared))
	}
	l := g.limits
	return g.apply(ctx,
		p.failure(now),
		counted(p.keys[1], l.LoginAddress, func(s throttle.State) throttle.State { return l.LoginAddress.Add(s, now) }),
		counted(p.keys[2], l.LoginTenant, func(s throttle.State) throttle.State { return l.LoginTenant.Add(s, now) }),
	)
}

// failure counts a failure of the user. During a delay nothing counts, but as
// much must be written: what is not takes less time.
func (p *Pass) failure(now time.Time) port.CounterChange {
	limit := p.gate.limits.LoginUser
	if !p.Locked {
		return counted(p.keys[0], limit, func(s throttle.State) throttle.State { return limit.Failed(s, now) })
	}
	return counted(p.gate.vault.MAC("attempt", []byte("delayed"), p.keys[0][:]), limit, func(s throttle.State) throttle.State {
		return throttle.State{Count: 1 + s.Count%2, At: now}
	})
}

// Cancel leaves without a verdict: the try could not be judged.
func (p *Pass) Cancel() { p.leave() }

func (p *Pass) leave() {
	e := p.entry
	if e == nil {
		return
	}
	p.entry = nil
	e.mu.Lock()
	e.running--
	close(e.changed)
	e.changed = make(chan struct{})
	e.mu.Unlock()
	p.gate.drop(p.keys[0], e)
}

// Admit returns throttle.ErrLimited when a network address has failed too
// often, for credentials that are guessed without naming a user.
func (g *Gate) Admit(ctx context.Context, origin string) error {
	limit := g.limits.LoginAddress
	if limit.Off() {
		return nil
	}
	states, err := g.counters.Get(ctx, g.originKey(origin))
	if err != nil {
		return fmt.Errorf("read attempt counters: %w", err)
	}
	if wait := limit.Full(states[0], g.clock.Now()); wait > 0 {
		return throttle.ErrLimited.After(wait)
	}
	return nil
}

// Missed counts one failure of a network address.
func (g *Gate) Missed(ctx context.Context, origin string) error {
	limit, now := g.limits.LoginAddress, g.clock.Now()
	if limit.Off() {
		return nil
	}
	return g.apply(ctx, counted(g.originKey(origin), limit, func(s throttle.State) throttle.State { return limit.Add(s, now) }))
}

// Forgive clears a user's failures: after a sign-in by other means, or when an
// administrator gave a new password.
func (g *Gate) Forgive(ctx context.Context, tenantCode string, e email.Key) error {
	limit := g.limits.LoginUser
	if limit.Off() {
		return nil
	}
	key := g.keysOf(Attempt{Tenant: tenantCode, Email: e})[0]
	states, err := g.counters.Get(ctx, key)
	if err != nil {
		return fmt.Errorf("read attempt counters: %w", err)
	}
	if states[0].Count == 0 {
		return nil
	}
	return g.apply(ctx, counted(key, limit, cleared))
}

func cleared(throttle.State) throttle.State { return throttle.State{} }

func (g *Gate) originKey(origin string) secret.Digest { return g.keysOf(Attempt{Origin: origin})[1] }

// Mail counts one mail to an address and reports whether it may be sent.
func (g *Gate) Mail(ctx context.Context, tenantCode string, to email.Key) (bool, error) {
	limit, now := g.limits.LinkUser, g.clock.Now()
	if limit.Off() {
		return true, nil
	}
	key := g.vault.MAC("attempt", []byte("mail"), []byte(tenantCode), []byte(to))
	allowed := false
	err := g.apply(ctx, counted(key, limit, func(s throttle.State) throttle.State {
		if allowed = limit.Full(s, now) == 0; allowed {
			return limit.Add(s, now)
		}
		return s
	}))
	return allowed, err
}

// LinkOrigin returns the digest and limit by which link requests of one
// network address are counted; the zero digest when they are not.
func (g *Gate) LinkOrigin(origin string) (secret.Digest, throttle.Limit) {
	if g.limits.LinkAddress.Off() {
		return secret.Digest{}, throttle.Limit{}
	}
	return g.vault.MAC("attempt", []byte("link-origin"), []byte(origin)), g.limits.LinkAddress
}

func counted(k secret.Digest, l throttle.Limit, f func(throttle.State) throttle.State) port.CounterChange {
	return port.CounterChange{Key: k, Change: f, Forget: l.Forget}
}

func (g *Gate) apply(ctx context.Context, changes ...port.CounterChange) error {
	if err := g.counters.Apply(ctx, changes...); err != nil {
		return fmt.Errorf("count attempt: %w", err)
	}
	return nil
}

func (g *Gate) hold(k secret.Digest) *entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	e := g.entries[k]
	if e == nil {
		e = &entry{changed: make(chan struct{})}
		g.entries[k] = e
	}
	e.users++
	return e
}

func (g *Gate) drop(k secret.Digest, e *entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if e.users--; e.users == 0 {
		delete(g.entries, k)
	}
}
