package seal_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/seal"
	"ostiary/domain/secret"
)

func TestParseKey_ReadsEitherAlphabetWithAndWithoutPadding(t *testing.T) {
	t.Parallel()
	key := make([]byte, seal.KeySize)
	for i := range key {
		key[i] = 0xff - byte(i%3)
	}

	for _, e := range []*base64.Encoding{base64.StdEncoding, base64.RawStdEncoding, base64.URLEncoding, base64.RawURLEncoding} {
		got, err := seal.ParseKey(secret.New(" " + e.EncodeToString(key) + "\n"))
		require.NoError(t, err)
		require.Equal(t, key, got)
	}
}

func TestParseKey_RefusesWithoutRepeatingTheValue(t *testing.T) {
	t.Parallel()
	whole := base64.StdEncoding.EncodeToString(make([]byte, seal.KeySize))

	for name, row := range map[string]struct{ text, says string }{
		"empty":      {"", "empty"},
		"blank":      {" \n", "empty"},
		"not base64": {"correct horse battery staple!", "not base64"},
		"hex":        {strings.Repeat("0f", 32), "48 bytes"},
		"short":      {base64.StdEncoding.EncodeToString(make([]byte, 31)), "31 bytes"},
		"long":       {base64.StdEncoding.EncodeToString(make([]byte, 33)), "33 bytes"},
		"line break": {whole[:20] + "\n" + whole[20:], "line break"},
		"stray bits": {strings.Repeat("A", 42) + "B=", "not base64"},
	} {
		_, err := seal.ParseKey(secret.New(row.text))
		require.ErrorContains(t, err, row.says, name)
		if strings.TrimSpace(row.text) != "" {
			require.NotContains(t, err.Error(), row.text, name)
			require.NotContains(t, err.Error(), row.text[:8], name)
		}
	}
}

func TestLoadOrCreate_MakesAKeyOnceForTheOwnerAlone(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "data", "master.key")

	first, err := seal.LoadOrCreate(path)
	require.NoError(t, err)
	second, err := seal.LoadOrCreate(path)
	require.NoError(t, err)

	require.Len(t, first, seal.KeySize)
	require.Equal(t, first, second)
	info, err := os.Stat(path)
	require.NoError(t, err)
	if runtime.GOOS != "windows" {
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
	left, err := os.ReadDir(filepath.Dir(path))
	require.NoError(t, err)
	require.Len(t, left, 1, "nothing else holds a key")
}

func TestLoadOrCreate_GivesAllThatStartAtOnceTheSameKey(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	keys := make([][]byte, 16)
	errs := make([]error, len(keys))
	start := make(chan struct{})
	var wg sync.WaitGroup

	for i := range keys {
		wg.Go(func() {
			<-start
			keys[i], errs[i] = seal.LoadOrCreate(path)
		})
	}
	close(start)
	wg.Wait()

	for i := range keys {
		require.NoError(t, errs[i])
		require.Equal(t, keys[0], keys[i])
	}
}

func TestLoadOrCreate_RefusesAFileThatOthersMayRead(t *testing.T) {
	t.Parallel()
	if runtime.GOOS == "windows" {
		t.Skip("Windows keeps no such bits")
	}
	path := filepath.Join(t.TempDir(), "master.key")
	_, err := seal.LoadOrCreate(path)
	require.NoError(t, err)
	require.NoError(t, os.Chmod(path, 0o640))

	_, err = seal.LoadOrCreate(path)

	require.ErrorContains(t, err, "0640")
}

func TestLoadOrCreate_NeverReplacesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "master.key")
	require.NoError(t, os.WriteFile(path, []byte("damaged-key-material"), 0o600))

	_, err := seal.LoadOrCreate(path)

	require.Error(t, err)
	require.NotContains(t, err.Error(), "damaged-key-material")
	kept, err := os.ReadFile(path)
	require.NoError(t, err)
	require.Equal(t, "damaged-key-material", string(kept))
}

func TestLoadOrCreate_SaysWhyThePlaceIsNoFile(t *testing.T) {
	t.Parallel()

	_, err := seal.LoadOrCreate(t.TempDir())

	require.ErrorContains(t, err, "regular file")
}
