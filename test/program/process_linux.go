package program

import (
	"github.com/stretchr/testify/require"

	"ostiary/test/load"
)

// Niceness is that of all threads of a process.
func (d *Deployment) Niceness(pid int) int {
	d.T.Helper()
	nice, err := load.NicenessOf(pid)
	require.NoError(d.T, err)
	return nice
}
