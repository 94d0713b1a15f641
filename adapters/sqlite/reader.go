package sqlite

import (
	"context"
	"errors"
	"sync"

	"ostiary/domain/tenant"
)

// pool lends reading connections, the most recently used first, so that a
// quiet service keeps few of them open.
type pool struct {
	open  func() (*conn, error)
	slots chan struct{}

	mu     sync.Mutex
	idle   []*conn
	closed bool
}

func newPool(size int, open func() (*conn, error)) *pool {
	return &pool{open: open, slots: make(chan struct{}, size)}
}

func (p *pool) take(ctx context.Context) (*conn, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	select {
	case p.slots <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	c, err := p.pop()
	if err == nil && c == nil {
		c, err = p.open()
	}
	if err != nil {
		<-p.slots
	}
	return c, err
}

func (p *pool) pop() (*conn, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errClosed
	}
	n := len(p.idle)
	if n == 0 {
		return nil, nil
	}
	c := p.idle[n-1]
	p.idle = p.idle[:n-1]
	return c, nil
}

func (p *pool) give(c *conn) {
	p.mu.Lock()
	p.idle = append(p.idle, c)
	p.mu.Unlock()
	<-p.slots
}

// close waits for the connections that are lent out.
func (p *pool) close() error {
	p.mu.Lock()
	already := p.closed
	p.closed = true
	p.mu.Unlock()
	if already {
		return nil
	}
	for range cap(p.slots) {
		p.slots <- struct{}{}
	}
	defer func() {
		for range cap(p.slots) {
			<-p.slots // later callers learn that the pool is closed
		}
	}()
	var errs []error
	for _, c := range p.idle {
		errs = append(errs, c.close())
	}
	p.idle = nil
	return errors.Join(errs...)
}

// rx reads. Statements about tenant data take the tenant as an argument of its
// own, bound as ?1; further arguments follow as ?2 and so on.
type rx struct{ c *conn }

// one scans the first row and reports whether there was any.
func (x rx) one(t tenant.ID, query string, scan func(*row), args ...any) (bool, error) {
	b := t.Bytes()
	return x.c.first(ofTenant, query, scan, x.c.bind(b[:], args))
}

func (x rx) all(t tenant.ID, query string, scan func(*row), args ...any) error {
	b := t.Bytes()
	return x.c.each(ofTenant, query, func(r *row) bool { scan(r); return true }, x.c.bind(b[:], args))
}

// oneShared and allShared read what belongs to no tenant.
func (x rx) oneShared(query string, scan func(*row), args ...any) (bool, error) {
	return x.c.first(shared, query, scan, x.c.bind(nil, args))
}

func (x rx) allShared(query string, scan func(*row), args ...any) error {
	return x.c.each(shared, query, func(r *row) bool { scan(r); return true }, x.c.bind(nil, args))
}

// read lends a connection for statements of which each sees the latest state.
func (db *DB) read(ctx context.Context, what string, fn func(rx) error) error {
	c, err := db.readers.take(ctx)
	if err != nil {
		return finish(what, err)
	}
	defer db.readers.give(c)
	return finish(what, fn(rx{c: c}))
}

// snapshot is read for statements that must see one and the same state.
func (db *DB) snapshot(ctx context.Context, what string, fn func(rx) error) error {
	return db.read(ctx, what, func(x rx) (err error) {
		if _, err := x.c.run(control, "BEGIN", nil); err != nil {
			return err
		}
		defer func() {
			_, end := x.c.run(control, "ROLLBACK", nil)
			err = errors.Join(err, end)
		}()
		return fn(x)
	})
}

// exists reports whether a shared query finds anything.
func (x rx) exists(query string, args ...any) (bool, error) {
	return x.oneShared(query, func(*row) {}, args...)
}

// has reports whether a query about a tenant's data finds anything.
func (x rx) has(t tenant.ID, query string, args ...any) (bool, error) {
	return x.one(t, query, func(*row) {}, args...)
}
