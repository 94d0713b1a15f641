package program

import (
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// turnable is the program with a clock that can be turned, built once for all
// tests of a package.
var turnable struct {
	once   sync.Once
	binary string
}

// offsetFile names the variable in which such a program finds the file that
// says how far its time is off.
const offsetFile = "TURNED_CLOCK_OFFSET_FILE"

// WithClock gives the deployment, before it starts, a program whose time can
// be turned, and returns what turns it: for all its processes at once, on
// MongoDB together with the server's time, and from the moment it returns.
// Timers go on as they were. A process that jumps far ahead has not heard from
// its storage for as long and is not Ready until it has.
func (d *Deployment) WithClock() (set func(offset time.Duration)) {
	d.T.Helper()
	turnable.once.Do(func() { turnable.binary = buildTurnable(&untilTheEnd{TB: d.T}) })
	require.NotEmpty(d.T, turnable.binary, "the program with a clock that can be turned did not build")
	file := filepath.Join(d.Dir, "offset")
	d.Binary = turnable.binary
	d.Env = append(d.Env[:len(d.Env):len(d.Env)], offsetFile+"="+file)
	return func(offset time.Duration) {
		d.T.Helper()
		// Nobody reads half an offset.
		require.NoError(d.T, os.WriteFile(file+".next", []byte(offset.String()), 0o600))
		require.NoError(d.T, os.Rename(file+".next", file))
	}
}

func buildTurnable(t testing.TB) string {
	t.Helper()
	const clock, changes = "adapters/system/system.go", "adapters/mongo/changes.go"
	return Build(
		t,
		Change{clock, `"crypto/rand"`, `"crypto/rand"` + "\n\t\"os\""},
		Change{clock, "return time.Now().UTC().Truncate(time.Millisecond) }", `return time.Now().Add(Offset()).UTC().Truncate(time.Millisecond) }

func Offset() time.Duration {
	raw, _ := os.ReadFile(os.Getenv("` + offsetFile + `"))
	offset, _ := time.ParseDuration(string(raw))
	return offset
}`},
		Change{changes, `"ostiary/app/port"`, `"ostiary/app/port"` + "\n\t\"ostiary/adapters/system\""},
		Change{changes, "heard(hello.Now, asked)", "heard(hello.Now.Add(system.Offset()), asked)"},
	)
}
