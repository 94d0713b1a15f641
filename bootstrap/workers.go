package bootstrap

import (
	"context"
	"errors"
	"sync"
	"sync/atomic"
	"time"

	"go.uber.org/zap"

	"ostiary/adapters/live"
	"ostiary/adapters/seal"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/domain/fault"
)

const (
	keyPatrol  = time.Hour   // whether a new signing key is due
	ringPatrol = time.Minute // keys come and go by the clock as well as by change
	ringRetry  = 250 * time.Millisecond
	headPatrol = time.Minute
	sweep      = 5 * time.Minute
	farewell   = 3 * time.Second // for mail that is due at stop
	// lastWord is kept back at stop for what comes after the audit trail.
	lastWord = 500 * time.Millisecond

	// A start listens once the store is ready, but waits for one across a
	// network no longer than remotePatience: whoever looks must see that the
	// process lives.
	localPatience  = 10 * time.Second
	remotePatience = time.Second
	// Between tries to reach a store that is away at start.
	firstPause = 250 * time.Millisecond
	mostPause  = 5 * time.Second
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
	patience time.Duration

	cancel context.CancelFunc
	ready  atomic.Bool // the store answered, and the master key fits it
	wg     sync.WaitGroup
}

func newWorkers(c Config, l *live.Live, p *signin.Postman, k *operation.Keys, r port.KeyRing, rec *operation.Recorder, j port.Janitor, clock port.Clock, log *zap.Logger) *Workers {
	patience := localPatience
	if c.Storage.Engine != SQLite {
		patience = remotePatience
	}
	return &Workers{live: l, postman: p, keys: k, ring: r, recorder: rec, janitor: j, clock: clock, log: log, patience: patience}
}

var errKey = wrong{name: "OSTIARY_MASTER_KEY", value: masked, accepted: "the key that this store was made with"}

// prepare makes the first key and the first poll, so that a service with its
// store at hand is ready as soon as it listens.
func (w *Workers) prepare(ctx context.Context) error {
	// Reading proves the master key before anything is written with it.
	if err := w.ring.Reload(ctx); err != nil {
		return err
	}
	if err := w.keys.Ensure(ctx); err != nil {
		return err
	}
	return w.live.Poll(ctx)
}

// hopeless turns an error that waiting does not mend into what the program
// ends with; nil for an outage.
func hopeless(err error) error {
	switch {
	case errors.Is(err, seal.ErrOpen):
		return errKey
	case errors.Is(err, port.ErrCopyUnfinished):
		return port.ErrCopyUnfinished
	default:
		return nil
	}
}

// start returns when the store was tried once, or its patience is over: the
// workers begin as soon as it answers. What makes the program hopeless is
// returned, or comes from failed when it shows only later.
func (w *Workers) start(failed chan error) error {
	ctx, cancel := context.WithCancel(context.Background())
	w.cancel = cancel
	tried := make(chan struct{})
	w.wg.Go(func() {
		if w.begin(ctx, tried, failed) {
			w.run(ctx)
		}
	})
	limit := time.NewTimer(w.patience)
	defer limit.Stop()
	select {
	case err := <-failed:
		cancel()
		return err
	case <-tried:
	case <-limit.C:
	}
	return nil
}

// begin tries until the store is ready; false when there is no use in it.
func (w *Workers) begin(ctx context.Context, tried chan<- struct{}, failed chan<- error) bool {
	for next := firstPause; ; next = min(2*next, mostPause) {
		err := w.prepare(ctx)
		if end := hopeless(err); end != nil {
			fail(failed, end)
			return false
		}
		w.report("prepare", err)
		w.ready.Store(err == nil)
		if tried != nil {
			close(tried)
			tried = nil
		}
		if err == nil {
			w.log.Info("ready")
			return true
		}
		if !pause(ctx, next) {
			return false
		}
	}
}

// fail reports what the program ends with, unless something else was first.
func fail(failed chan<- error, err error) {
	select {
	case failed <- err:
	default:
	}
}

// run starts all that goes on for as long as the program does.
func (w *Workers) run(ctx context.Context) {
	// The hook runs inside the write or poll that announced the keys: it only
	// signals. What was announced before is looked up at once.
	changed := make(chan struct{}, 1)
	signal := func() {
		select {
		case changed <- struct{}{}:
		default:
		}
	}
	w.live.OnKeys(signal)
	signal()
	w.wg.Go(func() { w.live.Run(ctx) })
	w.wg.Go(func() { w.postman.Run(ctx) })
	w.every(ctx, keyPatrol, "rotate keys", w.keys.Ensure)
	w.wg.Go(func() {
		for wait := ringPatrol; await(ctx, changed, wait); {
			wait = ringPatrol
			if err := w.live.FollowKeys(ctx); err != nil {
				w.report("reload keys", err)
				wait = ringRetry // a removed key must not be trusted until the next round
			}
		}
	})
	w.every(ctx, headPatrol, "sign audit heads", w.recorder.SignHeads)
	w.every(ctx, sweep, "sweep", func(ctx context.Context) error { return w.janitor.Sweep(ctx, w.clock.Now()) })
}

// stop ends the workers, sends what mail is due and signs the audit trail.
func (w *Workers) stop(ctx context.Context) error {
	w.cancel()
	leaving, cancel := context.WithTimeout(ctx, farewell)
	defer cancel()
	ended := make(chan struct{})
	go func() {
		w.wg.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		if w.ready.Load() {
			w.report("send what is due", w.drain(leaving))
		}
	case <-leaving.Done():
		// A mail server that takes longer: the job's lease runs out, and the
		// next start sends it.
	}
	return w.sign(ctx)
}

// sign leaves the audit trail to the next start when the store is away: it
// names what this process wrote.
func (w *Workers) sign(ctx context.Context) error {
	if end, ok := ctx.Deadline(); ok {
		limited, cancel := context.WithDeadline(ctx, end.Add(-lastWord))
		defer cancel()
		ctx = limited
	}
	err := w.recorder.SignHeads(ctx)
	if fault.KindOf(err) == fault.Unavailable || errors.Is(err, context.DeadlineExceeded) {
		w.report("sign audit heads", err)
		return nil
	}
	return err
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
