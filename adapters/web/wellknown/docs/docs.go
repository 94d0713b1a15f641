// Package docs holds the page that shows the OpenAPI document to people, with
// everything it needs: it is readable offline, and nothing is fetched from
// elsewhere. Serving it is package wellknown's business, the document itself
// package openapi's.
package docs

import (
	"bytes"
	"compress/gzip"
	_ "embed"
	"fmt"
	"io"
)

// Policy is the Content-Security-Policy under which the page works. The
// viewer makes its styles at run time, hence unsafe-inline for styles alone;
// it evaluates no text as code. connect-src lets it load the document and send
// the reader's trial requests, to this origin only.
const Policy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

var (
	//go:embed index.html
	index []byte
	//go:embed scalar.js.gz
	viewer []byte // 1 MB; 3.6 MB unpacked
	//go:embed scalar.LICENSE.txt
	license []byte
)

// Index returns the page. It names its assets as /docs/{name} and the document
// as /openapi.json. Callers read it only.
func Index() []byte { return index }

// Asset returns what the page asks for by name. A body that is gzipped may be
// sent as it is with Content-Encoding, else through Unpack. Callers read it only.
func Asset(name string) (body []byte, media string, gzipped, ok bool) {
	switch name {
	case "scalar.js":
		return viewer, "text/javascript; charset=utf-8", true, true
	case "scalar.LICENSE.txt":
		return license, "text/plain; charset=utf-8", false, true
	default:
		return nil, "", false, false
	}
}

// Unpack undoes gzip, for the rare client that does not accept it. The result
// is not kept.
func Unpack(gzipped []byte) ([]byte, error) {
	r, err := gzip.NewReader(bytes.NewReader(gzipped))
	if err != nil {
		return nil, fmt.Errorf("unpack asset: %w", err)
	}
	out, err := io.ReadAll(r)
	if err != nil {
		return nil, fmt.Errorf("unpack asset: %w", err)
	}
	return out, nil
}
