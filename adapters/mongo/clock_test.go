package mongo_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mongo"
	"ostiary/test/fake"
	"ostiary/test/mongod"
)

func TestClock_TellsTheTimeOfTheServer(t *testing.T) {
	t.Parallel()
	address := mongod.Database(t)
	var told []time.Time
	for _, lead := range []time.Duration{-30 * time.Second, 30 * time.Second} {
		own := &fake.Clock{}
		own.Advance(lead)
		clock := mongo.NewClock(own)
		require.Equal(t, own.Now(), clock.Now(), "before anything was heard")
		o := options(t)
		o.Clock = clock
		db, err := mongo.Open(t.Context(), address, o)
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, db.Close()) })

		_, err = mongo.NewChanges(db).Latest(t.Context())

		require.NoError(t, err)
		told = append(told, clock.Now())
	}
	// The fake clocks stand still between asking and answering, so what is left
	// is the time that passed between the two processes' asking.
	require.WithinDuration(t, told[0], told[1], 20*time.Second)
}
