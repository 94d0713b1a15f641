package argon

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/load"
)

// The child that launch starts here is this test.
func TestMain(m *testing.M) {
	if len(os.Args) != 2 || os.Args[1] != ChildArgument {
		os.Exit(m.Run())
	}
	if os.Getenv("GODEBUG") == lazyFree+","+crashing {
		_, _ = os.Stderr.WriteString("fatal error: out of memory\n" + strings.Repeat("goroutine 1\n", 100))
		os.Exit(2)
	}
	if err := Child(os.Stdin, os.Stdout); err != nil {
		os.Exit(3)
	}
}

const crashing = "panicnil=0"

func TestLaunch_ANiceProcessWithoutSecrets(t *testing.T) {
	t.Setenv("OSTIARY_MASTER_KEY", "canary")
	t.Setenv("GODEBUG", "panicnil=1")
	own := priority(t, os.Getpid())
	p, pid := startChild(t)

	require.Equal(t, min(mostNice, own+niceness), priority(t, pid))
	require.Equal(t, own, priority(t, os.Getpid()), "the server stays what it was")
	environment, err := os.ReadFile(fmt.Sprintf("/proc/%d/environ", pid))
	require.NoError(t, err)
	require.Equal(t, fmt.Sprintf("GOMAXPROCS=%d\x00GOMEMLIMIT=%d\x00GODEBUG=madvdontneed=0,panicnil=1\x00",
		runtime.GOMAXPROCS(0), childMemory), string(environment))
	for file, want := range map[string]string{"comm": "ostiary-hash\n", "oom_score_adj": "500\n"} {
		told, err := os.ReadFile(fmt.Sprintf("/proc/%d/%s", pid, file))
		require.NoError(t, err)
		require.Equal(t, want, string(told))
	}
	require.NoError(t, p.Close())
	require.NoFileExists(t, fmt.Sprintf("/proc/%d/comm", pid), "it has ended and was waited for")
}

// Which thread starts a child is chance; the server's own priority must not be.
func TestLaunch_LeavesTheServerAsUrgentAsItWas(t *testing.T) {
	own := priority(t, os.Getpid())
	descriptors, goroutines := open(t), runtime.NumGoroutine()
	for range 50 {
		c, err := launch(environment(childMemory), func(error) {})
		require.NoError(t, err)
		require.NoError(t, c.Close())
	}

	// The last thread that was made less urgent may still be on its way out.
	require.Eventually(t, func() bool {
		nice, err := load.NicenessOf(os.Getpid())
		return err == nil && nice == own
	}, time.Minute, time.Millisecond)
	require.LessOrEqual(t, open(t), descriptors+1)
	require.LessOrEqual(t, runtime.NumGoroutine(), goroutines+2)
}

func TestLaunch_TheChildEndsWithItsInput(t *testing.T) {
	told := make(chan error, 1)
	conn, err := launch(environment(childMemory), func(err error) { told <- err })
	require.NoError(t, err)

	require.NoError(t, conn.(*child).WriteCloser.Close())

	require.ErrorContains(t, <-told, `exit status 0: ""`)
}

func TestLaunch_TellsWhyAChildEnded(t *testing.T) {
	t.Setenv("GODEBUG", crashing)
	told := make(chan error, 1)
	_, err := launch(environment(childMemory), func(err error) { told <- err })
	require.NoError(t, err)

	require.EqualError(t, <-told, errEnded.Error()+`: exit status 2: "fatal error: out of memory"`)
}

func TestLaunch_TheChildIsLeftAloneByWhatEndsAServer(t *testing.T) {
	p, pid := startChild(t)

	for _, s := range []syscall.Signal{syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP} {
		require.NoError(t, syscall.Kill(pid, s))
	}
	_, err := p.Work(least)
	require.NoError(t, err)
}

func TestChild_IsNotStartedByHand(t *testing.T) {
	t.Parallel()
	file, err := os.Create(filepath.Join(t.TempDir(), "jobs"))
	require.NoError(t, err)
	defer func() { _ = file.Close() }()

	for _, in := range []io.Reader{file, strings.NewReader("")} {
		require.ErrorIs(t, Child(in, io.Discard), errNotStarted)
	}
}

const childMemory = 64 << 20

func priority(t *testing.T, pid int) int {
	t.Helper()
	nice, err := load.NicenessOf(pid)
	require.NoError(t, err)
	return nice
}

func open(t *testing.T) int {
	t.Helper()
	files, err := os.ReadDir("/proc/self/fd")
	require.NoError(t, err)
	return len(files)
}

// startChild waits until it works.
func startChild(t *testing.T) (*Process, int) {
	t.Helper()
	var pid int
	p, err := newProcess(func(ended func(error)) (io.ReadWriteCloser, error) {
		conn, err := launch(environment(childMemory), ended)
		if err == nil {
			pid = conn.(*child).cmd.Process.Pid
		}
		return conn, err
	}, time.Now, func(err error) { t.Error(err) })
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	_, err = p.Work(least)
	require.NoError(t, err)
	return p, pid
}

func TestStartProcess_HashesWithinTheServerWhenAChildCannot(t *testing.T) {
	t.Setenv("GODEBUG", crashing)
	told := make(chan error, 2)
	p, err := StartProcess(childMemory, time.Now, func(err error) { told <- err })
	require.NoError(t, err)
	defer func() { _ = p.Close() }()
	for err = range told {
		if errors.Is(err, errUnfit) {
			break
		}
	}

	done, err := p.Work(least)

	require.NoError(t, err)
	require.NotEmpty(t, done.Hash)
}
