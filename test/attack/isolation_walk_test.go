package attack_test

import (
	"encoding/json"
	"fmt"
	"iter"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/wellknown/openapi"
	"ostiary/test/program"
)

// documentedCall is a documented call with all that can be put into it.
type documentedCall struct {
	method, path string
	queries      []string // documented parameters
	recipe       recipe
}

func (o documentedCall) String() string { return o.method + " " + o.path }

// tenanted says that the path names a tenant that the request belongs to.
func (o documentedCall) tenanted() bool { return strings.HasPrefix(o.path, "/t/") }

// world is what a request can name, by noun.
type world map[string]string

// with is the same world but for one noun.
func (w world) with(noun, name string) world {
	out := world{}
	for k, v := range w {
		out[k] = v
	}
	out[noun] = name
	return out
}

func (w world) fill(text string) string {
	for noun, name := range w {
		text = strings.ReplaceAll(text, "{"+noun+"}", name)
	}
	return text
}

// documented reads every operation out of the OpenAPI document. It fails for
// one that nobody has said how to call.
func documented(t testing.TB) []documentedCall {
	t.Helper()
	var doc struct {
		Paths      map[string]map[string]json.RawMessage
		Components struct {
			Parameters map[string]documentedParameter
		}
	}
	require.NoError(t, json.Unmarshal(openapi.JSON(), &doc))
	var out []documentedCall
	for _, listed := range program.Document.Operations() {
		item := doc.Paths[listed.Path]
		var node struct {
			Parameters  []documentedParameter
			RequestBody json.RawMessage
		}
		require.NoError(t, json.Unmarshal(item[strings.ToLower(listed.Method)], &node))
		o := documentedCall{method: listed.Method, path: listed.Path}
		o.recipe = recipes[o.method+" "+strings.TrimPrefix(o.path, "/t/{tenantCode}")]
		require.Equal(t, node.RequestBody != nil, o.recipe.body != "", "%s: what to send as its body is not said", o)
		for _, p := range append(node.Parameters, ofPath(t, item)...) {
			if name, ok := strings.CutPrefix(p.Ref, "#/components/parameters/"); ok {
				p = doc.Components.Parameters[name]
			}
			o.check(t, p)
			if p.In == "query" {
				o.queries = append(o.queries, p.Name)
			}
		}
		out = append(out, o)
	}
	require.NotEmpty(t, out)
	return out
}

type documentedParameter struct {
	Ref      string `json:"$ref"`
	In, Name string
}

func ofPath(t testing.TB, item map[string]json.RawMessage) []documentedParameter {
	t.Helper()
	var out []documentedParameter
	if raw, ok := item["parameters"]; ok {
		require.NoError(t, json.Unmarshal(raw, &out))
	}
	return out
}

// check fails for a parameter that the walk has no value for.
func (o documentedCall) check(t testing.TB, p documentedParameter) {
	t.Helper()
	known := false
	switch p.In {
	case "path":
		known = o.noun("{"+p.Name+"}") != ""
	case "query":
		_, known = queryRecipes[p.Name]
	case "header":
		known = slices.Contains(knownHeaders, p.Name)
	}
	require.True(t, known, "%s: what to send as %s %s is not said", o, p.In, p.Name)
}

// noun says what a parameter of the path names, going by what stands before.
func (o documentedCall) noun(parameter string) string {
	segments := strings.Split(o.path, "/")
	at := slices.Index(segments, parameter)
	if at < 1 {
		return ""
	}
	return nouns[segments[at-1]]
}

// request names things of w and shows a credential wherever there is a place
// for one.
func (o documentedCall) request(w world, credential string) program.Request {
	shown := credential
	if shown == "" {
		shown = "none"
	}
	w = w.with("credential", shown)
	segments := strings.Split(o.path, "/")
	for i, s := range segments {
		if noun := o.noun(s); noun != "" {
			segments[i] = w[noun]
		}
	}
	var query []string
	for _, name := range o.queries {
		if value := w.fill(queryRecipes[name]); value != "" {
			query = append(query, name+"="+value)
		}
	}
	r := program.Request{
		Method: o.method, Path: strings.Join(segments, "/"), Bearer: credential,
		Body: w.fill(o.recipe.body), Header: map[string]string{"If-Match": `"1"`},
	}
	if len(query) > 0 {
		r.Path += "?" + strings.Join(query, "&")
	}
	if o.recipe.media != "" {
		r.Header["Content-Type"] = o.recipe.media
	}
	return r
}

// finding is a way in which an answer tells or does too much.
type finding struct{ kind, documentedCall, about string }

func (f finding) String() string { return fmt.Sprintf("%s, %s: %s", f.documentedCall, f.kind, f.about) }

// walk calls every operation with one kind of credential and reports what a
// holder could learn about the victim.
func (s *intrusion) walk(k credentialKind) iter.Seq[finding] {
	return func(yield func(finding) bool) {
		token := k.mint()
		for _, o := range s.operations {
			for _, p := range s.pairs(k, o, token) {
				if about := s.compare(p); about != "" && !yield(finding{k.name, o.String(), about}) {
					return
				}
			}
			if k.ends != "" && o.recipe.ends == k.ends {
				token = k.mint()
			}
		}
		if k.proof == nil {
			return
		}
		if got := s.d.Send(k.proof(token)); got.Status >= 300 {
			yield(finding{k.name, "(all)", "the walk lost its credential and proves little"})
		}
	}
}

// reach is a request that names what is there and the same one that names what
// never was.
type reach struct{ there, never program.Request }

// pairs are the ways to reach for what is not one's own: by its own tenant, by
// one's own tenant, and by a header beside one's own.
func (s *intrusion) pairs(k credentialKind, o documentedCall, token string) []reach {
	own := s.victim.with("tenant", k.tenant)
	ownNever := s.never.with("tenant", k.tenant)
	inside := reach{o.request(own, token), o.request(ownNever, token)}
	if k.tenant == s.victim["tenant"] {
		return []reach{inside}
	}
	out := []reach{{o.request(s.victim, token), o.request(s.never, token)}}
	if !sameWords(inside) {
		out = append(out, inside)
	}
	if o.tenanted() {
		return out
	}
	inside.there.Header = world(inside.there.Header).with("X-Tenant-Code", s.victim["tenant"])
	inside.never.Header = world(inside.never.Header).with("X-Tenant-Code", s.never["tenant"])
	return append(out, inside)
}

func sameWords(p reach) bool { return p.there.Path == p.never.Path && p.there.Body == p.never.Body }

// compare says what is wrong with the answers, "" when nothing is.
func (s *intrusion) compare(p reach) string {
	there := s.d.Send(p.there)
	switch {
	case there.Status >= 500:
		return fmt.Sprintf("status %d", there.Status)
	case strings.Contains(strings.ToLower(string(there.Body)), victimMarker):
		return fmt.Sprintf("status %d shows what is the victim's", there.Status)
	case sameWords(p) && p.there.Header["X-Tenant-Code"] == "":
		return ""
	}
	never := s.d.Send(p.never)
	if a, b := s.seen(there), s.seen(never); a != b {
		return "what is there and what never was differ: " + a + " / " + b
	}
	return ""
}

// seen is what a stranger can compare, without what is drawn at random.
func (s *intrusion) seen(r program.Reply) string {
	r.Header = r.Header.Clone()
	for _, name := range []string{"X-Link-Binding", "Set-Cookie"} {
		if value := r.Header.Get(name); value != "" {
			r.Header.Set(name, lengthOnly(value))
		}
	}
	raw, err := json.Marshal(seen(s.d.T, r))
	require.NoError(s.d.T, err)
	return string(raw)
}
