package contract

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"
)

// Health checks any port.Health.
func Health(t *testing.T, open Open) {
	checks{
		"Ping/AnswersWhileOpen":       healthAnswers,
		"Ping/FailsOnceTimeIsUp":      healthFails,
		"Ping/AnswersWhileWorkGoesOn": healthBusy,
	}.together(t, open)
}

func healthAnswers(t *testing.T, s Store) {
	require.NoError(t, s.Health.Ping(t.Context()))
}

func healthFails(t *testing.T, s Store) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	require.Error(t, s.Health.Ping(ctx))
}

func healthBusy(t *testing.T, s Store) {
	h := settle(t, s)
	bumped := updatedCompany(t, h, h.co.ID())
	allWell(t, crowded(crowd, func(i int) error {
		if i%2 == 0 {
			return s.Health.Ping(t.Context())
		}
		return bumped.update(bumped.bump)
	}))
}
