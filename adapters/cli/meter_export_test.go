package cli

import (
	"io"

	"ostiary/app/operation"
)

// Meter shows progress on w, as on a terminal or as elsewhere.
func Meter(w io.Writer, terminal bool) (show func(operation.CopyProgress), end func()) {
	m := &meter{w: w, bar: terminal}
	return m.show, m.end
}
