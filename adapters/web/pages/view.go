package pages

import (
	"bytes"
	_ "embed"
	"fmt"
	"html/template"
	"strconv"
	"strings"

	"ostiary/adapters/web"
)

var (
	//go:embed assets/page.html
	pageText string
	//go:embed assets/page.js
	script []byte
	//go:embed assets/page.css
	style []byte

	page = template.Must(template.New("page").Parse(pageText))
)

type asset struct {
	media string
	body  []byte
}

var assets = map[string]asset{
	"page.js":  {"text/javascript; charset=utf-8", script},
	"page.css": {"text/css; charset=utf-8", style},
}

// policy lets the page load its own script and style and send its own form,
// and nothing else.
const policy = "default-src 'none'; script-src 'self'; style-src 'self'; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

type state string

const (
	stateOpen    state = "open"
	stateSent    state = "sent"
	stateDone    state = "done"
	stateRefused state = "refused"
	stateProblem state = "problem"
)

// view is what the page shows. Email is only ever the address on record of
// somebody who just proved it; nothing else of a request comes back.
type view struct {
	State  state
	Notice string
	Email  string
	T      texts
}

func show(c *web.Call, status int, v view) error {
	accepted, _ := c.Header("Accept-Language") // sent twice: the default will do
	v.T = languageOf(accepted)
	if v.Notice == "" {
		v.Notice = v.T.notice(v.State)
	}
	var out bytes.Buffer
	if err := page.Execute(&out, v); err != nil {
		return fmt.Errorf("write page: %w", err)
	}
	c.Set("Content-Security-Policy", policy)
	c.Set("Content-Language", v.T.Lang)
	c.Set("Vary", "Accept-Language")
	return c.Bytes(status, "text/html; charset=utf-8", out.Bytes())
}

// languageOf picks by the browser's wish alone: a tenant's locale would tell
// whether its code exists (RFC 9110 section 12.5.4).
func languageOf(accepted string) texts {
	best, most := english, 0.0
	for one := range strings.SplitSeq(accepted, ",") {
		tag, weight, weighted := strings.Cut(strings.ReplaceAll(one, " ", ""), ";q=")
		q := 1.0
		if weighted {
			var err error
			if q, err = strconv.ParseFloat(weight, 64); err != nil {
				continue
			}
		}
		primary, _, _ := strings.Cut(strings.ToLower(tag), "-")
		if t, ok := languages[primary]; ok && q > most && q <= 1 {
			best, most = t, q
		}
	}
	return best
}
