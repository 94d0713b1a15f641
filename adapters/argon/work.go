package argon

import (
	"fmt"

	"github.com/alexedwards/argon2id"
)

// Job is one password to hash, or to compare with a stored hash.
type Job struct {
	MemoryKiB   uint32 // what a hash of one's own costs
	Iterations  uint32
	Parallelism uint8
	Stored      string // to compare with; "": the password is to be hashed
	Password    []byte
}

// bytes is the memory that the job takes, 0 when that is nothing to speak of.
func (j Job) bytes() uint64 {
	if j.Stored == "" {
		return uint64(j.MemoryKiB) << 10
	}
	stored, err := boundsOf(j.costs()).parse(j.Stored)
	if err != nil {
		return 0
	}
	return stored.memoryKiB << 10
}

func (j Job) costs() Config {
	return Config{MemoryKiB: j.MemoryKiB, Iterations: j.Iterations, Parallelism: j.Parallelism}
}

// Done is what became of a Job.
type Done struct {
	Hash  string // when there was nothing to compare with
	Match bool
}

// Worker does jobs, as many at once as it is given. An error says that a job
// was not done, never what was in it.
type Worker func(Job) (Done, error)

// Work is the Worker that takes this process's own time and memory. It is the
// one place where hashes come from. It does no job that no Hasher would give
// it, and returns ErrStored when that is for the hash to compare with.
func Work(j Job) (Done, error) {
	costs := j.costs()
	if err := costs.check(); err != nil {
		return Done{}, err
	}
	if j.Stored != "" {
		stored, err := boundsOf(costs).parse(j.Stored)
		if err != nil {
			return Done{}, err
		}
		return Done{Match: stored.matches(string(j.Password))}, nil
	}
	// The library's defaults depend on the machine and panic on some: everything
	// is given.
	hash, err := argon2id.CreateHash(string(j.Password), &argon2id.Params{
		Memory: j.MemoryKiB, Iterations: j.Iterations, Parallelism: j.Parallelism,
		SaltLength: saltSize, KeyLength: keySize,
	})
	if err != nil {
		return Done{}, fmt.Errorf("hash password: %w", err)
	}
	return Done{Hash: hash}, nil
}
