package mail_test

import (
	"bytes"
	"encoding/binary"
	"io"
	"mime"
	"mime/multipart"
	netmail "net/mail"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mail"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
)

const link = "https://portal.example.com/t/acme/magic#token=AZNrZQ-_0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ==&x=3D%20+'y"

type clock struct{}

func (clock) Now() time.Time { return time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC) }

// random counts.
type random struct{ n atomic.Uint64 }

func (*random) Fill([]byte) { panic("not needed") }

func (r *random) UUID() (id [16]byte) {
	binary.BigEndian.PutUint64(id[8:], r.n.Add(1))
	return id
}

func needs(out io.Writer) mail.Needs {
	return mail.Needs{Clock: clock{}, Random: &random{}, PublicHost: "portal.example.com", Console: out}
}

func signIn() outbox.Mail {
	return outbox.Mail{
		Kind: outbox.Link, To: "jane@example.com", Tenant: "acme", Sender: "Acme Machines", Name: "Jane",
		Link: secret.New(link), Code: secret.New("7K3M9QXZ"), Minutes: 10,
	}
}

func invitation() outbox.Mail {
	m := signIn()
	m.Kind, m.Code, m.Minutes = outbox.Invitation, secret.Text{}, 24*60
	return m
}

// received is a mail as a mail program reads it.
type received struct {
	header netmail.Header
	text   string
	html   string
}

func (r received) decoded(t testing.TB, name string) string {
	t.Helper()
	out, err := new(mime.WordDecoder).DecodeHeader(r.header.Get(name))
	require.NoError(t, err)
	return out
}

func read(t testing.TB, raw []byte) received {
	t.Helper()
	m, err := netmail.ReadMessage(bytes.NewReader(raw))
	require.NoError(t, err)
	media, params, err := mime.ParseMediaType(m.Header.Get("Content-Type"))
	require.NoError(t, err)
	require.Equal(t, "multipart/alternative", media)
	parts := multipart.NewReader(m.Body, params["boundary"]) // decodes quoted-printable
	next := func(want string) string {
		p, err := parts.NextPart()
		require.NoError(t, err)
		media, params, err := mime.ParseMediaType(p.Header.Get("Content-Type"))
		require.NoError(t, err)
		require.Equal(t, want, media)
		require.Equal(t, "UTF-8", params["charset"])
		body, err := io.ReadAll(p)
		require.NoError(t, err)
		return string(body)
	}
	r := received{header: m.Header, text: next("text/plain"), html: next("text/html")}
	_, err = parts.NextPart()
	require.ErrorIs(t, err, io.EOF)
	return r
}
