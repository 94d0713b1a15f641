package user

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/secure/precis"

	"ostiary/domain/fault"
	"ostiary/domain/secret"
)

// MaxPassword bounds a password in code points; MinPassword is the lowest
// minimum a tenant may have.
const (
	MinPassword = 8
	MaxPassword = 255
)

// ErrPassword is the refusal of a new password; its fields say why.
var ErrPassword = fault.New(fault.Invalid, "password_refused", "That password is not acceptable.")

// Password is a password in the form that is hashed: PRECIS OpaqueString
// (RFC 8265 section 4.2), never trimmed, truncated or folded.
type Password struct{ text secret.Text }

// Candidate takes a password to be compared. Text that no password can be is
// kept as it is: it is then merely wrong.
func Candidate(s secret.Text) Password {
	if out, err := opaque(s.Reveal()); err == nil {
		return Password{text: secret.New(out)}
	}
	return Password{text: s}
}

// Text returns what is hashed.
func (p Password) Text() secret.Text { return p.text }

// Policy judges new passwords.
type Policy struct {
	Min     int      // code points
	Context []string // names that must not be the password: e-mail, tenant, company
	Former  string   // a temporary password, which must not become the lasting one
}

// NewPassword judges s by the policy. No composition rules (NIST SP 800-63B-4
// section 3.1.1.2); ErrPassword with one field at pointer /password otherwise.
func (p Policy) NewPassword(s secret.Text) (Password, error) {
	refuse := func(code, detail string) (Password, error) {
		return Password{}, ErrPassword.With(fault.Field{Pointer: "/password", Code: code, Detail: detail})
	}
	raw := s.Reveal()
	if err := CheckLength(s, p.Min); err != nil {
		return Password{}, err
	}
	text, err := opaque(raw)
	if err != nil {
		return refuse("password_characters", "The password holds characters that cannot be used, such as control characters.")
	}
	// Composition shortens and lengthens; what is hashed counts too.
	if err := CheckLength(secret.New(text), p.Min); err != nil {
		return Password{}, err
	}
	if IsCommon(text) {
		return refuse("password_common", "That password is among the most common or breached ones.")
	}
	if p.names(text) {
		return refuse("password_context", "The password must not be the e-mail address or the name of the company or service.")
	}
	return Password{text: secret.New(text)}, nil
}

// names reports whether a password is one of the names around, or one of them
// as a guesser spells it next: without blanks, with a year, with a mark.
func (p Policy) names(text string) bool {
	folded, core := strings.ToLower(text), bare(text)
	if folded == strings.ToLower(p.Former) {
		return true
	}
	return slices.ContainsFunc(p.Context, func(c string) bool {
		return c != "" && folded == strings.ToLower(c) || core != "" && core == bare(c)
	})
}

// bare leaves of a name its letters in lower case and the digits between them.
func bare(name string) string {
	return strings.TrimFunc(strings.Map(func(r rune) rune {
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) {
			return unicode.ToLower(r)
		}
		return -1
	}, name), unicode.IsDigit)
}

// CheckLength judges the length alone, which may be said before the current
// password proved right.
func CheckLength(s secret.Text, minimum int) error {
	minimum = max(minimum, MinPassword)
	n := utf8.RuneCountInString(s.Reveal())
	if n < minimum {
		return ErrPassword.With(fault.Field{Pointer: "/password", Code: "password_short", Detail: "The password is too short."})
	}
	if n > MaxPassword {
		return ErrPassword.With(fault.Field{Pointer: "/password", Code: "password_long", Detail: "The password is too long."})
	}
	return nil
}

func opaque(s string) (string, error) {
	// The check comes first: x/text's normaliser loops on invalid UTF-8 in
	// older versions (GO-2026-5970).
	if !utf8.ValidString(s) {
		return "", ErrPassword
	}
	return precis.OpaqueString.String(s)
}
