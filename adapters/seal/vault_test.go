package seal_test

import (
	"bytes"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"sync"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/adapters/seal"
	"ostiary/adapters/system"
)

var master = bytes.Repeat([]byte{7}, seal.KeySize)

func newVault(t *testing.T) *seal.Vault {
	t.Helper()
	v, err := seal.New(master, system.NewRandom())
	require.NoError(t, err)
	return v
}

func TestNew_RefusesAKeyOfAnotherLength(t *testing.T) {
	t.Parallel()

	for _, n := range []int{0, 16, 31, 33, 64} {
		_, err := seal.New(make([]byte, n), system.NewRandom())
		require.Error(t, err, n)
	}
}

func TestNew_KeepsItsOwnCopyOfTheKey(t *testing.T) {
	t.Parallel()
	mine := bytes.Clone(master)
	v, err := seal.New(mine, system.NewRandom())
	require.NoError(t, err)

	clear(mine)

	require.Equal(t, newVault(t).MAC("p", []byte("x")), v.MAC("p", []byte("x")))
}

func TestOpen_GivesBackWhatWasSealed(t *testing.T) {
	t.Parallel()
	v := newVault(t)

	rapid.Check(t, func(rt *rapid.T) {
		plain := rapid.SliceOf(rapid.Byte()).Draw(rt, "plain")
		bound := rapid.SliceOf(rapid.Byte()).Draw(rt, "bound")

		got, err := v.Open("p", v.Seal("p", plain, bound), bound)

		require.NoError(rt, err)
		require.True(rt, bytes.Equal(plain, got))
	})
}

func TestOpen_RefusesEveryFlippedBitAndEveryShorterText(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	sealed := v.Seal("p", []byte("plain"), []byte("bound"))

	for i := range sealed {
		for bit := range 8 {
			bent := bytes.Clone(sealed)
			bent[i] ^= 1 << bit
			_, err := v.Open("p", bent, []byte("bound"))
			require.ErrorIs(t, err, seal.ErrOpen)
		}
		_, err := v.Open("p", sealed[:i], []byte("bound"))
		require.ErrorIs(t, err, seal.ErrOpen)
	}
}

func TestOpen_RefusesAnotherPurposeBoundOrMasterKey(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	other, err := seal.New(bytes.Repeat([]byte{8}, seal.KeySize), system.NewRandom())
	require.NoError(t, err)
	sealed := v.Seal("p", []byte("plain"), []byte("bound"))

	for name, open := range map[string]func() ([]byte, error){
		"purpose": func() ([]byte, error) { return v.Open("q", sealed, []byte("bound")) },
		"bound":   func() ([]byte, error) { return v.Open("p", sealed, []byte("other")) },
		"absent":  func() ([]byte, error) { return v.Open("p", sealed, nil) },
		"master":  func() ([]byte, error) { return other.Open("p", sealed, []byte("bound")) },
	} {
		_, err := open()
		require.ErrorIs(t, err, seal.ErrOpen, name)
	}
}

func TestSeal_NeverMakesTheSameTextTwice(t *testing.T) {
	t.Parallel()
	v := newVault(t)

	require.NotEqual(t, v.Seal("p", []byte("x"), nil), v.Seal("p", []byte("x"), nil))
}

func TestMAC_KeepsPartsAndPurposesApart(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	b := func(s string) []byte { return []byte(s) }

	macs := map[[32]byte]string{}
	for name, m := range map[string][32]byte{
		"a bc": v.MAC("p", b("a"), b("bc")),
		"ab c": v.MAC("p", b("ab"), b("c")),
		"abc":  v.MAC("p", b("abc")),
		"abc ": v.MAC("p", b("abc"), nil),
		"none": v.MAC("p"),
		"q":    v.MAC("q", b("abc")),
	} {
		macs[m] = name
	}

	require.Len(t, macs, 6)
}

// A change of derivation would make every stored key and token unreadable.
func TestMAC_IsHMACUnderTheHKDFKeyOfItsPurpose(t *testing.T) {
	t.Parallel()
	key, err := hkdf.Key(sha256.New, master, nil, "ostiary/1/mac/refresh", 32)
	require.NoError(t, err)
	h := hmac.New(sha256.New, key)
	h.Write([]byte{0, 0, 0, 0, 0, 0, 0, 2, 'h', 'i'})

	got := newVault(t).MAC("refresh", []byte("hi"))

	require.Equal(t, h.Sum(nil), got[:])
}

func TestVault_ServesManyAtOnce(t *testing.T) {
	t.Parallel()
	v := newVault(t)
	want := v.MAC("p", []byte("x"))
	var wg sync.WaitGroup

	for i := range 600 { // more purposes than are kept
		wg.Go(func() { v.Seal(string(rune('a'+i)), []byte("x"), nil) })
	}
	wg.Wait()

	require.Equal(t, want, v.MAC("p", []byte("x")))
}
