package admin

import (
	"bytes"
	"encoding/json"
	"fmt"

	"ostiary/adapters/web"
	"ostiary/domain/fault"
)

// patchOf reads an RFC 7396 merge patch for a resource whose wire form is W:
// an object, with no member that W does not have. dst shows the members that
// the patch itself brings.
func (r *request) patchOf(dst any) ([]byte, error) {
	if !r.HasBody() {
		return nil, web.ErrMalformed
	}
	if err := r.RequireType("application/merge-patch+json", mediaJSON); err != nil {
		return nil, err
	}
	raw, err := r.Raw()
	if err != nil {
		return nil, err
	}
	if err := web.Unmarshal(raw, dst, web.Strict); err != nil {
		return nil, err
	}
	if !isObject(raw) {
		return nil, web.ErrWrongType.With(fault.Field{Code: web.ErrWrongType.Code(), Detail: web.ErrWrongType.Text()})
	}
	return raw, nil
}

func isObject(raw json.RawMessage) bool {
	return bytes.HasPrefix(bytes.TrimLeft(raw, " \t\r\n"), []byte("{"))
}

func isNull(raw json.RawMessage) bool { return string(bytes.TrimSpace(raw)) == "null" }

// editing returns what a use case applies inside its update: the state in its
// wire form, with the patch merged in, read again. Nothing of an earlier state
// can slip in between.
func editing[W, D any](patch []byte, show func(D) W, read func(W) (D, error)) func(D) (D, error) {
	return func(present D) (D, error) {
		var none D
		state, err := encode(show(present))
		if err != nil {
			return none, err
		}
		merged, err := merge(state, patch)
		if err != nil {
			return none, err
		}
		var w W
		if err := web.Unmarshal(merged, &w, web.Strict); err != nil {
			return none, err
		}
		return read(w)
	}
}

// merge is the algorithm of RFC 7396 section 2 on well-formed JSON. Nesting
// is bounded by who read the patch.
func merge(target, patch json.RawMessage) (json.RawMessage, error) {
	if !isObject(patch) {
		return patch, nil
	}
	var state, change map[string]json.RawMessage
	if isObject(target) {
		if err := json.Unmarshal(target, &state); err != nil {
			return nil, fmt.Errorf("read state: %w", err)
		}
	}
	if state == nil {
		state = map[string]json.RawMessage{}
	}
	if err := json.Unmarshal(patch, &change); err != nil {
		return nil, fmt.Errorf("read patch: %w", err)
	}
	for name, value := range change {
		if isNull(value) {
			delete(state, name)
			continue
		}
		merged, err := merge(state[name], value)
		if err != nil {
			return nil, err
		}
		state[name] = merged
	}
	out, err := json.Marshal(state)
	if err != nil {
		return nil, fmt.Errorf("write merged state: %w", err)
	}
	return out, nil
}
