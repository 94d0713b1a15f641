package wellknown

import (
	"context"
	"strconv"
	"time"

	"ostiary/adapters/web"
	"ostiary/domain/fault"
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
	if err := a.requireOperator(c); err != nil {
		return err
	}
	return a.Metrics(c)
}

func (a *API) requireOperator(c *web.Call) error {
	token, err := c.RequireBearer()
	if err != nil {
		return err
	}
	ok, err := a.Operator(c.Context(), token)
	if err == nil && !ok {
		err = web.ErrBearer
	}
	return err
}

const (
	usualProfile   = 5 // seconds
	longestProfile = 10
)

// Refusals of profiles.
var (
	ErrNoProfile   = fault.New(fault.NotFound, "not_found", "There is no profile of that name.")
	ErrProfileBusy = fault.New(fault.Conflict, "profile_busy", "Another profile is being taken.")
	errSeconds     = web.ErrMalformed.With(fault.Field{Pointer: "/seconds", Code: "malformed", Detail: "That parameter is a whole number from 1 to 10."})
)

// pprof is for go tool pprof, which can send a token only as part of a URL:
// fetch first, then open the file.
func (a *API) pprof(c *web.Call) error {
	if err := a.requireOperator(c); err != nil {
		return err
	}
	seconds := usualProfile
	if asked, err := c.Query("seconds"); err != nil {
		return err
	} else if asked != "" {
		if seconds, err = strconv.Atoi(asked); err != nil || seconds < 1 || seconds > longestProfile {
			return errSeconds
		}
	}
	taken, err := a.Pprof(c.Context(), c.Param("profile"), time.Duration(seconds)*time.Second)
	if err != nil {
		return err
	}
	return c.Bytes(200, "application/octet-stream", taken)
}
