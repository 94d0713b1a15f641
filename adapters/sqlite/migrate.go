package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"time"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

//go:embed migrations/*.sql
var migrations embed.FS

// While another process makes a new file a store, SQLite says at once that it
// is busy, however long a connection was told to wait.
const (
	busyPause = 20 * time.Millisecond
	busyMost  = 5 * time.Second
)

// migrate brings the schema up to date.
func migrate(ctx context.Context, dsn string) error {
	pause := time.NewTicker(busyPause)
	defer pause.Stop()
	most := time.NewTimer(busyMost)
	defer most.Stop()
	for {
		err := migrateOnce(ctx, dsn)
		if primary(err) != sqlite3.SQLITE_BUSY {
			return err
		}
		select {
		case <-ctx.Done():
			return err
		case <-most.C:
			return err
		case <-pause.C:
		}
	}
}

// migrateOnce has a connection of its own.
func migrateOnce(ctx context.Context, dsn string) error {
	connector, err := driver.NewConnector(dsn)
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	db := sql.OpenDB(connector)
	db.SetMaxOpenConns(1)
	return errors.Join(raise(ctx, db), db.Close())
}

func raise(ctx context.Context, db *sql.DB) error {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	p, err := goose.NewProvider(goose.DialectSQLite3, db, files,
		goose.WithDisableGlobalRegistry(true), goose.WithLogger(goose.NopLogger()))
	if err != nil {
		return fmt.Errorf("migrate: %w", err)
	}
	sources := p.ListSources()
	known := sources[len(sources)-1].Version
	present, err := p.GetDBVersion(ctx)
	if err != nil {
		return fmt.Errorf("read schema version: %w", err)
	}
	if present > known {
		return fmt.Errorf("the database has schema version %d, this program knows up to %d: it was written by a later release", present, known)
	}
	for present < known {
		_, err := p.Up(ctx)
		// Processes may start at once on an empty file, and each step fails for all
		// but one: as long as somebody gets on, so can this one.
		now, unread := p.GetDBVersion(ctx)
		if err = errors.Join(err, unread); err != nil && (unread != nil || now <= present) {
			return fmt.Errorf("migrate: %w", err)
		}
		present = now
	}
	return nil
}
