package sqlite

import (
	"context"
	"errors"
	"fmt"
	"time"

	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"

	"ostiary/app/port"
	"ostiary/domain/fault"
)

var (
	errClosed    = errors.New("sqlite: the database is closed")
	errAbandoned = errors.New("sqlite: a write ended its goroutine")
)

// verdict carries what a caller's own function returned through the store
// unchanged.
type verdict struct{ err error }

func (v verdict) Error() string { return v.err.Error() }

// ask runs a caller's change on an aggregate.
func ask[A any](change func(A) error, a A) error {
	if err := change(a); err != nil {
		return verdict{err: err}
	}
	return nil
}

// finish turns what a read or write ended with into what its method returns.
func finish(what string, err error) error {
	if err == nil {
		return nil
	}
	var v verdict
	if errors.As(err, &v) {
		if errors.Is(v.err, port.Keep) {
			return nil
		}
		return v.err
	}
	if err = interpret(err); fault.Of(err) != nil {
		return err
	}
	return fmt.Errorf("%s: %w", what, err)
}

// interpret maps errors of the driver, and of a caller that stopped waiting.
// What may be better in a moment is port.ErrUnavailable, everything else an
// outage.
func interpret(err error) error {
	switch {
	case err == nil || fault.Of(err) != nil:
		return err
	case errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.Is(err, errClosed):
		return port.ErrUnavailable.After(time.Second).Because(err)
	}
	switch primary(err) {
	case sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED, sqlite3.SQLITE_FULL, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_IOERR,
		sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_PROTOCOL, sqlite3.SQLITE_INTERRUPT:
		return port.ErrUnavailable.After(time.Second).Because(err)
	}
	return err
}

// primary is the driver's primary result code, 0 when err is not the driver's.
func primary(err error) int { return code(err) & 0xff }

func code(err error) int {
	var e *driver.Error
	if errors.As(err, &e) {
		return e.Code()
	}
	return 0
}

// undone reports whether SQLite may have rolled back the whole transaction by
// itself (https://www.sqlite.org/lang_transaction.html, section 3).
func undone(err error) bool {
	switch primary(err) {
	case sqlite3.SQLITE_FULL, sqlite3.SQLITE_IOERR, sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_READONLY, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB:
		return true
	}
	return false
}

// dangling returns refusal when err says that a row which err's statement
// refers to does not exist.
func dangling(err, refusal error) error {
	if code(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY {
		return refusal
	}
	return err
}
