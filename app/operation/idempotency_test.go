package operation_test

import (
	"bytes"
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

// answers keeps the last answer that was handed to the store.
type answers struct {
	port.Idempotency
	kept []byte
}

func (a *answers) Finish(ctx context.Context, t tenant.ID, k port.IdempotencyKey, answer []byte, now time.Time) error {
	a.kept = answer
	return a.Idempotency.Finish(ctx, t, k, answer, now)
}

func (k *kit) idempotency() (*operation.Idempotency, *answers) {
	a := &answers{Idempotency: sqlite.NewIdempotency(k.db)}
	return operation.NewIdempotency(a, fake.Vault{}, k.clock), a
}

func (k *kit) request(key, body string) operation.IdempotencyInput {
	return operation.IdempotencyInput{Actor: operator, Tenant: k.acme.ID(), Route: "POST /tenants/{code}/api-tokens", Key: key, Body: []byte(body)}
}

func answering(calls *int, s string) func() ([]byte, error) {
	return func() ([]byte, error) {
		*calls++
		return []byte(s), nil
	}
}

func TestIdempotency_ReplaysASealedAnswer(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s, store := k.idempotency()
	calls := 0

	first, replayed, err := s.Run(t.Context(), k.request("k1", "body"), answering(&calls, "ost_secret"))
	require.NoError(t, err)
	require.False(t, replayed)
	again, replayed, err := s.Run(t.Context(), k.request("k1", "body"), answering(&calls, "another"))

	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, first, again)
	require.Equal(t, 1, calls)
	require.NotEmpty(t, store.kept)
	require.False(t, bytes.Contains(store.kept, []byte("ost_secret")))
}

func TestIdempotency_EveryPartOfTheNameCounts(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s, _ := k.idempotency()
	calls := 0
	base := k.request("k1", "body")
	_, _, err := s.Run(t.Context(), base, answering(&calls, "one"))
	require.NoError(t, err)
	byActor, byTenant, byRoute, byKey := base, base, base, base
	byActor.Actor = k.as().Actor
	byTenant.Tenant = k.other.ID()
	byRoute.Route = "POST /tenants/{code}/tags"
	byKey.Key = "k2"

	for i, in := range []operation.IdempotencyInput{byActor, byTenant, byRoute, byKey} {
		_, replayed, err := s.Run(t.Context(), in, answering(&calls, "other"))

		require.NoError(t, err)
		require.False(t, replayed, i)
	}
	require.Equal(t, 5, calls)
}

func TestIdempotency_RefusesAnotherBody(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s, _ := k.idempotency()
	calls := 0
	_, _, err := s.Run(t.Context(), k.request("k1", "body"), answering(&calls, "one"))
	require.NoError(t, err)

	_, _, err = s.Run(t.Context(), k.request("k1", "other body"), answering(&calls, "two"))

	require.ErrorIs(t, err, operation.ErrIdempotencyMismatch)
	require.Equal(t, 1, calls)
}

func TestIdempotency_RefusesWhileTheFirstRuns(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s, _ := k.idempotency()
	var inner, other error

	_, _, err := s.Run(t.Context(), k.request("k1", "body"), func() ([]byte, error) {
		_, _, inner = s.Run(t.Context(), k.request("k1", "body"), func() ([]byte, error) { return nil, nil })
		_, _, other = s.Run(t.Context(), k.request("k1", "other body"), func() ([]byte, error) { return nil, nil })
		return []byte("done"), nil
	})

	require.NoError(t, err)
	require.ErrorIs(t, inner, operation.ErrIdempotencyRunning)
	require.ErrorIs(t, other, operation.ErrIdempotencyMismatch)
}

func TestIdempotency_FailuresMayBeTriedAgain(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s, _ := k.idempotency()
	calls := 0
	outage := errors.New("the store is away")
	ctx, gone := context.WithCancel(t.Context())

	_, _, err := s.Run(ctx, k.request("k1", "body"), func() ([]byte, error) {
		gone() // also for a caller who hung up
		return nil, outage
	})
	require.ErrorIs(t, err, outage)
	require.Panics(t, func() {
		_, _, _ = s.Run(t.Context(), k.request("k1", "body"), func() ([]byte, error) { panic("broken") })
	})
	answer, replayed, err := s.Run(t.Context(), k.request("k1", "another body"), answering(&calls, "one"))

	require.NoError(t, err)
	require.False(t, replayed)
	require.Equal(t, "one", string(answer))
}

func TestIdempotency_ForgetsAfterADay(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s, _ := k.idempotency()
	calls := 0
	for _, wait := range []time.Duration{0, 24*time.Hour - time.Second, time.Second} {
		k.clock.Advance(wait)
		_, _, err := s.Run(t.Context(), k.request("k1", "body"), answering(&calls, "one"))
		require.NoError(t, err)
	}

	require.Equal(t, 2, calls)
}

func TestIdempotency_JudgesTheKey(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s, _ := k.idempotency()
	for key, accepted := range map[string]bool{
		"a":                                    true,
		"8e03978e-40d5-43e8-bc93-6894a57f9324": true,
		`"quoted"`:                             true,
		strings.Repeat("k", 255):               true,
		strings.Repeat("k", 256):               false,
		"":                                     false,
		"with space":                           false,
		"tab\t":                                false,
		"né":                                   false,
		"del\x7f":                              false,
	} {
		calls := 0
		_, _, err := s.Run(t.Context(), k.request(key, "body"), answering(&calls, "one"))

		if accepted {
			require.NoError(t, err, key)
			continue
		}
		require.ErrorIs(t, err, operation.ErrIdempotencyKey, key)
		require.Zero(t, calls)
	}
}

// swapped hands out the sealed answer of another request.
type swapped struct {
	port.Idempotency
	answer []byte
}

func (s *swapped) Begin(context.Context, tenant.ID, port.IdempotencyKey, secret.Digest, time.Time, time.Duration) (port.IdempotencyState, secret.Digest, []byte, error) {
	return port.Answered, fake.Vault{}.MAC("idempotency-body", []byte("body")), s.answer, nil
}

func TestIdempotency_OpensNoAnswerOfAnotherRequest(t *testing.T) {
	t.Parallel()
	k := setup(t)
	s, store := k.idempotency()
	calls := 0
	_, _, err := s.Run(t.Context(), k.request("k1", "body"), answering(&calls, "one"))
	require.NoError(t, err)
	thief := operation.NewIdempotency(&swapped{answer: store.kept}, fake.Vault{}, k.clock)

	same, replayed, err := thief.Run(t.Context(), k.request("k1", "body"), answering(&calls, "two"))
	require.NoError(t, err)
	require.True(t, replayed)
	require.Equal(t, "one", string(same))
	_, _, err = thief.Run(t.Context(), k.request("k2", "body"), answering(&calls, "two"))

	require.Error(t, err)
	require.Equal(t, 1, calls)
}
