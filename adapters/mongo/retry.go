package mongo

import (
	"context"
	"hash/maphash"
	"math/rand/v2"
	"slices"
	"time"
)

// lanes let writers of one document within this process go one after the
// other: only other processes make them begin anew.
type lanes struct {
	seed maphash.Seed
	of   [256]chan struct{}
}

func (l *lanes) open() {
	l.seed = maphash.MakeSeed()
	for i := range l.of {
		l.of[i] = make(chan struct{}, 1)
	}
}

// enter returns what leaves the lane again, or the context's error.
func (l *lanes) enter(ctx context.Context, name string, id []byte) (leave func(), err error) {
	return l.enterAll(ctx, name, id)
}

// enterAll enters the lanes of several ids, always in the same order, so that
// no two callers wait for each other.
func (l *lanes) enterAll(ctx context.Context, name string, ids ...[]byte) (leave func(), err error) {
	places := make([]uint64, len(ids))
	for i, id := range ids {
		places[i] = l.place(name, id)
	}
	slices.Sort(places)
	var entered []chan struct{}
	leave = func() {
		for _, lane := range entered {
			<-lane
		}
	}
	for _, p := range slices.Compact(places) {
		select {
		case l.of[p] <- struct{}{}:
			entered = append(entered, l.of[p])
		case <-ctx.Done():
			leave()
			return nil, ctx.Err()
		}
	}
	return leave, nil
}

func (l *lanes) place(name string, id []byte) uint64 {
	var h maphash.Hash
	h.SetSeed(l.seed)
	_, _ = h.WriteString(name)
	_, _ = h.Write(id)
	return h.Sum64() % uint64(len(l.of))
}

const (
	shortBreak = time.Millisecond
	longBreak  = 40 * time.Millisecond
)

// breath waits a little longer before each further try, by chance, so that
// processes that met do not meet again.
func breath(ctx context.Context, try int) error {
	d := min(shortBreak<<min(try, 10), longBreak)
	if !wait(ctx, d/2+rand.N(d)) { //nolint:gosec // chance here guards nothing
		return ctx.Err()
	}
	return nil
}

// wait reports false when ctx ended first.
func wait(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return true
	case <-ctx.Done():
		return false
	}
}
