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
	mu   sync.Mutex
	made map[entry]time.Time
}

// settledFor is longer than a store tells of a change to those who listen. What
// is told of later is merely forgotten once more.
const settledFor = 2 * time.Minute

// add takes note of those whose write is known to have been made. The key set
// is not forgotten but read again, which may fail: it is left to be heard of.
func (s *settled) add(changes []port.Announcement, now time.Time) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, c := range changes {
		if c.Settled && c.Kind != port.KeysChanged {
			if s.made == nil {
				s.made = map[entry]time.Time{}
			}
			s.made[entry{c.Change, c.Entry}] = now
		}
	}
}

// others returns the changes that are still to be followed.
func (s *settled) others(changes []port.Announcement, now time.Time) []port.Announcement {
	s.mu.Lock()
	defer s.mu.Unlock()
	for e, at := range s.made {
		if now.Sub(at) > settledFor {
			delete(s.made, e)
		}
	}
	return slices.DeleteFunc(slices.Clone(changes), func(c port.Announcement) bool {
		_, known := s.made[entry{c.Change, c.Entry}]
		return known
	})
}
