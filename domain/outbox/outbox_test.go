package outbox_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/outbox"
)

var asked = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func TestRetry_WaitsTwiceAsLongEachTimeUpToTenMinutes(t *testing.T) {
	t.Parallel()
	var waits []time.Duration

	for attempt := 1; attempt <= 12; attempt++ {
		due, again := outbox.Job{Kind: outbox.Link, Asked: asked, Attempts: attempt}.Retry(asked)
		require.True(t, again)
		waits = append(waits, due.Sub(asked))
	}

	require.Equal(t, []time.Duration{
		2 * time.Second, 4 * time.Second, 8 * time.Second, 16 * time.Second, 32 * time.Second, 64 * time.Second, 128 * time.Second,
		256 * time.Second, 512 * time.Second, 10 * time.Minute, 10 * time.Minute, 10 * time.Minute,
	}, waits)
}

func TestRetry_GivesUpWhenNobodyWaitsAnyMore(t *testing.T) {
	t.Parallel()

	for kind, end := range map[outbox.Kind]time.Duration{outbox.Link: outbox.GiveUp, outbox.Invitation: outbox.GiveUpInvitation} {
		j := outbox.Job{Kind: kind, Asked: asked, Attempts: 1}
		_, again := j.Retry(asked.Add(end - time.Millisecond))
		require.True(t, again, kind)
		_, again = j.Retry(asked.Add(end))
		require.False(t, again, kind)
	}
}

func TestRetry_OfAJobThatWasNeverTriedIsTheFirstWait(t *testing.T) {
	t.Parallel()

	due, again := outbox.Job{Kind: outbox.Link, Asked: asked}.Retry(asked)

	require.True(t, again)
	require.Equal(t, 2*time.Second, due.Sub(asked))
}
