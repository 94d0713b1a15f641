package mongod_test

import (
	"context"
	"errors"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/x/mongo/driver/connstring"

	"ostiary/test/mongod"
)

func TestFaultProxy_Passes(t *testing.T) {
	t.Parallel()
	_, far, _ := proxied(t)

	require.NoError(t, insert(t.Context(), far, 1))
	require.EqualValues(t, 1, count(t, far))
}

func TestFaultProxy_CutsAndRecovers(t *testing.T) {
	t.Parallel()
	p, far, near := proxied(t)
	require.NoError(t, insert(t.Context(), far, 1))

	p.Cut()
	require.Error(t, insert(short(t), far, 2))
	require.EqualValues(t, 1, count(t, near))
	require.True(t, resets(t, p))

	p.Pass()
	require.NoError(t, insert(t.Context(), far, 3))
	require.EqualValues(t, 2, count(t, near))
}

func TestFaultProxy_DelaysBothDirections(t *testing.T) {
	t.Parallel()
	p, far, _ := proxied(t)
	require.NoError(t, insert(t.Context(), far, 1))
	const d = 150 * time.Millisecond

	p.Delay(d)
	from := time.Now()
	require.NoError(t, insert(t.Context(), far, 2))

	// Never sooner; how much later is the machine's affair.
	require.GreaterOrEqual(t, time.Since(from), 2*d)
}

func TestFaultProxy_SwallowsAndRecovers(t *testing.T) {
	t.Parallel()
	p, far, near := proxied(t)
	require.NoError(t, insert(t.Context(), far, 1))

	p.Blackhole()
	require.ErrorIs(t, insert(short(t), far, 2), context.DeadlineExceeded)
	require.EqualValues(t, 1, count(t, near))

	p.Pass()
	require.NoError(t, insert(t.Context(), far, 3))
	require.EqualValues(t, 2, count(t, near))
}

func TestFaultProxy_LosesTheAnswerAndNotTheWrite(t *testing.T) {
	t.Parallel()
	p, far, near := proxied(t)
	require.NoError(t, insert(t.Context(), far, 1))

	// Twice, since a replica set lets the driver ask again.
	p.LoseAnswers(2, "insert")
	require.EqualValues(t, 1, count(t, far), "another command has its answer")
	err := insert(t.Context(), far, 2)

	require.Error(t, err)
	require.True(t, mongo.IsNetworkError(err), "%v", err)
	require.EqualValues(t, 2, count(t, near))
	require.Positive(t, p.Lost())
	p.Pass()
	require.NoError(t, insert(t.Context(), far, 3))
}

func TestFaultProxy_LosesAsManyAnswersAsAskedFor(t *testing.T) {
	t.Parallel()
	p, far, _ := proxied(t)
	require.NoError(t, insert(t.Context(), far, 1))

	p.LoseAnswers(1, "ping")
	require.Error(t, far.RunCommand(t.Context(), bson.D{{Key: "ping", Value: 1}}).Err())
	require.NoError(t, far.RunCommand(t.Context(), bson.D{{Key: "ping", Value: 1}}).Err())
	require.Equal(t, 1, p.Lost())
}

// proxied returns the same empty database through the proxy and beside it.
func proxied(t *testing.T) (p *mongod.FaultProxy, far, near *mongo.Database) {
	t.Helper()
	uri := mongod.Database(t)
	p = mongod.NewFaultProxy(t, uri)
	return p, connect(t, p.URI()), connect(t, uri)
}

func insert(ctx context.Context, db *mongo.Database, id int) error {
	_, err := db.Collection("c").InsertOne(ctx, bson.D{{Key: "_id", Value: id}})
	return err
}

func count(t *testing.T, db *mongo.Database) int64 {
	t.Helper()
	n, err := db.Collection("c").CountDocuments(t.Context(), bson.D{})
	require.NoError(t, err)
	return n
}

// short is for a call that gets no answer, however long it waits.
func short(t *testing.T) context.Context {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 200*time.Millisecond)
	t.Cleanup(cancel)
	return ctx
}

// resets reports whether a new connection ends without a word.
func resets(t *testing.T, p *mongod.FaultProxy) bool {
	t.Helper()
	parsed, err := connstring.ParseAndValidate(p.URI())
	require.NoError(t, err)
	conn, err := net.DialTimeout("tcp", parsed.Hosts[0], patience)
	if err != nil {
		return true
	}
	defer func() { _ = conn.Close() }()
	require.NoError(t, conn.SetReadDeadline(time.Now().Add(patience)))
	_, err = conn.Read(make([]byte, 1))
	var timeout net.Error
	return err != nil && (!errors.As(err, &timeout) || !timeout.Timeout())
}
