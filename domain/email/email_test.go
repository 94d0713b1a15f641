package email_test

import (
	"errors"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/domain/email"
)

func TestParse_FoldsOneMailboxToOneKey(t *testing.T) {
	t.Parallel()

	for entered, key := range map[string]email.Key{
		"ada@example.com":                 "ada@example.com",
		"Ada@Example.COM":                 "ada@example.com",
		"first.last+tag@example.com":      "first.last+tag@example.com", // dots and tags are kept
		"!#$%&'*+/=?^_`{|}~-@x.nl":        "!#$%&'*+/=?^_`{|}~-@x.nl",
		"ada@bücher.example":              "ada@xn--bcher-kva.example",
		"ADA@BÜCHER.example":              "ada@xn--bcher-kva.example",
		"ada@bu\u0308cher.example":        "ada@xn--bcher-kva.example", // decomposed
		"ada@XN--BCHER-KVA.example":       "ada@xn--bcher-kva.example",
		"ada@xn--bcher-kva.bücher.de":     "ada@xn--bcher-kva.xn--bcher-kva.de",
		"ada@sub.mail.example.co.uk":      "ada@sub.mail.example.co.uk",
		"1@2.example":                     "1@2.example",
		strings.Repeat("a", 64) + "@x.nl": email.Key(strings.Repeat("a", 64) + "@x.nl"),
	} {
		a, err := email.Parse(entered)
		require.NoError(t, err, entered)
		require.Equal(t, key, a.Key(), entered)
		require.Equal(t, entered, a.String(), "shown as it was entered")
	}
}

// malformed addresses are those that some parser of mail accepts or repairs.
var malformed = map[string]string{
	"nothing":              "",
	"no at":                "example.com",
	"no local part":        "@example.com",
	"no domain":            "ada@",
	"two ats":              "ada@x.nl@y.nl",
	"two ats at once":      "ada@@x.nl",
	"two addresses":        "a@x.com,b@y.com",
	"two with semicolon":   "a@x.com;b@y.com",
	"two with blank":       "a@x.com b@y.com",
	"display name":         "A <a@x.com>",
	"angle brackets":       "<a@x.com>",
	"group":                "group: a@x.com;",
	"comment behind":       "a@x.com(comment)",
	"comment inside":       "a(comment)@x.com",
	"comment in domain":    "a@(comment)x.com",
	"quoted":               `"a"@x.com`,
	"quoted blank":         `"a b"@x.com`,
	"route":                "@x.com:a@y.com",
	"percent route":        "a@[x.com]",
	"address literal":      "a@[127.0.0.1]",
	"dot first":            ".a@x.com",
	"dot last":             "a.@x.com",
	"two dots":             "a..b@x.com",
	"backslash":            `a\b@x.com`,
	"blank before":         " a@x.com",
	"blank behind":         "a@x.com ",
	"blank inside":         "a b@x.com",
	"tab":                  "a\t@x.com",
	"no-break space":       "a@x.com\u00a0",
	"line end":             "a@x.com\n",
	"header":               "a@x.com\r\nBcc: b@y.com",
	"header in local part": "a\r\nBcc: b@y.com@x.com",
	"NUL in local part":    "a\x00@x.com",
	"NUL in domain":        "a@x\x00.com",
	"delete":               "a\x7f@x.com",
	"local part too long":  strings.Repeat("a", 65) + "@x.nl",
	"domain too long":      "a@" + strings.Repeat(strings.Repeat("b", 60)+".", 5) + "nl",
	"label too long":       "a@" + strings.Repeat("b", 64) + ".nl",
	"one label":            "a@localhost",
	"hyphen first":         "a@-b.com",
	"hyphen last":          "a@b-.com",
	"empty label":          "a@b..com",
	"domain dot first":     "a@.b.com",
	"domain dot last":      "a@b.com.",
	"underscore":           "a@b_c.com",
	"port":                 "a@b.com:25",
}

// twins look like another address, or would become one when folded.
var twins = map[string]string{
	"dotless i":            "m\u0131ke@x.com",
	"dotted I":             "M\u0130KE@x.com",
	"Kelvin sign":          "\u212aate@x.com",
	"long s":               "\u017fam@x.com",
	"wide letter":          "\uff41da@x.com",
	"ligature":             "\ufb01n@x.com",
	"zero width space":     "a\u200b@x.com",
	"right to left":        "\u202ea@x.com",
	"combining":            "e\u0301@x.com",
	"not UTF-8":            "a\xff@x.com",
	"not UTF-8 in domain":  "a@\xff.com",
	"Kelvin in domain":     "a@\u212aiosk.nl",
	"long s in domain":     "a@\u017fun.com",
	"wide domain":          "a@\uff45xample.com",
	"circled digit":        "a@\u2460.com",
	"ligature in domain":   "a@\ufb01n.com",
	"invisible in domain":  "a@x\u200b.com",
	"soft hyphen":          "a@x\u00ad.com",
	"right to left domain": "a@\u202ex.com",
	"wide dot":             "a@x\uff0ecom",
	"ideographic stop":     "a@x\u3002com",
	"wide at":              "a\uff20x.com",
	"care of":              "a@\u2105.com", // would become c/o
	"plain label as xn--":  "a@xn--example-.com",
	"broken xn--":          "a@xn--a.com",
}

func TestParse_RefusesAndNeverRepairs(t *testing.T) {
	t.Parallel()

	for _, table := range []map[string]string{malformed, twins} {
		for name, s := range table {
			_, err := email.Parse(s)
			require.ErrorIs(t, err, email.ErrMalformed, "%s: %q", name, s)
		}
	}
}

func TestMailbox_IsASCIIAndKeepsTheLocalPart(t *testing.T) {
	t.Parallel()
	a, err := email.Parse("Ada.L@bücher.Example")
	require.NoError(t, err)

	require.Equal(t, "Ada.L@xn--bcher-kva.example", a.Mailbox())
	require.Equal(t, "ada.l", a.Key().Local())
}

func TestRestore_GivesBackWhatWasStored(t *testing.T) {
	t.Parallel()
	a, err := email.Parse("Ada@Example.com")
	require.NoError(t, err)

	require.Equal(t, a, email.Restore(a.String(), a.Key()))
	require.True(t, email.Address{}.IsZero())
	require.Empty(t, email.Address{}.Mailbox())
	require.False(t, a.IsZero())
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"ada@example.com", "Ada+x@BÜCHER.example", "a@xn--bcher-kva.de", "a@\u212aiosk.nl", "a@x\u200b.nl", "a b@x.nl", "a@x.com\r\nBcc: b@y.com"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		a, err := email.Parse(s)
		if err != nil {
			require.True(t, errors.Is(err, email.ErrMalformed))
			return
		}
		require.Equal(t, s, a.String())
		for _, text := range []string{string(a.Key()), a.Mailbox()} {
			require.LessOrEqual(t, len(text), 64+1+254)
			require.Equal(t, 1, strings.Count(text, "@"))
			for i := range len(text) {
				require.True(t, text[i] > ' ' && text[i] < 0x7f, "%q", text)
			}
		}
		again, err := email.Parse(string(a.Key()))
		require.NoError(t, err, "a key is an address")
		require.Equal(t, a.Key(), again.Key(), "and its own key")
		mailbox, err := email.Parse(a.Mailbox())
		require.NoError(t, err)
		require.Equal(t, a.Key(), mailbox.Key(), "mail goes where the key says")
	})
}
