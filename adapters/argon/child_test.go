package argon_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/argon"
)

// heap is one of which a test says how much is over.
type heap struct {
	used, over uint64
	cycles     uint64
}

func (h *heap) look() (held, cycles uint64) { return h.used + h.over, h.cycles }

func (h *heap) collect() { h.over, h.cycles = 0, h.cycles+1 }

func TestRoom_IsMadeWhenMoreWouldNotFit(t *testing.T) {
	t.Parallel()
	h := &heap{used: 20, over: 40}
	take := argon.NewRoom(100, h.look, h.collect)

	take(40)
	require.Zero(t, h.cycles, "all of it fits")

	h.used += 40
	take(40)
	require.Equal(t, uint64(1), h.cycles)
}

func TestRoom_CountsWhatWasTakenAndIsNotThereYet(t *testing.T) {
	t.Parallel()
	h := &heap{used: 20, over: 20}
	take := argon.NewRoom(100, h.look, h.collect)

	take(40)
	take(40)

	require.Equal(t, uint64(1), h.cycles)
}

func TestRoom_ForgetsWhatWasTakenBeforeACollection(t *testing.T) {
	t.Parallel()
	h := &heap{used: 20, over: 40}
	take := argon.NewRoom(100, h.look, h.collect)
	take(40)
	h.collect() // the runtime's own

	take(40)

	require.Equal(t, uint64(1), h.cycles)
}

// What does not fit even then is not refused: the limit is one to the runtime,
// not to those who sign in.
func TestRoom_LetsInWhatNeverFits(t *testing.T) {
	t.Parallel()
	h := &heap{used: 90}
	take := argon.NewRoom(100, h.look, h.collect)

	take(40)
	take(40)

	require.Equal(t, uint64(2), h.cycles)
}
