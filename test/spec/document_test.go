package spec_test

import (
	"bytes"
	"flag"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/wellknown/openapi"
	"ostiary/test/spec"
)

var update = flag.Bool("update", false, "write openapi.json anew")

const home = "../../adapters/web/wellknown/openapi"

func TestServedDocument_IsBuiltFromItsParts(t *testing.T) {
	t.Parallel()
	built, err := spec.Merge(os.DirFS(filepath.Join(home, "parts")))
	require.NoError(t, err)

	if *update {
		require.NoError(t, os.WriteFile(filepath.Join(home, "openapi.json"), built, 0o644)) //nolint:gosec // a public file
		return
	}

	require.True(t, bytes.Equal(built, openapi.JSON()), "openapi.json is stale: go generate ./adapters/web/wellknown/openapi")
	require.Less(t, len(built), 1<<20)
}

func TestServedDocument_IsOpenAPI31(t *testing.T) {
	t.Parallel()
	raw, err := os.ReadFile("testdata/openapi-3.1.schema.json")
	require.NoError(t, err)
	c := jsonschema.NewCompiler()
	require.NoError(t, c.AddResource("urn:openapi-3.1", parse(t, raw)))
	meta, err := c.Compile("urn:openapi-3.1")
	require.NoError(t, err)

	require.NoError(t, meta.Validate(parse(t, openapi.JSON())))
}

// TestServedDocument_Loads covers that every reference leads somewhere and
// that every schema of a request, response or header is one.
func TestServedDocument_Loads(t *testing.T) {
	t.Parallel()

	s := load(t)

	require.Len(t, s.Uncovered(), len(s.Operations()))
	require.Empty(t, s.Covered())
}

func TestServedDocument_HasEveryRouteOfTheContract(t *testing.T) {
	t.Parallel()
	want := contractRoutes()

	var got []string
	for _, o := range load(t).Operations() {
		got = append(got, o.Method+" "+o.Path)
	}

	require.ElementsMatch(t, want, got)
}

func TestServedDocument_NamesEveryOperationOnce(t *testing.T) {
	t.Parallel()
	seen := map[string]bool{}
	for _, o := range load(t).Operations() {
		require.NotEmpty(t, o.ID, o.Path)
		require.False(t, seen[o.ID], o.ID)
		seen[o.ID] = true
	}
}

func TestServedDocument_ShowsOnlyExamplesThatHold(t *testing.T) {
	t.Parallel()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	require.NoError(t, c.AddResource("urn:doc", parse(t, openapi.JSON())))
	checked := 0
	for name, schema := range componentSchemas(t) {
		examples, _ := schema["examples"].([]any)
		compiled, err := c.Compile("urn:doc#/components/schemas/" + name)
		require.NoError(t, err, name)
		for _, example := range examples {
			require.NoError(t, compiled.Validate(example), name)
			checked++
		}
	}
	require.Greater(t, checked, 40)
}

// TestServedDocument_AnswersAreClosed: an open object would hide a member that
// the program sends and the document does not know.
func TestServedDocument_AnswersAreClosed(t *testing.T) {
	t.Parallel()
	doc := parse(t, openapi.JSON())
	seen := map[string]bool{}
	for path, item := range doc["paths"].(map[string]any) {
		for method, op := range item.(map[string]any) {
			answers, ok := op.(map[string]any)
			if !ok || path == "/openapi.json" {
				continue
			}
			closed(t, doc, path+" "+method, answers["responses"], seen)
		}
	}
	require.Greater(t, len(seen), 60)
}

// TestServedDocument_UsesKnownKeywords catches what a missing quote or comma
// makes of YAML: a keyword that nobody reads.
func TestServedDocument_UsesKnownKeywords(t *testing.T) {
	t.Parallel()
	for name, schema := range componentSchemas(t) {
		keywords(t, name, schema)
	}
	inline := 0
	var walk func(at string, node any)
	walk = func(at string, node any) {
		list, _ := node.([]any)
		for i, item := range list {
			walk(fmt.Sprint(at, "/", i), item)
		}
		described, _ := node.(map[string]any)
		for name, v := range described {
			if schema, ok := v.(map[string]any); ok && name == "schema" {
				keywords(t, at, schema)
				inline++
			} else if name != "schemas" {
				walk(at+"/"+name, v)
			}
		}
	}
	walk("", parse(t, openapi.JSON()))
	require.Greater(t, inline, 100)
}

func closed(t *testing.T, doc map[string]any, at string, node any, seen map[string]bool) {
	t.Helper()
	switch v := node.(type) {
	case []any:
		for i, item := range v {
			closed(t, doc, fmt.Sprint(at, "/", i), item, seen)
		}
	case map[string]any:
		if ref, ok := v["$ref"].(string); ok && !seen[ref] {
			seen[ref] = true
			closed(t, doc, ref, follow(doc, ref), seen)
		}
		if v["type"] == "object" {
			require.Contains(t, v, "additionalProperties", at)
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			closed(t, doc, at+"/"+name, v[name], seen)
		}
	}
}

func follow(doc map[string]any, ref string) any {
	var v any = doc
	for name := range strings.SplitSeq(strings.TrimPrefix(ref, "#/"), "/") {
		v = v.(map[string]any)[name]
	}
	return v
}

func keywords(t *testing.T, at string, schema map[string]any) {
	t.Helper()
	known := []string{
		"$ref", "additionalProperties", "anyOf", "default", "description", "else", "enum", "examples", "format", "if",
		"items", "maxItems", "maxLength", "maxProperties", "maximum", "minItems", "minLength", "minProperties", "minimum",
		"not", "oneOf", "pattern", "properties", "propertyNames", "required", "then", "type",
	}
	for keyword, v := range schema {
		require.Contains(t, known, keyword, at)
		require.NotNil(t, v, at)
		switch v := v.(type) {
		case map[string]any:
			if keyword != "properties" {
				keywords(t, at+"/"+keyword, v)
				continue
			}
			for name, member := range v {
				require.IsType(t, map[string]any{}, member, at+"/"+name)
				keywords(t, at+"/"+name, member.(map[string]any))
			}
		case []any:
			if keyword == "oneOf" || keyword == "anyOf" {
				for _, choice := range v {
					keywords(t, at+"/"+keyword, choice.(map[string]any))
				}
			}
		}
	}
}

func componentSchemas(t *testing.T) map[string]map[string]any {
	t.Helper()
	out := map[string]map[string]any{}
	components := parse(t, openapi.JSON())["components"].(map[string]any)
	for name, schema := range components["schemas"].(map[string]any) {
		out[name] = schema.(map[string]any)
	}
	return out
}

func parse(t *testing.T, raw []byte) map[string]any {
	t.Helper()
	v, err := jsonschema.UnmarshalJSON(bytes.NewReader(raw))
	require.NoError(t, err)
	return v.(map[string]any)
}

func load(t *testing.T) *spec.Spec {
	t.Helper()
	s, err := spec.New(openapi.JSON())
	require.NoError(t, err)
	return s
}
