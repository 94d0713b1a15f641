package e2e_test

import (
	"bytes"
	"errors"
	"io"
	"mime"
	"mime/multipart"
	"mime/quotedprintable"
	"net/mail"
	"os"
	"path/filepath"
	"regexp"
	"sort"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

var linkInMail = regexp.MustCompile(`(https?://\S+)#token=([A-Za-z0-9_-]+)`)

// letter is a mail as its reader sees it.
type letter struct {
	to, subject, text, page, token string
}

// letters waits until there are n mails and reads them, oldest first.
func (d *deployment) letters(n int) []letter {
	d.t.Helper()
	var names []string
	require.Eventually(d.t, func() bool {
		names, _ = filepath.Glob(filepath.Join(d.mailDir(), "*.eml"))
		return len(names) >= n
	}, patience, 10*time.Millisecond, "%d mails", n)
	require.Len(d.t, names, n)
	sort.Slice(names, func(i, j int) bool { return modified(names[i]).Before(modified(names[j])) })
	out := make([]letter, 0, n)
	for _, name := range names {
		out = append(out, read(d.t, name))
	}
	return out
}

func modified(name string) time.Time {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

func read(t *testing.T, name string) letter {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	subject, err := new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject"))
	require.NoError(t, err)
	media, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", media)
	out := letter{to: msg.Header.Get("To"), subject: subject}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		require.NoError(t, err)
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		require.NoError(t, err)
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			out.text = string(body)
		}
	}
	found := linkInMail.FindStringSubmatch(out.text)
	require.NotNil(t, found, "the mail has no link")
	out.page, out.token = found[1], found[2]
	return out
}
