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
	take := argon.NewRoom(100, h.look, h.collect).Take

	take(40)
	require.Zero(t, h.cycles, "all of it fits")

	h.used += 40
	take(40)
	require.Equal(t, uint64(1), h.cycles)
}

func TestRoom_CountsWhatWasTakenAndIsNotThereYet(t *testing.T) {
	t.Parallel()
	h := &heap{used: 20, over: 20}
	take := argon.NewRoom(100, h.look, h.collect).Take

	take(40)
	take(40)

	require.Equal(t, uint64(1), h.cycles)
}

func TestRoom_ForgetsWhatWasTakenBeforeACollection(t *testing.T) {
	t.Parallel()
	h := &heap{used: 20, over: 40}
	take := argon.NewRoom(100, h.look, h.collect).Take
	take(40)
	h.collect() // the runtime's own

	take(40)

	require.Equal(t, uint64(1), h.cycles)
}

// Who forced the collection came after one who has nothing yet.
func TestRoom_CountsWhatIsStillToComeAfterACollection(t *testing.T) {
	t.Parallel()
	h := &heap{used: 20, over: 20}
	room := argon.NewRoom(100, h.look, h.collect)
	first := room.Take(40)
	second := room.Take(40)
	require.Equal(t, uint64(1), h.cycles)

	third := room.Take(40)
	require.Equal(t, uint64(2), h.cycles, "80 are on their way")

	h.collect() // the runtime's own
	fourth := room.Take(40)
	require.Equal(t, uint64(4), h.cycles, "120 are")

	for _, leave := range []func(){first, second, third, fourth} {
		leave()
	}
	h.collect()
	room.Take(40)
	require.Equal(t, uint64(5), h.cycles, "nothing is")
}

func TestRoom_IsMadeForWhatAJobTakes(t *testing.T) {
	t.Parallel()
	const configured, stored = 1 << 10, 4 << 10 // KiB
	scrypted := "$scrypt$ln=12,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$rkTI9fAgA7thDzzR8FHXhMiojYBreJBmYTkEzWypBCQ"
	other := "$argon2id$v=19$m=4096,t=1,p=1$MDEyMzQ1Njc4OWFiY2RlZg$MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY"
	for name, row := range map[string]struct {
		job   argon.Job
		takes uint64 // KiB
	}{
		"new":    {argon.Job{MemoryKiB: configured, Iterations: 1, Parallelism: 1, Password: []byte("p")}, configured},
		"stored": {argon.Job{MemoryKiB: configured, Iterations: 1, Parallelism: 1, Password: []byte("p"), Stored: other}, stored},
		"scrypt": {argon.Job{MemoryKiB: configured, Iterations: 1, Parallelism: 1, Password: []byte("p"), Stored: scrypted}, 1<<12 + 1},
	} {
		enough, tooLittle := &heap{}, &heap{}

		room := argon.NewRoom(row.takes<<10, enough.look, enough.collect)
		require.NoError(t, room.Do(row.job), name)
		require.Zero(t, enough.cycles, name)
		enough.collect() // the runtime's own
		require.NoError(t, room.Do(row.job), name)
		require.NoError(t, argon.NewRoom(row.takes<<10-1, tooLittle.look, tooLittle.collect).Do(row.job), name)

		require.Equal(t, uint64(1), enough.cycles, "%s: the first has left", name)
		require.Equal(t, uint64(1), tooLittle.cycles, name)
	}
}

// What does not fit even then is not refused: the limit is one to the runtime,
// not to those who sign in.
func TestRoom_LetsInWhatNeverFits(t *testing.T) {
	t.Parallel()
	h := &heap{used: 90}
	take := argon.NewRoom(100, h.look, h.collect).Take

	take(40)
	take(40)

	require.Equal(t, uint64(2), h.cycles)
}
