package spec

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"strings"

	"go.yaml.in/yaml/v3"
)

// part says, under x-part, what holds for every operation of one part.
type part struct {
	Twins            bool           `json:"twins"`            // every path also below /t/{tenantCode}
	Security         []string       `json:"security"`         // schemes of operations that name none
	Parameters       []any          `json:"parameters"`       // of every path
	Headers          map[string]any `json:"headers"`          // of every response that does not have them
	Responses        map[string]any `json:"responses"`        // of every operation
	BodyResponses    map[string]any `json:"bodyResponses"`    // of those that take a body
	BearerResponses  map[string]any `json:"bearerResponses"`  // of those that take a bearer token
	MethodNotAllowed any            `json:"methodNotAllowed"` // of every path
}

const (
	tenantPrefix = "/t/{tenantCode}"
	tenantSuffix = "ForTenant"
	tenantTag    = "Tenant in the path"
)

// Merge builds the document from its parts. Two parts that define the same
// thing are an error.
func Merge(parts fs.FS) ([]byte, error) {
	names, err := fs.Glob(parts, "*.yaml")
	if err != nil {
		return nil, fmt.Errorf("list parts: %w", err)
	}
	doc := map[string]any{}
	for _, name := range names {
		loaded, err := load(parts, name)
		if err != nil {
			return nil, fmt.Errorf("part %s: %w", name, err)
		}
		if err := join(doc, loaded, ""); err != nil {
			return nil, fmt.Errorf("part %s: %w", name, err)
		}
	}
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(doc); err != nil {
		return nil, fmt.Errorf("write document: %w", err)
	}
	return out.Bytes(), nil
}

// load reads a part and writes out what x-part says.
func load(parts fs.FS, name string) (map[string]any, error) {
	raw, err := fs.ReadFile(parts, name)
	if err != nil {
		return nil, fmt.Errorf("read: %w", err)
	}
	var read map[string]any
	if err := yaml.Unmarshal(raw, &read); err != nil {
		return nil, fmt.Errorf("parse: %w", err)
	}
	// Through JSON: anchors become copies, and a non-string key is an error.
	var doc map[string]any
	if err := recode(read, &doc); err != nil {
		return nil, err
	}
	var p part
	if err := recode(doc["x-part"], &p); err != nil {
		return nil, err
	}
	delete(doc, "x-part")
	paths := object(doc["paths"])
	for _, item := range paths {
		p.path(object(item))
	}
	for _, response := range object(object(doc["components"])["responses"]) {
		p.response(object(response))
	}
	if p.Twins {
		return doc, twins(paths)
	}
	return doc, nil
}

func (p part) path(item map[string]any) {
	if len(p.Parameters) > 0 {
		own, _ := item["parameters"].([]any)
		item["parameters"] = append(append([]any{}, p.Parameters...), own...)
	}
	if p.MethodNotAllowed != nil {
		item["x-method-not-allowed"] = p.MethodNotAllowed
	}
	for _, op := range operations(item) {
		p.operation(op)
	}
}

func (p part) operation(op map[string]any) {
	permission, limited := op["x-permission"].(string)
	if _, named := op["security"]; !named {
		op["security"] = p.security(permission)
	}
	if limited {
		text, _ := op["description"].(string)
		op["description"] = strings.TrimSpace(text + "\n\nPermission: `" + permission + "`.")
	}
	responses := object(op["responses"])
	add(responses, p.Responses)
	if op["requestBody"] != nil {
		add(responses, p.BodyResponses)
	}
	if schemes, _ := op["security"].([]any); len(schemes) > 0 {
		add(responses, p.BearerResponses)
	}
	for _, response := range responses {
		p.response(object(response))
	}
}

// security names the permission with API tokens; a user's is the role.
func (p part) security(permission string) []any {
	out := []any{}
	for _, scheme := range p.Security {
		roles := []any{}
		if scheme == "apiToken" && permission != "" {
			roles = append(roles, permission)
		}
		out = append(out, map[string]any{scheme: roles})
	}
	return out
}

func (p part) response(response map[string]any) {
	if response["$ref"] != nil || len(p.Headers) == 0 {
		return
	}
	headers := maps.Clone(p.Headers)
	maps.Copy(headers, object(response["headers"]))
	response["headers"] = headers
}

// twins adds every path once more below the tenant's prefix.
func twins(paths map[string]any) error {
	added := map[string]any{}
	for path, item := range paths {
		var twin map[string]any
		if err := recode(item, &twin); err != nil {
			return err
		}
		own, _ := twin["parameters"].([]any)
		twin["parameters"] = append([]any{map[string]any{"$ref": "#/components/parameters/TenantPath"}}, own...)
		for method, op := range operations(twin) {
			op["operationId"] = fmt.Sprint(op["operationId"], tenantSuffix)
			op["tags"] = []any{tenantTag}
			op["description"] = fmt.Sprintf("Like `%s %s`, of the tenant in the path.", strings.ToUpper(method), path)
		}
		added[tenantPrefix+path] = twin
	}
	maps.Copy(paths, added)
	return nil
}

func operations(item map[string]any) map[string]map[string]any {
	out := map[string]map[string]any{}
	for _, method := range []string{"get", "put", "post", "delete", "patch"} {
		if op, ok := item[method].(map[string]any); ok {
			out[method] = op
		}
	}
	return out
}

// add copies what is not there yet.
func add(into, from map[string]any) {
	for name, v := range from {
		if _, there := into[name]; !there {
			into[name] = v
		}
	}
}

// join puts from into into, object by object.
func join(into, from map[string]any, at string) error {
	for name, v := range from {
		old, there := into[name]
		if !there {
			into[name] = v
			continue
		}
		a, b := object(old), object(v)
		if a == nil || b == nil || strings.Count(at, "/") > 1 {
			return fmt.Errorf("%s/%s is there twice", at, name)
		}
		if err := join(a, b, at+"/"+name); err != nil {
			return err
		}
	}
	return nil
}

func recode(from, to any) error {
	raw, err := json.Marshal(from)
	if err != nil {
		return fmt.Errorf("recode: %w", err)
	}
	if err := json.Unmarshal(raw, to); err != nil {
		return fmt.Errorf("recode: %w", err)
	}
	return nil
}
