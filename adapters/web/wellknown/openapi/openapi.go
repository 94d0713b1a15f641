// Package openapi holds the OpenAPI 3.1 document of every route. Its source is
// parts/*.yaml; openapi.json is built from them by test/spec, where a test
// fails when it is stale. Serving the document is package wellknown's
// business, checking answers against it test/spec's.
package openapi

import _ "embed"

//go:generate go test ostiary/test/spec -run ^TestServedDocument_IsBuiltFromItsParts$ -update

//go:embed openapi.json
var document []byte

// JSON returns the document as it is served. Callers read it only.
func JSON() []byte { return document }
