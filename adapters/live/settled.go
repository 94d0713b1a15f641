package live

import (
	"slices"
	"sync"
	"time"

	"ostiary/app/port"
)

// settled remembers the changes that this process made and has forgotten what
// it knew about: when the store tells of them, perhaps for a while, nothing is
// to be forgotten again. Without it every change would make this process ask
// for what it knows already, and depend on a store that may be away by then.
type settled struct {
	mu     sync.Mutex
	since  time.Time
	made   map[entry]struct{} // since then
	before map[entry]struct{} // in the time before it
}

const (
	// settledFor is at least as long as a store tells of a change to those who
	// listen. What is told of later is merely forgotten once more.
	settledFor = 2 * time.Minute
	// settledMost bounds how many are remembered of each time: some megabytes.
	settledMost = 16_384
)

// add takes note of those whose write is known to have been made. The key set
// is not forgotten but read again, which may fail: it is left to be heard of.
func (s *settled) add(changes []port.Announcement, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		if !c.Settled || c.Kind == port.KeysChanged {
			continue
		}
		s.turn(now)
		s.made[entry{c.Change, c.Entry}] = struct{}{}
	}
}

// turn begins another time when this one is over or full.
func (s *settled) turn(now time.Time) {
	if s.made == nil || len(s.made) == settledMost || now.Sub(s.since) > settledFor {
		s.made, s.before, s.since = map[entry]struct{}{}, s.made, now
	}
}

// others returns the changes that are still to be followed.
func (s *settled) others(changes []port.Announcement, now time.Time) []port.Announcement {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.turn(now)
	return slices.DeleteFunc(slices.Clone(changes), func(c port.Announcement) bool {
		e := entry{c.Change, c.Entry}
		_, known := s.made[e]
		if !known {
			_, known = s.before[e]
		}
		return known
	})
}
