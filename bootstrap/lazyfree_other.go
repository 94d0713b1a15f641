//go:build !linux

package bootstrap

// FreeLazily has nothing to do: elsewhere the Go runtime frees lazily by itself
// or cannot.
func FreeLazily(_, _ []string) {}
