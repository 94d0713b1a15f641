package argon_test

import (
	"encoding/base64"
	"encoding/hex"
	"errors"
	"runtime"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/argon"
	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

var (
	small = argon.Config{MemoryKiB: 64, Iterations: 1, Parallelism: 1}
	acme  = owner(1)
)

func newHasher(t testing.TB, c argon.Config) *argon.Hasher {
	t.Helper()
	h, err := argon.New(c, time.Now)
	require.NoError(t, err)
	return h
}

func password(s string) user.Password { return user.Candidate(secret.New(s)) }

func TestNew_RefusesWhatNoHashCanCost(t *testing.T) {
	t.Parallel()

	for name, c := range map[string]argon.Config{
		"zero":            {},
		"no passes":       {MemoryKiB: 64, Parallelism: 1},
		"no lanes":        {MemoryKiB: 64, Iterations: 1},
		"many passes":     {MemoryKiB: 64, Iterations: 17, Parallelism: 1},
		"many lanes":      {MemoryKiB: 1024, Iterations: 1, Parallelism: 17},
		"little memory":   {MemoryKiB: 15, Iterations: 1, Parallelism: 2},
		"too much memory": {MemoryKiB: 1<<20 + 1, Iterations: 1, Parallelism: 1},
		"workers":         {MemoryKiB: 64, Iterations: 1, Parallelism: 1, Workers: -1},
	} {
		_, err := argon.New(c, time.Now)
		require.Error(t, err, name)
	}
}

func TestHash_WritesTheConfiguredParametersAndASaltOfItsOwn(t *testing.T) {
	t.Parallel()
	h := newHasher(t, argon.Config{MemoryKiB: 72, Iterations: 2, Parallelism: 3})

	a, err := h.Hash(t.Context(), acme, password("correct horse"))
	require.NoError(t, err)
	b, err := h.Hash(t.Context(), acme, password("correct horse"))
	require.NoError(t, err)

	require.Regexp(t, `^\$argon2id\$v=19\$m=72,t=2,p=3\$[A-Za-z0-9+/]{22}\$[A-Za-z0-9+/]{43}$`, a.Reveal())
	require.False(t, a.Equal(b))
}

func TestVerify_MatchesTheSamePasswordOnly(t *testing.T) {
	t.Parallel()
	h := newHasher(t, small)
	long := strings.Repeat("x", 72)
	hash, err := h.Hash(t.Context(), acme, password(long+"1"))
	require.NoError(t, err)

	for shown, want := range map[string]bool{long + "1": true, long + "2": false, long: false, "": false} {
		match, weak, err := h.Verify(t.Context(), acme, hash, password(shown))
		require.NoError(t, err)
		require.Equal(t, want, match)
		require.False(t, weak)
	}
}

func TestVerify_CallsAHashWeakThatCostsLessThanConfigured(t *testing.T) {
	t.Parallel()
	made := argon.Config{MemoryKiB: 64, Iterations: 2, Parallelism: 2}
	hash, err := newHasher(t, made).Hash(t.Context(), acme, password("correct horse"))
	require.NoError(t, err)

	for name, row := range map[string]struct {
		now  argon.Config
		weak bool
	}{
		"the same":       {made, false},
		"less asked now": {argon.Config{MemoryKiB: 32, Iterations: 1, Parallelism: 1}, false},
		"more memory":    {argon.Config{MemoryKiB: 65, Iterations: 2, Parallelism: 2}, true},
		"more passes":    {argon.Config{MemoryKiB: 64, Iterations: 3, Parallelism: 2}, true},
		"more lanes":     {argon.Config{MemoryKiB: 64, Iterations: 2, Parallelism: 3}, true},
	} {
		h := newHasher(t, row.now)
		match, weak, err := h.Verify(t.Context(), acme, hash, password("correct horse"))
		require.NoError(t, err, name)
		require.True(t, match, name)
		require.Equal(t, row.weak, weak, name)

		match, weak, err = h.Verify(t.Context(), acme, hash, password("wrong horse"))
		require.NoError(t, err, name)
		require.False(t, match || weak, "%s: a wrong password is no reason to hash anew", name)
	}
}

// The vectors of x/crypto, made with the reference implementation. Those of
// RFC 9106 section 5 have a secret and associated data, which no PHC string
// of a password carries.
func TestVerify_AgreesWithTheReferenceImplementation(t *testing.T) {
	t.Parallel()
	h := newHasher(t, small)

	for _, row := range []struct{ head, key string }{
		{"$argon2i$v=19$m=64,t=1,p=1", "b9c401d1844a67d50eae3967dc28870b22e508092e861a37"},
		{"$argon2i$v=19$m=64,t=2,p=1", "8cf3d8f76a6617afe35fac48eb0b7433a9a670ca4a07ed64"},
		{"$argon2id$v=19$m=64,t=1,p=1", "655ad15eac652dc59f7170a7332bf49b8469be1fdb9c28bb"},
		{"$argon2id$v=19$m=64,t=2,p=1", "068d62b26455936aa6ebe60060b0a65870dbfa3ddf8d41f7"},
		{"$argon2id$v=19$m=256,t=2,p=1", "9dfeb910e80bad0311fee20f9c0e2b12c17987b4cac90c2ef54d5b3021c68bfe"},
	} {
		key, err := hex.DecodeString(row.key)
		require.NoError(t, err)
		hash := secret.New(row.head + "$c29tZXNhbHQ$" + base64.RawStdEncoding.EncodeToString(key))

		match, weak, err := h.Verify(t.Context(), acme, hash, password("password"))

		require.NoError(t, err, row.head)
		require.True(t, match, row.head)
		require.True(t, weak, "an 8-byte salt is less than we make")
	}
}

// Made with other implementations: libxcrypt and Python's hashlib.
var foreign = map[string]string{
	"bcrypt 2a":        "$2a$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"bcrypt 2b":        "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"bcrypt 2y":        "$2y$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"scrypt":           "$scrypt$ln=4,r=8,p=1$c2FsdHNhbHRzYWx0c2FsdA$rkTI9fAgA7thDzzR8FHXhMiojYBreJBmYTkEzWypBCQ",
	"pbkdf2 256":       "$pbkdf2-sha256$i=1000$c2FsdHNhbHRzYWx0c2FsdA$BBs+1+PaslLtBPULUr8/lQicvVuHiEPMz0i8MjLCbzM",
	"pbkdf2 256 l":     "$pbkdf2-sha256$i=1000,l=32$c2FsdHNhbHRzYWx0c2FsdA$BBs+1+PaslLtBPULUr8/lQicvVuHiEPMz0i8MjLCbzM",
	"pbkdf2 passlib":   "$pbkdf2-sha256$1000$c2FsdHNhbHRzYWx0c2FsdA$BBs.1.PaslLtBPULUr8/lQicvVuHiEPMz0i8MjLCbzM",
	"pbkdf2 512":       "$pbkdf2-sha512$i=1000$c2FsdHNhbHRzYWx0c2FsdA$EHLBej+uEvxlmr0QnHnceg1vM6h1wbwSP5XErh3SmizNDWZsIi28RPGARe0EssjGRoiACzxgHjNvqwJY1zxKig",
	"pbkdf2 of Django": "pbkdf2_sha256$1000$saltsaltsalt$F7o7+5VTVzFAO998X6s3AHrDsJVdMiIlgndIMe19NvY=",
}

func TestVerify_ReadsWhatOtherSystemsHashedAndCallsItWeak(t *testing.T) {
	t.Parallel()
	h := newHasher(t, small)

	for name, text := range foreign {
		match, weak, err := h.Verify(t.Context(), acme, secret.New(text), password("correct horse"))
		require.NoError(t, err, name)
		require.True(t, match, name)
		require.True(t, weak, name)

		match, weak, err = h.Verify(t.Context(), acme, secret.New(text), password("correct horsf"))
		require.NoError(t, err, name)
		require.False(t, match || weak, name)
	}
}

func TestVerify_DoesNotCutALongPasswordForBcrypt(t *testing.T) {
	t.Parallel()
	h := newHasher(t, small)
	of72 := secret.New("$2b$04$abcdefghijklmnopqrstuuBzzIgyKkz7xMWYSzkIjUSnxEQFQ0WNe")

	for n, want := range map[int]bool{71: false, 72: true, 73: false, 200: false} {
		match, _, err := h.Verify(t.Context(), acme, of72, password(strings.Repeat("a", n)))
		require.NoError(t, err)
		require.Equal(t, want, match, n)
	}
}

// Not parallel: it reads how much the whole process allocates.
func TestVerify_RefusesHostileHashesWithTheWorkOfADecoyAndNoMore(t *testing.T) {
	h := newHasher(t, small)

	for name, text := range hostile {
		var before, after runtime.MemStats
		done := h.Stats().Hashes
		runtime.ReadMemStats(&before)
		match, weak, err := h.Verify(t.Context(), acme, secret.New(text), password("correct horse"))
		runtime.ReadMemStats(&after)

		require.ErrorIs(t, err, argon.ErrStored, name)
		require.False(t, match || weak, name)
		require.Equal(t, done+1, h.Stats().Hashes, name)
		require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(1<<20), name)
		if len(text) > 8 {
			require.NotContains(t, err.Error(), text[len(text)-8:], name)
		}
	}
}

func TestDecoy_DoesTheWorkOfVerify(t *testing.T) {
	t.Parallel()
	h := newHasher(t, small)

	require.NoError(t, h.Decoy(t.Context(), acme, password("whatever it is")))

	require.Equal(t, uint64(1), h.Stats().Hashes)
}

func TestHash_RefusesBeforeAnyWorkWhenTooManyWait(t *testing.T) {
	t.Parallel()
	in, out := make(chan struct{}), make(chan struct{})
	c := small
	c.Workers, c.Queue, c.PerTenant = 1, 1, 1
	c.Waited = func(time.Duration) { // called with a slot in hand
		in <- struct{}{}
		<-out
	}
	clock := &fake.Clock{}
	h, err := argon.New(c, clock.Now)
	require.NoError(t, err)
	var wg sync.WaitGroup
	results := make([]error, 2)
	begin := func(i int) {
		wg.Go(func() { _, results[i] = h.Hash(t.Context(), acme, password("correct horse")) })
	}
	begin(0)
	<-in // the only slot is taken
	begin(1)
	for h.Stats().Waiting != 1 {
		runtime.Gosched()
	}

	_, err = h.Hash(t.Context(), acme, password("correct horse"))
	_, _, verifyErr := h.Verify(t.Context(), owner(2), secret.New("junk"), password("correct horse"))
	decoyErr := h.Decoy(t.Context(), owner(3), password("correct horse"))

	require.ErrorIs(t, err, port.ErrBusy)
	require.ErrorIs(t, verifyErr, port.ErrBusy)
	require.ErrorIs(t, decoyErr, port.ErrBusy)
	require.Equal(t, argon.Stats{Busy: 3, Running: 1, Waiting: 1}, h.Stats())
	close(out)
	<-in
	wg.Wait()
	require.NoError(t, results[0])
	require.NoError(t, results[1])
	require.Equal(t, argon.Stats{Hashes: 2, Busy: 3}, h.Stats())
}

func TestHash_IsUnavailableWhenTheWorkWasNotDone(t *testing.T) {
	t.Parallel()
	lost := errors.New("the process has ended")
	c := small
	c.Worker = func(argon.Job) (argon.Done, error) { return argon.Done{}, lost }
	h := newHasher(t, c)

	_, err := h.Hash(t.Context(), acme, password("correct horse"))
	require.ErrorIs(t, err, port.ErrUnavailable)
	require.ErrorIs(t, err, lost)
	require.ErrorIs(t, h.Decoy(t.Context(), acme, password("correct horse")), port.ErrUnavailable)
	require.Zero(t, h.Stats().Running, "the place is free again")
}

// What is worth the work is decided by who asks for it.
func TestVerify_AsksForNoWorkWithAHostileHash(t *testing.T) {
	t.Parallel()
	var asked []argon.Job
	c := small
	c.Worker = func(j argon.Job) (argon.Done, error) {
		asked = append(asked, j)
		return argon.Work(j)
	}
	h := newHasher(t, c)

	_, _, err := h.Verify(t.Context(), acme, secret.New(argon2id("m=4194304,t=1,p=1")), password("correct horse"))

	require.ErrorIs(t, err, argon.ErrStored)
	require.Len(t, asked, 1, "a decoy")
	require.Contains(t, asked[0].Stored, "$m=64,t=1,p=1$")
}

func TestWork_RefusesWhatNoHasherAsksFor(t *testing.T) {
	t.Parallel()

	for _, stored := range []string{"nonsense", argon2id("m=4194304,t=1,p=1")} {
		_, err := argon.Work(argon.Job{MemoryKiB: 64, Iterations: 1, Parallelism: 1, Stored: stored, Password: []byte("correct horse")})
		require.ErrorIs(t, err, argon.ErrStored)
	}
}

func TestStats_CountTheTimeSpent(t *testing.T) {
	t.Parallel()
	clock := &ticking{}
	h, err := argon.New(small, clock.Now)
	require.NoError(t, err)

	for range 3 {
		require.NoError(t, h.Decoy(t.Context(), acme, password("correct horse")))
	}

	require.Equal(t, 3*time.Second, h.Stats().Spent)
}

type ticking struct{ fake.Clock }

func (c *ticking) Now() time.Time { return c.Advance(time.Second) }
