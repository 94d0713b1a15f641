package bootstrap

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"ostiary/adapters/argon"
)

func TestSettle_HashesOnEveryCoreInAnotherProcess(t *testing.T) {
	cores := runtime.GOMAXPROCS(0)
	restore(t)
	for parallelism, workers := range map[uint8]int{1: cores, 16: max(1, cores/16)} {
		runtime.GOMAXPROCS(cores)
		c := Config{Argon: argon.Config{MemoryKiB: 256, Iterations: 1, Parallelism: parallelism}}
		job := argon.Job{MemoryKiB: 256, Iterations: 1, Parallelism: parallelism, Password: []byte("correct horse")}

		settled, leave := settle(t.Context(), c, zap.NewNop(), argon.StartProcess)

		require.Equal(t, workers, settled.Argon.Workers)
		done, err := settled.Argon.Worker(job)
		require.NoError(t, err)
		require.NotEmpty(t, done.Hash)
		leave()
		_, err = settled.Argon.Worker(job)
		require.Error(t, err, "it has ended")
	}
}
