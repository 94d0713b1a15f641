package sqlite

import (
	"context"
	sqldriver "database/sql/driver"
	"errors"
	"fmt"
	"io"

	driver "modernc.org/sqlite"
)

// conn is one connection with the statements prepared on it. It serves one
// goroutine at a time. It speaks to the driver itself rather than through
// database/sql: the fence of tenants and the groups of the writer need the
// connection in hand, and reads cost half as much.
type conn struct {
	raw   preparer
	stmts map[string]*statement
	args  []sqldriver.NamedValue
	vals  []sqldriver.Value
}

type preparer interface {
	sqldriver.Conn
	sqldriver.ConnPrepareContext
}

type statement struct {
	prepared
	access access
}

type prepared interface {
	sqldriver.Stmt
	sqldriver.StmtExecContext
	sqldriver.StmtQueryContext
}

func connect(dsn string) (*conn, error) {
	connector, err := driver.NewConnector(dsn)
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	raw, err := connector.Connect(context.Background())
	if err != nil {
		return nil, fmt.Errorf("connect: %w", err)
	}
	p, ok := raw.(preparer)
	if !ok {
		return nil, errors.Join(errors.New("connect: the driver cannot prepare"), raw.Close())
	}
	return &conn{raw: p, stmts: map[string]*statement{}}, nil
}

func (c *conn) close() error {
	var errs []error
	for _, s := range c.stmts {
		errs = append(errs, s.Close())
	}
	return errors.Join(append(errs, c.raw.Close())...)
}

func (c *conn) prepare(a access, query string) (*statement, error) {
	if s, ok := c.stmts[query]; ok && s.access == a {
		return s, nil
	}
	if err := check(a, query); err != nil {
		return nil, err
	}
	if s, ok := c.stmts[query]; ok {
		return s, nil
	}
	raw, err := c.raw.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	p, ok := raw.(prepared)
	if !ok {
		return nil, errors.Join(errors.New("the driver cannot run prepared statements"), raw.Close())
	}
	s := &statement{prepared: p, access: a}
	c.stmts[query] = s
	return s, nil
}

// run executes a statement that returns no rows and says how many it touched.
// Statements never see a caller's context: one that stopped half-way would
// leave its group in doubt.
func (c *conn) run(a access, query string, args []sqldriver.NamedValue) (int64, error) {
	s, err := c.prepare(a, query)
	if err != nil {
		return 0, err
	}
	res, err := s.ExecContext(context.Background(), args)
	if err != nil {
		return 0, err
	}
	return res.RowsAffected()
}

// each calls scan for every row until it returns false. scan must not use the
// connection: one text has one cursor.
func (c *conn) each(a access, query string, scan func(*row) bool, args []sqldriver.NamedValue) (err error) {
	s, err := c.prepare(a, query)
	if err != nil {
		return err
	}
	rows, err := s.QueryContext(context.Background(), args)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, rows.Close()) }()
	n := len(rows.Columns())
	if cap(c.vals) < n {
		c.vals = make([]sqldriver.Value, n)
	}
	r := row{vals: c.vals[:n]}
	for {
		if err := rows.Next(r.vals); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return err
		}
		r.next = 0
		more := scan(&r)
		if r.err != nil || !more {
			return r.err
		}
	}
}

// first scans the first row and reports whether there was any.
func (c *conn) first(a access, query string, scan func(*row), args []sqldriver.NamedValue) (bool, error) {
	found := false
	err := c.each(a, query, func(r *row) bool {
		found = true
		scan(r)
		return false
	}, args)
	return found, err
}

// bind lays out the arguments in a buffer of the connection; first is the
// tenant, if any.
func (c *conn) bind(first []byte, args []any) []sqldriver.NamedValue {
	c.args = c.args[:0]
	if first != nil {
		c.args = append(c.args, sqldriver.NamedValue{Ordinal: 1, Value: first})
	}
	for _, a := range args {
		c.args = append(c.args, sqldriver.NamedValue{Ordinal: len(c.args) + 1, Value: value(a)})
	}
	return c.args
}
