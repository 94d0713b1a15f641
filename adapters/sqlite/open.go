// Package sqlite keeps everything Ostiary stores in one SQLite file: it
// implements the store ports of package port, and owns the schema, the grouped
// commits and the fence that keeps tenants apart. Rules are not its business:
// it stores what the domain decided and answers what the ports promise.
package sqlite

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"ostiary/app/port"
)

// Options tune a database. The zero value is good for a service.
type Options struct {
	// Readers is how many connections read at once: 4 unless set. They are
	// opened when first needed.
	Readers int
	// Group is the most writes that one commit carries: 256 unless set.
	Group int
	// Busy is how long to wait for another process that writes: 5 s unless set.
	Busy time.Duration
	// Copying also opens a store into which a copy is not finished.
	Copying bool
}

const (
	writerCache = 8 << 10 // KiB of pages: a group of imports touches many
	readerCache = 1 << 10
	walLimit    = 64 << 20 // bytes that the log keeps on disk after a checkpoint
)

// DB is one open database file. Its methods and those of the stores made from
// it may be called from any goroutine.
type DB struct {
	writer  *writer
	readers *pool

	mu     sync.RWMutex
	listen []func([]port.Announcement)
}

// Open opens the file, creating it (0600) and its directory (0700) when there
// is none, and brings the schema up to date. A schema of a later version is
// refused, and with port.ErrCopyUnfinished a store that holds half a copy.
func Open(ctx context.Context, path string, o Options) (*DB, error) {
	o.Readers = cmp.Or(o.Readers, 4)
	o.Group = cmp.Or(o.Group, 256)
	o.Busy = cmp.Or(o.Busy, 5*time.Second)
	path, err := secureFile(path)
	if err != nil {
		return nil, fmt.Errorf("open database: %w", err)
	}
	if err := migrate(ctx, writerDSN(path, o)); err != nil {
		return nil, fmt.Errorf("open database: %w", interpret(err))
	}
	c, err := connect(writerDSN(path, o))
	if err != nil {
		return nil, fmt.Errorf("open database: %w", interpret(err))
	}
	if err := unfinished(c); err != nil && !o.Copying {
		return nil, errors.Join(fmt.Errorf("open database: %w", interpret(err)), c.close())
	}
	return &DB{
		writer:  startWriter(c, o.Group),
		readers: newPool(o.Readers, func() (*conn, error) { return connect(readerDSN(path, o)) }),
	}, nil
}

// Close finishes the writes under way and closes the file. Later calls of the
// stores fail.
func (db *DB) Close() error {
	return errors.Join(db.readers.close(), db.writer.close())
}

// secureFile sees to it that nobody else can read the file. The log files
// beside it take over its mode. An existing file is never opened here: closing
// it again would drop the locks that this process holds on it (POSIX advisory
// locks).
func secureFile(path string) (string, error) {
	if path == "" {
		return "", errors.New("no file is named")
	}
	abs, err := filepath.Abs(path)
	if err != nil {
		return "", err
	}
	if err := os.MkdirAll(filepath.Dir(abs), 0o700); err != nil {
		return "", err
	}
	f, err := os.OpenFile(abs, os.O_RDWR|os.O_CREATE|os.O_EXCL, 0o600)
	if err == nil {
		return abs, f.Close()
	}
	if !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	info, err := os.Stat(abs)
	if err != nil {
		return "", err
	}
	if info.Mode().IsRegular() && info.Mode().Perm()&0o077 != 0 {
		return abs, os.Chmod(abs, 0o600)
	}
	return abs, nil
}

func writerDSN(path string, o Options) string {
	return dsn(path, o, "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(1)",
		pragma("cache_size", -writerCache), pragma("journal_size_limit", walLimit))
}

func readerDSN(path string, o Options) string {
	return dsn(path, o, pragma("cache_size", -readerCache), "query_only(1)")
}

// dsn names the settings with the file, so that every connection has them.
func dsn(path string, o Options, pragmas ...string) string {
	q := url.Values{"_txlock": {"immediate"}}
	q.Add("_pragma", pragma("busy_timeout", int(o.Busy.Milliseconds())))
	for _, p := range append(pragmas, "mmap_size(0)", "temp_store(2)", "trusted_schema(0)") {
		q.Add("_pragma", p)
	}
	u := url.URL{Scheme: "file", Path: path, RawQuery: q.Encode()}
	return u.String()
}

func pragma(name string, v int) string { return name + "(" + strconv.Itoa(v) + ")" }
