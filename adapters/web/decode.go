package web

import (
	"bytes"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"

	"ostiary/domain/fault"
	"ostiary/domain/secret"
)

const (
	maxDepth  = 32 // nesting of a JSON body
	maxFields = 16 // wrong values named in one refusal
)

// Strictness says what Decode makes of members that dst does not have.
type Strictness bool

// The dialects ignore unknown members, the admin API refuses them.
const (
	Lenient Strictness = false
	Strict  Strictness = true
)

// Decode reads a JSON body into dst: exactly application/json, UTF-8, no
// duplicate members, exact names, nothing after the value, no NUL, at most 32
// levels. A member of type secret.Text takes a string. ErrWrongType names every
// offending value it can; use pointers in dst to tell null and absent from
// zero. Texts of the parser never get out.
func (c *Call) Decode(dst any, s Strictness) error {
	if !c.HasBody() {
		return ErrMalformed
	}
	if err := c.RequireType("application/json"); err != nil {
		return err
	}
	raw, err := c.Raw()
	if err != nil {
		return err
	}
	return Unmarshal(raw, dst, s)
}

// Unmarshal is Decode for a value in hand, such as a line of NDJSON.
func Unmarshal(raw []byte, dst any, s Strictness) error {
	if err := wellFormed(raw); err != nil {
		return err
	}
	var wrong []fault.Field
	for data := raw; len(wrong) < maxFields; {
		err := json.Unmarshal(data, dst, json.RejectUnknownMembers(bool(s)), json.WithUnmarshalers(secrets))
		var bad *json.SemanticError
		switch {
		case err == nil:
			return wrongTypes(wrong)
		case errors.As(err, &bad) && errors.Is(err, json.ErrUnknownName):
			return ErrUnknownMember.With(field(bad.JSONPointer, ErrUnknownMember))
		case bad == nil:
			return ErrMalformed
		}
		wrong = append(wrong, field(bad.JSONPointer, ErrWrongType))
		next, ok := blank(data, bad.JSONPointer)
		if !ok {
			break
		}
		data = next
	}
	return wrongTypes(wrong)
}

func wrongTypes(wrong []fault.Field) error {
	if len(wrong) == 0 {
		return nil
	}
	return ErrWrongType.With(wrong...)
}

var secrets = json.UnmarshalFromFunc(func(dec *jsontext.Decoder, t *secret.Text) error {
	token, err := dec.ReadToken()
	if err != nil {
		return err //nolint:wrapcheck // goes back into the decoder, which knows it
	}
	if token.Kind() == jsontext.KindNull {
		*t = secret.Text{}
		return nil
	}
	if token.Kind() != jsontext.KindString {
		return errNotText
	}
	*t = secret.New(token.String())
	return nil
})

var errNotText = errors.New("not a string")

// wellFormed walks the text once before anything is built from it.
func wellFormed(raw []byte) error {
	dec := jsontext.NewDecoder(bytes.NewReader(raw))
	values, null := 0, false
	for {
		token, err := dec.ReadToken()
		if errors.Is(err, io.EOF) && values == 1 && dec.StackDepth() == 0 {
			return notNull(null)
		}
		if err != nil {
			return malformed(err)
		}
		if dec.StackDepth() == 0 {
			values++
			if token.Kind() == 'n' {
				null = true
			}
		}
		if dec.StackDepth() > maxDepth || values > 1 {
			return ErrMalformed
		}
		if token.Kind() == '"' && strings.IndexByte(token.String(), 0) >= 0 {
			return ErrMalformed.With(field(dec.StackPointer(), ErrMalformed))
		}
	}
}

// notNull refuses a body that says null: decoding takes that for an object
// without members, which is another thing to have said.
func notNull(null bool) error {
	if null {
		return ErrWrongType.With(field("", ErrWrongType))
	}
	return nil
}

func malformed(err error) error {
	var bad *jsontext.SyntacticError
	if errors.Is(err, jsontext.ErrDuplicateName) && errors.As(err, &bad) {
		return ErrMalformed.With(field(bad.JSONPointer, ErrMalformed))
	}
	return ErrMalformed
}

// field names a place in the request. Member names that do not look like
// names are cut off with all that follows: they may hold anything.
func field(p jsontext.Pointer, kind *fault.Error) fault.Field {
	var shown jsontext.Pointer
	for token := range p.Tokens() {
		if !isName(token) {
			break
		}
		shown = shown.AppendToken(token)
	}
	return fault.Field{Pointer: string(shown), Code: kind.Code(), Detail: kind.Text()}
}

// isName takes names as APIs have them and the places of elements. Tokens, keys
// and most passwords have more capitals or figures.
func isName(s string) bool {
	if s == "" || len(s) > 40 {
		return false
	}
	figures := 0
	for i := range len(s) {
		if s[i] >= '0' && s[i] <= '9' {
			figures++
		}
		if !isAlnum(s[i]) && s[i] != '_' && s[i] != '-' {
			return false
		}
	}
	if figures == len(s) {
		return figures <= 5
	}
	if isLower(s[0]) {
		return figures <= 2
	}
	// A known word with the wrong case is worth telling.
	return isUpper(s[0]) && strings.IndexFunc(s[1:], func(r rune) bool { return !isLower(byte(r)) }) < 0
}

func isLower(b byte) bool { return b >= 'a' && b <= 'z' }

func isUpper(b byte) bool { return b >= 'A' && b <= 'Z' }

// blank returns data with null for the value at p, so that decoding can go on
// to the next wrong value.
func blank(data []byte, p jsontext.Pointer) ([]byte, bool) {
	dec := jsontext.NewDecoder(bytes.NewReader(data))
	for token := range p.Tokens() {
		if !enter(dec, token) {
			return nil, false
		}
	}
	value, err := dec.ReadValue()
	if err != nil || value.Kind() == 'n' {
		return nil, false
	}
	end := int(dec.InputOffset())
	return slices.Concat(data[:end-len(value)], []byte("null"), data[end:]), true
}

// enter moves dec to just before the member or element that token names.
func enter(dec *jsontext.Decoder, token string) bool {
	open, err := dec.ReadToken()
	if err != nil || (open.Kind() != '{' && open.Kind() != '[') {
		return false
	}
	object := open.Kind() == '{'
	for index := 0; dec.PeekKind() != '}' && dec.PeekKind() != ']'; index++ {
		name := itoa(index)
		if object {
			member, err := dec.ReadToken()
			if err != nil {
				return false
			}
			name = member.String()
		}
		if name == token {
			return true
		}
		if dec.SkipValue() != nil {
			return false
		}
	}
	return false
}
