package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"
	"time"

	"ostiary/adapters/cli"
	"ostiary/adapters/mongo"
	"ostiary/adapters/sqlite"
	"ostiary/app/operation"
	"ostiary/app/port"
)

// openCopy opens both stores by themselves: copying needs no other part of the
// program, and the master key least of all. What is sealed stays sealed.
func openCopy(ctx context.Context, from, to cli.StoreAddress, report func(operation.CopyProgress)) (cli.StoreCopy, error) {
	source, sourceErr := copyAddress("--from", from)
	target, targetErr := copyAddress("--to", to)
	if err := errors.Join(sourceErr, targetErr); err != nil {
		return cli.StoreCopy{}, cli.Misuse(err)
	}
	if err := present(source); err != nil {
		return cli.StoreCopy{}, err
	}
	a, err := openArchive(ctx, source, false)
	if err != nil {
		return cli.StoreCopy{}, fmt.Errorf("source %s: %w", source, err)
	}
	b, err := openArchive(ctx, target, true)
	if err != nil {
		return cli.StoreCopy{}, errors.Join(fmt.Errorf("target %s: %w", target, err), a.close())
	}
	return cli.StoreCopy{
		Copier: operation.NewCopier(a, b, report),
		Next:   afterCopy(source, target),
		Close:  func() error { return errors.Join(a.close(), b.close()) },
	}, nil
}

// copyAddress reads one of the two addresses; no error shows more of it than
// may be seen.
func copyAddress(flag string, a cli.StoreAddress) (Storage, error) {
	value := a.Value
	if a.File != "" {
		b, err := os.ReadFile(a.File)
		if err != nil || len(b) > 64<<10 {
			return Storage{}, wrong{name: flag + "-file", value: a.File, accepted: "a readable file of at most 64 KiB"}
		}
		value = strings.TrimRight(string(b), "\r\n")
	}
	out, ok := ParseStorage(value)
	if !ok {
		return Storage{}, wrong{name: flag, value: maskStorage(value), accepted: acceptedStorage}
	}
	return out, nil
}

var errNoSource = errors.New("is not there")

// present refuses a source that opening it would make.
func present(source Storage) error {
	if source.Engine == SQLite && missing(source.Path) {
		return fmt.Errorf("source %s %w", source, errNoSource)
	}
	return nil
}

// archive is a store laid open.
type archive struct {
	port.Archive
	close func() error
}

// openArchive opens a store of any engine; as a target also one that holds the
// beginning of a copy.
func openArchive(ctx context.Context, at Storage, target bool) (archive, error) {
	switch at.Engine {
	case SQLite:
		db, err := sqlite.Open(ctx, at.Path, sqlite.Options{Copying: target})
		if err != nil {
			return archive{}, err
		}
		return archive{sqlite.NewArchive(db), db.Close}, nil
	case MongoDB:
		return openMongoArchive(ctx, at.Address.Reveal(), target)
	}
	return archive{}, errors.New("stores of this engine cannot be copied")
}

// copyStep bounds one step of a copy, which may count millions of records.
const copyStep = time.Minute

// openMongoArchive waits for a server. A source gets nothing that it has not.
func openMongoArchive(ctx context.Context, address string, target bool) (archive, error) {
	db, err := mongo.Open(ctx, address, mongo.Options{Copying: target, ReadOnly: !target, Timeout: copyStep})
	if err != nil {
		return archive{}, err
	}
	a := mongo.NewArchive(db)
	if target {
		err = mongo.NewHealth(db).Ping(ctx)
	} else {
		_, err = a.Checkpoint(ctx)
	}
	if err != nil {
		return archive{}, errors.Join(outage(err), db.Close())
	}
	return archive{a, db.Close}, nil
}

// afterCopy says how the master key, which is in neither store, comes along.
func afterCopy(source, target Storage) []string {
	key := "serve the target with the source's OSTIARY_MASTER_KEY: sessions, links and signing keys need it"
	if source.Engine == SQLite && !missing(keyFile(source.Path)) {
		file := keyFile(source.Path)
		key = "the target needs the source's master key: set OSTIARY_MASTER_KEY_FILE=" + file + ", or OSTIARY_MASTER_KEY to what that file holds"
		if target.Engine == SQLite {
			key = "the target needs the source's master key: copy " + file + " to " + keyFile(target.Path) + " with mode 0600"
		}
	}
	return []string{
		key,
		"point OSTIARY_STORAGE at " + target.String() + ", then run ostiary doctor and ostiary audit verify before ostiary serve",
		"keep the source until then; from then on serve the target alone, or ids and tokens would be given twice",
	}
}
