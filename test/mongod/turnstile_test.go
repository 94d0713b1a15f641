package mongod_test

import (
	"context"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/x/mongo/driver/connstring"

	"ostiary/test/mongod"
)

// patience bounds every wait for the server.
const patience = 30 * time.Second

func TestUpdates_AreAtomicBetweenConnections(t *testing.T) {
	t.Parallel()
	t.Logf("runs on: %s", mongod.Kind(t))
	uri := mongod.Database(t)
	clients := []*mongo.Database{connect(t, uri), connect(t, uri), connect(t, uri)}

	require.EqualValues(t, 200, countIncrements(t, clients))
	require.Equal(t, 1, countWinners(t, clients))
}

// TestBulkWrites_OfAnyLengthEnd sends more updates at once than FerretDB can
// carry out in one command.
func TestBulkWrites_OfAnyLengthEnd(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	models := make([]mongo.WriteModel, parallel)
	for i := range models {
		models[i] = mongo.NewReplaceOneModel().SetFilter(bson.D{{Key: "_id", Value: i}}).SetReplacement(bson.D{{Key: "n", Value: i}}).SetUpsert(true)
	}

	r, err := connect(t, mongod.Database(t)).Collection("n").BulkWrite(ctx, models, options.BulkWrite().SetOrdered(false))

	require.NoError(t, err)
	require.EqualValues(t, parallel, r.UpsertedCount)
}

const parallel = 200

// countIncrements returns what is left of parallel increments of one document.
func countIncrements(t *testing.T, clients []*mongo.Database) int64 {
	t.Helper()
	_, err := clients[0].Collection("n").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "n"}, {Key: "v", Value: int64(0)}})
	require.NoError(t, err)
	errs := everywhere(clients, func(db *mongo.Database, i int) error {
		increment := bson.D{{Key: "$inc", Value: bson.D{{Key: "v", Value: int64(1)}}}}
		if i%2 == 0 {
			return db.Collection("n").FindOneAndUpdate(t.Context(), bson.D{{Key: "_id", Value: "n"}}, increment).Err()
		}
		_, err := db.Collection("n").UpdateOne(t.Context(), bson.D{{Key: "_id", Value: "n"}}, increment)
		return err
	})
	for _, err := range errs {
		require.NoError(t, err)
	}
	var n struct{ V int64 }
	require.NoError(t, clients[0].Collection("n").FindOne(t.Context(), bson.D{{Key: "_id", Value: "n"}}).Decode(&n))
	return n.V
}

// countWinners lets many spend one document.
func countWinners(t *testing.T, clients []*mongo.Database) (winners int) {
	t.Helper()
	_, err := clients[0].Collection("links").InsertOne(t.Context(), bson.D{{Key: "_id", Value: "l"}, {Key: "spent", Value: false}})
	require.NoError(t, err)
	for _, err := range everywhere(clients, func(db *mongo.Database, _ int) error {
		return db.Collection("links").FindOneAndUpdate(t.Context(),
			bson.D{{Key: "_id", Value: "l"}, {Key: "spent", Value: false}},
			bson.D{{Key: "$set", Value: bson.D{{Key: "spent", Value: true}}}}).Err()
	}) {
		if err == nil {
			winners++
			continue
		}
		require.ErrorIs(t, err, mongo.ErrNoDocuments)
	}
	return winners
}

func everywhere(clients []*mongo.Database, do func(*mongo.Database, int) error) []error {
	errs := make([]error, parallel)
	var all sync.WaitGroup
	for i := range parallel {
		all.Go(func() { errs[i] = do(clients[i%len(clients)], i) })
	}
	all.Wait()
	return errs
}

func connect(t testing.TB, uri string) *mongo.Database {
	t.Helper()
	parsed, err := connstring.ParseAndValidate(uri)
	require.NoError(t, err)
	client, err := mongo.Connect(t.Context(), options.Client().ApplyURI(uri).SetServerSelectionTimeout(patience))
	require.NoError(t, err)
	t.Cleanup(func() { _ = client.Disconnect(context.Background()) })
	return client.Database(parsed.Database)
}
