package program

import (
	"bytes"
	"errors"
	"fmt"
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

// Letter is a mail as its reader sees it.
type Letter struct {
	To, Subject, Text, HTML string
	Page, Token             string // of the link in it
	Header                  mail.Header
}

// Letters waits until there are n mails and reads them, oldest first.
func (d *Deployment) Letters(n int) []Letter {
	d.T.Helper()
	var names []string
	require.Eventually(d.T, func() bool {
		names, _ = filepath.Glob(filepath.Join(d.MailDir(), "*.eml"))
		return len(names) >= n
	}, Patience, 10*time.Millisecond, "%d mails", n)
	require.Len(d.T, names, n)
	sort.Slice(names, func(i, j int) bool { return modified(names[i]).Before(modified(names[j])) })
	out := make([]Letter, 0, n)
	for _, name := range names {
		out = append(out, ReadLetter(d.T, name))
	}
	return out
}

// LettersOf waits until a tenant has sent at least n mails with links and
// reads them, oldest first: for deployments where others write as well.
func (d *Deployment) LettersOf(code string, n int) []Letter {
	d.T.Helper()
	var out []Letter
	require.Eventually(d.T, func() bool {
		names, _ := filepath.Glob(filepath.Join(d.MailDir(), "*.eml"))
		sort.Slice(names, func(i, j int) bool { return modified(names[i]).Before(modified(names[j])) })
		out = nil
		for _, name := range names {
			if l := ReadLetter(d.T, name); strings.Contains(l.Page, "/t/"+code+"/") {
				out = append(out, l)
			}
		}
		return len(out) >= n
	}, Patience, 20*time.Millisecond, "%d mails of %s", n, code)
	return out
}

func modified(name string) time.Time {
	info, err := os.Stat(name)
	if err != nil {
		return time.Time{}
	}
	return info.ModTime()
}

// ReadLetter reads a file of MailDir.
func ReadLetter(t testing.TB, name string) Letter {
	t.Helper()
	raw, err := os.ReadFile(name)
	require.NoError(t, err)
	out, err := ParseLetter(raw)
	require.NoError(t, err)
	return out
}

// ParseLetter reads a mail as it was sent: two alternatives, one of them text
// with a link.
func ParseLetter(raw []byte) (Letter, error) {
	msg, err := mail.ReadMessage(bytes.NewReader(raw))
	if err != nil {
		return Letter{}, fmt.Errorf("read mail: %w", err)
	}
	out := Letter{To: msg.Header.Get("To"), Header: msg.Header}
	if out.Subject, err = new(mime.WordDecoder).DecodeHeader(msg.Header.Get("Subject")); err != nil {
		return Letter{}, fmt.Errorf("read subject: %w", err)
	}
	media, params, err := mime.ParseMediaType(msg.Header.Get("Content-Type"))
	if err != nil || media != "multipart/alternative" {
		return Letter{}, fmt.Errorf("the mail is of type %q: %w", media, err)
	}
	parts := multipart.NewReader(msg.Body, params["boundary"])
	for {
		part, err := parts.NextRawPart()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return Letter{}, fmt.Errorf("read part: %w", err)
		}
		body, err := io.ReadAll(quotedprintable.NewReader(part))
		if err != nil {
			return Letter{}, fmt.Errorf("read part: %w", err)
		}
		if strings.HasPrefix(part.Header.Get("Content-Type"), "text/plain") {
			out.Text = string(body)
		} else {
			out.HTML = string(body)
		}
	}
	found := linkInMail.FindStringSubmatch(out.Text)
	if found == nil {
		return Letter{}, errors.New("the mail has no link")
	}
	out.Page, out.Token = found[1], found[2]
	return out, nil
}
