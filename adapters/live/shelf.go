package live

import (
	"context"
	"fmt"
	"hash/maphash"
	"sync/atomic"

	"github.com/maypok86/otter/v2"
)

// places is how many keys share one count of changes: with more, a change
// makes fewer bystanders be read again.
const places = 4096

// counts counts changes per place of a key.
type counts[K comparable] struct {
	seed  maphash.Seed
	all   atomic.Uint64 // changes to everything
	place [places]atomic.Uint64
}

func newCounts[K comparable]() *counts[K] { return &counts[K]{seed: maphash.MakeSeed()} }

// of returns how often k has changed.
func (c *counts[K]) of(k K) stamp {
	place := c.at(k)
	return stamp{all: &c.all, place: place, sum: c.all.Load() + place.Load()}
}

func (c *counts[K]) at(k K) *atomic.Uint64 { return &c.place[maphash.Comparable(c.seed, k)%places] }

func (c *counts[K]) change(k K) { c.at(k).Add(1) }

func (c *counts[K]) changeAll() { c.all.Add(1) }

// stamp is how often something had changed when it was about to be read. It
// knows where that is counted: to ask whether it changed since takes no lookup.
// The zero value is that of nothing, and does not hold.
type stamp struct {
	all, place *atomic.Uint64
	sum        uint64
}

func (s stamp) holds() bool { return s.all != nil && s.all.Load()+s.place.Load() == s.sum }

// kept is a value and the stamp it was read under.
type kept[V any] struct {
	value V
	under stamp
}

// shelf is a bounded cache of one kind of value.
type shelf[K comparable, V any] struct {
	changes *counts[K]
	cache   *otter.Cache[K, kept[V]]
	flights flights[K, V]
}

func newShelf[K comparable, V any](limit int) (*shelf[K, V], error) {
	cache, err := otter.New(&otter.Options[K, kept[V]]{
		MaximumSize: limit,
		// Upkeep by the writer itself keeps to the bound under any load; it
		// calls nothing of ours back.
		Executor: func(upkeep func()) { upkeep() },
	})
	if err != nil {
		return nil, fmt.Errorf("make cache: %w", err)
	}
	return &shelf[K, V]{changes: newCounts[K](), cache: cache}, nil
}

// get returns what is kept under k, else what load reads. Failures are not
// kept.
func (s *shelf[K, V]) get(ctx context.Context, k K, load func(context.Context) (V, error)) (V, error) {
	if v, ok := s.peek(k); ok {
		return v, nil
	}
	under := s.changes.of(k)
	return s.flights.fly(ctx, k, under, func(ctx context.Context) (V, error) {
		v, err := load(ctx)
		if err == nil {
			s.keep(k, v, under)
		}
		return v, err
	})
}

// keep takes v, read after its stamp was taken.
func (s *shelf[K, V]) keep(k K, v V, under stamp) {
	s.cache.Set(k, kept[V]{value: v, under: under})
}

func (s *shelf[K, V]) peek(k K) (V, bool) {
	e, ok := s.cache.GetIfPresent(k)
	if !ok || !e.under.holds() {
		var none V
		return none, false
	}
	return e.value, true
}

// forget counts first: from then on the value is dead, and removing it only
// gives back its room.
func (s *shelf[K, V]) forget(k K) {
	s.changes.change(k)
	s.cache.Invalidate(k)
}

func (s *shelf[K, V]) forgetAll() {
	s.changes.changeAll()
	s.cache.InvalidateAll()
}
