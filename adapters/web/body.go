package web

import (
	"bytes"
	"errors"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/valyala/fasthttp"

	"ostiary/domain/fault"
)

// body is what has been read of a request body.
type body struct {
	raw []byte
	err error
}

// HasBody reports whether the request carries one, going by its framing.
func (c *Call) HasBody() bool {
	return c.fiber.Request().Header.ContentLength() > 0 || c.chunked()
}

func (c *Call) chunked() bool { return c.fiber.Request().Header.ContentLength() == -1 }

func (c *Call) maxBody() int64 {
	if c.route == nil || c.route.MaxBody == 0 {
		return defaultBody
	}
	return c.route.MaxBody
}

// Stream gives the body as it arrives. Reading beyond the route's MaxBody is
// ErrTooLarge, a body that breaks its framing ErrMalformed, one that takes too
// long ErrTimeout. It can be read once, and not after Raw or Decode.
func (c *Call) Stream() (io.Reader, error) {
	if err := c.checkEncoding(); err != nil {
		return nil, err
	}
	source := c.fiber.Context().RequestBodyStream()
	if source == nil {
		return bytes.NewReader(nil), nil
	}
	return &bodyReader{call: c, source: source, left: c.maxBody()}, nil
}

// Raw reads the whole body, once; later calls give the same bytes.
func (c *Call) Raw() ([]byte, error) {
	if c.body == nil {
		c.body = &body{}
		source, err := c.Stream()
		if err == nil {
			c.body.raw, err = io.ReadAll(source)
		}
		c.body.err = err
	}
	return c.body.raw, c.body.err
}

// RequireType returns ErrMediaType unless the request's media type is one of
// those named. A charset, if given, must be UTF-8; no other parameter counts
// as the documented form.
func (c *Call) RequireType(accepted ...string) error {
	sent, times := c.first("Content-Type")
	if times != 1 {
		return ErrMediaType
	}
	essence, param, given := strings.Cut(sent, ";")
	if given && !isUTF8Charset(param) {
		return ErrMediaType
	}
	essence = strings.ToLower(strings.Trim(essence, " \t"))
	if !isASCII(sent) || !slices.Contains(accepted, essence) {
		return ErrMediaType
	}
	return nil
}

func isUTF8Charset(param string) bool {
	name, value, ok := strings.Cut(strings.Trim(param, " \t"), "=")
	if len(value) > 1 && value[0] == '"' && value[len(value)-1] == '"' {
		value = value[1 : len(value)-1]
	}
	return ok && strings.EqualFold(name, "charset") && strings.EqualFold(value, "utf-8")
}

func isASCII(s string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool { return r > 0x7e })
}

// checkEncoding refuses compressed bodies: nobody here inflates what a client
// sends.
func (c *Call) checkEncoding() error {
	for _, v := range c.values("Content-Encoding") {
		if !strings.EqualFold(v, "identity") {
			return ErrMediaType
		}
	}
	return nil
}

// bodyReader holds a body to its route's limit while it arrives.
type bodyReader struct {
	call   *Call
	source io.Reader
	left   int64
}

func (r *bodyReader) Read(p []byte) (int, error) {
	if int64(len(p)) > r.left+1 {
		p = p[:r.left+1]
	}
	n, err := r.source.Read(p)
	if int64(n) > r.left {
		r.call.hangUp()
		return int(r.left), ErrTooLarge
	}
	r.left -= int64(n)
	if err != nil && !errors.Is(err, io.EOF) {
		r.call.hangUp()
		err = wireFault(err)
	}
	return n, err //nolint:wrapcheck // io.EOF must stay io.EOF
}

// hangUp makes this the connection's last answer: what is left of the request
// on the wire is not worth reading, or not to be trusted.
func (c *Call) hangUp() { c.fiber.Context().SetConnectionClose() }

// wireFault names what went wrong while a request was read. Its cause is left
// out: parser errors may quote the request.
func wireFault(err error) *fault.Error {
	var small *fasthttp.ErrSmallBuffer
	switch {
	case errors.As(err, &small), errors.Is(err, errHeadTooLarge):
		return ErrHead
	case errors.Is(err, os.ErrDeadlineExceeded):
		return ErrTimeout
	case errors.Is(err, fasthttp.ErrBodyTooLarge):
		return ErrTooLarge
	default:
		return ErrMalformed
	}
}
