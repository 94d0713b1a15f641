package main

import (
	"context"
	"crypto/rand"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"
	"go.mongodb.org/mongo-driver/mongo/writeconcern"
	"go.mongodb.org/mongo-driver/x/mongo/driver/connstring"

	"ostiary/test/load"
	"ostiary/test/mongod"
	"ostiary/test/program"
)

// onMongo measures reads and refreshes on MongoDB, the latter beside what the
// same server does of the same two commands when nobody judges anything between
// them. Where a stand-in takes MongoDB's place the ratio is all that is worth
// reading.
func onMongo(s *scene, p plan, out *sheet) {
	d := program.DeployOn(s, program.OnMongoDB, append([]string{"OSTIARY_LIMITS=off"}, p.env...)...)
	d.LogTail = 16 << 10
	d.Start()
	u := ourSubject(p.target(d), loginOf(contacts(s, d, wide)))
	access, _ := u.signIn(s, 0)
	tokens := make([]string, wide)
	for i := range tokens {
		_, tokens[i] = u.signIn(s, i)
	}
	me, refresh, raw := u.repeated(s, wide, 200, u.reads[len(u.reads)-1].ask(access)), u.refreshing(s, tokens), trade(s)
	for range p.rounds {
		u.closed(s, out, loop{"MongoDB /me", me, p.lasts})
		s.must(load.Closed(s.ctx, raw, warming(p.lasts)).Err())
		limit := load.Closed(s.ctx, raw, p.lasts)
		s.must(limit.Err())
		out.note("MongoDB raw find and update", "/s", limit.Rate())
		run := u.closed(s, out, loop{"MongoDB refresh", refresh, p.lasts})
		out.note("MongoDB refresh ÷ raw", "", run.Rate()/limit.Rate())
	}
}

// trade finds a document by its id and changes it if it is still what was
// found, as durably as the program writes: what a refresh asks for.
func trade(s *scene) []load.Op {
	uri, journal := mongod.Database(s), true
	parsed, err := connstring.Parse(uri)
	s.must(err)
	client, err := mongo.Connect(s.ctx, options.Client().ApplyURI(uri).SetMaxPoolSize(wide).
		SetWriteConcern(&writeconcern.WriteConcern{W: "majority", Journal: &journal}))
	s.must(err)
	s.Cleanup(func() {
		ctx, cancel := context.WithTimeout(context.Background(), 10*time.Second)
		defer cancel()
		_ = client.Disconnect(ctx)
	})
	docs := client.Database(parsed.Database).Collection("sessions")
	filler := make([]byte, 400)
	_, _ = rand.Read(filler)
	ops := make([]load.Op, wide)
	for i := range ops {
		_, err := docs.InsertOne(s.ctx, bson.D{{Key: "_id", Value: i}, {Key: "v", Value: int64(0)}, {Key: "rest", Value: filler}})
		s.must(err)
		ops[i] = func(ctx context.Context) error {
			var found struct{ V int64 }
			if err := docs.FindOne(ctx, bson.D{{Key: "_id", Value: i}}).Decode(&found); err != nil {
				return err
			}
			_, err := docs.UpdateOne(ctx, bson.D{{Key: "_id", Value: i}, {Key: "v", Value: found.V}},
				bson.D{{Key: "$set", Value: bson.D{{Key: "v", Value: found.V + 1}, {Key: "rest", Value: filler}}}})
			return err
		}
	}
	return ops
}
