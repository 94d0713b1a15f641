package secret_test

import (
	"bytes"
	"encoding/gob"
	"encoding/json"
	"encoding/xml"
	"fmt"
	"log/slog"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/secret"
)

const hidden = "hunter2hunter2"

// holder keeps a secret where package fmt calls no method of it.
type holder struct{ inner secret.Text }

func TestText_PrintsNothingByAnyVerb(t *testing.T) {
	t.Parallel()
	s := secret.New(hidden)
	values := []any{
		s, &s,
		holder{s},
		&holder{s},
		[]secret.Text{s},
		map[string]secret.Text{"a": s},
		[]holder{{s}},
		struct{ Public secret.Text }{s},
		[1]any{s},
		fmt.Errorf("refused: %v", s),
	}

	for _, v := range values {
		for verb := byte('A'); verb <= 'z'; verb++ {
			for _, flags := range []string{"", "+", "#", "20", "-20.3", " ", "0"} {
				out := fmt.Sprintf("%"+flags+string(verb), v)
				require.NotContains(t, out, hidden, "%%%s%c of %T", flags, verb, v)
				require.NotContains(t, strings.ToLower(out), fmt.Sprintf("%x", hidden), "%%%s%c of %T", flags, verb, v)
			}
		}
		require.NotContains(t, fmt.Sprint(v), hidden)
		require.NotContains(t, fmt.Sprintln(v), hidden)
	}
	require.Equal(t, "[secret]", s.String())
	require.Equal(t, "[secret]", s.GoString())
	require.Equal(t, "password=[secret]", fmt.Sprintf("password=%s", s))
}

func TestText_RefusesToBeMarshalled(t *testing.T) {
	t.Parallel()
	s := secret.New(hidden)
	type wire struct{ Password secret.Text }

	for _, v := range []any{s, &s, wire{s}, []secret.Text{s}} {
		_, err := json.Marshal(v)
		require.ErrorIs(t, err, secret.ErrNotMarshalled)
		_, err = xml.Marshal(v)
		require.ErrorIs(t, err, secret.ErrNotMarshalled)
		require.Error(t, gob.NewEncoder(&bytes.Buffer{}).Encode(v))
	}
	_, err := json.Marshal(map[string]secret.Text{"a": s})
	require.ErrorIs(t, err, secret.ErrNotMarshalled)
	private, err := json.Marshal(holder{s}) //nolint:staticcheck // that nothing is marshalled is the point
	require.NoError(t, err)
	require.JSONEq(t, "{}", string(private))
}

func TestText_DoesNotReachAStructuredLog(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer

	for _, h := range []slog.Handler{slog.NewTextHandler(&out, nil), slog.NewJSONHandler(&out, nil)} {
		slog.New(h).Info("login", "password", secret.New(hidden), "in", holder{secret.New(hidden)})
	}

	require.NotContains(t, out.String(), hidden)
	require.Contains(t, out.String(), "login")
}

func TestText_RevealsOnlyWhenAsked(t *testing.T) {
	t.Parallel()
	s := secret.New(hidden)

	require.Equal(t, hidden, s.Reveal())
	require.Equal(t, len(hidden), s.Len())
	require.False(t, s.IsZero())
	require.True(t, secret.New("").IsZero())
	require.True(t, secret.Text{}.IsZero())
	require.Empty(t, secret.Text{}.Reveal())
	require.Zero(t, secret.Text{}.Len())
}

func TestText_EqualComparesWhatIsInside(t *testing.T) {
	t.Parallel()

	require.True(t, secret.New(hidden).Equal(secret.New(hidden)))
	require.False(t, secret.New(hidden).Equal(secret.New(hidden[1:])))
	require.False(t, secret.New(hidden).Equal(secret.Text{}))
	require.True(t, secret.Text{}.Equal(secret.New("")))
}

func TestDigest_IsTheSHA256OfTheBytes(t *testing.T) {
	t.Parallel()
	d := secret.DigestOf([]byte("abc"))

	require.Equal(t, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad", fmt.Sprintf("%x", d[:]))
	require.True(t, d.Equal(secret.DigestOf([]byte("abc"))))
	require.False(t, d.Equal(secret.DigestOf([]byte("abd"))))
	require.False(t, d.IsZero())
	require.True(t, secret.Digest{}.IsZero())
}
