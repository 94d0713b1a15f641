package mail

import (
	"embed"
	"fmt"
	htmltemplate "html/template"
	"strings"
	texttemplate "text/template"
	"unicode"

	"golang.org/x/text/language"

	"ostiary/domain/outbox"
)

//go:embed words
var words embed.FS

// maxName bounds names in headers and bodies.
const maxName = 200

// The first language is the one for people whose own is not among them.
var (
	languages = []language.Tag{language.English, language.Dutch}
	matcher   = language.NewMatcher(languages)
	phrases   = []*texttemplate.Template{
		texttemplate.Must(texttemplate.ParseFS(words, "words/en.tmpl")),
		texttemplate.Must(texttemplate.ParseFS(words, "words/nl.tmpl")),
	}
	plainLayout = texttemplate.Must(texttemplate.ParseFS(words, "words/layout.txt"))
	htmlLayout  = htmltemplate.Must(htmltemplate.ParseFS(words, "words/layout.html"))
)

// letter is a mail in the reader's language.
type letter struct {
	Language  string
	To        string
	Sender    string // display name, one line
	Subject   string // one line
	Hello     string
	Intro     string
	Link      string
	Button    string
	CodeIntro string
	Code      string
	Ignore    string
}

// write words m. Names are made one line of printable text first: tenants and
// contacts choose them freely.
func write(m outbox.Mail) (letter, error) {
	_, chosen := language.MatchStrings(matcher, m.Locale)
	facts := struct {
		Sender, Name   string
		Minutes, Hours int
	}{Sender: oneLine(m.Sender), Name: oneLine(m.Name), Minutes: m.Minutes, Hours: m.Minutes / 60}
	if facts.Sender == "" {
		facts.Sender = string(m.Tenant)
	}
	var failed error
	say := func(phrase string) string {
		var out strings.Builder
		if err := phrases[chosen].ExecuteTemplate(&out, phrase, facts); err != nil {
			failed = fmt.Errorf("word mail: %w", err)
		}
		return out.String()
	}
	kind := string(m.Kind)
	l := letter{
		Language: languages[chosen].String(), To: m.To, Sender: facts.Sender, Link: m.Link.Reveal(), Code: m.Code.Reveal(),
		Hello: say("hello"), Subject: say(kind + ".subject"), Intro: say(kind + ".intro"), Button: say(kind + ".button"),
		CodeIntro: say(kind + ".code"), Ignore: say(kind + ".ignore"),
	}
	return l, failed
}

// plain lays the letter out with the link and the code on lines of their own.
func (l letter) plain() (string, error) {
	var out strings.Builder
	if err := plainLayout.Execute(&out, l); err != nil {
		return "", fmt.Errorf("lay out mail: %w", err)
	}
	return out.String(), nil
}

func (l letter) html() (string, error) {
	var out strings.Builder
	if err := htmlLayout.Execute(&out, l); err != nil {
		return "", fmt.Errorf("lay out mail: %w", err)
	}
	return out.String(), nil
}

// oneLine turns everything that could end a line, move a cursor, reorder text
// or start a RFC 2047 encoded word into blanks.
func oneLine(s string) string {
	s = strings.Map(func(r rune) rune {
		if unicode.In(r, unicode.Cc, unicode.Cf, unicode.Zl, unicode.Zp, unicode.Co, unicode.Cs) || r == unicode.ReplacementChar {
			return ' '
		}
		return r
	}, strings.ToValidUTF8(s, " "))
	s = strings.Join(strings.Fields(strings.ReplaceAll(s, "=?", "= ?")), " ")
	if runes := []rune(s); len(runes) > maxName {
		s = strings.TrimSpace(string(runes[:maxName]))
	}
	return s
}
