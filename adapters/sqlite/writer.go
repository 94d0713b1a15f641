package sqlite

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"

	"ostiary/app/port"
	"ostiary/domain/tenant"
)

// tx is rx within a write.
type tx struct {
	rx
	changes []port.Announcement
}

// exec writes one tenant's data and says how many rows it touched.
func (x *tx) exec(t tenant.ID, query string, args ...any) (int64, error) {
	b := t.Bytes()
	return x.c.run(ofTenant, query, x.c.bind(b[:], args))
}

// execShared writes what belongs to no tenant.
func (x *tx) execShared(query string, args ...any) (int64, error) {
	return x.c.run(shared, query, x.c.bind(nil, args))
}

// task is one write in the queue. Whoever moves state away from waiting
// decides: the writer takes it, or the caller who stopped waiting drops it.
type task struct {
	fn       func(*tx) error
	state    atomic.Int32
	done     chan struct{}
	changes  []port.Announcement
	err      error
	panicked any
}

const (
	waiting int32 = iota
	taken
	dropped
)

func (t *task) take() bool { return t.state.CompareAndSwap(waiting, taken) }
func (t *task) drop() bool { return t.state.CompareAndSwap(waiting, dropped) }

// writer owns the only connection that writes. It commits many writes at
// once: those that queue up while one commit waits for the disk share the next.
type writer struct {
	c       *conn
	most    int
	queue   chan *task
	quit    chan struct{}
	stopped chan struct{}
	once    sync.Once
	failed  error
}

func startWriter(c *conn, most int) *writer {
	w := &writer{c: c, most: most, queue: make(chan *task, most), quit: make(chan struct{}), stopped: make(chan struct{})}
	go w.loop()
	return w
}

func (w *writer) close() error {
	w.once.Do(func() {
		close(w.quit)
		<-w.stopped
		w.failed = w.c.close()
	})
	return w.failed
}

func (w *writer) loop() {
	finished := false
	defer func() {
		if finished {
			close(w.stopped)
			return
		}
		go w.loop() // a write ended the goroutine (runtime.Goexit)
	}()
	for {
		select {
		case t := <-w.queue:
			w.commit(w.collect(t))
		case <-w.quit:
			for {
				select {
				case t := <-w.queue:
					w.commit(w.collect(t))
				default:
					finished = true
					return
				}
			}
		}
	}
}

func (w *writer) collect(t *task) []*task {
	group := []*task{t}
	for len(group) < w.most {
		select {
		case t := <-w.queue:
			group = append(group, t)
		default:
			return group
		}
	}
	return group
}

// commit runs a group in one transaction and answers all of it afterwards. A
// write that fails takes only itself back. When the transaction cannot be
// committed everybody hears of it, the refused too: they may have been refused
// for what another one wrote.
func (w *writer) commit(group []*task) {
	err := errAbandoned
	defer func() {
		if err != nil {
			_, _ = w.c.run(control, "ROLLBACK", nil) // SQLite may have done it already
		}
		for _, t := range group {
			if err != nil {
				t.err, t.changes = err, nil
			}
			close(t.done)
		}
	}()
	if _, err = w.c.run(control, "BEGIN IMMEDIATE", nil); err != nil {
		return
	}
	err = errAbandoned
	for _, t := range group {
		if !t.take() {
			continue
		}
		if t.err = w.attempt(t); undone(t.err) {
			err = t.err
			return
		}
	}
	_, err = w.c.run(control, "COMMIT", nil)
}

func (w *writer) attempt(t *task) error {
	if _, err := w.c.run(control, "SAVEPOINT one", nil); err != nil {
		return err
	}
	x := &tx{rx: rx{c: w.c}}
	refusal := call(t, x)
	if undone(refusal) {
		return refusal
	}
	if refusal != nil || t.panicked != nil {
		if _, err := w.c.run(control, "ROLLBACK TO one", nil); err != nil {
			return err
		}
	}
	if _, err := w.c.run(control, "RELEASE one", nil); err != nil {
		return err
	}
	if refusal == nil {
		t.changes = x.changes
	}
	return refusal
}

// call keeps a panic for the caller's goroutine.
func call(t *task, x *tx) error {
	defer func() { t.panicked = recover() }()
	return t.fn(x)
}

// do queues fn and waits for its commit. A caller that stops waiting gets an
// error only when fn will not run; otherwise the answer says what happened.
func (w *writer) do(ctx context.Context, fn func(*tx) error) ([]port.Announcement, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	t := &task{fn: fn, done: make(chan struct{})}
	select {
	case <-w.quit:
		return nil, errClosed
	default:
	}
	select {
	case w.queue <- t:
	case <-ctx.Done():
		return nil, ctx.Err()
	case <-w.quit:
		return nil, errClosed
	}
	if err := t.wait(ctx, w.stopped); err != nil {
		return nil, err
	}
	if t.panicked != nil {
		panic(t.panicked)
	}
	return t.changes, t.err
}

func (t *task) wait(ctx context.Context, stopped <-chan struct{}) error {
	var err error
	select {
	case <-t.done:
		return nil
	case <-ctx.Done():
		err = ctx.Err()
	case <-stopped:
		err = errClosed
	}
	if t.drop() {
		return err
	}
	<-t.done
	return nil
}

// write runs fn in the next commit. fn may run together with others and sees
// what those before it wrote. When it returns an error nothing of it is
// stored.
func (db *DB) write(ctx context.Context, what string, fn func(*tx) error) error {
	changes, err := db.writer.do(ctx, fn)
	if err != nil {
		return finish(what, err)
	}
	for i := range changes {
		changes[i].Settled = true
	}
	db.tell(changes)
	return nil
}

// tell calls those who listen, on the goroutine of the caller who wrote: they
// may use the store.
func (db *DB) tell(changes []port.Announcement) {
	if len(changes) == 0 {
		return
	}
	db.mu.RLock()
	listen := slices.Clone(db.listen)
	db.mu.RUnlock()
	for _, hear := range listen {
		hear(slices.Clone(changes))
	}
}

// wrote returns missing when a write touched nothing.
func wrote(n int64, err, missing error) error {
	if err == nil && n == 0 {
		return missing
	}
	return err
}
