package argon

import (
	"encoding/json"
	"errors"
	"io"
	"net"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/stretchr/testify/require"
)

// least is a hash that costs next to nothing.
var least = Job{MemoryKiB: 8, Iterations: 1, Parallelism: 1, Password: []byte("correct horse")}

// brood is what a Process starts here: each serves within the test, over a
// pipe that the test can cut.
type brood struct {
	t       *testing.T
	refused error
	born    func(net.Conn) // what it does, serve unless set

	mu    sync.Mutex
	conns []net.Conn
}

func (c *brood) start(func(error)) (io.ReadWriteCloser, error) {
	if c.refused != nil {
		return nil, c.refused
	}
	ours, theirs := net.Pipe()
	c.mu.Lock()
	c.conns = append(c.conns, theirs)
	c.mu.Unlock()
	if c.born != nil {
		go c.born(theirs)
	} else {
		go serve(theirs)
	}
	return ours, nil
}

func (c *brood) kill() {
	c.mu.Lock()
	defer c.mu.Unlock()
	require.NoError(c.t, c.conns[len(c.conns)-1].Close())
}

func (c *brood) count() int {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.conns)
}

func processOf(t *testing.T, c *brood) *Process {
	t.Helper()
	c.t = t
	p, err := newProcess(c.start, time.Now, func(error) {})
	require.NoError(t, err)
	t.Cleanup(func() { _ = p.Close() })
	return p
}

func TestWork_HashesAndCompares(t *testing.T) {
	t.Parallel()
	p := processOf(t, &brood{})

	made, err := p.Work(least)
	require.NoError(t, err)
	require.Contains(t, made.Hash, "$argon2id$v=19$m=8,t=1,p=1$")
	for password, match := range map[string]bool{"correct horse": true, "wrong": false} {
		compare := least
		compare.Stored, compare.Password = made.Hash, []byte(password)
		done, err := p.Work(compare)
		require.NoError(t, err)
		require.Equal(t, Done{Match: match}, done)
	}
}

func TestWork_RefusedJobsAreNotRepeatedAndToldWithoutWhatIsInThem(t *testing.T) {
	t.Parallel()
	c := &brood{}
	p := processOf(t, c)

	_, err := p.Work(Job{MemoryKiB: 8, Iterations: 1, Parallelism: 1, Stored: "$stored$", Password: []byte("hunter2")})
	require.ErrorContains(t, err, ErrStored.Error())
	require.NotContains(t, err.Error(), "hunter2")
	require.NotContains(t, err.Error(), "$stored$")
	require.Equal(t, 1, c.count())

	_, err = p.Work(least)
	require.NoError(t, err, "the child goes on")
}

func TestWork_GoesOnWithAnotherChildWhenOneHasEnded(t *testing.T) {
	t.Parallel()
	c := &brood{}
	p := processOf(t, c)
	for killed := range 3 {
		_, err := p.Work(least)
		require.NoError(t, err)
		c.kill()

		var all sync.WaitGroup
		for range 8 {
			all.Go(func() {
				done, err := p.Work(least)
				if err != nil || done.Hash == "" {
					t.Errorf("%+v, %v", done, err)
				}
			})
		}
		all.Wait()
		require.Equal(t, killed+2, c.count(), "one for all")
	}
}

func TestWork_GivesUpAJobThatNoChildSurvives(t *testing.T) {
	t.Parallel()
	c := &brood{born: func(conn net.Conn) {
		jobs := json.NewDecoder(conn)
		answers := json.NewEncoder(conn)
		for {
			var job struct {
				ID     int   `json:"id"`
				Params []Job `json:"params"`
			}
			if jobs.Decode(&job) != nil || string(job.Params[0].Password) == "deadly" {
				_ = conn.Close()
				return
			}
			_ = answers.Encode(map[string]any{"id": job.ID, "result": Done{Match: true}})
		}
	}}
	p := processOf(t, c)
	_, err := p.Work(least)
	require.NoError(t, err)
	deadly := least
	deadly.Password = []byte("deadly")

	_, err = p.Work(deadly)

	require.ErrorIs(t, err, errEnded)
	require.NotContains(t, err.Error(), "deadly")
	require.Equal(t, 2, c.count())
}

// What cannot be done at all must not keep the machine busy.
func TestWork_StartsFewChildrenThatDoNothing(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &brood{}
		p := processOf(t, c)
		c.born = func(conn net.Conn) { _ = conn.Close() }
		c.kill()
		for range 10 {
			for range 10 {
				_, err := p.Work(least)
				require.ErrorIs(t, err, errEnded)
			}
			time.Sleep(respite)
		}
		require.LessOrEqual(t, c.count(), 11)

		c.born = nil
		_, err := p.Work(least)
		require.NoError(t, err, "one that does something")
	})
}

func TestWork_EndsAChildThatDoesNotAnswer(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &brood{born: func(conn net.Conn) { _, _ = io.Copy(io.Discard, conn) }}
		p := processOf(t, c)
		began := time.Now()

		_, err := p.Work(least)

		require.ErrorIs(t, err, errStuck)
		require.Equal(t, patience, time.Since(began))
		c.born = nil
		time.Sleep(respite)
		_, err = p.Work(least)
		require.NoError(t, err)
		require.Equal(t, 2, c.count())
	})
}

func TestWork_SaysThatNoChildCouldBeStarted(t *testing.T) {
	t.Parallel()
	synctest.Test(t, func(t *testing.T) {
		c := &brood{}
		p := processOf(t, c)
		_, err := p.Work(least)
		require.NoError(t, err)
		c.kill()
		c.refused = errors.New("no more processes")

		_, err = p.Work(least)
		require.ErrorIs(t, err, c.refused)
		_, err = p.Work(least)
		require.ErrorIs(t, err, errEnded, "it is not asked at once again")

		c.refused = nil
		time.Sleep(respite)
		_, err = p.Work(least)
		require.NoError(t, err, "the machine has room again")
	})
}

func TestNewProcess_SaysThatNoChildCouldBeStarted(t *testing.T) {
	t.Parallel()
	refused := errors.New("not here")

	_, err := newProcess((&brood{t: t, refused: refused}).start, time.Now, func(error) {})

	require.ErrorIs(t, err, refused)
}

func TestClose_EndsTheChild(t *testing.T) {
	t.Parallel()
	ended := make(chan struct{})
	c := &brood{born: func(conn net.Conn) {
		serve(conn)
		close(ended)
	}}
	p := processOf(t, c)

	require.NoError(t, p.Close())
	<-ended
	_, err := p.Work(least)
	require.ErrorIs(t, err, errEnded)
	require.Equal(t, 1, c.count(), "none is started any more")
}

// A password of another system may be any bytes.
func TestWork_TakesThePasswordAsItIs(t *testing.T) {
	t.Parallel()
	p := processOf(t, &brood{})
	odd := least
	odd.Password = []byte("a\xff\x00\u2028<b")
	made, err := Work(odd)
	require.NoError(t, err)
	odd.Stored = made.Hash

	done, err := p.Work(odd)

	require.NoError(t, err)
	require.True(t, done.Match)
}
