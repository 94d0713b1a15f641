package spec

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
)

// Transport returns a round tripper that checks every exchange which goes
// through base.
func (s *Spec) Transport(t T, base http.RoundTripper) http.RoundTripper {
	return &transport{spec: s, t: t, base: base}
}

type transport struct {
	spec *Spec
	t    T
	base http.RoundTripper
}

// RoundTrip implements http.RoundTripper.
func (c *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	c.t.Helper()
	var sent []byte
	if req.Body != nil {
		var err error
		if sent, err = drain(req.Body); err != nil {
			return nil, fmt.Errorf("read request: %w", err)
		}
		req = req.Clone(req.Context())
		req.Body = io.NopCloser(bytes.NewReader(sent))
	}
	res, err := c.base.RoundTrip(req)
	if err != nil {
		return nil, err //nolint:wrapcheck // the caller's transport speaks for itself
	}
	got, err := drain(res.Body)
	if err != nil {
		return nil, fmt.Errorf("read response: %w", err)
	}
	res.Body = io.NopCloser(bytes.NewReader(got))
	c.spec.Check(c.t, Exchange{
		Method: req.Method, Path: req.URL.EscapedPath(), Status: res.StatusCode,
		RequestHeader: req.Header, RequestBody: sent, ResponseHeader: res.Header, ResponseBody: got,
	})
	return res, nil
}

func drain(r io.ReadCloser) ([]byte, error) {
	all, err := io.ReadAll(r)
	if closed := r.Close(); err == nil {
		err = closed
	}
	return all, err //nolint:wrapcheck // wrapped by the caller, who knows which body it is
}
