package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"strings"

	"ostiary/adapters/web"
	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/ledger"
	"ostiary/app/operation"
	"ostiary/domain/actor"
	"ostiary/domain/tenant"
)

// handler answers a request whose sender is known.
type handler func(r *request) (answer, error)

// request is a call with who makes it and which tenant it is about.
type request struct {
	*web.Call
	actor    actor.Actor
	code     tenant.Code // "" on the deployment's own routes
	buffered bool        // the body was read as a whole
}

// nobodys stands for a code in the path that is none: no tenant has it, and
// unlike "" it does not stand for the deployment.
const nobodys tenant.Code = "?"

// authenticated proves the bearer before anything else of the request counts.
func (a *API) authenticated(h handler) web.Handler {
	return func(c *web.Call) error {
		r, err := a.admit(c)
		if err != nil {
			return err
		}
		out, err := h(r)
		if err != nil {
			return err
		}
		return out.write(c)
	}
}

func (a *API) admit(c *web.Call) (*request, error) {
	token, err := c.RequireBearer()
	if err != nil {
		return nil, err
	}
	hints, err := c.Hints("")
	if err != nil {
		return nil, err
	}
	who, err := a.use.Guard.Actor(c.Context(), access.Bearer{Token: token, Hints: hints})
	if err != nil {
		return nil, err
	}
	c.SetTenant(who.Tenant)
	c.SetActor(who.String())
	r := &request{Call: c, actor: who}
	if strings.HasPrefix(c.Route(), tenantPath) {
		if r.code, err = tenant.ParseCode(c.Param("code")); err != nil {
			r.code = nobodys
		}
	}
	return r, nil
}

func (r *request) directory() directory.Caller {
	return directory.Caller{Actor: r.actor, Tenant: r.code}
}

func (r *request) ledger() ledger.Caller { return ledger.Caller{Actor: r.actor, Tenant: r.code} }

func (r *request) operation() operation.Caller {
	return operation.Caller{Actor: r.actor, Tenant: r.code}
}

func (r *request) target(needs actor.Permission) credential.Target {
	return credential.Target{Actor: r.actor, Needs: needs, Tenant: r.code, Contact: r.contact()}
}

// path is where a resource of this request's tenant is found.
func (r *request) path(parts ...string) string {
	at := root
	if r.code != "" {
		at = tenantsPath + "/" + string(r.code)
	}
	return at + "/" + strings.Join(parts, "/")
}

// decode reads a JSON body strictly.
func (r *request) decode(dst any) error { return r.Decode(dst, web.Strict) }

// nothing accepts no body or an object without members.
func (r *request) nothing() error {
	if !r.HasBody() {
		return nil
	}
	return r.decode(&struct{}{})
}

// reader gives the body as it arrives, or once more when it was read.
func (r *request) reader() (io.Reader, error) {
	if !r.buffered {
		return r.Stream()
	}
	raw, err := r.Raw()
	return bytes.NewReader(raw), err
}

// answer is what a handler says; it can be kept and given again.
type answer struct {
	Status   int    `json:"status"`
	Media    string `json:"media,omitzero"`
	ETag     string `json:"etag,omitzero"`
	Location string `json:"location,omitzero"`
	body     []byte
}

const mediaJSON = "application/json"

// jsonAnswer encodes v; a status beside what a use case returned is all that a
// handler adds.
func jsonAnswer(status int, v any) (answer, error) {
	body, err := encode(v)
	return answer{Status: status, Media: mediaJSON, body: body}, err
}

func gone() (answer, error) { return answer{Status: 204}, nil }

func (a answer) write(c *web.Call) error {
	if a.ETag != "" {
		c.Set("ETag", a.ETag)
	}
	if a.Location != "" {
		c.Set("Location", a.Location)
	}
	if a.Media == "" {
		return c.Empty(a.Status)
	}
	return c.Bytes(a.Status, a.Media, a.body)
}

// encode writes v as it goes out: struct order, sorted maps, nothing escaped
// for HTML, no newline at the end.
func encode(v any) ([]byte, error) {
	var out bytes.Buffer
	enc := json.NewEncoder(&out)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode answer: %w", err)
	}
	return bytes.TrimSuffix(out.Bytes(), []byte("\n")), nil
}
