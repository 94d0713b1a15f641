package mongo

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/app/port"
)

const (
	firstPause = 100 * time.Millisecond
	mostPause  = 5 * time.Second
)

// prepare makes what is declared, as often as it takes to reach a server. An
// index is about speed alone, and on much data it takes long: the database is
// ready as soon as it is known which are missing.
func (db *DB) prepare(ctx context.Context) {
	known := false
	for pause := firstPause; ; pause = min(2*pause, mostPause) {
		absent, err := db.missing(ctx)
		if err == nil && !known {
			known = true
			close(db.prepared)
		}
		for _, m := range absent {
			err = errors.Join(err, db.makeIndexes(ctx, m.table, m.indexes))
		}
		if err == nil || ctx.Err() != nil {
			return
		}
		db.report(err)
		if !wait(ctx, pause) {
			return
		}
	}
}

// lack is indexes that a collection has not got. All of them are partial or
// none is: a stand-in that knows no partial ones refuses a command that has any.
type lack struct {
	table   string
	indexes []index
}

// missing compares by name. What a server has otherwise is left alone: Drift
// tells.
func (db *DB) missing(ctx context.Context) ([]lack, error) {
	var out []lack
	for _, t := range tables {
		if len(t.indexes) == 0 {
			continue
		}
		have, err := db.stored(ctx, t)
		if err != nil {
			return nil, err
		}
		var whole, some []index
		for _, i := range t.indexes {
			switch {
			case slices.ContainsFunc(have, func(s stored) bool { return s.Name == i.name() }):
			case i.some == "":
				whole = append(whole, i)
			default:
				some = append(some, i)
			}
		}
		for _, indexes := range [][]index{whole, some} {
			if len(indexes) > 0 {
				out = append(out, lack{t.name, indexes})
			}
		}
	}
	return out, nil
}

// Codes of the server about one index that keep nobody from going on.
const (
	codeNotImplemented   = 238
	codeOptionsConflict  = 85
	codeKeySpecsConflict = 86
)

// buildWithin bounds the making of indexes. The time of a step would end it
// halfway, again and again.
const buildWithin = 6 * time.Hour

// makeIndexes makes several in one command, or one by one when the server has
// one of them otherwise. What a server lacks is reported and left alone.
func (db *DB) makeIndexes(ctx context.Context, name string, indexes []index) error {
	models := make([]mongo.IndexModel, len(indexes))
	for n, i := range indexes {
		o := options.Index().SetName(i.name())
		if i.some != "" {
			o.SetPartialFilterExpression(i.partial())
		}
		models[n] = mongo.IndexModel{Keys: i.keys(), Options: o}
	}
	building, cancel := context.WithTimeout(ctx, buildWithin)
	defer cancel()
	_, err := db.db.Collection(name).Indexes().CreateMany(building, models)
	var refusal mongo.ServerError
	if !errors.As(err, &refusal) || !tolerable(refusal) {
		return finish("make indexes of "+name, err)
	}
	err = nil
	if len(indexes) == 1 || refusal.HasErrorCode(codeNotImplemented) {
		for _, i := range indexes {
			db.report(fmt.Errorf("index %s of %s is not made: %w", i.name(), name, refusal))
		}
		return nil
	}
	for _, i := range indexes {
		err = errors.Join(err, db.makeIndexes(ctx, name, []index{i}))
	}
	return err
}

func tolerable(se mongo.ServerError) bool {
	return slices.ContainsFunc([]int{codeNotImplemented, codeOptionsConflict, codeKeySpecsConflict}, se.HasErrorCode)
}

// Drift compares the indexes of the server with those declared, one line for
// each that is missing, different or unknown.
func (db *DB) Drift(ctx context.Context) ([]string, error) {
	var out []string
	for _, t := range tables {
		have, err := db.stored(ctx, t)
		if err != nil {
			return nil, err
		}
		out = append(out, t.drift(have)...)
	}
	return out, nil
}

// stored returns the indexes that a collection has.
func (db *DB) stored(ctx context.Context, t table) (have []stored, err error) {
	err = db.do(ctx, "list indexes", func(ctx context.Context) (err error) {
		have, err = db.indexes(ctx, t.name)
		return err
	})
	return have, err
}

// stored is an index as the server tells of it.
type stored struct {
	Name    string   `bson:"name"`
	Key     bson.Raw `bson:"key"`
	Partial bson.Raw `bson:"partialFilterExpression"`
}

func (db *DB) indexes(ctx context.Context, name string) (out []stored, err error) {
	cur, err := db.db.Collection(name).Indexes().List(ctx)
	var se mongo.ServerError
	if errors.As(err, &se) && se.HasErrorCode(codeNamespaceNotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	err = cur.All(ctx, &out)
	return out, err
}

const codeNamespaceNotFound = 26

func (t table) drift(have []stored) []string {
	var out []string
	known := map[string]bool{"_id_": true}
	for _, i := range t.indexes {
		known[i.name()] = true
		at := slices.IndexFunc(have, func(s stored) bool { return s.Name == i.name() })
		switch {
		case at < 0:
			out = append(out, fmt.Sprintf("%s: index %s is missing", t.name, i.name()))
		case !i.like(have[at]):
			out = append(out, fmt.Sprintf("%s: index %s is not as declared", t.name, i.name()))
		}
	}
	for _, s := range have {
		if !known[s.Name] && s.Name != shardIndex.name() && !hashed(s.Key) {
			out = append(out, fmt.Sprintf("%s: index %s is not declared", t.name, s.Name))
		}
	}
	return out
}

// like compares fields and their order, and what the index leaves out.
func (i index) like(s stored) bool {
	elements, err := s.Key.Elements()
	if err != nil {
		return false
	}
	fields := make([]string, len(elements))
	for n, e := range elements {
		fields[n] = e.Key()
	}
	some := ""
	if es, err := s.Partial.Elements(); err == nil && len(es) > 0 {
		some = es[0].Key()
	}
	return strings.Join(fields, ",") == strings.Join(i.fields, ",") && some == i.some
}

// Health implements port.Health.
type Health struct{ db *DB }

var _ port.Health = (*Health)(nil)

// NewHealth returns the health of db.
func NewHealth(db *DB) *Health { return &Health{db: db} }

var errUnprepared = errors.New("mongo: indexes are not looked at yet")

// Ping implements port.Health. It fails until the indexes were looked at.
func (h *Health) Ping(ctx context.Context) error {
	return h.db.do(ctx, "ping", func(ctx context.Context) error {
		if err := h.db.client.Ping(ctx, nil); err != nil {
			return err
		}
		select {
		case <-h.db.prepared:
			return nil
		case <-ctx.Done():
			return errUnprepared
		}
	})
}
