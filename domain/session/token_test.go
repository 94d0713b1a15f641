package session_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
)

func fill[T ~[32]byte | ~[16]byte](start byte) (out T) {
	for i := range len(out) {
		switch b := any(&out).(type) {
		case *[32]byte:
			b[i] = start + byte(i)
		case *[16]byte:
			b[i] = start + byte(i)
		}
	}
	return out
}

func refresh() session.Refresh {
	return session.Refresh{
		Tenant: tenant.IDFromBytes(fill[[16]byte](1)), Session: session.IDFromBytes(fill[[16]byte](60)), Generation: 7,
		Secret: fill[[32]byte](90), Tag: fill[[16]byte](200),
	}
}

func link() session.LinkToken {
	return session.LinkToken{Tenant: tenant.IDFromBytes(fill[[16]byte](1)), Secret: fill[[32]byte](90)}
}

// spoiled are other spellings and shapes of a token, none of which is one.
// Line breaks are what a strict decoder of base64 skips all the same.
func spoiled(good string) []string {
	n := len(good)
	return []string{
		"", good[:n-1], good + "A", good + "=", " " + good, good + " ", good + "\n", "\n" + good[1:], good[:n-1] + "\n",
		good[:n/2] + "\r\n" + good[n/2+2:], strings.Repeat("\n", n), good[:4] + strings.Repeat("\r", n-4), strings.Repeat("\n", n-1) + "A",
		strings.ReplaceAll(good, "-", "+"), strings.Replace(good, good[3:4], "*", 1), good[:n-2] + "==", good[:5] + "\x00" + good[6:], strings.Repeat("=", n),
		strings.Repeat("A", n*100), good[:n-2] + "é",
	}
}

func TestParseRefresh_ReadsWhatTextWrites(t *testing.T) {
	t.Parallel()

	got, err := session.ParseRefresh(refresh().Text())

	require.NoError(t, err)
	require.True(t, refresh() == got)
}

func TestParseRefresh_RefusesEveryOtherSpelling(t *testing.T) {
	t.Parallel()
	good := refresh().Text().Reveal()

	for _, s := range spoiled(good) {
		if s == good {
			continue
		}
		_, err := session.ParseRefresh(secret.New(s))
		require.ErrorIs(t, err, session.ErrForeign, "%q", s)
	}
}

func TestSuccessor_IsOfTheNextGenerationOfTheSameSession(t *testing.T) {
	t.Parallel()
	r := refresh()

	next := r.Successor(fill[[32]byte](11))

	require.Equal(t, r.Tenant, next.Tenant)
	require.Equal(t, r.Session, next.Session)
	require.Equal(t, r.Generation+1, next.Generation)
	require.NotEqual(t, r.Digest(), next.Digest())
	require.Zero(t, next.Tag)
}

// The seed must depend on all of the predecessor and differ from what the
// predecessor's own tag covers.
func TestSuccessorSeed_DependsOnEveryPartOfThePredecessor(t *testing.T) {
	t.Parallel()
	seeds := map[string]bool{string(refresh().Signed()): true, string(refresh().SuccessorSeed()): true}

	for _, change := range []func(*session.Refresh){
		func(r *session.Refresh) { r.Tenant = tenant.ID{} },
		func(r *session.Refresh) { r.Session = session.ID{} },
		func(r *session.Refresh) { r.Generation++ },
		func(r *session.Refresh) { r.Secret[31]++ },
	} {
		r := refresh()
		change(&r)
		seeds[string(r.SuccessorSeed())] = true
	}

	require.Len(t, seeds, 6)
}

func TestParseLinkToken_ReadsWhatTextWritesAndNothingElse(t *testing.T) {
	t.Parallel()
	good := link().Text()

	got, err := session.ParseLinkToken(good)
	require.NoError(t, err)
	require.True(t, link() == got)

	for _, s := range spoiled(good.Reveal()) {
		if s == good.Reveal() {
			continue
		}
		_, err := session.ParseLinkToken(secret.New(s))
		require.ErrorIs(t, err, session.ErrLinkSpent, "%q", s)
	}
}

func TestParseBinding_ReadsWhatTextWritesAndNothingElse(t *testing.T) {
	t.Parallel()
	b := session.NewBinding(fill[[32]byte](5))

	got, err := session.ParseBinding(b.Text())
	require.NoError(t, err)
	require.Equal(t, b.Digest(), got.Digest())

	for _, s := range spoiled(b.Text()) {
		if s == b.Text() {
			continue
		}
		_, err := session.ParseBinding(s)
		require.ErrorIs(t, err, session.ErrLinkSpent, "%q", s)
	}
}

func TestTokens_PrintNothing(t *testing.T) {
	t.Parallel()
	r, l, b := refresh(), link(), session.NewBinding(fill[[32]byte](90))

	for _, v := range []any{r, &r, l, &l, b, &b, struct{ R session.Refresh }{r}, []session.LinkToken{l}} {
		for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
			out := fmt.Sprintf(verb, v)
			for _, part := range []string{"90 91 92", "0x5a, 0x5b", "5a5b5c", "5A5B5C", "Z[\\"} {
				require.NotContains(t, out, part, "%s of %T", verb, v)
			}
			require.Contains(t, out, "[secret]", "%s of %T", verb, v)
		}
	}
	_, err := r.MarshalText()
	require.ErrorIs(t, err, secret.ErrNotMarshalled)
	_, err = l.MarshalText()
	require.ErrorIs(t, err, secret.ErrNotMarshalled)
}

func TestNormalCode_ForgivesWhatPeopleType(t *testing.T) {
	t.Parallel()

	for typed, want := range map[string]string{
		"0123ABCD": "0123ABCD", "0123abcd": "0123ABCD", "0123-ABCD": "0123ABCD", " 0123 abcd ": "0123ABCD", "OIL1oil1": "01110111",
	} {
		got, err := session.NormalCode(typed)
		require.NoError(t, err, typed)
		require.Equal(t, want, got)
	}
	for _, s := range []string{
		"", "0123ABC", "0123ABCDE", "0123ABCU", "0123ABCu", "0123ABC!", "0123\nABCD", "0123ABC\u0661", "\uff10123ABCD", "0123ABC\u212a", "0123ABC\x00",
		strings.Repeat(" ", 100), strings.Repeat("A", 1<<16),
	} {
		_, err := session.NormalCode(s)
		require.ErrorIs(t, err, session.ErrLinkSpent, "%q", s[:min(len(s), 20)])
	}
}

func FuzzParseRefresh(f *testing.F) {
	good := refresh().Text().Reveal()
	f.Add(good)
	for _, s := range spoiled(good) {
		if len(s) <= 2*len(good) {
			f.Add(s)
		}
	}

	f.Fuzz(func(t *testing.T, s string) {
		r, err := session.ParseRefresh(secret.New(s))
		if err != nil {
			require.True(t, errors.Is(err, session.ErrForeign))
			return
		}
		require.Equal(t, s, r.Text().Reveal(), "one token, one spelling")
	})
}

func FuzzParseLinkToken(f *testing.F) {
	good := link().Text().Reveal()
	f.Add(good)
	for _, s := range spoiled(good) {
		if len(s) <= 2*len(good) {
			f.Add(s)
		}
	}

	f.Fuzz(func(t *testing.T, s string) {
		if b, err := session.ParseBinding(s); err == nil {
			require.Equal(t, s, b.Text())
		}
		l, err := session.ParseLinkToken(secret.New(s))
		if err != nil {
			require.True(t, errors.Is(err, session.ErrLinkSpent))
			return
		}
		require.Equal(t, s, l.Text().Reveal(), "one token, one spelling")
	})
}

func FuzzNormalCode(f *testing.F) {
	for _, s := range []string{"0123-ABCD", "oil10oil", "U", "\u212a1234567"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		code, err := session.NormalCode(s)
		if err != nil {
			require.True(t, errors.Is(err, session.ErrLinkSpent))
			return
		}
		require.Len(t, code, session.CodeLength)
		require.Empty(t, strings.Trim(code, session.CodeAlphabet))
		again, err := session.NormalCode(code)
		require.NoError(t, err)
		require.Equal(t, code, again)
	})
}
