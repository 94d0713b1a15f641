package e2e_test

import (
	"path/filepath"
	"testing"

	"ostiary/test/mongod"
)

// masterKey is what deployments on MongoDB bring along: no file beside the
// database could hold theirs.
const masterKey = "4uOhjqY0X2bU1sVhJ7c5b0m3m8xk3n1yQ6bHq0mJtZc="

// engine is where a deployment keeps its data: storage returns the settings
// that name a store of its own, empty at first.
type engine struct {
	name    string
	storage func(*deployment) []string
}

var (
	onSQLite = engine{"SQLite", func(d *deployment) []string {
		return []string{"OSTIARY_STORAGE=sqlite:" + filepath.Join(d.dir, "ostiary.db")}
	}}
	onMongoDB = engine{"MongoDB", func(d *deployment) []string {
		d.t.Log(mongod.Kind(d.t))
		return mongoAt(mongod.Database(d.t))
	}}
)

func mongoAt(uri string) []string {
	return []string{"OSTIARY_STORAGE=" + uri, "OSTIARY_MASTER_KEY=" + masterKey}
}

// onEach runs a test on both engines.
func onEach(t *testing.T, test func(*testing.T, engine)) {
	t.Parallel()
	for _, e := range []engine{onSQLite, onMongoDB} {
		t.Run(e.name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}
