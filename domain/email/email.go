// Package email judges e-mail addresses: what may be stored, and which two
// are the same. Sending is not its business.
package email

import (
	"net/mail"
	"strings"
	"unicode/utf8"

	"golang.org/x/net/idna"
	"golang.org/x/text/unicode/norm"

	"ostiary/domain/fault"
)

// ErrMalformed is returned for text that is no plain address.
var ErrMalformed = fault.New(fault.Invalid, "email_malformed", "That is not an acceptable e-mail address.")

const (
	maxLocal  = 64  // RFC 5321 section 4.5.3.1.1, octets
	maxDomain = 254 // with the local part at most 64 + 1 + 254 octets
)

// Address is an address as it was entered together with its canonical key.
// The zero value is no address.
type Address struct {
	entered string
	key     Key
}

// Key decides equality: the local part folded by ASCII rules, the domain as
// its A-label (RFC 5891 lookup). Dots and plus signs are kept.
type Key string

// Parse refuses, and never repairs: display names, comments, quoted or
// non-ASCII local parts, spaces, control characters, over-long parts.
func Parse(s string) (Address, error) {
	if len(s) > maxLocal+1+maxDomain {
		return Address{}, ErrMalformed
	}
	at := strings.LastIndexByte(s, '@')
	if at < 1 || at > maxLocal || at == len(s)-1 || len(s)-at-1 > maxDomain {
		return Address{}, ErrMalformed
	}
	local, domain := s[:at], s[at+1:]
	if !atoms(local) {
		return Address{}, ErrMalformed
	}
	host, err := host(domain)
	if err != nil {
		return Address{}, err
	}
	// net/mail is the second reader: what two parsers read differently is
	// refused (OWASP ASVS 5.0, 1.5.3).
	parsed, err := mail.ParseAddress(local + "@" + host)
	if err != nil || parsed.Address != local+"@"+host || parsed.Name != "" {
		return Address{}, ErrMalformed
	}
	return Address{entered: s, key: Key(asciiLower(local) + "@" + host)}, nil
}

// Restore rebuilds an address that Parse accepted once.
func Restore(entered string, key Key) Address { return Address{entered: entered, key: key} }

// String returns the address as it was entered.
func (a Address) String() string { return a.entered }

// Key returns what decides equality.
func (a Address) Key() Key { return a.key }

// IsZero reports whether there is no address.
func (a Address) IsZero() bool { return a.key == "" }

// Mailbox returns the form that mail is sent to: the entered local part at
// the domain's A-label, always ASCII.
func (a Address) Mailbox() string {
	at := strings.LastIndexByte(a.entered, '@')
	dom := strings.LastIndexByte(string(a.key), '@')
	if at < 0 || dom < 0 {
		return ""
	}
	return a.entered[:at] + string(a.key[dom:])
}

// Local returns the part of the key before the at sign.
func (k Key) Local() string {
	local, _, _ := strings.Cut(string(k), "@")
	return local
}

// atoms accepts a RFC 5322 section 3.2.3 dot-atom of ASCII characters.
func atoms(local string) bool {
	for part := range strings.SplitSeq(local, ".") {
		if part == "" {
			return false
		}
		for i := range len(part) {
			c := part[i]
			alnum := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9'
			if !alnum && strings.IndexByte("!#$%&'*+/=?^_`{|}~-", c) < 0 {
				return false
			}
		}
	}
	return true
}

// host folds a domain to its A-label. A single label is refused: nobody's
// customer has mail at a bare host name.
func host(domain string) (string, error) {
	if !utf8.ValidString(domain) {
		return "", ErrMalformed
	}
	for i := range len(domain) {
		if domain[i] <= ' ' || domain[i] == 0x7f {
			return "", ErrMalformed
		}
	}
	if strings.HasSuffix(domain, ".") {
		return "", ErrMalformed
	}
	h, err := idna.Lookup.ToASCII(domain)
	if err != nil || len(h) > 253 || !strings.Contains(h, ".") {
		return "", ErrMalformed
	}
	h = asciiLower(h)
	for label := range strings.SplitSeq(h, ".") {
		if !dnsLabel(label) {
			return "", ErrMalformed
		}
	}
	// A-labels must survive the way back, or two spellings share one mailbox.
	u, err := idna.Lookup.ToUnicode(h)
	if err != nil {
		return "", ErrMalformed
	}
	if again, err := idna.Lookup.ToASCII(u); err != nil || again != h {
		return "", ErrMalformed
	}
	if !spelled(domain, h, u) {
		return "", ErrMalformed
	}
	return h, nil
}

// spelled reports whether each label of a domain is its A-label or U-label
// but for case and composition. IDNA lookup alone also drops what is
// invisible and reads wide, circled and joined letters as plain ones.
func spelled(domain, ascii, unicode string) bool {
	labels, a, u := strings.Split(domain, "."), strings.Split(ascii, "."), strings.Split(unicode, ".")
	if len(labels) != len(a) || len(labels) != len(u) {
		return false
	}
	for i, label := range labels {
		if asciiLower(label) == a[i] {
			continue
		}
		// The Kelvin sign folds to a plain k: two spellings of a plain label.
		if a[i] == u[i] || strings.ToLower(norm.NFC.String(label)) != u[i] {
			return false
		}
	}
	return true
}

func dnsLabel(label string) bool {
	if label == "" || len(label) > 63 || label[0] == '-' || label[len(label)-1] == '-' {
		return false
	}
	for i := range len(label) {
		c := label[i]
		if (c < 'a' || c > 'z') && (c < '0' || c > '9') && c != '-' {
			return false
		}
	}
	return true
}

func asciiLower(s string) string {
	return strings.Map(func(r rune) rune {
		if r >= 'A' && r <= 'Z' {
			return r + 'a' - 'A'
		}
		return r
	}, s)
}
