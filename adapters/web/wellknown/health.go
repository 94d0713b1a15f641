package wellknown

import (
	"context"

	"ostiary/adapters/web"
)

type health struct {
	Status string `json:"status"`
}

type readiness struct {
	Status string `json:"status"`
	Checks checks `json:"checks"`
}

type checks struct {
	Storage string `json:"storage"`
	Keys    string `json:"keys"`
}

const (
	fine = "ok"
	down = "unavailable"
)

func (a *API) health(c *web.Call) error { return c.JSON(200, health{Status: fine}) }

// ready says what fails, but not why: the log has that.
func (a *API) ready(c *web.Call) error {
	ctx, cancel := context.WithTimeout(c.Context(), patience)
	defer cancel()
	out := readiness{Status: fine, Checks: checks{Storage: word(a.Storage(ctx)), Keys: word(a.Keys(ctx))}}
	if out.Checks.Storage == fine && out.Checks.Keys == fine {
		return c.JSON(200, out)
	}
	out.Status = down
	c.Set("Retry-After", "1")
	return c.JSON(503, out)
}

func word(err error) string {
	if err != nil {
		return down
	}
	return fine
}

func (a *API) metrics(c *web.Call) error {
	token, err := c.RequireBearer()
	if err != nil {
		return err
	}
	ok, err := a.Operator(c.Context(), token)
	if err != nil {
		return err
	}
	if !ok {
		return web.ErrBearer
	}
	return a.Metrics(c)
}
