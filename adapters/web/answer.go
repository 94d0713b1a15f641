package web

import (
	"fmt"

	"github.com/go-json-experiment/json"
)

// JSON answers v as application/json. Members come in the order of the struct,
// maps sorted; a nil slice is [] and a nil map {}; nothing is escaped for HTML
// and no newline ends it. Times need their dialect's own text.
func (c *Call) JSON(status int, v any) error { return c.JSONAs(status, "application/json", v) }

// JSONAs is JSON under another media type, such as application/problem+json.
func (c *Call) JSONAs(status int, mediaType string, v any) error {
	b, err := json.Marshal(v, json.Deterministic(true))
	if err != nil {
		return fmt.Errorf("encode answer: %w", err)
	}
	return c.Bytes(status, mediaType, b)
}

// Bytes answers b as it is.
func (c *Call) Bytes(status int, mediaType string, b []byte) error {
	c.fiber.Status(status).Response().Header.SetContentType(mediaType)
	c.fiber.Response().SetBodyRaw(b)
	return nil
}

// Empty answers a status without a body.
func (c *Call) Empty(status int) error {
	c.fiber.Status(status).Response().Header.SetNoDefaultContentType(true)
	c.fiber.Response().ResetBody()
	return nil
}

// NoContent answers 204.
func (c *Call) NoContent() error { return c.Empty(204) }

// Set sets a header of the answer and replaces a default one.
func (c *Call) Set(name, value string) { c.fiber.Response().Header.Set(name, value) }
