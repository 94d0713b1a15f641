package bootstrap_test

import (
	"bytes"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/bootstrap"
)

func TestSpool_KeepsLinesWholeAndInTheirOrder(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	s := bootstrap.NewSpool(&out)
	var wg sync.WaitGroup
	for writer := range 8 {
		wg.Go(func() {
			for n := range 1000 {
				_, _ = fmt.Fprintf(s, "%d %d\n", writer, n)
			}
		})
	}
	wg.Wait()
	require.NoError(t, s.Close())

	next := map[int]int{}
	for line := range strings.Lines(out.String()) {
		var writer, n int
		_, err := fmt.Sscanf(line, "%d %d\n", &writer, &n)
		require.NoError(t, err)
		require.Equal(t, next[writer], n)
		next[writer]++
	}
	require.Len(t, next, 8)
	for _, n := range next {
		require.Equal(t, 1000, n)
	}
	_, _ = s.Write([]byte("last\n"))
	require.True(t, strings.HasSuffix(out.String(), "last\n"), "what comes after the end is written at once")
	require.NoError(t, s.Close())
}

// stuck takes nothing before it is released.
type stuck struct {
	bytes.Buffer
	release chan struct{}
}

func (s *stuck) Write(p []byte) (int, error) {
	<-s.release
	return s.Buffer.Write(p)
}

// handOver writes a line n times and counts.
func handOver(s *bootstrap.Spool, line []byte, n int, handed *atomic.Int64) {
	for range n {
		_, _ = s.Write(line)
		handed.Add(1)
	}
}

// A reader that stands still for a moment is waited for; one that does not come
// back loses lines, is told how many, and keeps nobody from work.
func TestSpool_BoundsWhatAReaderLeavesLying(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{release: make(chan struct{})}
		s := bootstrap.NewSpool(out)
		line := make([]byte, 64<<10)
		var handed atomic.Int64
		hand := func(n int) { handOver(s, line, n, &handed) }
		go hand(100)
		synctest.Wait()
		require.Greater(t, handed.Load(), int64(8), "some may wait")
		require.Less(t, handed.Load(), int64(40), "but not all")

		<-time.After(3 * time.Second)
		require.Equal(t, int64(100), handed.Load(), "nobody waits for ever")
		begun := time.Now()
		hand(100)
		require.Zero(t, time.Since(begun), "nor again for one who stands still")

		close(out.release)
		synctest.Wait()
		hand(1)
		require.NoError(t, s.Close())
		require.Contains(t, out.String(), `"log lines lost, nobody read them","lines":1`)
		require.Less(t, out.Len(), 60*len(line))
	})
}

func TestSpool_EndsBesideAReaderThatDoesNotRead(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{release: make(chan struct{})}
		s := bootstrap.NewSpool(out)
		_, _ = s.Write([]byte("first\n"))
		synctest.Wait()

		require.NoError(t, s.Close())
		_, err := s.Write([]byte("after the end\n"))
		require.NoError(t, err)
		require.NoError(t, s.Close())

		close(out.release)
		synctest.Wait()
		require.Equal(t, "first\n", out.String())
	})
}

// As much may be handed over while a batch is being written as while nothing is.
func TestSpool_HasRoomAgainAsSoonAsABatchIsTaken(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		out := &stuck{release: make(chan struct{})}
		s := bootstrap.NewSpool(out)
		line := make([]byte, 64<<10)
		var handed atomic.Int64
		go handOver(s, line, 1000, &handed)
		synctest.Wait()
		before := handed.Load()

		out.release <- struct{}{} // the first batch is taken, the second is stuck
		synctest.Wait()

		require.GreaterOrEqual(t, handed.Load()-before, int64(15))
		close(out.release)
		synctest.Wait()
		require.NoError(t, s.Close())
	})
}

// writes keeps what it is given apart.
type writes struct {
	mu sync.Mutex
	of []string
}

func (w *writes) Write(p []byte) (int, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.of = append(w.of, string(p))
	return len(p), nil
}

// resting has written its first line, which does not wait, and lets others
// gather.
func resting(t *testing.T) (*bootstrap.Spool, *writes) {
	t.Helper()
	var out writes
	s := bootstrap.NewSpool(&out)
	_, _ = s.Write([]byte("1\n"))
	synctest.Wait()
	require.Equal(t, []string{"1\n"}, out.of)
	return s, &out
}

func TestSpool_WritesTheLinesOfAMillisecondAtOnce(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, out := resting(t)

		for n := range 3 {
			_, _ = fmt.Fprintln(s, n)
			synctest.Wait()
		}
		time.Sleep(time.Millisecond)
		synctest.Wait()

		require.Equal(t, []string{"1\n", "0\n1\n2\n"}, out.of)
		require.NoError(t, s.Close())
	})
}

func TestSpool_EndsWithoutRest(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		s, out := resting(t)
		_, _ = s.Write([]byte("2\n"))
		begun := time.Now()

		require.NoError(t, s.Close())

		require.Equal(t, []string{"1\n", "2\n"}, out.of)
		require.Zero(t, time.Since(begun))
	})
}
