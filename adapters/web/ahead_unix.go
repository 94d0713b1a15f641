//go:build unix

package web

import (
	"errors"
	"syscall"
)

// readNow reads from a socket what is there; EAGAIN when nothing is.
var readNow = func(fd uintptr, p []byte) (n int, err error) {
	for {
		n, err = syscall.Read(int(fd), p)
		if !errors.Is(err, syscall.EINTR) {
			return n, err //nolint:wrapcheck // part of net.Conn
		}
	}
}
