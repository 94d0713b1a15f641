package main

import (
	"context"
	"errors"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/readconcern"
	"go.mongodb.org/mongo-driver/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/x/mongo/driver/connstring"

	"ostiary/test/load"
	"ostiary/test/mongod"
	"ostiary/test/program"
)

// onMongo measures reads and refreshes on MongoDB, the latter beside what the
// same server does of the same commands on the same documents when nobody
// judges anything between them. Where a stand-in takes MongoDB's place the
// ratio is all that is worth reading.
func onMongo(s *scene, p plan, out *sheet) {
	uri := mongod.Database(s)
	at := program.Engine{Name: program.OnMongoDB.Name, Storage: func(*program.Deployment) []string { return program.MongoAt(uri) }}
	d := program.DeployOn(s, at, append([]string{"OSTIARY_LIMITS=off"}, p.env...)...)
	d.LogTail = 16 << 10
	d.Start()
	u := ourSubject(p.target(d), loginOf(contacts(s, d, wide)))
	access, _ := u.signIn(s, 0)
	tokens := make([]string, wide)
	for i := range tokens {
		_, tokens[i] = u.signIn(s, i)
	}
	me, refresh := u.repeated(s, wide, 200, u.reads[len(u.reads)-1].ask(access)), u.refreshing(s, tokens)
	raw := trade(s, sessionsIn(s, uri))
	for range p.rounds {
		u.closed(s, out, loop{"MongoDB /me", me, p.lasts})
		s.must(load.Closed(s.ctx, raw, warming(p.lasts)).Err())
		limit := load.Closed(s.ctx, raw, p.lasts)
		s.must(limit.Err())
		out.note("MongoDB raw find and replace", "/s", limit.Rate())
		run := u.closed(s, out, loop{"MongoDB refresh", refresh, p.lasts})
		out.note("MongoDB refresh ÷ raw", "", run.Rate()/limit.Rate())
	}
}

// sessionsIn is a copy of the sessions in a database, with their indexes, in
// another that the program knows nothing of.
func sessionsIn(s *scene, uri string) *mongo.Collection {
	from, to := sessionsAt(s, uri), sessionsAt(s, mongod.Database(s))
	specs, err := from.Indexes().ListSpecifications(s.ctx)
	s.must(err)
	for _, spec := range specs {
		if spec.Name == "_id_" {
			continue
		}
		_, err := to.Indexes().CreateOne(s.ctx, mongo.IndexModel{Keys: spec.KeysDocument})
		s.must(err)
	}
	cursor, err := from.Find(s.ctx, bson.D{})
	s.must(err)
	var docs []any
	s.must(cursor.All(s.ctx, &docs))
	_, err = to.InsertMany(s.ctx, docs)
	s.must(err)
	return to
}

// sessionsAt is read and written to with the program's concerns.
func sessionsAt(s *scene, uri string) *mongo.Collection {
	journal := true
	parsed, err := connstring.Parse(uri)
	s.must(err)
	client, err := mongo.Connect(s.ctx, options.Client().ApplyURI(uri).SetMaxPoolSize(wide).
		SetReadConcern(readconcern.Majority()).SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journal}))
	s.must(err)
	s.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = client.Disconnect(ctx)
	})
	return client.Database(parsed.Database).Collection("sessions")
}

// trade finds one session each and replaces it if it is still what was found:
// what a refresh asks for.
func trade(s *scene, sessions *mongo.Collection) []load.Op {
	cursor, err := sessions.Find(s.ctx, bson.D{}, options.Find().SetLimit(wide))
	s.must(err)
	var keys []struct {
		T  primitive.Binary `bson:"t"`
		ID primitive.Binary `bson:"_id"`
	}
	s.must(cursor.All(s.ctx, &keys))
	ops := make([]load.Op, len(keys))
	for i, k := range keys {
		key := bson.D{{Key: "t", Value: k.T}, {Key: "_id", Value: k.ID}}
		alive := append(key[:2:2], bson.E{Key: "user", Value: bson.D{{Key: "$exists", Value: true}}})
		ops[i] = func(ctx context.Context) error {
			var found bson.D
			if err := sessions.FindOne(ctx, alive).Decode(&found); err != nil {
				return err //nolint:wrapcheck // is counted, not read
			}
			next, at := raised(found)
			done, err := sessions.ReplaceOne(ctx, append(key[:2:2], bson.E{Key: "rev", Value: at}), next)
			if err == nil && done.MatchedCount != 1 {
				err = errors.New("nothing was replaced")
			}
			return err //nolint:wrapcheck // is counted, not read
		}
	}
	return ops
}

// raised is a document with its next revision, and its present one.
func raised(d bson.D) (next bson.D, at int64) {
	for i := range d {
		if d[i].Key == "rev" {
			at, _ = d[i].Value.(int64)
			d[i].Value = at + 1
		}
	}
	return d, at
}
