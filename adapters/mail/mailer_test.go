package mail_test

import (
	"bytes"
	"context"
	"errors"
	"html"
	netmail "net/mail"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mail"
	"ostiary/app/port"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
)

// deliver sends m by the file kind and reads it back.
func deliver(t testing.TB, m outbox.Mail) received {
	t.Helper()
	dir := t.TempDir()
	mailer, err := mail.Open(mail.Config{Kind: mail.File, Dir: dir}, needs(nil))
	require.NoError(t, err)
	require.NoError(t, mailer.Send(t.Context(), m))
	names, err := filepath.Glob(filepath.Join(dir, "*.eml"))
	require.NoError(t, err)
	require.Len(t, names, 1)
	raw, err := os.ReadFile(names[0])
	require.NoError(t, err)
	return read(t, raw)
}

func lines(s string) []string { return strings.Split(strings.ReplaceAll(s, "\r\n", "\n"), "\n") }

var href = regexp.MustCompile(`href="([^"]*)"`)

func TestSend_LinkSurvivesExactly(t *testing.T) {
	t.Parallel()
	for _, m := range []outbox.Mail{signIn(), invitation()} {
		got := deliver(t, m)

		require.Contains(t, lines(got.text), link)
		found := href.FindAllStringSubmatch(got.html, -1)
		require.Len(t, found, 1)
		require.Equal(t, strings.ReplaceAll(link, "'", "%27"), html.UnescapeString(found[0][1]), "an apostrophe may be escaped, nothing else")
	}
}

func TestSend_CodeIsInSignInMailsOnly(t *testing.T) {
	t.Parallel()
	got := deliver(t, signIn())
	require.Contains(t, lines(got.text), "7K3M9QXZ")
	require.Contains(t, got.html, "7K3M9QXZ")
	require.Contains(t, got.text, "within 10 minutes")

	got = deliver(t, invitation())
	require.NotContains(t, got.text, "code")
	require.Contains(t, got.text, "within 24 hours")
	require.NotContains(t, got.html, "<p></p>")
}

func TestSend_Headers(t *testing.T) {
	t.Parallel()
	got := deliver(t, signIn())

	require.Equal(t, `"Acme Machines" <ostiary@portal.example.com>`, got.header.Get("From"))
	require.Equal(t, "<jane@example.com>", got.header.Get("To"))
	require.Equal(t, "Sign in to Acme Machines", got.header.Get("Subject"))
	require.Equal(t, "Sun, 22 Nov 2026 10:00:00 +0000", got.header.Get("Date"))
	require.Regexp(t, `^<[0-9a-f-]{36}@portal\.example\.com>$`, got.header.Get("Message-Id"))
	require.Equal(t, "auto-generated", got.header.Get("Auto-Submitted"))
	require.Equal(t, "en", got.header.Get("Content-Language"))
	require.Equal(t, "1.0", got.header.Get("Mime-Version"))
	require.Len(t, got.header, 9, "and nothing else but Content-Type")
}

func TestSend_SpeaksTheLanguageAsked(t *testing.T) {
	t.Parallel()
	for locale, want := range map[string]string{
		"": "Sign in to Acme Machines", "en": "Sign in to Acme Machines", "en-GB": "Sign in to Acme Machines", "de": "Sign in to Acme Machines",
		"zz-bogus-": "Sign in to Acme Machines", "nl": "Inloggen bij Acme Machines", "nl-BE": "Inloggen bij Acme Machines",
	} {
		m := signIn()
		m.Locale = locale

		got := deliver(t, m)

		require.Equal(t, want, got.header.Get("Subject"), locale)
	}
	m := invitation()
	m.Locale = "nl-NL"
	got := deliver(t, m)
	require.Equal(t, "Uw toegang tot het portaal van Acme Machines", got.header.Get("Subject"))
	require.Contains(t, got.text, "één keer, binnen 24 uur")
	require.Contains(t, got.html, `<html lang="nl">`)
	require.Contains(t, got.html, "Hallo Jane,")
}

func TestSend_NamesCannotInject(t *testing.T) {
	t.Parallel()
	for _, name := range []string{
		"Evil\r\nBcc: victim@example.com", "Evil\nBcc: victim@example.com\n\nbody", "Evil\rBcc: x@example.com", "Evil\u2028Bcc: x@example.com",
		"Evil\x00\x1b[2J", "=?utf-8?q?=0D=0ABcc:_x@example.com?=", "\" <victim@example.com>, \"", "<script>alert(1)</script>", "\xff\xfe bad",
		"émigré " + strings.Repeat("ü", 300), strings.Repeat("long ", 100), "a\u202egnp.exe", "", "  ",
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := signIn()
			m.Sender, m.Name = name, name

			got := deliver(t, m)

			require.Len(t, got.header, 9)
			to, err := got.header.AddressList("To")
			require.NoError(t, err)
			require.Equal(t, []*netmail.Address{{Address: "jane@example.com"}}, to)
			from, err := got.header.AddressList("From")
			require.NoError(t, err)
			require.Len(t, from, 1)
			require.Equal(t, "ostiary@portal.example.com", from[0].Address)
			for _, header := range []string{from[0].Name, got.decoded(t, "Subject")} {
				require.NotContains(t, header, "\r")
				require.NotContains(t, header, "\n")
				require.NotContains(t, header, "\u202e")
			}
			require.NotContains(t, got.html, "<script>")
			require.NotContains(t, got.text, "\x1b")
			require.Contains(t, lines(got.text), link)
		})
	}
}

func TestSend_KeepsNamesThatAreNotASCII(t *testing.T) {
	t.Parallel()
	m := signIn()
	m.Sender = "Bäckerei Ćwikła & Zöhne 面包店, with a name that is much longer than one line of a header may be"

	got := deliver(t, m)

	from, err := got.header.AddressList("From")
	require.NoError(t, err)
	require.Equal(t, m.Sender, from[0].Name)
	require.Equal(t, "Sign in to "+m.Sender, got.decoded(t, "Subject"))
	require.Contains(t, html.UnescapeString(got.html), m.Sender)
}

func TestSend_NamesWithABackslashCanBeRead(t *testing.T) {
	t.Parallel()
	for name, want := range map[string]string{`Acme \o/`: `Acme \o/`, `Bäckerei \o/`: "Bäckerei /o/"} {
		m := signIn()
		m.Sender = name

		got := deliver(t, m)

		from, err := got.header.AddressList("From")
		require.NoError(t, err)
		require.Equal(t, want, from[0].Name)
		require.Equal(t, "Sign in to "+name, got.decoded(t, "Subject"))
	}
}

func TestSend_TakesOneBareRecipientOnly(t *testing.T) {
	t.Parallel()
	for _, kind := range []mail.Config{{Kind: mail.File, Dir: t.TempDir()}, {Kind: mail.Console}, {Kind: mail.SMTP, Host: "host.invalid", Port: 1, From: "a@example.com"}} {
		var out bytes.Buffer
		mailer, err := mail.Open(kind, needs(&out))
		require.NoError(t, err)
		for _, to := range []string{"", "a@example.com,b@example.com", "A <a@example.com>", "a@example.com\r\nBcc: b@example.com", "é@example.com", "group: a@example.com;", "a b@example.com"} {
			m := signIn()
			m.To = to

			err := mailer.Send(t.Context(), m)

			require.ErrorIs(t, err, port.ErrMailRefused)
			if to != "" {
				require.NotContains(t, err.Error(), to)
			}
		}
		require.Zero(t, out.Len())
	}
}

func TestFile_IsThereOnlyWhenComplete(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "made", "if missing")
	mailer, err := mail.Open(mail.Config{Kind: mail.File, Dir: dir}, needs(nil))
	require.NoError(t, err)

	require.NoError(t, mailer.Send(t.Context(), signIn()))
	require.NoError(t, mailer.Send(t.Context(), invitation()))

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 2, "one file each, nothing temporary left")
	for _, e := range entries {
		require.Equal(t, ".eml", filepath.Ext(e.Name()))
		info, err := e.Info()
		require.NoError(t, err)
		require.Equal(t, os.FileMode(0o600), info.Mode().Perm())
	}
}

func TestFile_LeavesNothingWhenItFails(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	mailer, err := mail.Open(mail.Config{Kind: mail.File, Dir: dir}, needs(nil))
	require.NoError(t, err)
	// the second name that the counter gives, occupied by what no file replaces
	require.NoError(t, os.MkdirAll(filepath.Join(dir, "00000000-0000-0000-0000-000000000002.eml", "x"), 0o700))

	require.Error(t, mailer.Send(t.Context(), signIn()))

	entries, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Len(t, entries, 1)
	_, err = mail.Open(mail.Config{Kind: mail.File, Dir: "/dev/null/mail"}, needs(nil))
	require.Error(t, err)
}

func TestConsole_ShowsLinkAndCodeOnLinesOfTheirOwn(t *testing.T) {
	t.Parallel()
	var out bytes.Buffer
	mailer, err := mail.Open(mail.Config{Kind: mail.Console}, needs(&out))
	require.NoError(t, err)
	m := signIn()
	m.Sender = "Acme\x1b[31m\nMachines"

	require.NoError(t, mailer.Send(t.Context(), m))

	require.Contains(t, lines(out.String()), link)
	require.Contains(t, lines(out.String()), "7K3M9QXZ")
	require.Contains(t, out.String(), "jane@example.com")
	require.NotContains(t, out.String(), "\x1b")
}

type broken struct{}

var errBroken = errors.New("broken")

func (broken) Write([]byte) (int, error) { return 0, errBroken }

func TestConsole_ReportsWhatItCouldNotShow(t *testing.T) {
	t.Parallel()
	mailer, err := mail.Open(mail.Config{Kind: mail.Console}, needs(broken{}))
	require.NoError(t, err)

	require.ErrorIs(t, mailer.Send(t.Context(), signIn()), errBroken)
}

func TestOpen_DefaultSenderIsAtThePublicHost(t *testing.T) {
	t.Parallel()
	for host, want := range map[string]string{
		"portal.example.com": "ostiary@portal.example.com", "127.0.0.1": "ostiary@localhost", "::1": "ostiary@localhost",
		"[::1]": "ostiary@localhost", "localhost": "ostiary@localhost", "": "ostiary@localhost",
	} {
		var out bytes.Buffer
		n := needs(&out)
		n.PublicHost = host
		mailer, err := mail.Open(mail.Config{Kind: mail.Console}, n)
		require.NoError(t, err)

		require.NoError(t, mailer.Send(t.Context(), signIn()))

		require.Contains(t, out.String(), "<"+want+">")
	}
}

func TestOpen_RefusesWhatParseNeverReturns(t *testing.T) {
	t.Parallel()
	_, err := mail.Open(mail.Config{}, needs(nil))
	require.ErrorIs(t, err, mail.ErrForm)
	_, err = mail.Open(mail.Config{Kind: mail.Console, From: "no address"}, needs(nil))
	require.ErrorIs(t, err, mail.ErrFrom)
}

func TestSend_StopsWithItsContext(t *testing.T) {
	t.Parallel()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for _, kind := range []mail.Config{{Kind: mail.File, Dir: t.TempDir()}, {Kind: mail.Console}, {Kind: mail.SMTP, Host: "host.invalid", Port: 1, From: "a@example.com"}} {
		mailer, err := mail.Open(kind, needs(broken{}))
		require.NoError(t, err)

		require.ErrorIs(t, mailer.Send(ctx, signIn()), context.Canceled)
	}
}

func TestSend_RefusesAKindWithoutWords(t *testing.T) {
	t.Parallel()
	mailer, err := mail.Open(mail.Config{Kind: mail.Console}, needs(broken{}))
	require.NoError(t, err)
	m := signIn()
	m.Kind, m.Link = "newsletter", secret.New("SECRET")

	err = mailer.Send(t.Context(), m)

	require.Error(t, err)
	require.NotErrorIs(t, err, errBroken)
	require.NotContains(t, err.Error(), "SECRET")
}
