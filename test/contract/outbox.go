package contract

import (
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/fault"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/throttle"
	"ostiary/test/fake"
)

// Outbox checks any port.Outbox.
func Outbox(t *testing.T, open Open) {
	checks{
		"Put/KeepsEveryMember":          outboxKeepsEveryMember,
		"Put/LimitsAnOrigin":            outboxLimits,
		"Put/TellsHowLongToWait":        outboxTellsWait,
		"Put/CountsJobsDone":            outboxCountsDone,
		"Put/SideBySideWithinLimit":     outboxPutSideBySide,
		"Lease/HandsOutWhatIsDue":       outboxLeasesDue,
		"Lease/KeepsOthersOff":          outboxLeaseKeepsOff,
		"Lease/AtMostLimit":             outboxLeaseLimit,
		"Lease/EachJobOnce":             outboxLeaseOnce,
		"Done/NeverComesBack":           outboxDone,
		"Retry/PutsOff":                 outboxRetry,
		"Next/TellsTheEarliest":         outboxNext,
		"DoneAndRetry/OnlyTheNamedJob":  outboxOnlyNamed,
		"Lease/SideBySideWithDoneJobs":  outboxWorkers,
		"Put/ZeroLimitAllowsEverything": outboxNoLimit,
	}.alone(t, open)
}

var noLimit throttle.Limit

func newJob(asked time.Time) outbox.Job {
	return outbox.Job{
		ID: outbox.IDFromBytes(fake.UUID()), Kind: outbox.Link, Tenant: "acme", Address: "anna@example.com",
		Asked: asked, Due: asked,
	}
}

func jobFrom(origin secret.Digest, asked time.Time) outbox.Job {
	j := newJob(asked)
	j.Origin = origin
	return j
}

func putJob(t testing.TB, s Store, due time.Time) outbox.Job {
	t.Helper()
	j := newJob(due)
	require.NoError(t, s.Outbox.Put(t.Context(), j, noLimit))
	return j
}

func lease(t testing.TB, s Store, now time.Time, limit int) []outbox.Job {
	t.Helper()
	jobs, err := s.Outbox.Lease(t.Context(), now, limit)
	require.NoError(t, err)
	return jobs
}

func leasedIDs(t testing.TB, s Store, now time.Time) []outbox.ID {
	t.Helper()
	var out []outbox.ID
	for _, j := range lease(t, s, now, 100) {
		out = append(out, j.ID)
	}
	return out
}

func next(t testing.TB, s Store) time.Time {
	t.Helper()
	at, err := s.Outbox.Next(t.Context())
	require.NoError(t, err)
	return at
}

func outboxKeepsEveryMember(t *testing.T, s Store) {
	want := map[outbox.ID]outbox.Job{}
	for _, j := range []outbox.Job{
		{
			Kind: outbox.Link, Tenant: "Nobody's " + word, Address: word + "@", Binding: fake.Digest(), Origin: fake.Digest(),
			Request: "req-1", Asked: after(-time.Millisecond), Due: moment, Attempts: 6,
		},
		{Kind: outbox.Invitation, Tenant: "acme", Contact: fake.ContactID(t, 1<<53-1), Asked: moment, Due: moment},
	} {
		j.ID = outbox.IDFromBytes(fake.UUID())
		want[j.ID] = j
		require.NoError(t, s.Outbox.Put(t.Context(), j, noLimit))
	}

	got := lease(t, s, moment, 10)

	require.Len(t, got, 2)
	for _, j := range got {
		before := want[j.ID]
		require.Equal(t, before.Attempts+1, j.Attempts)
		j.Attempts, j.Due = before.Attempts, before.Due
		same(t, before, j)
	}
}

func outboxLimits(t *testing.T, s Store) {
	origin, limit := fake.Digest(), throttle.Limit{Count: 2, Window: time.Hour}
	put := func(j outbox.Job) error { return s.Outbox.Put(t.Context(), j, limit) }
	require.NoError(t, put(jobFrom(origin, moment)))
	require.NoError(t, put(jobFrom(origin, after(time.Minute))))

	require.ErrorIs(t, put(jobFrom(origin, after(2*time.Minute))), throttle.ErrLimited)
	require.NoError(t, put(jobFrom(fake.Digest(), after(2*time.Minute))), "another origin")
	for range 3 {
		require.NoError(t, put(newJob(after(2*time.Minute))), "no origin")
	}
	require.NoError(t, put(jobFrom(origin, after(time.Hour+time.Second))), "the first has left the window")
	require.ErrorIs(t, put(jobFrom(origin, after(time.Hour+2*time.Second))), throttle.ErrLimited)

	require.Len(t, lease(t, s, after(2*time.Hour), 100), 7, "what was refused is not stored")
}

// outboxTellsWait believes the wait: after it the job is taken.
func outboxTellsWait(t *testing.T, s Store) {
	origin, limit := fake.Digest(), throttle.Limit{Count: 3, Window: time.Hour}
	for _, asked := range []time.Time{moment, after(10 * time.Minute), after(20 * time.Minute)} {
		require.NoError(t, s.Outbox.Put(t.Context(), jobFrom(origin, asked), limit))
	}

	refused := s.Outbox.Put(t.Context(), jobFrom(origin, after(25*time.Minute)), limit)

	require.ErrorIs(t, refused, throttle.ErrLimited)
	wait := fault.Of(refused).RetryAfter()
	require.Positive(t, wait)
	require.LessOrEqual(t, wait, 36*time.Minute, "the first leaves the window after 35 minutes")
	require.NoError(t, s.Outbox.Put(t.Context(), jobFrom(origin, after(25*time.Minute+wait)), limit))
}

func outboxCountsDone(t *testing.T, s Store) {
	origin, limit := fake.Digest(), throttle.Limit{Count: 1, Window: 24 * time.Hour}
	sent := jobFrom(origin, moment)
	require.NoError(t, s.Outbox.Put(t.Context(), sent, limit))
	require.NoError(t, s.Outbox.Done(t.Context(), sent.ID, moment))

	for _, now := range []time.Time{after(time.Minute), after(24*time.Hour - time.Millisecond)} {
		require.ErrorIs(t, s.Outbox.Put(t.Context(), jobFrom(origin, now), limit), throttle.ErrLimited)
		require.NoError(t, s.Janitor.Sweep(t.Context(), now))
		require.ErrorIs(t, s.Outbox.Put(t.Context(), jobFrom(origin, now), limit), throttle.ErrLimited,
			"cleaning up must not lift a limit")
	}
	require.NoError(t, s.Outbox.Put(t.Context(), jobFrom(origin, after(24*time.Hour+time.Second)), limit))
}

func outboxPutSideBySide(t *testing.T, s Store) {
	origin, limit := fake.Digest(), throttle.Limit{Count: 5, Window: time.Hour}
	jobs := make([]outbox.Job, crowd)
	for i := range jobs {
		jobs[i] = jobFrom(origin, moment)
	}

	errs := crowded(crowd, func(i int) error { return s.Outbox.Put(t.Context(), jobs[i], limit) })

	stored := 0
	for _, err := range errs {
		if err == nil {
			stored++
			continue
		}
		require.ErrorIs(t, err, throttle.ErrLimited)
	}
	require.Equal(t, limit.Count, stored)
	require.Len(t, lease(t, s, moment, 100), limit.Count)
}

func outboxNoLimit(t *testing.T, s Store) {
	origin := fake.Digest()
	for range 10 {
		require.NoError(t, s.Outbox.Put(t.Context(), jobFrom(origin, moment), noLimit))
	}
	require.Len(t, lease(t, s, moment, 100), 10)
}

func outboxLeasesDue(t *testing.T, s Store) {
	require.Empty(t, leasedIDs(t, s, moment))
	early, now := putJob(t, s, after(-time.Hour)), putJob(t, s, moment)
	late := putJob(t, s, after(time.Millisecond))

	require.ElementsMatch(t, []outbox.ID{early.ID, now.ID}, leasedIDs(t, s, moment))
	require.Equal(t, []outbox.ID{late.ID}, leasedIDs(t, s, after(time.Millisecond)))
}

func outboxLeaseKeepsOff(t *testing.T, s Store) {
	j := putJob(t, s, after(-time.Hour)) // overdue: its lease counts from now
	for attempt := range 3 {
		at := after(time.Duration(attempt) * outbox.Lease)

		got := lease(t, s, at, 10)

		require.Len(t, got, 1)
		require.Equal(t, j.ID, got[0].ID)
		require.Equal(t, attempt+1, got[0].Attempts)
		require.Empty(t, lease(t, s, at, 10))
		require.Empty(t, lease(t, s, at.Add(outbox.Lease-time.Millisecond), 10))
	}
}

func outboxLeaseLimit(t *testing.T, s Store) {
	for i := range 5 {
		putJob(t, s, after(-time.Duration(i)*time.Minute))
	}
	require.Len(t, lease(t, s, moment, 2), 2)
	require.Len(t, lease(t, s, moment, 2), 2)
	require.Len(t, lease(t, s, moment, 2), 1)
	require.Empty(t, lease(t, s, moment, 2))
}

func outboxLeaseOnce(t *testing.T, s Store) {
	requireLeasedOnce(t, 2*crowd, []Store{s})
}

// requireLeasedOnce lets ten workers, spread over the stores, empty the outbox.
func requireLeasedOnce(t *testing.T, jobs int, stores []Store) {
	t.Helper()
	added := make([]outbox.Job, jobs)
	for i := range added {
		added[i] = newJob(moment)
	}
	allWell(t, crowded(jobs, func(i int) error { return stores[0].Outbox.Put(t.Context(), added[i], noLimit) }))
	var mu sync.Mutex
	leased := map[outbox.ID]int{}

	allWell(t, crowded(10, func(i int) error {
		for {
			got, err := stores[i%len(stores)].Outbox.Lease(t.Context(), moment, 7)
			if err != nil || len(got) == 0 {
				return err
			}
			mu.Lock()
			for _, j := range got {
				leased[j.ID]++
			}
			mu.Unlock()
		}
	}))

	require.Len(t, leased, jobs)
	for _, times := range leased {
		require.Equal(t, 1, times)
	}
}

func outboxDone(t *testing.T, s Store) {
	j := putJob(t, s, moment)
	require.NoError(t, s.Outbox.Done(t.Context(), j.ID, moment))

	require.Empty(t, lease(t, s, after(1000*time.Hour), 10))
	require.Zero(t, next(t, s))
	require.NoError(t, s.Outbox.Retry(t.Context(), j.ID, moment))
	require.Empty(t, lease(t, s, after(1000*time.Hour), 10), "a job that is done cannot be put off")
}

func outboxRetry(t *testing.T, s Store) {
	j := putJob(t, s, moment)
	lease(t, s, moment, 1)
	require.NoError(t, s.Outbox.Retry(t.Context(), j.ID, after(2*time.Second)))

	require.Empty(t, lease(t, s, after(2*time.Second-time.Millisecond), 10))
	require.Equal(t, after(2*time.Second), next(t, s))
	got := lease(t, s, after(2*time.Second), 10)
	require.Len(t, got, 1)
	require.Equal(t, 2, got[0].Attempts)
	require.Equal(t, j.Address, got[0].Address)
}

func outboxNext(t *testing.T, s Store) {
	require.Zero(t, next(t, s))
	putJob(t, s, after(2*time.Hour))
	early := putJob(t, s, after(time.Hour))
	same(t, after(time.Hour), next(t, s))

	lease(t, s, after(time.Hour), 1)
	same(t, after(time.Hour+outbox.Lease), next(t, s))

	require.NoError(t, s.Outbox.Done(t.Context(), early.ID, after(time.Hour)))
	same(t, after(2*time.Hour), next(t, s))
}

func outboxOnlyNamed(t *testing.T, s Store) {
	done, put, stays := putJob(t, s, moment), putJob(t, s, moment), putJob(t, s, moment)
	require.NoError(t, s.Outbox.Done(t.Context(), done.ID, moment))
	require.NoError(t, s.Outbox.Retry(t.Context(), put.ID, after(time.Hour)))

	require.Equal(t, []outbox.ID{stays.ID}, leasedIDs(t, s, moment))
	require.ElementsMatch(t, []outbox.ID{put.ID, stays.ID}, leasedIDs(t, s, after(time.Hour)))
}

// outboxWorkers lets workers finish some jobs and put off others, as a real
// one does: in the end those are left that were put off.
func outboxWorkers(t *testing.T, s Store) {
	off := map[outbox.ID]bool{}
	for i := range 2 * crowd {
		j := newJob(moment)
		j.Request = strconv.Itoa(i % 2)
		off[j.ID] = i%2 == 1
		require.NoError(t, s.Outbox.Put(t.Context(), j, noLimit))
	}

	allWell(t, crowded(8, func(int) error {
		for {
			got, err := s.Outbox.Lease(t.Context(), moment, 5)
			if err != nil || len(got) == 0 {
				return err
			}
			for _, j := range got {
				if j.Request == "0" {
					err = s.Outbox.Done(t.Context(), j.ID, moment)
				} else {
					err = s.Outbox.Retry(t.Context(), j.ID, after(time.Hour))
				}
				if err != nil {
					return err
				}
			}
		}
	}))

	left := lease(t, s, after(time.Hour), 4*crowd)
	require.Len(t, left, crowd)
	for _, j := range left {
		require.True(t, off[j.ID])
		require.Equal(t, 2, j.Attempts)
	}
}
