//go:build !unix

package web

// readNow is not known: elsewhere a socket is read by other means.
var readNow func(fd uintptr, p []byte) (n int, err error)
