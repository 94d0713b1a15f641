// Package spec holds answers to the OpenAPI document: it finds the operation
// of a recorded exchange and checks status, headers and bodies against it. It
// also builds the served document from its parts. What the document says is
// the business of adapters/web/wellknown/openapi.
package spec

import (
	"bytes"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"strings"
	"sync"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// Operation names a documented operation.
type Operation struct {
	ID     string
	Method string // upper case
	Path   string // template
}

// Spec is a loaded document. It may be used by parallel tests.
type Spec struct {
	routes []*route
	mu     sync.Mutex
	seen   map[string]bool // by operation id
}

// route is one path with its operations by method.
type route struct {
	template         string
	segments         []string
	operations       map[string]*operation
	methodNotAllowed *answer // nil: not documented
	headless         bool    // HEAD is not allowed although there is a GET
}

type operation struct {
	Operation
	request *body // nil: takes none
	answers map[string]*answer
}

type body struct {
	required bool
	media    map[string]media
}

type answer struct {
	headers map[string]header // by name as documented
	media   map[string]media  // empty: no body
}

type header struct {
	required bool
	integer  bool
	schema   *jsonschema.Schema
}

// media is the form of a body; a nil schema accepts any bytes.
type media struct {
	schema  *jsonschema.Schema
	perLine bool // NDJSON: the schema is that of one line
}

// New loads a document and compiles every schema in it once.
func New(doc []byte) (*Spec, error) {
	l, err := newLoader(doc)
	if err != nil {
		return nil, err
	}
	s := &Spec{seen: map[string]bool{}}
	for template, item := range object(l.root["paths"]) {
		s.routes = append(s.routes, l.route(template, object(item)))
	}
	slices.SortFunc(s.routes, func(a, b *route) int { return strings.Compare(a.template, b.template) })
	return s, errors.Join(l.errs...)
}

// Operations lists every documented operation by path and method.
func (s *Spec) Operations() []Operation {
	var out []Operation
	for _, r := range s.routes {
		for _, o := range r.operations {
			out = append(out, o.Operation)
		}
	}
	slices.SortFunc(out, func(a, b Operation) int {
		return strings.Compare(a.Path+" "+a.Method, b.Path+" "+b.Method)
	})
	return out
}

// Covered lists the operations that were seen to succeed as documented.
func (s *Spec) Covered() []Operation { return s.selected(true) }

// Uncovered lists the operations that were never seen to succeed.
func (s *Spec) Uncovered() []Operation { return s.selected(false) }

func (s *Spec) selected(seen bool) []Operation {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.DeleteFunc(s.Operations(), func(o Operation) bool { return s.seen[o.ID] != seen })
}

func (s *Spec) cover(o *operation) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.seen[o.ID] = true
}

// find returns the most specific route: of two that match, the one with a
// literal where the other has a parameter, read from the left.
func (s *Spec) find(path string) *route {
	segments := strings.Split(path, "/")
	var best *route
	for _, r := range s.routes {
		if r.matches(segments) && (best == nil || r.moreSpecific(best)) {
			best = r
		}
	}
	return best
}

func (r *route) matches(segments []string) bool {
	return slices.EqualFunc(r.segments, segments, func(want, got string) bool {
		return want == got || isParameter(want) && got != ""
	})
}

func (r *route) moreSpecific(other *route) bool {
	for i := range r.segments {
		if a, b := isParameter(r.segments[i]), isParameter(other.segments[i]); a != b {
			return b
		}
	}
	return false
}

func isParameter(segment string) bool { return strings.HasPrefix(segment, "{") }

// loader reads a document; what it finds wrong is collected in errs.
type loader struct {
	root     map[string]any
	compiler *jsonschema.Compiler
	errs     []error
}

const location = "urn:ostiary:openapi"

func newLoader(doc []byte) (*loader, error) {
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(doc))
	if err != nil {
		return nil, fmt.Errorf("read document: %w", err)
	}
	root, ok := v.(map[string]any)
	if !ok {
		return nil, errors.New("the document is no object")
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	c.UseLoader(jsonschema.SchemeURLLoader{})
	if err := c.AddResource(location, root); err != nil {
		return nil, fmt.Errorf("add document: %w", err)
	}
	return &loader{root: root, compiler: c}, nil
}

func (l *loader) fail(pointer, text string) {
	l.errs = append(l.errs, fmt.Errorf("%s: %s", pointer, text))
}

func (l *loader) route(template string, item map[string]any) *route {
	at := "/paths/" + escape(template)
	r := &route{template: template, segments: strings.Split(template, "/"), operations: map[string]*operation{}}
	r.headless = item["x-head"] == "none"
	if refusal, ok := item["x-method-not-allowed"]; ok {
		r.methodNotAllowed = l.answer(at+"/x-method-not-allowed", refusal)
	}
	for _, method := range []string{"get", "put", "post", "delete", "patch"} {
		if node, ok := item[method].(map[string]any); ok {
			r.operations[strings.ToUpper(method)] = l.operation(at+"/"+method, template, node)
		}
	}
	return r
}

func (l *loader) operation(at, template string, node map[string]any) *operation {
	id, _ := node["operationId"].(string)
	method := strings.ToUpper(at[strings.LastIndexByte(at, '/')+1:])
	o := &operation{Operation: Operation{ID: id, Method: method, Path: template}, answers: map[string]*answer{}}
	if request, ok := node["requestBody"]; ok {
		where, resolved := l.resolve(at+"/requestBody", request)
		required, _ := resolved["required"].(bool)
		o.request = &body{required: required, media: l.media(where+"/content", resolved["content"])}
	}
	for status, response := range object(node["responses"]) {
		o.answers[status] = l.answer(at+"/responses/"+status, response)
	}
	return o
}

func (l *loader) answer(at string, node any) *answer {
	where, resolved := l.resolve(at, node)
	a := &answer{headers: map[string]header{}, media: l.media(where+"/content", resolved["content"])}
	for name, h := range object(resolved["headers"]) {
		spot, described := l.resolve(where+"/headers/"+escape(name), h)
		_, plain := l.resolve(spot+"/schema", described["schema"])
		required, _ := described["required"].(bool)
		a.headers[name] = header{required: required, integer: plain["type"] == "integer", schema: l.compile(spot + "/schema")}
	}
	return a
}

func (l *loader) media(at string, node any) map[string]media {
	out := map[string]media{}
	for name, form := range object(node) {
		spot, described := at+"/"+escape(name), object(form)
		switch {
		case described["schema"] != nil:
			out[name] = media{schema: l.compile(spot + "/schema")}
		case described["x-item-schema"] != nil:
			out[name] = media{schema: l.compile(spot + "/x-item-schema"), perLine: true}
		default:
			out[name] = media{}
		}
	}
	return out
}

func (l *loader) compile(pointer string) *jsonschema.Schema {
	schema, err := l.compiler.Compile(location + "#" + (&url.URL{Fragment: pointer}).EscapedFragment())
	if err != nil {
		l.fail(pointer, err.Error())
	}
	return schema
}

// resolve follows references and returns where the thing itself stands.
func (l *loader) resolve(at string, node any) (string, map[string]any) {
	for range 10 {
		described := object(node)
		ref, ok := described["$ref"].(string)
		if !ok {
			return at, described
		}
		pointer, local := strings.CutPrefix(ref, "#")
		if node = lookup(l.root, pointer); !local || node == nil {
			l.fail(at, "the reference leads nowhere: "+ref)
			return at, map[string]any{}
		}
		at = pointer
	}
	l.fail(at, "too many references in a row")
	return at, map[string]any{}
}

// lookup reads an RFC 6901 pointer, nil when nothing is there.
func lookup(doc any, pointer string) any {
	for name := range strings.SplitSeq(strings.TrimPrefix(pointer, "/"), "/") {
		doc = object(doc)[strings.NewReplacer("~1", "/", "~0", "~").Replace(name)]
	}
	return doc
}

func escape(name string) string { return strings.NewReplacer("~", "~0", "/", "~1").Replace(name) }

func object(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}
