// Package line judges one line of text that people read: names, phone numbers,
// references. What the text means is its owner's business.
package line

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"ostiary/domain/fault"
)

// Check names the value at pointer when it is shorter or longer than lo and hi
// code points, not UTF-8, or holds a control or line-breaking character; with a
// lo above zero blanks alone do not count.
func Check(pointer, s string, lo, hi int) []fault.Field {
	refuse := func(code, detail string) []fault.Field {
		return []fault.Field{{Pointer: pointer, Code: code, Detail: detail}}
	}
	if !utf8.ValidString(s) || strings.ContainsFunc(s, breaks) {
		return refuse("characters", "That text holds characters that one line of text cannot have.")
	}
	if n := utf8.RuneCountInString(s); n < lo || n > hi || (lo > 0 && strings.TrimSpace(s) == "") {
		return refuse("length", "That text is too short or too long.")
	}
	return nil
}

// breaks holds for what could start a new line or a hidden one in a mail
// header, a log or a page.
func breaks(r rune) bool {
	return unicode.IsControl(r) || r == '\u2028' || r == '\u2029'
}
