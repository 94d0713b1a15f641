package sqlite

import (
	"context"

	"ostiary/domain/tenant"
)

// Exported for the tests of what no port shows.
type (
	Tx = tx
	Rx = rx
)

// TenantTables lists the tables that the fence knows as tenant data.
func TenantTables() []string {
	var out []string
	for _, o := range owned {
		out = append(out, o.table)
	}
	return out
}

func Exec(x *Tx, t tenant.ID, query string, args ...any) error {
	_, err := x.exec(t, query, args...)
	return err
}

func ExecShared(x *Tx, query string, args ...any) error {
	_, err := x.execShared(query, args...)
	return err
}

func Query(x Rx, t tenant.ID, query string, args ...any) error {
	_, err := x.has(t, query, args...)
	return err
}

func QueryShared(x Rx, query string, args ...any) error {
	_, err := x.exists(query, args...)
	return err
}

// Texts reads the first column of a shared query.
func (db *DB) Texts(ctx context.Context, query string, args ...any) (out []string, err error) {
	err = db.read(ctx, "read", func(x rx) error {
		return x.allShared(query, func(r *row) { out = append(out, r.text()) }, args...)
	})
	return out, err
}

// WriterTexts is Texts on the connection that writes.
func (db *DB) WriterTexts(ctx context.Context, query string) (out []string, err error) {
	err = db.write(ctx, "read", func(x *tx) error {
		return x.allShared(query, func(r *row) { out = append(out, r.text()) })
	})
	return out, err
}

// DeferForeignKeys makes dangling references fail the commit only.
func DeferForeignKeys(x *Tx) error {
	_, err := x.c.run(control, "PRAGMA defer_foreign_keys = 1", nil)
	return err
}

func (db *DB) Write(ctx context.Context, fn func(*Tx) error) error { return db.write(ctx, "write", fn) }

func (db *DB) Read(ctx context.Context, fn func(Rx) error) error { return db.read(ctx, "read", fn) }

// Hold keeps the writer busy until release is called. Writes queue up
// meanwhile.
func (db *DB) Hold() (release func()) {
	held, free, done := make(chan struct{}), make(chan struct{}), make(chan struct{})
	go func() {
		defer close(done)
		_ = db.Write(context.Background(), func(*Tx) error {
			close(held)
			<-free
			return nil
		})
	}()
	<-held
	return func() {
		close(free)
		<-done
	}
}

// Together commits the writes as one group and returns how each ended.
func (db *DB) Together(fns ...func(*Tx) error) []error {
	release := db.Hold()
	tasks := make([]*task, len(fns))
	for i, fn := range fns {
		tasks[i] = &task{fn: fn, done: make(chan struct{})}
		db.writer.queue <- tasks[i]
	}
	release()
	errs := make([]error, len(fns))
	for i, t := range tasks {
		<-t.done
		errs[i] = finish("write", t.err)
	}
	return errs
}
