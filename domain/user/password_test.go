package user_test

import (
	"bytes"
	"fmt"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/user"
)

// code returns why a new password was refused, "" when it was not.
func code(t testing.TB, p user.Policy, s string) string {
	t.Helper()
	_, err := p.NewPassword(secret.New(s))
	if err == nil {
		return ""
	}
	require.ErrorIs(t, err, user.ErrPassword)
	fields := fault.Of(err).Fields()
	require.Len(t, fields, 1)
	require.Equal(t, "/password", fields[0].Pointer)
	return fields[0].Code
}

func TestNewPassword_JudgesLengthInCodePoints(t *testing.T) {
	t.Parallel()
	const eight = "kq7#zpw!"

	for name, row := range map[string]struct {
		p    user.Policy
		s    string
		want string
	}{
		"7":                 {user.Policy{}, eight[:7], "password_short"},
		"8":                 {user.Policy{}, eight, ""},
		"7 of 2 bytes":      {user.Policy{}, "éèêëàâä", "password_short"},
		"8 of 2 bytes":      {user.Policy{}, "éèêëàâäç", ""},
		"8 of 4 bytes":      {user.Policy{}, "😀😁😂🤣😃😄😅😆", ""},
		"8 that join to 4":  {user.Policy{}, "e\u0301e\u0300e\u0302e\u0308", "password_short"},
		"255":               {user.Policy{}, strings.Repeat("é", 255), ""},
		"256":               {user.Policy{}, strings.Repeat("é", 256), "password_long"},
		"255 that grow":     {user.Policy{}, strings.Repeat("\u0958", 255), "password_long"}, // two code points each once composed
		"1 MB":              {user.Policy{}, strings.Repeat("x", 1<<20), "password_long"},
		"14 of 15":          {user.Policy{Min: 15}, eight + "abcdef", "password_short"},
		"15 of 15":          {user.Policy{Min: 15}, eight + "abcdefg", ""},
		"a lower minimum":   {user.Policy{Min: 4}, eight[:7], "password_short"},
		"blanks around":     {user.Policy{}, "  kq7#zp  ", ""},
		"only blanks":       {user.Policy{}, strings.Repeat(" ", 8), ""},
		"one class":         {user.Policy{}, "wkzqvbnhgt", ""}, // no composition rules
		"control character": {user.Policy{}, eight + "\x07", "password_characters"},
		"NUL":               {user.Policy{}, eight + "\x00", "password_characters"},
		"line end":          {user.Policy{}, eight + "\n", "password_characters"},
		"not UTF-8":         {user.Policy{}, eight + "\xff\xfe", "password_characters"},
		"unassigned":        {user.Policy{}, eight + "\u0378", "password_characters"},
	} {
		require.Equal(t, row.want, code(t, row.p, row.s), name)
	}
}

func TestNewPassword_RefusesCommonOnesWhateverTheirCase(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"password", "Password", "PASSWORD1", "qwertyuiop", "Iloveyou", "1234567890", "Trustno1", "!qaz2wsx", "zzzzzzzz"} {
		require.Equal(t, "password_common", code(t, user.Policy{}, s), s)
	}
	for _, s := range []string{"password-of-my-own-9", "kq7#zpw!", "zzzzzzzzzzzzzzzzzzzzzz!", "!!!!!!!!k", "~~~~~~~~"} {
		require.Empty(t, code(t, user.Policy{}, s), s)
	}
}

func TestNewPassword_NeverRepeatsTheValue(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"kq7#zpw", "kq7#zpw!\x07", "Trustno1", strings.Repeat("kq7#", 64)} {
		_, err := user.Policy{}.NewPassword(secret.New(s))
		require.ErrorIs(t, err, user.ErrPassword)
		require.NotContains(t, fmt.Sprintf("%v %+v", err, fault.Of(err).Fields()), s)
	}
}

func TestNewPassword_RefusesTheNamesAround(t *testing.T) {
	t.Parallel()
	p := user.Policy{Context: []string{"", "ada@example.com", "Acme Holding", "Müller & Söhne"}}

	for _, s := range []string{
		"ada@example.com", "ADA@EXAMPLE.COM", "acme holding", "Acme Holding", "MÜLLER & SÖHNE", "mu\u0308ller & so\u0308hne",
		"acmeholding", "Acme-Holding-2026!", "1 Acme Holding", "müllersöhne1",
	} {
		require.Equal(t, "password_context", code(t, p, s), s)
	}
	for _, s := range []string{"Acme Holding by the sea", "Acme 2 Holding", "48151623421", "........#"} {
		require.Empty(t, code(t, p, s), s)
	}
}

func TestNewPassword_RefusesTheFormerOneAlone(t *testing.T) {
	t.Parallel()
	p := user.Policy{Former: "Tulip-Bridge-29"}

	for _, s := range []string{"Tulip-Bridge-29", "TULIP-bridge-29"} {
		require.Equal(t, "password_context", code(t, p, s), s)
	}
	require.Empty(t, code(t, p, "Tulip-Bridge-30"))
}

func TestPassword_IsTheSameHoweverItWasComposed(t *testing.T) {
	t.Parallel()
	set, err := user.Policy{}.NewPassword(secret.New("Crème\u00a0brûlée"))
	require.NoError(t, err)

	for shown, want := range map[string]bool{
		"Crème brûlée":                   true, // every space is one space (RFC 8265 section 4.2.2)
		"Cre\u0300me bru\u0302le\u0301e": true,
		"Crème\u3000brûlée":              true,
		"crème brûlée":                   false,
		"Creme brulee":                   false,
		" Crème brûlée":                  false,
		"Crème brûlée ":                  false,
		"Crème  brûlée":                  false,
		"\uff23rème brûlée":              false, // wide letters are kept apart
	} {
		require.Equal(t, want, user.Candidate(secret.New(shown)).Text().Equal(set.Text()), "%q", shown)
	}
}

func TestCandidate_OfWhatCannotBeAPasswordIsMerelyWrong(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"a\x00b", "\xff", "a\nb", ""} {
		require.Equal(t, s, user.Candidate(secret.New(s)).Text().Reveal())
	}
}

func TestPassword_WhatWasAcceptedSignsIn(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		s := secret.New(rapid.StringN(0, 40, -1).Draw(rt, "password"))

		set, err := user.Policy{}.NewPassword(s)

		if err == nil {
			require.True(rt, user.Candidate(s).Text().Equal(set.Text()))
			require.True(rt, user.Candidate(set.Text()).Text().Equal(set.Text()), "normal form is stable")
		}
	})
}

func TestPassword_PrintsNothing(t *testing.T) {
	t.Parallel()
	p := user.Candidate(secret.New("hunter2hunter2"))

	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%d", "%x"} {
		require.NotContains(t, fmt.Sprintf(verb, p), "hunter2")
		require.NotContains(t, fmt.Sprintf(verb, &p), "hunter2")
		require.NotContains(t, fmt.Sprintf(verb, p), "68756e74")
	}
}

func TestIsCommon_FindsEveryLineAndNothingBetween(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("common.txt")
	require.NoError(t, err)
	require.LessOrEqual(t, len(raw), 400_000)
	require.True(t, bytes.HasSuffix(raw, []byte("\n")))
	lines := strings.Split(strings.TrimSuffix(string(raw), "\n"), "\n")
	require.GreaterOrEqual(t, len(lines), 30_000)
	known := make(map[string]bool, len(lines))

	for i, line := range lines {
		known[line] = true
		require.GreaterOrEqual(t, len(line), user.MinPassword)
		require.Equal(t, strings.ToLower(line), line)
		if i > 0 {
			require.Less(t, lines[i-1], line, "sorted, each once")
		}
		if !user.IsCommon(line) || !user.IsCommon(strings.ToUpper(line)) {
			t.Fatalf("line %d is not found", i+1)
		}
	}
	for _, line := range lines {
		for _, s := range []string{line + "\n", "\n" + line, line + "\x00", line[1:], line[:len(line)-1], line + "~"} {
			if user.IsCommon(s) != known[s] {
				t.Fatalf("%q", s)
			}
		}
	}
	for _, s := range []string{"", "\n", "\x00", "~", "\xff", "a", strings.Join(lines[:2], "\n")} {
		require.False(t, user.IsCommon(s), "%q", s)
	}
}

func FuzzNewPassword(f *testing.F) {
	for _, s := range []string{"kq7#zpw!", "Cre\u0300me bru\u0302le\u0301e", "\u0958\u0958\u0958\u0958\u0958\u0958\u0958\u0958", "a\xffbcdefgh", "password"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		p, err := user.Policy{}.NewPassword(secret.New(s))
		if err != nil {
			require.ErrorIs(t, err, user.ErrPassword)
			return
		}
		n := len([]rune(p.Text().Reveal()))
		require.True(t, n >= user.MinPassword && n <= user.MaxPassword)
		require.True(t, user.Candidate(secret.New(s)).Text().Equal(p.Text()))
	})
}
