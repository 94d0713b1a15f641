//go:build !linux

package argon

import (
	"errors"
	"io"
)

// launch is not supported: elsewhere a priority is a process's, not a thread's.
func launch([]string, func(error)) (io.ReadWriteCloser, error) { return nil, errors.ErrUnsupported }

func environment(int64) []string { return nil }

func settleDown() {}

func polled(io.Reader) (io.Reader, error) { return nil, errors.ErrUnsupported }
