package live

import (
	"context"
	"fmt"
	"sync"
	"time"

	"ostiary/app/port"
)

// Followed is a change that this process has followed: what it took away is
// refused here from now on.
type Followed struct {
	Took time.Duration // since it was announced
	Own  bool          // this process made it
}

// takesAway lists the kinds by which anybody can lose what they had. Not every
// change of such a kind takes something away; it travels as one that does.
var takesAway = map[port.ChangeKind]bool{
	port.TenantChanged: true, port.UserChanged: true, port.SessionEnded: true, port.APITokenChanged: true, port.KeysChanged: true,
	port.CompanyChanged: false,
}

// forgotten is how long after a change of its own this process waits to be told
// how long ago that was. It may never be: a write whose fate is unknown may not
// have been announced.
const forgotten = time.Minute

// entry is an announcement whenever it is told of.
type entry struct {
	port.Change
	id string
}

// stopwatch measures from announcements, whose age the store's clock tells, to
// the moment that this process's caches have forgotten, which is when it begins
// to refuse. Stores tell of the same announcement more than once: the first
// time counts. A change of one's own is followed before the store tells its
// age, a change of keys after it: the two moments meet here.
type stopwatch struct {
	clock   port.Clock
	observe func(Followed) // nil: nothing is measured

	mu    sync.Mutex
	begun time.Time              // nothing older was known to this process
	last  map[entry]bool         // what the store told of last
	own   map[entry]time.Time    // when those were followed whose age is not told yet
	keys  map[entry]announcement // of the key set, not followed yet
}

// announcement is what is known of one; at is zero until its age is told.
type announcement struct {
	at  time.Time
	own bool
}

func newStopwatch(clock port.Clock, observe func(Followed)) *stopwatch {
	w := &stopwatch{clock: clock, observe: observe}
	w.restart()
	return w
}

// restart gives up what is under way: this process knows of nothing.
func (w *stopwatch) restart() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.begun = w.clock.Now()
	w.last, w.own, w.keys = map[entry]bool{}, map[entry]time.Time{}, map[entry]announcement{}
}

// made takes note of this process's own changes, which are followed, except
// those of the key set.
func (w *stopwatch) made(changes []port.Announcement) {
	if w.observe == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	for _, c := range changes {
		e := entry{c.Change, c.Entry}
		waiting, waits := w.keys[e]
		switch {
		case waits: // a poll was quicker
			waiting.own = true
			w.keys[e] = waiting
		case !takesAway[c.Kind] || w.last[e]: // or it was, and all is measured
		case c.Kind == port.KeysChanged:
			w.keys[e] = announcement{own: true}
		default:
			w.own[e] = now
		}
	}
}

// told takes note of what the store told of at that moment.
func (w *stopwatch) told(changes []port.Announcement, at time.Time) {
	if w.observe == nil {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	now, told := w.clock.Now(), make(map[entry]bool, len(changes))
	for _, c := range changes {
		e := entry{c.Change, c.Entry}
		if !takesAway[c.Kind] {
			continue
		}
		if announced := at.Add(-c.Age); !w.last[e] && !told[e] && !announced.Before(w.begun) {
			w.first(e, announced, now)
		}
		told[e] = true
	}
	w.last = told
	for e, followed := range w.own {
		if now.Sub(followed) > forgotten {
			delete(w.own, e)
		}
	}
}

// first is told of an announcement for the first time.
func (w *stopwatch) first(e entry, announced, now time.Time) {
	followed, own := w.own[e]
	switch {
	case own:
		delete(w.own, e)
		w.report(announced, followed, true)
	case e.Kind == port.KeysChanged:
		w.keys[e] = announcement{at: announced, own: w.keys[e].own}
	default:
		w.report(announced, now, false)
	}
}

func (w *stopwatch) report(announced, followed time.Time, own bool) {
	w.observe(Followed{Took: max(0, followed.Sub(announced)), Own: own})
}

// waiting returns the changes of the key set that are not followed.
func (w *stopwatch) waiting() (out []entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for e := range w.keys {
		out = append(out, e)
	}
	return out
}

// keysFollowed ends the wait of those.
func (w *stopwatch) keysFollowed(entries []entry) {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Now()
	for _, e := range entries {
		a, waits := w.keys[e]
		switch {
		case !waits:
			continue
		case a.at.IsZero():
			w.own[e] = now
		default:
			w.report(a.at, now, a.own)
		}
		delete(w.keys, e)
	}
}

// FollowKeys reads the key set again: what was heard of it before is followed
// when that went well.
func (l *Live) FollowKeys(ctx context.Context) error {
	heard := l.watch.waiting()
	if err := l.stores.Keys(ctx); err != nil {
		return fmt.Errorf("follow keys: %w", err)
	}
	l.watch.keysFollowed(heard)
	return nil
}
