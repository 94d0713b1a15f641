package bootstrap

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"

	"go.uber.org/fx"
	"go.uber.org/zap"

	"ostiary/adapters/cli"
	"ostiary/app/port"
)

// checkSQLite looks at the files first, and inside only when both are there.
func checkSQLite(ctx context.Context, c Config) []cli.Finding {
	out := []cli.Finding{checkFile(c), checkKeyFile(c)}
	return append(out, checkInside(ctx, c)...)
}

func checkFile(c Config) cli.Finding {
	f := cli.Finding{Check: "storage file"}
	dir := filepath.Dir(c.Storage.Path)
	info, err := os.Stat(c.Storage.Path)
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.OK, f.Text = true, c.Storage.Path+" is not there yet; the first start makes it"
	case err != nil:
		f.Text, f.Mend = "cannot look at "+c.Storage.Path, "give the user that runs ostiary access to "+dir
	case !info.Mode().IsRegular():
		f.Text, f.Mend = c.Storage.Path+" is not a file", "name a file in OSTIARY_STORAGE"
	case info.Mode().Perm()&0o077 != 0:
		f.Text, f.Mend = c.Storage.Path+" can be read by others", "chmod 600 "+c.Storage.Path
	default:
		f.OK, f.Text = true, c.Storage.Path+", readable by its owner alone"
	}
	return f
}

func checkKeyFile(c Config) cli.Finding {
	f := cli.Finding{Check: "master key", OK: true}
	if !c.MasterKey.IsZero() {
		f.Text = "given by OSTIARY_MASTER_KEY"
		return f
	}
	path := keyFile(c.Storage.Path)
	info, err := os.Stat(path)
	_, dberr := os.Stat(c.Storage.Path)
	switch {
	case errors.Is(err, os.ErrNotExist) && dberr == nil:
		f.OK, f.Text, f.Mend = false, "the store is there, its key file "+path+" is not", "put the key file back, or set OSTIARY_MASTER_KEY; a new key cannot read the old store's signing keys"
	case errors.Is(err, os.ErrNotExist):
		f.Text = path + " is not there yet; the first start makes it"
	case err != nil:
		f.OK, f.Text, f.Mend = false, "cannot look at "+path, "give the user that runs ostiary access to it"
	case info.Mode().Perm()&0o077 != 0:
		f.OK, f.Text, f.Mend = false, path+" can be read by others", "chmod 600 "+path
	default:
		f.Text = path + "; keep a copy away from the store"
	}
	return f
}

// checkInside opens a store that exists: does the key fit, does a hash take
// as long as it should.
func checkInside(ctx context.Context, c Config) []cli.Finding {
	if _, err := os.Stat(c.Storage.Path); err != nil || !checkKeyFile(c).OK {
		return nil
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Listen
	}
	out := []cli.Finding{{Check: "storage"}, {Check: "signing keys"}, {Check: "password hash"}}
	app := fx.New(
		Options(c, Surroundings{Log: zap.NewNop(), Console: io.Discard}),
		fx.Invoke(func(h port.Health, ring port.KeyRing, hasher port.Hasher, clock port.Clock) {
			out[0] = checkedBy(out[0], h.Ping(ctx), "answers", "see that the disk is there and not full")
			out[1] = checkedBy(out[1], ring.Reload(ctx), "open with the master key", "set OSTIARY_MASTER_KEY to the key that the store was made with")
			out[2] = checkHash(ctx, out[2], hasher, clock)
		}),
	)
	if errors.Is(app.Err(), port.ErrCopyUnfinished) {
		return []cli.Finding{halfCopied()}
	}
	if err := app.Err(); err != nil {
		return []cli.Finding{{Check: "storage", Text: plainly(err).Error(), Mend: "restore the file from a backup, or use the version of ostiary that wrote it"}}
	}
	if err := errors.Join(app.Start(ctx), app.Stop(ctx)); err != nil {
		out[0] = checkedBy(out[0], err, "", "see that no other program holds the file")
	}
	return out
}
