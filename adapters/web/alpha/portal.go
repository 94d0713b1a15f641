package alpha

import (
	"ostiary/adapters/web"
	"ostiary/app/profile"
	"ostiary/domain/avatar"
)

func (a *API) me(c *web.Call) error {
	v, _, err := a.visitor(c)
	if err != nil {
		return err
	}
	return c.JSON(200, meOf(v))
}

func (a *API) client(c *web.Call) error {
	v, _, err := a.visitor(c)
	if err != nil {
		return err
	}
	return c.JSON(200, companyOf(v.Entry.Company))
}

func (a *API) scopes(c *web.Call) error {
	v, _, err := a.visitor(c)
	if err != nil {
		return err
	}
	return c.Bytes(200, "application/json", switches(v.Entry.Scopes))
}

func (a *API) stats(c *web.Call) error {
	v, _, err := a.visitor(c)
	if err != nil {
		return err
	}
	s, err := a.Profile.Stats(c.Context(), v)
	if err != nil {
		return err
	}
	return c.JSON(200, statsOf(s))
}

func (a *API) blob(c *web.Call) error {
	v, _, err := a.visitor(c)
	if err != nil {
		return err
	}
	id, err := avatar.ParseBlobID(c.Param("blobId"))
	if err != nil {
		return profile.ErrBlob
	}
	b, err := a.Profile.Blob(c.Context(), v, id)
	if err != nil {
		return err
	}
	// A blob never changes: another picture has another id.
	c.Set("Cache-Control", "private, max-age=3600, immutable")
	c.Set("Content-Disposition", `inline; filename="`+b.FileName()+`"`)
	return c.Bytes(200, b.Media, b.Bytes)
}
