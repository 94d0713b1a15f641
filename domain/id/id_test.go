package id_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/id"
)

type thing struct{}

const canonical = "0198c0de-7a1b-7c2d-8e3f-0123456789ab"

func TestParse_ReadsWhatStringWrites(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		var b [16]byte
		copy(b[:], rapid.SliceOfN(rapid.Byte(), 16, 16).Draw(rt, "bytes"))
		u := id.FromBytes[thing](b)
		if u.IsZero() {
			require.Empty(rt, u.String())
			return
		}
		again, err := id.Parse[thing](u.String())
		require.NoError(rt, err)
		require.Equal(rt, u, again)
		require.Equal(rt, b, again.Bytes())
	})
}

func TestParse_RefusesOtherForms(t *testing.T) {
	t.Parallel()
	_, err := id.Parse[thing](canonical)
	require.NoError(t, err)

	for _, s := range []string{
		"", strings.ReplaceAll(canonical, "-", ""), "{" + canonical + "}", "urn:uuid:" + canonical,
		canonical + " ", " " + canonical[1:], canonical[:35], canonical + "0", strings.Replace(canonical, "-", "_", 1),
		strings.Replace(canonical, "a", "g", 1), "0198c0de7-a1b-7c2d-8e3f-0123456789ab", canonical[:35] + "\x00", canonical[:34] + "é",
	} {
		_, err := id.Parse[thing](s)
		require.ErrorIs(t, err, id.ErrMalformed, "%q", s)
	}
}

func TestParseNumber_ReadsWhatStringWrites(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		n, err := id.NumberOf[thing](rapid.Int64Range(1, id.MaxNumber).Draw(rt, "n"))
		require.NoError(rt, err)
		again, err := id.ParseNumber[thing](n.String())
		require.NoError(rt, err)
		require.Equal(rt, n, again)
	})
}

func TestParseNumber_AcceptsOneSpellingWithinBounds(t *testing.T) {
	t.Parallel()
	most, err := id.ParseNumber[thing]("9007199254740991")
	require.NoError(t, err)
	require.Equal(t, int64(id.MaxNumber), most.Int())

	for _, s := range []string{
		"", "0", "00", "01", "-1", "+1", " 1", "1 ", "1.0", "1e3", "0x1", "1_000", "\u0661", "\uff11", "9007199254740992",
		"9223372036854775807", "9223372036854775808", "99999999999999999999", "1\x00",
	} {
		_, err := id.ParseNumber[thing](s)
		require.ErrorIs(t, err, id.ErrMalformed, "%q", s)
	}
}

func TestNumberOf_RefusesWhatNamesNothing(t *testing.T) {
	t.Parallel()

	for _, n := range []int64{0, -1, id.MaxNumber + 1} {
		_, err := id.NumberOf[thing](n)
		require.ErrorIs(t, err, id.ErrMalformed)
	}
	require.True(t, id.Number[thing]{}.IsZero())
	require.Empty(t, id.Number[thing]{}.String())
	require.Zero(t, id.Number[thing]{}.Int())
}

func FuzzParse(f *testing.F) {
	f.Add(canonical)
	f.Add("42")
	f.Add("")

	f.Fuzz(func(t *testing.T, s string) {
		if u, err := id.Parse[thing](s); err == nil && !u.IsZero() {
			require.Equal(t, strings.ToLower(s), u.String())
		}
		if n, err := id.ParseNumber[thing](s); err == nil {
			require.Equal(t, s, n.String())
			require.True(t, n.Int() >= 1 && n.Int() <= id.MaxNumber)
		}
	})
}

func TestParse_FoldsCase(t *testing.T) {
	t.Parallel()
	lower, err := id.Parse[thing](canonical)
	require.NoError(t, err)
	upper, err := id.Parse[thing](strings.ToUpper(canonical))
	require.NoError(t, err)
	require.Equal(t, lower, upper)
	require.Equal(t, canonical, upper.String())
}
