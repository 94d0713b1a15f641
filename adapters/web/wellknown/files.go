package wellknown

import (
	"crypto/sha256"
	"encoding/base64"
	"strings"

	"ostiary/adapters/web"
	"ostiary/app/profile"
	"ostiary/domain/avatar"
)

// file is an answer that callers may keep.
type file struct {
	media, tag, cache string
	body              []byte
}

func etag(body []byte) string {
	sum := sha256.Sum256(body)
	return `"` + base64.RawURLEncoding.EncodeToString(sum[:12]) + `"`
}

func (f file) answer(c *web.Call) error {
	known, err := c.Header("If-None-Match")
	if err != nil {
		return err
	}
	c.Set("ETag", f.tag)
	c.Set("Cache-Control", f.cache)
	if matches(known, f.tag) {
		return c.Empty(304)
	}
	return c.Bytes(200, f.media, f.body)
}

// matches compares weakly (RFC 9110 section 13.1.2).
func matches(header, tag string) bool {
	for one := range strings.SplitSeq(header, ",") {
		one = strings.TrimPrefix(strings.TrimSpace(one), "W/")
		if one == tag || one == "*" {
			return true
		}
	}
	return false
}

func (a *API) document(c *web.Call) error {
	// Anybody may read it, also a page that shows documents of many services.
	c.Set("Access-Control-Allow-Origin", "*")
	return file{media: "application/json", body: a.Document, tag: a.tags["document"], cache: "no-cache"}.answer(c)
}

func (a *API) docs(c *web.Call) error {
	c.Set("Content-Security-Policy", a.Docs.Policy)
	return file{media: "text/html; charset=utf-8", body: a.Docs.Page, tag: a.tags["page"], cache: "no-cache"}.answer(c)
}

func (a *API) asset(c *web.Call) error {
	body, media, gzipped, ok := a.Docs.Asset(c.Param("asset"))
	if !ok {
		return web.ErrRoute
	}
	accepts, err := c.Header("Accept-Encoding")
	if err != nil {
		return err
	}
	tag := etag(body)
	if gzipped {
		c.Set("Vary", "Accept-Encoding")
	}
	switch {
	case gzipped && takesGzip(accepts):
		c.Set("Content-Encoding", "gzip")
	case gzipped:
		tag = strings.TrimSuffix(tag, `"`) + `-plain"`
		if body, err = a.Docs.Unpack(body); err != nil {
			return err
		}
	}
	return file{media: media, body: body, tag: tag, cache: "public, max-age=3600"}.answer(c)
}

func takesGzip(accepts string) bool {
	for one := range strings.SplitSeq(accepts, ",") {
		coding, q, _ := strings.Cut(strings.ReplaceAll(one, " ", ""), ";")
		if strings.EqualFold(coding, "gzip") {
			return strings.Trim(strings.TrimPrefix(q, "q="), "0.") != "" || q == ""
		}
	}
	return false
}

// picture answers 404 to everything but a signature that holds.
func (a *API) picture(c *web.Call) error {
	id, err := avatar.ParseBlobID(c.Param("id"))
	if err != nil {
		return profile.ErrBlob
	}
	sig, err := c.Query("sig")
	if err != nil {
		return profile.ErrBlob
	}
	b, err := a.Profile.Signed(c.Context(), id, sig)
	if err != nil {
		return err
	}
	// The address is made to be shown by a front end of another origin.
	c.Set("Cross-Origin-Resource-Policy", "cross-origin")
	c.Set("Cache-Control", "private, max-age=3600")
	c.Set("Content-Disposition", `inline; filename="`+b.FileName()+`"`)
	return c.Bytes(200, b.Media, b.Bytes)
}
