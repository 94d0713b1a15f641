package argon_test

import (
	"context"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/adapters/argon"
	"ostiary/domain/tenant"
)

// site runs a gate on the time of a synctest bubble, in which turns take
// exactly what they are said to cost.
type site struct {
	gate *argon.Gate

	mu      sync.Mutex
	waiting map[tenant.ID]int
	inside  map[tenant.ID]int
	most    int
	had     map[tenant.ID]time.Duration
	turns   map[tenant.ID]int
}

func newSite(l argon.Limits) *site {
	return &site{
		gate: argon.NewGate(l, time.Now), waiting: map[tenant.ID]int{}, inside: map[tenant.ID]int{},
		had: map[tenant.ID]time.Duration{}, turns: map[tenant.ID]int{},
	}
}

// turn waits for a slot and keeps it for cost.
func (s *site) turn(ctx context.Context, id tenant.ID, cost time.Duration) error {
	s.count(s.waiting, id, 1)
	turn, err := s.gate.Enter(ctx, id)
	s.count(s.waiting, id, -1)
	if err != nil {
		return err
	}
	s.count(s.inside, id, 1)
	<-time.After(cost)
	s.count(s.inside, id, -1)
	s.mu.Lock()
	s.had[id] += cost
	s.turns[id]++
	s.mu.Unlock()
	turn.Leave()
	return nil
}

func (s *site) count(of map[tenant.ID]int, id tenant.ID, n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	of[id] += n
	s.most = max(s.most, sum(s.inside))
}

func sum(of map[tenant.ID]int) (all int) {
	for _, n := range of {
		all += n
	}
	return all
}

// wastes reports whether a slot is free that a caller should have: any but the
// last, which is kept from a tenant that has all the others while another had
// a caller lately.
func (s *site) wastes(slots int, alone bool) bool {
	synctest.Wait()
	s.mu.Lock()
	defer s.mu.Unlock()
	if sum(s.waiting) == 0 || sum(s.inside) == slots {
		return false
	}
	if slots == 1 || alone {
		return true
	}
	for id, n := range s.waiting {
		if n > 0 && s.inside[id] < slots-1 {
			return true
		}
	}
	return false
}

// crowdOf keeps that many callers of id coming back until ctx ends.
func (s *site) crowdOf(ctx context.Context, wg *sync.WaitGroup, id tenant.ID, clients int, cost time.Duration) {
	for range clients {
		wg.Go(func() {
			for ctx.Err() == nil {
				_ = s.turn(ctx, id, cost)
			}
		})
	}
}

func costs() *rapid.Generator[time.Duration] {
	return rapid.Map(rapid.IntRange(20, 60), func(ms int) time.Duration { return time.Duration(ms) * time.Millisecond })
}

func TestGate_GivesEveryTenantInNeedTheSameTime(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		slots := rapid.IntRange(1, 4).Draw(rt, "slots")
		cost := rapid.SliceOfN(costs(), 2, 5).Draw(rt, "costs")
		var s *site
		synctest.Test(t, func(t *testing.T) {
			s = newSite(argon.Limits{Slots: slots, Queue: 1000, PerTenant: 500})
			ctx, cancel := context.WithTimeout(t.Context(), 3*time.Second)
			defer cancel()
			var wg sync.WaitGroup
			for i, c := range cost {
				s.crowdOf(ctx, &wg, owner(byte(i+1)), 2*slots, c)
			}
			wg.Wait()
		})

		require.LessOrEqual(rt, s.most, slots)
		require.Zero(rt, s.gate.Traces())
		for i, a := range cost {
			for j, b := range cost {
				apart := (s.had[owner(byte(i+1))] - s.had[owner(byte(j+1))]).Abs()
				require.LessOrEqual(rt, apart, time.Duration(slots+1)*(a+b), "%s beside %s", a, b)
			}
		}
	})
}

func TestGate_LetsNobodyStarveBesideNewcomers(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		cost := costs().Draw(rt, "cost")
		news := costs().Draw(rt, "cost of newcomers")
		slots := rapid.IntRange(1, 3).Draw(rt, "slots")
		var s *site
		var turns int
		synctest.Test(t, func(t *testing.T) {
			s = newSite(argon.Limits{Slots: slots, Queue: 1000, PerTenant: 500})
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			s.crowdOf(ctx, &wg, owner(0), 2*slots, cost)
			for i := range 300 { // as many as there is time for, each of a tenant not seen before
				wg.Go(func() { _ = s.turn(ctx, tenant.IDFromBytes([16]byte{1, 14: byte(i >> 8), 15: byte(i)}), news) })
				<-time.After(news)
			}
			s.mu.Lock()
			turns = s.turns[owner(0)]
			s.mu.Unlock()
			cancel()
			wg.Wait()
		})

		require.Greater(rt, turns, 4)
		require.Zero(rt, s.gate.Traces())
	})
}

func TestGate_LeavesNoSlotFreeThatSomebodyMayHave(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		l := argon.Limits{
			Slots: rapid.IntRange(1, 4).Draw(rt, "slots"), Queue: rapid.IntRange(1, 20).Draw(rt, "queue"),
			PerTenant: rapid.IntRange(1, 20).Draw(rt, "per tenant"),
		}
		type visit struct {
			tenant   byte
			cost     time.Duration
			patience time.Duration
			pause    time.Duration
		}
		visits := rapid.SliceOfN(rapid.Custom(func(rt *rapid.T) visit {
			return visit{rapid.Byte().Draw(rt, "tenant") % 4, costs().Draw(rt, "cost"), 4 * costs().Draw(rt, "patience"), costs().Draw(rt, "pause") / 8}
		}), 1, 120).Draw(rt, "visits")
		var s *site
		alone := rapid.Bool().Draw(rt, "alone") // one tenant all the time
		var idle, over, traces int
		synctest.Test(t, func(t *testing.T) {
			s = newSite(l)
			var wg sync.WaitGroup
			for _, v := range visits {
				if alone {
					v.tenant = 0
				}
				wg.Go(func() {
					ctx, cancel := context.WithTimeout(t.Context(), v.patience)
					defer cancel()
					_ = s.turn(ctx, owner(v.tenant), v.cost)
				})
				<-time.After(v.pause)
				if s.wastes(l.Slots, alone) {
					idle++
				}
				if s.gate.Waiting() > l.Queue {
					over++
				}
				traces = max(traces, s.gate.Traces())
			}
			wg.Wait()
		})

		require.Zero(rt, idle)
		require.Zero(rt, over)
		require.LessOrEqual(rt, s.most, l.Slots)
		require.LessOrEqual(rt, traces, 3*(l.Queue+l.Slots))
		require.Zero(rt, s.gate.Traces())
	})
}

// Of three slots a flood gets two while another tenant is about, so that its
// next caller need not wait for the end of a turn; and all three when it has
// been alone for a while, or on its own from the start.
func TestGate_KeepsTheLastSlotFromATenantThatHasTheOthers(t *testing.T) {
	t.Parallel()
	const cost = 50 * time.Millisecond

	var alone, beside, after int
	var waited time.Duration
	synctest.Test(t, func(t *testing.T) {
		s := newSite(argon.Limits{Slots: 3, Queue: 100, PerTenant: 50})
		ctx, cancel := context.WithCancel(t.Context())
		var wg sync.WaitGroup
		inside := func(id tenant.ID) int {
			synctest.Wait()
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.inside[id]
		}
		s.crowdOf(ctx, &wg, owner(1), 10, cost)
		alone = inside(owner(1))
		require.NoError(t, s.turn(ctx, owner(2), cost))
		<-time.After(14 * time.Second)
		beside = inside(owner(1))
		begun := time.Now()
		require.NoError(t, s.turn(ctx, owner(2), cost))
		waited = time.Since(begun) - cost
		<-time.After(16 * time.Second)
		after = inside(owner(1))
		cancel()
		wg.Wait()
	})

	require.Equal(t, 3, alone)
	require.Equal(t, 2, beside)
	require.Zero(t, waited)
	require.Equal(t, 3, after)
}

// Whether a name is a tenant's must not show by the wait for it beside a flood
// under another name, existent or not.
func TestGate_LetsInventedNamesWaitLikeTenants(t *testing.T) {
	t.Parallel()
	invented := func(name string) tenant.ID { return tenant.Ref{Given: name}.Queue() }
	waits := func(flood, probe tenant.ID) (waited time.Duration) {
		synctest.Test(t, func(t *testing.T) {
			s := newSite(argon.Limits{Slots: 2, Queue: 100, PerTenant: 50})
			ctx, cancel := context.WithCancel(t.Context())
			var wg sync.WaitGroup
			require.NoError(t, s.turn(ctx, owner(9), time.Millisecond)) // somebody was there
			s.crowdOf(ctx, &wg, flood, 10, 50*time.Millisecond)
			<-time.After(1010 * time.Millisecond)
			begun := time.Now()
			require.NoError(t, s.turn(ctx, probe, 50*time.Millisecond))
			waited = time.Since(begun) - 50*time.Millisecond
			cancel()
			wg.Wait()
		})
		return waited
	}

	require.Zero(t, waits(owner(1), owner(2)))
	require.Zero(t, waits(owner(1), invented("x")))
	require.Zero(t, waits(invented("y"), owner(2)))
	require.Zero(t, waits(invented("y"), invented("x")))
	require.Equal(t, waits(owner(1), owner(1)), waits(invented("x"), invented("x")))
	require.NotZero(t, waits(owner(1), owner(1)))
}

func TestGate_GivesUpWhileThereIsTimeToUseTheSlot(t *testing.T) {
	t.Parallel()

	var waited time.Duration
	var err error
	synctest.Test(t, func(t *testing.T) {
		s := newSite(argon.Limits{Slots: 1, Queue: 2, PerTenant: 1})
		turn, first := s.gate.Enter(t.Context(), owner(1))
		require.NoError(t, first)
		ctx, cancel := context.WithTimeout(t.Context(), 8*time.Second)
		defer cancel()
		begun := time.Now()
		_, err = s.gate.Enter(ctx, owner(2))
		waited = time.Since(begun)
		turn.Leave()
	})

	require.ErrorIs(t, err, context.DeadlineExceeded)
	require.Equal(t, 7*time.Second, waited)
}
