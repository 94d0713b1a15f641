package mail_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mail"
	"ostiary/domain/secret"
)

func TestParse_ReadsEveryForm(t *testing.T) {
	t.Parallel()
	user, password := secret.New("me@example.com"), secret.New("p@ss:w/rd?#")
	const credentials = "me%40example.com:p%40ss%3Aw%2Frd%3F%23"
	for uri, want := range map[string]mail.Config{
		"console:":                    {Kind: mail.Console},
		"console:?from=a@example.com": {Kind: mail.Console, From: "a@example.com"},
		"file:./out":                  {Kind: mail.File, Dir: "./out"},
		"file:/var/mail":              {Kind: mail.File, Dir: "/var/mail"},
		"file:///var/mail":            {Kind: mail.File, Dir: "/var/mail"},
		"file:out?from=a@example.com": {Kind: mail.File, Dir: "out", From: "a@example.com"},
		"smtp://127.0.0.1:2525?from=a@localhost": {
			Kind: mail.SMTP, Host: "127.0.0.1", Port: 2525, From: "a@localhost", Encryption: mail.Opportunistic,
		},
		"smtp://relay/?from=a@example.com&tls=off": {Kind: mail.SMTP, Host: "relay", Port: 25, From: "a@example.com", Encryption: mail.Off},
		"smtp://[::1]:25?from=a@example.com":       {Kind: mail.SMTP, Host: "::1", Port: 25, From: "a@example.com", Encryption: mail.Opportunistic},
		"smtps://relay?from=a@example.com":         {Kind: mail.SMTP, Host: "relay", Port: 465, From: "a@example.com", Encryption: mail.Implicit},
		"smtp://" + credentials + "@relay?from=a@example.com": {
			Kind: mail.SMTP, Host: "relay", Port: 587, From: "a@example.com", User: user, Password: password, Encryption: mail.Required,
		},
		"smtp://" + credentials + "@relay:26?tls=off&from=a%40example.com": {
			Kind: mail.SMTP, Host: "relay", Port: 26, From: "a@example.com", User: user, Password: password, Encryption: mail.Off,
		},
		"smtps://" + credentials + "@relay:466?from=a@example.com": {
			Kind: mail.SMTP, Host: "relay", Port: 466, From: "a@example.com", User: user, Password: password, Encryption: mail.Implicit,
		},
	} {
		t.Run(uri, func(t *testing.T) {
			t.Parallel()
			got, err := mail.Parse(uri)

			require.NoError(t, err)
			require.Equal(t, want, got)
		})
	}
}

func TestParse_RefusesAndNeverQuotes(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{
		"", "console", "SECRET", "console:SECRET", "file:", "file:?from=a@example.com", "sendmail:SECRET", "http://u:SECRET@h",
		"smtp:", "smtp://", "smtp://u:SECRET@relay", "smtp://u:SECRET@relay?from=", "smtp://u:SECRET@relay?from=Name <a@example.com>",
		"smtp://u:SECRET@relay?from=a@example.com,b@example.com", "smtp://u:SECRET@relay?from=a%0d%0ab@example.com",
		"smtp://u:SECRET@relay?from=%C3%A9@example.com", "smtp://u:SECRET@relay?from=a@example.com&from=b@example.com",
		"smtp://u:SECRET@relay?from=a@example.com&tls=on", "smtps://u:SECRET@relay?from=a@example.com&tls=off",
		"smtp://u:SECRET@relay?from=a@example.com&tsl=off", "smtp://u:SECRET@relay/path?from=a@example.com",
		"smtp://u:SECRET@relay:0?from=a@example.com", "smtp://u:SECRET@relay:70000?from=a@example.com", "smtp://u:SECRET@relay:?from=a@example.com",
		"smtp://u:SECRET%zz@relay?from=a@example.com", "smtp://SECRET@relay?from=a@example.com", "smtp://:SECRET@relay?from=a@example.com",
		"smtp://u:SECRET@:25?from=a@example.com", "smtp://u:SECRET%0d@relay?from=a@example.com", "smtp://u:SECRET@relay?from=a@example.com#x",
		"file:out?from=SECRET", "smtp://u:SECRET@re lay?from=a@example.com", "smtp://u:SECRET@relay?from=a@example.com;tls=off",
	} {
		t.Run(uri, func(t *testing.T) {
			t.Parallel()
			_, err := mail.Parse(uri)

			require.Error(t, err)
			require.NotContains(t, err.Error(), "SECRET")
			if uri != "SECRET" {
				require.NotContains(t, mail.Mask(uri), "SECRET")
			}
		})
	}
}

func TestMask_ShowsAllButCredentials(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"console:":                                     "console:",
		"file:/var/mail":                               "file:/var/mail",
		"smtp://relay:25?from=a@example.com":           "smtp://relay:25?from=a@example.com",
		"smtp://u:p@relay?from=a@example.com":          "smtp://***@relay?from=a@example.com",
		"smtps://u:p%40q@relay:465?from=a@example.com": "smtps://***@relay:465?from=a@example.com",
		"smtp://u:p@relay":                             "smtp:***",
		"nonsense":                                     "***",
		"u:p":                                          "***",
	} {
		require.Equal(t, want, mail.Mask(uri))
	}
}
