package mail_test

import (
	netmail "net/mail"
	"net/url"
	"strings"
	"testing"
	"unicode"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mail"
	"ostiary/app/port"
)

// FuzzCompose reads the letter as a mail program does: whatever tenants and
// contacts call themselves, it has the documented headers and no others, one
// recipient and the link as it is.
func FuzzCompose(f *testing.F) {
	for _, name := range []string{
		"Acme", "Evil\r\nBcc: victim@example.com", "=?utf-8?q?=0D=0ABcc:_x@example.com?=", "\" <victim@example.com>, \"", "émigré \xff", "a\u202egnp.exe",
	} {
		f.Add("jane@example.com", name, name, "nl")
	}
	f.Add("a@example.com,b@example.com", "Acme", "Jane", "")
	f.Add("\"a b\"@example.com", "Acme", "Jane", "zz-bogus-")
	f.Add("a@b\r\nBcc: c@example.com", "Acme", "Jane", "\x00")

	f.Fuzz(func(t *testing.T, to, sender, name, locale string) {
		m := signIn()
		m.To, m.Sender, m.Name, m.Locale = to, sender, name, locale
		raw, err := mail.Compose(t.Context(), "ostiary@portal.example.com", needs(nil), m)
		if err != nil {
			require.ErrorIs(t, err, port.ErrMailRefused)
			return
		}
		got := read(t, raw)

		require.Len(t, got.header, 9)
		for name, values := range got.header {
			require.Len(t, values, 1, name)
		}
		recipients, err := got.header.AddressList("To")
		require.NoError(t, err)
		require.Equal(t, []*netmail.Address{{Address: to}}, recipients)
		from, err := got.header.AddressList("From")
		require.NoError(t, err)
		require.Len(t, from, 1)
		require.Equal(t, "ostiary@portal.example.com", from[0].Address)
		require.False(t, strings.ContainsFunc(from[0].Name+got.decoded(t, "Subject"), unicode.IsControl))
		require.Contains(t, lines(got.text), link)
		require.Len(t, href.FindAllString(got.html, -1), 1, "one link only")
		require.NotContains(t, strings.ToLower(got.html), "<script")
	})
}

// FuzzMask puts a password into what should be an OSTIARY_MAIL value.
func FuzzMask(f *testing.F) {
	const password = "hunter2hunter2"
	for _, before := range []string{"smtp://u:", "smtps://u:a%40", "smtp://", "file:u:", "smtp://u@h:", "smtp://u:p?", "SMTP://u:", "u:"} {
		for _, after := range []string{"@relay?from=a@example.com", "@relay:25/?from=a@example.com&tls=off", "%zz@relay", "@relay/x@y", ""} {
			f.Add(before, after)
		}
	}

	f.Fuzz(func(t *testing.T, before, after string) {
		uri := before + password + after
		shown := mail.Mask(uri)
		c, err := mail.Parse(uri)
		if err != nil {
			require.NotContains(t, err.Error(), password)
			require.NotContains(t, shown, password)
			return
		}
		require.True(t, strings.HasPrefix(shown, string(c.Kind)), "the kind stays legible")
		if !strings.Contains(c.User.Reveal()+c.Password.Reveal(), password) {
			return // it stands where no password stands
		}
		require.NotContains(t, shown, password)
		u, err := url.Parse(shown)
		require.NoError(t, err)
		require.Equal(t, c.Host, u.Hostname(), "and so does the server")
	})
}
