// Command ferretdb is FerretDB as tests need it: SQLite in a folder, nothing
// reported to anybody. A program of our own, because the one that FerretDB
// ships starts only where its makers built it.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"path/filepath"

	"github.com/FerretDB/FerretDB/ferretdb"
)

func main() {
	listen := flag.String("listen", "127.0.0.1:0", "address to listen at")
	child := flag.Bool("child", false, "end with the standard input")
	flag.Parse()
	ctx, stop := context.WithCancelCause(context.Background())
	if *child {
		// The parent's end of the pipe closes however the parent ends.
		go func() {
			_, err := io.Copy(io.Discard, os.Stdin)
			stop(err)
		}()
	}
	if err := serve(ctx, *listen); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// serve returns when ctx has ended, without the delay that FerretDB grants
// its clients then.
func serve(ctx context.Context, listen string) error {
	dir, err := os.MkdirTemp("", "ostiary-ferretdb-")
	if err != nil {
		return fmt.Errorf("folder for the data: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	db, err := ferretdb.New(&ferretdb.Config{
		Listener: ferretdb.ListenerConfig{TCP: listen},
		Logger:   slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelError})),
		Handler:  "sqlite",
		// In memory it has a single connection per database, which an open
		// cursor blocks for everybody; so files, which nobody waits for.
		SQLiteURL: "file:" + filepath.ToSlash(dir) + "/?_pragma=synchronous(off)",
	})
	if err != nil {
		return err
	}
	ended := make(chan error, 1)
	go func() { ended <- db.Run(ctx) }()
	fmt.Println(db.MongoDBURI())
	select {
	case err := <-ended:
		return err
	case <-ctx.Done():
		return nil
	}
}
