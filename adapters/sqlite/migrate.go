package sqlite

import (
	"context"
	"database/sql"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"
	driver "modernc.org/sqlite"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the schema up to date on a connection of its own.
func migrate(ctx context.Context, dsn string) error {
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
	if present == known {
		return nil
	}
	if _, err := p.Up(ctx); err != nil {
		// Two processes may start at once on an empty file: the other one was
		// faster when the version is there now.
		if now, again := p.GetDBVersion(ctx); again == nil && now == known {
			return nil
		}
		return fmt.Errorf("migrate: %w", err)
	}
	return nil
}
