package system_test

import (
	"os"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/system"
)

const smaps = `00400000-01502000 r-xp 00000000 fe:00 4711                               /bin/the server
Size:              17416 kB
Rss:               14800 kB
Anonymous:             0 kB
Swap:                  0 kB
VmFlags: rd ex mr mw me
01502000-027c0000 r--p 01102000 fe:00 4711                               /bin/the server
Anonymous:             4 kB
Swap:                  0 kB
027c0000-027d0000 r--p 023c0000 fe:00 4711                               /bin/the server
Anonymous:             0 kB
Swap:                  8 kB
027d0000-027e0000 r--p 023d0000 fe:00 4711                               /bin/the server
Anonymous:             0 kB
Swap:                  0 kB
027e0000-027e1000 r--p 023e0000 fe:00 4711                               /bin/the server
Size:                  4 kB
Swap:                  0 kB
027e1000-02a60000 rw-p 023e0000 fe:00 4711                               /bin/the server
Anonymous:             0 kB
Swap:                  0 kB
02a60000-02a70000 r--s 00000000 fe:00 4711                               /bin/the server
Anonymous:             0 kB
Swap:                  0 kB
02a70000-02a80000 r--p 00000000 fe:00 4712                               /bin/the
Anonymous:             0 kB
Swap:                  0 kB
c000000000-c000400000 r--p 00000000 00:00 0
Anonymous:             0 kB
Swap:                  0 kB
7ffe0000-7ffe1000 r-xp 00000000 00:00 0                                  [vdso]
Anonymous:             0 kB
Swap:                  0 kB
`

func TestAsInFile_ListsWhatCertainlyNobodyWroteTo(t *testing.T) {
	t.Parallel()

	require.Equal(t, [][2]uintptr{{0x400000, 0x1502000}, {0x27d0000, 0x27e0000}}, system.AsInFile(smaps, "/bin/the server"))
	require.Empty(t, system.AsInFile(smaps, "/bin/other"))
	require.Empty(t, system.AsInFile("nonsense\nx-y r-xp 0 0 0 /bin/x\n2-1 r-xp 0 0 0 /bin/x\n", "/bin/x"))
}

// What runs goes on running, with less of the file in memory.
func TestForgetStart_GivesTheFileBack(t *testing.T) { //nolint:paralleltest // others would have it read again
	held := func() int {
		status, err := os.ReadFile("/proc/self/status")
		require.NoError(t, err)
		_, rest, ok := strings.Cut(string(status), "RssFile:")
		require.True(t, ok)
		n, err := strconv.Atoi(strings.Fields(rest)[0])
		require.NoError(t, err)
		return n
	}
	before := held()

	system.ForgetStart()

	require.Less(t, held(), before)
}
