package mongod

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// buildFlags leave out the back ends that tests have no use for.
var buildFlags = []string{"-trimpath", "-buildvcs=false", "-ldflags=-s -w", "-tags=ferretdb_no_postgresql"}

func buildFerretDB(ctx context.Context) (string, error) {
	source, err := ferretSource(ctx)
	if err != nil {
		return "", err
	}
	cache, err := os.UserCacheDir()
	if err != nil {
		cache = os.TempDir()
	}
	return cached(filepath.Join(cache, "ostiary-test"), source, func(dir string) error {
		args := append(append([]string{"build", "-C", source}, buildFlags...), "-o", dir+string(filepath.Separator), ".")
		cmd := exec.CommandContext(ctx, "go", args...)
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOWORK=off")
		if out, err := cmd.CombinedOutput(); err != nil {
			return fmt.Errorf("build FerretDB: %w\n%s", err, out)
		}
		return nil
	})
}

// cached names the binary that build leaves in the folder given to it. It
// builds once per machine, source and version of Go, however many test
// binaries ask at the same time.
func cached(cache, source string, build func(dir string) error) (string, error) {
	key, err := buildKey(source)
	if err != nil {
		return "", err
	}
	name := "ferretdb"
	if runtime.GOOS == "windows" {
		name += ".exe"
	}
	home := filepath.Join(cache, key)
	binary := filepath.Join(home, name)
	if exists(binary) {
		return binary, nil
	}
	if err := os.MkdirAll(home, 0o755); err != nil {
		return "", fmt.Errorf("cache for FerretDB: %w", err)
	}
	unlock, err := lockFile(filepath.Join(home, "lock"))
	if err != nil {
		return "", fmt.Errorf("lock FerretDB's cache: %w", err)
	}
	defer unlock()
	if exists(binary) {
		return binary, nil
	}
	dir, err := os.MkdirTemp(home, "build-")
	if err != nil {
		return "", fmt.Errorf("folder to build FerretDB in: %w", err)
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := build(dir); err != nil {
		return "", err
	}
	// Nobody ever sees half a binary.
	if err := os.Rename(filepath.Join(dir, name), binary); err != nil {
		return "", fmt.Errorf("keep FerretDB: %w", err)
	}
	return binary, nil
}

func buildKey(source string) (string, error) {
	h := sha256.New()
	fmt.Fprintln(h, runtime.Version(), runtime.GOOS, runtime.GOARCH, buildFlags)
	for _, name := range []string{"go.mod", "go.sum", "main.go"} {
		text, err := os.ReadFile(filepath.Join(source, name))
		if err != nil {
			return "", fmt.Errorf("key of FerretDB's build: %w", err)
		}
		fmt.Fprintln(h, len(text))
		_, _ = h.Write(text)
	}
	return hex.EncodeToString(h.Sum(nil)[:12]), nil
}

func exists(path string) bool {
	_, err := os.Stat(path)
	return !errors.Is(err, os.ErrNotExist)
}
