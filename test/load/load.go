// Package load keeps a server busy and measures what it does meanwhile. It
// owns the two ways of asking: in a closed loop, where each connection asks
// again as soon as it is answered, which finds how much a server can do, and
// at a pace, where requests are due whether or not earlier ones are answered,
// which finds how long people wait. It knows nothing of what is asked.
package load

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
	"time"

	"github.com/HdrHistogram/hdrhistogram-go"
)

// Op does one thing once: a request, or several that belong together. It is
// called by one goroutine at a time.
type Op func(context.Context) error

// Latencies are kept from 1 µs to 2 minutes with three digits.
const (
	shortest = int64(time.Microsecond)
	longest  = int64(2 * time.Minute)
	digits   = 3
)

// Result is what a run saw.
type Result struct {
	Done     int64         // answered as expected
	Failed   int64         // answered otherwise, or not at all
	First    error         // of those that failed
	Took     time.Duration // from the first start to the last answer
	times    *hdrhistogram.Histogram
	Intended int64 // how many were due; 0 in a closed loop
}

// Rate is how many were done in a second.
func (r Result) Rate() float64 { return float64(r.Done) / r.Took.Seconds() }

// Percentile is the time within which that many per cent were done.
func (r Result) Percentile(p float64) time.Duration {
	return time.Duration(r.times.ValueAtPercentile(p))
}

// OnTime is the share of what a paced run intended that was done within so
// long of when it was due, to three digits of that time. Done alone says
// nothing of lateness: a run waits for every answer.
func (r Result) OnTime(within time.Duration) float64 {
	var n int64
	for _, bar := range r.times.Distribution() {
		if bar.From <= int64(within) {
			n += bar.Count
		}
	}
	return float64(n) / float64(r.Intended)
}

// Err is not nil when anything failed.
func (r Result) Err() error {
	if r.Failed == 0 {
		return nil
	}
	return fmt.Errorf("%d of %d failed, the first: %w", r.Failed, r.Failed+r.Done, r.First)
}

// ErrOver ends a worker of a closed loop that has nothing more to do.
var ErrOver = errors.New("load: nothing left to do")

// Closed runs all ops at once, each again and again, until the time is up or
// every one has returned ErrOver. A request that is under way then is waited
// for and counted.
func Closed(ctx context.Context, ops []Op, lasts time.Duration) Result {
	began := time.Now()
	until := began.Add(lasts)
	return gather(len(ops), began, func(i int, tell func(time.Duration, error)) {
		for ctx.Err() == nil {
			at := time.Now()
			if !at.Before(until) {
				return
			}
			err := ops[i](ctx)
			if errors.Is(err, ErrOver) {
				return
			}
			tell(time.Since(at), err)
		}
	})
}

// Paced starts rate ops a second for as long as told, each by whichever of ops
// is free, and counts the time from when it was due: a server that stops
// answering makes all that were due meanwhile late, not just one.
func Paced(ctx context.Context, ops []Op, rate float64, lasts time.Duration) Result {
	began := time.Now()
	total := int64(rate * lasts.Seconds())
	var next atomic.Int64
	r := gather(len(ops), began, func(i int, tell func(time.Duration, error)) {
		for ctx.Err() == nil {
			n := next.Add(1) - 1
			if n >= total {
				return
			}
			due := began.Add(time.Duration(float64(n) / rate * float64(time.Second)))
			time.Sleep(time.Until(due))
			err := ops[i](ctx)
			tell(time.Since(due), err)
		}
	})
	r.Intended = total
	return r
}

// gather runs n workers, each with a histogram of its own so that none waits
// for another, and adds up what they tell.
func gather(n int, began time.Time, work func(i int, tell func(time.Duration, error))) Result {
	out := Result{times: hdrhistogram.New(shortest, longest, digits)}
	var mu sync.Mutex
	var wg sync.WaitGroup
	for i := range n {
		wg.Go(func() {
			own := Result{times: hdrhistogram.New(shortest, longest, digits)}
			work(i, own.tell)
			mu.Lock()
			defer mu.Unlock()
			out.add(own)
		})
	}
	wg.Wait()
	out.Took = time.Since(began)
	return out
}

func (r *Result) tell(took time.Duration, err error) {
	if err != nil {
		if r.Failed++; r.First == nil {
			r.First = err
		}
		return
	}
	r.Done++
	_ = r.times.RecordValue(min(max(int64(took), shortest), longest)) // within its bounds
}

func (r *Result) add(other Result) {
	r.Done += other.Done
	r.Failed += other.Failed
	if r.First == nil {
		r.First = other.First
	}
	r.times.Merge(other.times)
}
