package mail

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"path/filepath"

	"ostiary/domain/outbox"
)

// files puts each mail into a file of its own.
type files struct {
	press press
	dir   string
}

func openFiles(p press, dir string) (*files, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, fmt.Errorf("make mail directory: %w", err)
	}
	return &files{press: p, dir: dir}, nil
}

// Send returns when the file is there for good, complete, under a name that
// ends in .eml; before that its name does not.
func (f *files) Send(ctx context.Context, m outbox.Mail) error {
	l, err := f.press.letter(ctx, m)
	if err != nil {
		return err
	}
	msg, err := f.press.message(l)
	if err != nil {
		return err
	}
	var raw bytes.Buffer
	if _, err := msg.WriteTo(&raw); err != nil {
		return fmt.Errorf("lay out mail: %w", err)
	}
	name := f.press.name()
	temporary := filepath.Join(f.dir, "."+name+".part")
	if err := persist(temporary, raw.Bytes()); err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("write mail: %w", err)
	}
	if err := os.Rename(temporary, filepath.Join(f.dir, name+".eml")); err != nil {
		_ = os.Remove(temporary)
		return fmt.Errorf("write mail: %w", err)
	}
	return syncDir(f.dir)
}

// persist writes a new file that only its owner reads: it holds a way in.
func persist(path string, raw []byte) (err error) {
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return err
	}
	if _, err = file.Write(raw); err == nil {
		err = file.Sync()
	}
	if closing := file.Close(); err == nil {
		err = closing
	}
	return err
}

// syncDir makes the new name survive a crash.
func syncDir(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	err = d.Sync()
	if closing := d.Close(); err == nil {
		err = closing
	}
	if err != nil {
		return fmt.Errorf("write mail: %w", err)
	}
	return nil
}
