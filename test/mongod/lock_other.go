//go:build !(darwin || dragonfly || freebsd || linux || netbsd || openbsd)

package mongod

// lockFile does not lock: without it some work is done twice.
func lockFile(string) (unlock func(), err error) { return func() {}, nil }
