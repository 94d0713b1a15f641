package program

import (
	"path/filepath"
	"testing"

	"ostiary/test/mongod"
)

// MasterKey is what deployments on MongoDB bring along: no file beside the
// database could hold theirs.
const MasterKey = "4uOhjqY0X2bU1sVhJ7c5b0m3m8xk3n1yQ6bHq0mJtZc="

// Engine is where a deployment keeps its data: Storage returns the settings
// that name a store of its own, empty at first.
type Engine struct {
	Name    string
	Storage func(*Deployment) []string
	// Tests is how many may share one store: what takes MongoDB's place looks at
	// every document for every command, and slows down with each test's. 0 is
	// any number.
	Tests int
}

// The engines that ship.
var (
	OnSQLite = Engine{Name: "SQLite", Storage: func(d *Deployment) []string {
		return []string{"OSTIARY_STORAGE=sqlite:" + filepath.Join(d.Dir, "ostiary.db")}
	}}
	OnMongoDB = Engine{Name: "MongoDB", Tests: 5, Storage: func(d *Deployment) []string {
		d.T.Log(mongod.Kind(d.T))
		return MongoAt(mongod.Database(d.T))
	}}
)

// MongoAt names a database by its address.
func MongoAt(uri string) []string {
	return []string{"OSTIARY_STORAGE=" + uri, "OSTIARY_MASTER_KEY=" + MasterKey}
}

// OnEach runs a test on both engines.
func OnEach(t *testing.T, test func(*testing.T, Engine)) {
	t.Parallel()
	for _, e := range []Engine{OnSQLite, OnMongoDB} {
		t.Run(e.Name, func(t *testing.T) {
			t.Parallel()
			test(t, e)
		})
	}
}

// Cheap is for tests that are not about passwords or limits.
var Cheap = []string{"OSTIARY_LIMITS=off", "OSTIARY_ARGON2_MEMORY_KIB=1024", "OSTIARY_ARGON2_ITERATIONS=1"}
