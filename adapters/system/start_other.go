//go:build !linux

package system

// ForgetStart does nothing here: see the one for Linux.
func ForgetStart() {}
