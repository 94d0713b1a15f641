package seal

import (
	"crypto/rand"
	"encoding/base64"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"ostiary/domain/secret"
)

// maxKeyFile bounds what is read of a key file.
const maxKeyFile = 1 << 10

// ParseKey reads a master key: base64 (RFC 4648, either alphabet, with or
// without padding) of 32 bytes; blanks and line ends around it are ignored,
// as files have them. No error holds a part of the value.
func ParseKey(s secret.Text) ([]byte, error) {
	text := strings.TrimSpace(s.Reveal())
	if text == "" {
		return nil, errors.New("the master key is empty; expected is base64 of 32 bytes")
	}
	if strings.ContainsAny(text, "\r\n") {
		return nil, errors.New("the master key has a line break inside; expected is base64 of 32 bytes in one line")
	}
	folded := strings.NewReplacer("-", "+", "_", "/").Replace(strings.TrimRight(text, "="))
	key, err := base64.RawStdEncoding.Strict().DecodeString(folded)
	if err != nil {
		return nil, errors.New("the master key is not base64; expected is base64 of 32 bytes")
	}
	if len(key) != KeySize {
		return nil, fmt.Errorf("the master key has %d bytes; expected is base64 of 32 bytes", len(key))
	}
	return key, nil
}

// LoadOrCreate reads the master key in the file, or makes the file with a new
// key, readable by the owner alone. Of several processes that start at once
// all return the key of one of them; a crash leaves a whole file or none.
func LoadOrCreate(path string) ([]byte, error) {
	key, err := load(path)
	if !errors.Is(err, fs.ErrNotExist) {
		return key, err
	}
	if err := create(path); err != nil {
		return nil, fmt.Errorf("create master key file: %w", err)
	}
	return load(path)
}

func load(path string) ([]byte, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, fmt.Errorf("find master key file: %w", err)
	}
	if !info.Mode().IsRegular() || info.Size() > maxKeyFile {
		return nil, fmt.Errorf("master key file %s is not a small regular file", path)
	}
	// Windows has no such bits; access lists guard the file there.
	if runtime.GOOS != "windows" && info.Mode().Perm()&0o077 != 0 {
		return nil, fmt.Errorf("master key file %s may be read by others: its mode is %04o, expected is 0600", path, info.Mode().Perm())
	}
	text, err := os.ReadFile(path) //nolint:gosec // the path is the operator's configuration
	if err != nil {
		return nil, fmt.Errorf("read master key file: %w", err)
	}
	key, err := ParseKey(secret.New(string(text)))
	if err != nil {
		return nil, fmt.Errorf("master key file %s: %w", path, err)
	}
	return key, nil
}

// create writes a whole file under another name and links it into place. A
// link, unlike a rename, fails when somebody else was first.
func create(path string) error {
	dir := filepath.Dir(path)
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	f, err := os.CreateTemp(dir, ".master-key-*") // O_EXCL, 0600
	if err != nil {
		return err
	}
	defer func() { _ = os.Remove(f.Name()) }()
	if err := fill(f); err != nil {
		return err
	}
	if err := os.Link(f.Name(), path); err != nil && !errors.Is(err, fs.ErrExist) {
		return err
	}
	return syncDir(dir)
}

func fill(f *os.File) error {
	var key [KeySize]byte
	_, _ = rand.Read(key[:]) // ends the program rather than fail
	_, err := f.WriteString(base64.StdEncoding.EncodeToString(key[:]) + "\n")
	if err == nil {
		err = f.Sync()
	}
	return errors.Join(err, f.Close())
}

// syncDir makes the new name itself survive a loss of power.
func syncDir(dir string) error {
	if runtime.GOOS == "windows" {
		return nil // directories cannot be flushed there
	}
	d, err := os.Open(dir) //nolint:gosec // the path is the operator's configuration
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}
