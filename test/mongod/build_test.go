package mongod_test

import (
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/mongod"
)

func TestBuild_HappensOnceHoweverManyAsk(t *testing.T) {
	t.Parallel()
	cache, source := t.TempDir(), sources(t, "one")
	var builds atomic.Int32
	paths := make([]string, 20)

	var all sync.WaitGroup
	for i := range paths {
		all.Go(func() {
			path, err := mongod.Cached(cache, source, "binary", func() { builds.Add(1) })
			if err == nil {
				paths[i] = path
			}
		})
	}
	all.Wait()

	require.EqualValues(t, 1, builds.Load())
	for _, path := range paths {
		require.Equal(t, paths[0], path)
	}
	text, err := os.ReadFile(paths[0])
	require.NoError(t, err)
	require.Equal(t, "binary", string(text))
}

func TestBuild_OfOtherSourcesIsAnother(t *testing.T) {
	t.Parallel()
	cache := t.TempDir()

	one, err := mongod.Cached(cache, sources(t, "one"), "1", func() {})
	require.NoError(t, err)
	two, err := mongod.Cached(cache, sources(t, "two"), "2", func() {})
	require.NoError(t, err)

	require.NotEqual(t, one, two)
}

func TestBuild_ThatFailedIsTriedAgain(t *testing.T) {
	t.Parallel()
	cache, source := t.TempDir(), sources(t, "one")

	_, err := mongod.Cached(cache, source, "", func() {})
	require.Error(t, err)
	_, err = mongod.Cached(cache, source, "binary", func() {})

	require.NoError(t, err)
}

func sources(t *testing.T, sum string) string {
	t.Helper()
	dir := t.TempDir()
	for name, text := range map[string]string{"go.mod": "module m", "go.sum": sum, "main.go": "package main"} {
		require.NoError(t, os.WriteFile(filepath.Join(dir, name), []byte(text), 0o600))
	}
	return dir
}
