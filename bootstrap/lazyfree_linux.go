package bootstrap

import (
	"os"
	"slices"
	"strings"
	"syscall"
)

// lazyFree is a setting of the Go runtime that it reads only at its start and
// that no directive of the source can give: memory that is free is left to
// Linux to take when it needs some (MADV_FREE of madvise(2)) instead of being
// given back and faulted in again, page by page, some hashes later. On a busy
// machine that was what made one sign-in in a hundred take five times as long
// as the others.
const lazyFree = "madvdontneed=0"

// FreeLazily starts a server anew in the same process with that setting, so it
// is for the program alone to call, first of all. It returns when there is
// nothing to do, or when the program may not be started again: then it runs as
// it is.
func FreeLazily(args, environ []string) {
	if !slices.Contains(args[1:], "serve") && !slices.Contains(args[1:], "demo") {
		return
	}
	lazy, changed := lazily(environ)
	if !changed {
		return
	}
	if self, err := os.Executable(); err == nil {
		_ = syscall.Exec(self, args, lazy)
	}
}

// lazily adds the setting to the others of GODEBUG, unless it is there already
// with whatever value.
func lazily(environ []string) (out []string, changed bool) {
	const name = "GODEBUG="
	for i, v := range environ {
		given, ok := strings.CutPrefix(v, name)
		if !ok {
			continue
		}
		key, _, _ := strings.Cut(lazyFree, "=")
		if strings.Contains(given, key+"=") {
			return environ, false
		}
		out = slices.Clone(environ)
		out[i] = name + strings.TrimPrefix(given+","+lazyFree, ",")
		return out, true
	}
	return append(slices.Clip(environ), name+lazyFree), true
}
