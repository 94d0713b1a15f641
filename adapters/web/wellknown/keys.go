package wellknown

import (
	"encoding/json"
	"fmt"
	"slices"

	"ostiary/adapters/web"
)

func (a *API) keySet(c *web.Call) error {
	keys, err := a.JWKS(c.Context())
	if err != nil {
		return err
	}
	return file{media: "application/json", body: keys, tag: etag(keys), cache: keysFor}.answer(c)
}

// metadata is what libraries that verify tokens look for (OpenID Connect
// Discovery 1.0 section 3). Ostiary is no provider: there is nothing to
// authorise at, so there are no response types.
type metadata struct {
	Issuer        string   `json:"issuer"`
	JWKSURI       string   `json:"jwks_uri"`
	ResponseTypes []string `json:"response_types_supported"`
	SubjectTypes  []string `json:"subject_types_supported"`
	SigningAlgs   []string `json:"id_token_signing_alg_values_supported"`
	Claims        []string `json:"claims_supported"`
	Documentation string   `json:"service_documentation"`
}

var claims = []string{
	"iss", "aud", "sub", "sid", "jti", "iat", "nbf", "exp", "auth_time", "amr", "tenant", "tid", "company", "portal",
	"contact", "scope", "roles",
}

func (a *API) metadata(c *web.Call) error {
	keys, err := a.JWKS(c.Context())
	if err != nil {
		return err
	}
	algorithms, err := algorithmsOf(keys)
	if err != nil {
		return err
	}
	c.Set("Cache-Control", keysFor)
	return c.JSON(200, metadata{
		Issuer: a.cfg.PublicURL, JWKSURI: a.cfg.PublicURL + "/.well-known/jwks.json", ResponseTypes: []string{},
		SubjectTypes: []string{"public"}, SigningAlgs: algorithms, Claims: claims, Documentation: a.cfg.PublicURL + "/docs",
	})
}

// algorithmsOf lists the algorithms of the published keys, so that it follows
// a change of algorithm while tokens of both live.
func algorithmsOf(set []byte) ([]string, error) {
	var parsed struct {
		Keys []struct {
			Alg string `json:"alg"`
		} `json:"keys"`
	}
	if err := json.Unmarshal(set, &parsed); err != nil {
		return nil, fmt.Errorf("read key set: %w", err)
	}
	var out []string
	for _, k := range parsed.Keys {
		out = append(out, k.Alg)
	}
	slices.Sort(out)
	return slices.Compact(out), nil
}

// changePassword leads to where people sign in (W3C Change Password URL). No
// page of this version changes a password: front ends do, by
// /api/v1/portal/auth/change-password. The page of the default tenant is where
// a person gets furthest; without one the documentation says how.
func (a *API) changePassword(c *web.Call) error {
	target := a.cfg.PublicURL + "/docs"
	if a.cfg.DefaultTenant != "" {
		target = a.cfg.PublicURL + "/t/" + a.cfg.DefaultTenant + "/magic"
	}
	c.Set("Location", target)
	return c.Empty(302)
}
