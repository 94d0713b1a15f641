package spec

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// Exchange is a recorded request with its answer.
type Exchange struct {
	Method         string
	Path           string // as it was sent, percent-encoded; a query is ignored
	Status         int
	RequestHeader  http.Header
	RequestBody    []byte
	ResponseHeader http.Header
	ResponseBody   []byte
}

// T is what Check needs of a test.
type T interface {
	Helper()
	Errorf(format string, args ...any)
}

// Check fails the test for every way in which the exchange is not as documented.
func (s *Spec) Check(t T, x Exchange) {
	t.Helper()
	if err := s.Verify(x); err != nil {
		t.Errorf("%s %s answered %d: %v", x.Method, templateOf(s, x), x.Status, err)
	}
}

// templateOf names the route without what may be secret in the path.
func templateOf(s *Spec, x Exchange) string {
	if r := s.find(pathOf(x)); r != nil {
		return r.template
	}
	return "(no documented path)"
}

// Verify returns what is not as documented: pointers and keywords, never
// values. A request is held to its schema only when it was accepted.
func (s *Spec) Verify(x Exchange) error {
	r := s.find(pathOf(x))
	if r == nil {
		return errors.New("the path is not documented")
	}
	op, bodiless := r.operations[x.Method], false
	if x.Method == http.MethodHead && !r.headless {
		op, bodiless = r.operations[http.MethodGet], true
	}
	if op == nil {
		return r.refusesMethod(x)
	}
	want := op.answers[strconv.Itoa(x.Status)]
	if want == nil {
		return errors.New("the status is not documented")
	}
	errs := []error{want.headersOf(x.ResponseHeader), want.bodyOf(x, bodiless)}
	if x.Status < http.StatusBadRequest {
		errs = append(errs, op.requestOf(x))
	}
	err := errors.Join(errs...)
	if err == nil && x.Status < http.StatusBadRequest && !bodiless {
		s.cover(op)
	}
	return err
}

// refusesMethod accepts a preflight, and else nothing but the documented refusal.
func (r *route) refusesMethod(x Exchange) error {
	if x.Method == http.MethodOptions && x.Status == http.StatusNoContent && len(x.ResponseBody) == 0 {
		return nil
	}
	if x.Status != http.StatusMethodNotAllowed || r.methodNotAllowed == nil {
		return errors.New("the method is not documented")
	}
	return errors.Join(
		r.methodNotAllowed.headersOf(x.ResponseHeader),
		r.methodNotAllowed.bodyOf(x, x.Method == http.MethodHead),
	)
}

func (a *answer) headersOf(got http.Header) error {
	var errs []error
	for name, want := range a.headers {
		if len(got.Values(name)) == 0 {
			if want.required {
				errs = append(errs, fmt.Errorf("header %s is missing", name))
			}
			continue
		}
		var value any = got.Get(name)
		if want.integer {
			value = json.Number(got.Get(name))
			if _, err := strconv.ParseInt(got.Get(name), 10, 64); err != nil {
				errs = append(errs, fmt.Errorf("header %s: type", name))
				continue
			}
		}
		errs = append(errs, prefixed("header "+name, want.schema.Validate(value)))
	}
	return errors.Join(errs...)
}

func (a *answer) bodyOf(x Exchange, bodiless bool) error {
	if bodiless || len(a.media) == 0 {
		if len(x.ResponseBody) > 0 {
			return errors.New("response: a body where none is documented")
		}
		return nil
	}
	return check("response", a.media, x.ResponseHeader, x.ResponseBody)
}

func (o *operation) requestOf(x Exchange) error {
	switch {
	case len(x.RequestBody) == 0 && (o.request == nil || !o.request.required):
		return nil
	case o.request == nil:
		return errors.New("request: a body where none is documented")
	default:
		return check("request", o.request.media, x.RequestHeader, x.RequestBody)
	}
}

// check holds a body to what is documented for its content type.
func check(side string, documented map[string]media, h http.Header, raw []byte) error {
	name, params, err := mime.ParseMediaType(h.Get("Content-Type"))
	form, known := documented[name]
	if err != nil || !known {
		return fmt.Errorf("%s: the content type is not documented", side)
	}
	if charset := params["charset"]; charset != "" && !strings.EqualFold(charset, "utf-8") {
		return fmt.Errorf("%s: the charset is not utf-8", side)
	}
	switch {
	case form.schema == nil:
		return nil
	case form.perLine:
		return lines(side, form.schema, raw)
	case name == "application/x-www-form-urlencoded":
		return formFields(side, form.schema, raw)
	default:
		return jsonText(side, form.schema, raw)
	}
}

func jsonText(side string, schema *jsonschema.Schema, raw []byte) error {
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	if err != nil {
		return fmt.Errorf("%s: the body is no JSON", side)
	}
	return prefixed(side, schema.Validate(value))
}

func lines(side string, schema *jsonschema.Schema, raw []byte) error {
	var errs []error
	number := 0
	for line := range bytes.Lines(raw) {
		number++
		if len(bytes.TrimSpace(line)) > 0 {
			errs = append(errs, jsonText(side+" line "+strconv.Itoa(number), schema, line))
		}
	}
	return errors.Join(errs...)
}

func formFields(side string, schema *jsonschema.Schema, raw []byte) error {
	fields, err := url.ParseQuery(string(raw))
	if err != nil {
		return fmt.Errorf("%s: the body is no form", side)
	}
	value := map[string]any{}
	for name := range fields {
		value[name] = fields.Get(name)
	}
	return prefixed(side, schema.Validate(value))
}

// prefixed keeps of a validation error where and which keyword: the library's
// own text repeats the refused value, which may be a secret.
func prefixed(side string, err error) error {
	var failed *jsonschema.ValidationError
	if !errors.As(err, &failed) {
		return err
	}
	var errs []error
	for _, leaf := range leaves(failed) {
		at := "/" + strings.Join(leaf.InstanceLocation, "/")
		if len(leaf.InstanceLocation) == 0 {
			at = "(all of it)"
		}
		errs = append(errs, fmt.Errorf("%s %s: %s", side, at, keyword(leaf.ErrorKind)))
	}
	return errors.Join(errs...)
}

func leaves(e *jsonschema.ValidationError) []*jsonschema.ValidationError {
	if len(e.Causes) == 0 {
		return []*jsonschema.ValidationError{e}
	}
	var out []*jsonschema.ValidationError
	for _, cause := range e.Causes {
		out = append(out, leaves(cause)...)
	}
	return out
}

// keyword adds to "required" which members are missing: those names come from
// the document.
func keyword(k jsonschema.ErrorKind) string {
	if missing, ok := k.(*kind.Required); ok {
		return "required " + strings.Join(missing.Missing, ", ")
	}
	path := k.KeywordPath()
	if len(path) == 0 {
		return "false"
	}
	return path[len(path)-1]
}

func pathOf(x Exchange) string {
	path, _, _ := strings.Cut(x.Path, "?")
	return path
}
