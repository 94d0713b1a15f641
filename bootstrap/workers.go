package bootstrap

import (
	"context"
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"

	"ostiary/adapters/live"
	"ostiary/adapters/seal"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/app/signin"
)

const (
	keyPatrol  = time.Hour   // whether a new signing key is due
	ringPatrol = time.Minute // keys come and go by the clock as well as by change
	headPatrol = time.Minute
	sweep      = 5 * time.Minute
	backOff    = time.Second     // between tries to reach a store that is away at start
	farewell   = 3 * time.Second // for mail that is due at stop
)

// Workers are what goes on beside requests.
type Workers struct {
	live     *live.Live
	postman  *signin.Postman
	keys     *operation.Keys
	ring     port.KeyRing
	recorder *operation.Recorder
	janitor  port.Janitor
	clock    port.Clock
	log      *zap.Logger

	cancel context.CancelFunc
	wg     sync.WaitGroup
}

func newWorkers(l *live.Live, p *signin.Postman, k *operation.Keys, r port.KeyRing, rec *operation.Recorder, j port.Janitor, clock port.Clock, log *zap.Logger) *Workers {
	return &Workers{live: l, postman: p, keys: k, ring: r, recorder: rec, janitor: j, clock: clock, log: log}
}

var errKey = wrong{name: "OSTIARY_MASTER_KEY", value: masked, accepted: "the key that this store was made with"}

// prepare makes the first key and the first poll, so that a service with its
// store at hand is ready as soon as it listens.
func (w *Workers) prepare(ctx context.Context) error {
	// Reading proves the master key before anything is written with it.
	if err := w.ring.Reload(ctx); err != nil {
		return err
	}
	return errors.Join(w.keys.Ensure(ctx), w.ring.Reload(ctx), w.live.Poll(ctx))
}

// start returns at once when the store answers, and goes on trying in the
// background while it does not. A master key that does not fit the store is no
// outage: nothing would ever be served.
func (w *Workers) start() error {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	// The hook runs inside the write or poll that announced the keys: it only
	// signals.
	changed := make(chan struct{}, 1)
	w.live.OnKeys(func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	})
	first := w.prepare(ctx)
	if errors.Is(first, seal.ErrOpen) {
		cancel()
		return errKey
	}
	w.report("prepare", first)
	w.wg.Go(func() {
		for err := first; err != nil && pause(ctx, backOff); {
			err = w.prepare(ctx)
		}
		w.live.Run(ctx)
	})
	w.wg.Go(func() { w.postman.Run(ctx) })
	w.every(ctx, keyPatrol, "rotate keys", w.keys.Ensure)
	w.wg.Go(func() {
		for await(ctx, changed, ringPatrol) {
			w.report("reload keys", w.ring.Reload(ctx))
		}
	})
	w.every(ctx, headPatrol, "sign audit heads", w.recorder.SignHeads)
	w.every(ctx, sweep, "sweep", func(ctx context.Context) error { return w.janitor.Sweep(ctx, w.clock.Now()) })
	return nil
}

// stop ends the workers, sends what mail is due and signs the audit trail.
func (w *Workers) stop(ctx context.Context) error {
	w.cancel()
	ctx, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		w.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		w.report("send what is due", w.drain(ctx))
	case <-ctx.Done():
		// A mail server that takes longer: the job's lease runs out, and the
		// next start sends it.
	}
	return w.recorder.SignHeads(context.WithoutCancel(ctx))
}

// drain sends what is due, or leaves it to the next start.
func (w *Workers) drain(ctx context.Context) error {
	done := make(chan error, 1)
	go func() { done <- w.postman.Drain(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return ctx.Err()
	}
}

func (w *Workers) every(ctx context.Context, d time.Duration, what string, do func(context.Context) error) {
	w.wg.Go(func() {
		for pause(ctx, d) {
			w.report(what, do(ctx))
		}
	})
}

func (w *Workers) report(what string, err error) {
	if err != nil && !errors.Is(err, context.Canceled) {
		w.log.Warn("background work failed", zap.String("work", what), zap.Error(err))
	}
}

// await waits for a signal or for d; false when ctx ended first.
func await(ctx context.Context, signal <-chan struct{}, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-signal:
	case <-t.C:
	}
	return true
}

// pause reports false when ctx ended first.
func pause(ctx context.Context, d time.Duration) bool { return await(ctx, nil, d) }
