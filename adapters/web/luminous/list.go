package luminous

import (
	"net/http"
	"strconv"

	"ostiary/adapters/web"
	"ostiary/app/directory"
	"ostiary/domain/company"
	"ostiary/domain/fault"
)

const (
	defaultLimit = 10
	maxLimit     = 100
)

func (a *API) list(c *web.Call) error {
	who, err := a.caller(c)
	if err != nil {
		return err
	}
	return a.page(c, who, company.ID{})
}

func (a *API) listOfCompany(c *web.Call) error {
	who, err := a.caller(c)
	if err != nil {
		return err
	}
	id, err := company.ParseID(c.Param("companyId"))
	if err != nil {
		return company.ErrNotFound
	}
	return a.page(c, who, id)
}

func (a *API) page(c *web.Call, who directory.Caller, of company.ID) error {
	in, err := pageInput(c)
	if err != nil {
		return err
	}
	in.Caller, in.Query.Company = who, of
	found, err := a.contacts.Page(c.Context(), in)
	if err != nil {
		return err
	}
	return c.JSON(http.StatusOK, pageOf(found, in.Number, in.Size))
}

func pageInput(c *web.Call) (directory.PageInput, error) {
	var in directory.PageInput
	var err error
	if in.Number, err = count(c, "page", 1, 1<<31-1); err != nil {
		return in, err
	}
	if in.Size, err = count(c, "limit", defaultLimit, maxLimit); err != nil {
		return in, err
	}
	var address, status string
	for name, into := range map[string]*string{
		"first_name": &in.Query.FirstName, "last_name": &in.Query.LastName, "phone": &in.Query.Phone, "email": &address, "status": &status,
	} {
		if *into, err = c.Query(name); err != nil {
			return in, err
		}
	}
	in.None = status != "" && status != active
	if address != "" {
		parsed, err := addressOf(address)
		// Nobody has an address that is none.
		in.None = in.None || err != nil
		in.Query.Email = parsed.Key()
	}
	return in, nil
}

// count reads a whole number from 1 to most, fallback when absent.
func count(c *web.Call, name string, fallback, most int) (int, error) {
	text, err := c.Query(name)
	if err != nil || text == "" {
		return fallback, err
	}
	n, err := strconv.Atoi(text)
	// One number has one spelling: no sign, no leading zero.
	if err != nil || n < 1 || n > most || text != strconv.Itoa(n) {
		return 0, fault.At("/"+name, "out_of_range", "That number is outside its range.")
	}
	return n, nil
}
