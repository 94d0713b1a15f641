package luminous

import (
	"errors"
	"net/http"
	"slices"
	"strconv"

	"ostiary/adapters/web"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
)

func (a *API) setPassword(c *web.Call) error {
	who, id, err := a.named(c)
	if err != nil {
		return err
	}
	var in passwordBody
	if err := c.Decode(&in, web.Strict); err != nil {
		return err
	}
	if in.Password == nil {
		return errPasswordMissing
	}
	view, err := a.enrolment.SetPassword(c.Context(), who, id, *in.Password)
	return reply(c, http.StatusOK, view, err)
}

func (a *API) get(c *web.Call) error {
	who, id, err := a.named(c)
	if err != nil {
		return err
	}
	view, err := a.contacts.Get(c.Context(), directory.GetContactInput{Caller: who, ID: id})
	return reply(c, http.StatusOK, view, err)
}

func (a *API) create(c *web.Call) error {
	who, err := a.caller(c)
	if err != nil {
		return err
	}
	var in contactBody
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	if !in.CompanyID.set && !in.CompanyIDs.set {
		return fault.At("/company_id", "required", "One of company_id and company_ids is required.")
	}
	d, err := in.over(contact.Details{})
	if err != nil {
		return err
	}
	view, err := a.enrolment.Create(c.Context(), credential.CreateInput{
		CreateContactInput: directory.CreateContactInput{Caller: who, Details: d}, Password: in.password(),
	})
	return reply(c, http.StatusCreated, view, in.renamed(err))
}

func (a *API) update(c *web.Call) error {
	who, id, err := a.named(c)
	if err != nil {
		return err
	}
	var in contactBody
	if err := c.Decode(&in, web.Lenient); err != nil {
		return err
	}
	view, err := a.enrolment.Update(c.Context(), credential.UpdateInput{
		UpdateContactInput: directory.UpdateContactInput{Caller: who, ID: id, Edit: in.over}, Password: in.password(),
	})
	return reply(c, http.StatusOK, view, in.renamed(err))
}

// renamed tells of companies by the member that was sent.
func (b contactBody) renamed(err error) error {
	f := fault.Of(err)
	if !b.CompanyID.set || !errors.Is(err, fault.ErrInvalid) {
		return err
	}
	fields := slices.Clone(f.Fields())
	for i := range fields {
		if fields[i].Pointer == "/companies" {
			fields[i].Pointer = "/company_id"
		}
	}
	return fault.ErrInvalid.With(fields...).Traced(f.Trace()...).Because(err)
}

func reply(c *web.Call, status int, v directory.ContactView, err error) error {
	if err != nil {
		return err
	}
	return c.JSON(status, answer[contactWire]{contactOf(v)})
}

func (b contactBody) password() secret.Text {
	if b.Password == nil {
		return secret.Text{}
	}
	return *b.Password
}

// over puts what was sent over what is there.
func (b contactBody) over(d contact.Details) (contact.Details, error) {
	d.FirstName, d.LastName = b.FirstName.or(d.FirstName), b.LastName.or(d.LastName)
	d.Phone, d.Phone2 = b.Phone1.or(d.Phone), b.Phone2.or(d.Phone2)
	if b.Password != nil && b.Password.IsZero() {
		return contact.Details{}, fault.At("/password", "length", "The password is too short.")
	}
	if b.Email.set {
		address, err := addressOf(b.Email.or(""))
		if err != nil {
			return contact.Details{}, err
		}
		d.Email = address
	}
	if b.Tags.set {
		d.Tags = nil
		for i, n := range b.Tags.or(nil) {
			id, err := contact.TagIDOf(int64(n))
			if err != nil {
				return contact.Details{}, fault.At("/tags/"+strconv.Itoa(i), "id_malformed", "That is not an id.")
			}
			d.Tags = append(d.Tags, id)
		}
	}
	var err error
	d.Companies, err = b.companies(d.Companies)
	return d, err
}

func addressOf(s string) (email.Address, error) {
	if s == "" {
		return email.Address{}, nil
	}
	a, err := email.Parse(s)
	if err != nil {
		return email.Address{}, fault.At("/email", email.ErrMalformed.Code(), email.ErrMalformed.Text())
	}
	return a, nil
}

// companies replaces the memberships when any are sent: the first is the
// primary one, and what a company that stays is sent stays too. Papers that
// are switched are switched for every company.
func (b contactBody) companies(old []contact.Membership) ([]contact.Membership, error) {
	if b.CompanyID.set && b.CompanyIDs.set {
		return nil, fault.At("/company_ids", "either", "company_id and company_ids exclude each other.")
	}
	out := append([]contact.Membership(nil), old...)
	if b.CompanyID.set || b.CompanyIDs.set {
		ids := b.CompanyIDs.or(nil)
		if b.CompanyID.value != nil {
			ids = []number{*b.CompanyID.value}
		}
		out = nil
		for i, n := range ids {
			id, err := company.IDOf(int64(n))
			if err != nil {
				return nil, fault.At("/company_ids/"+strconv.Itoa(i), "id_malformed", "That is not an id.")
			}
			out = append(out, contact.Membership{Company: id, Primary: i == 0, Receives: receivesOf(old, id)})
		}
	}
	for i := range out {
		r := &out[i].Receives
		r.Quotation, r.PurchaseOrder = b.Quotation.or(r.Quotation), b.Order.or(r.PurchaseOrder)
		r.PurchaseOrderInvoice = b.Invoice.or(r.PurchaseOrderInvoice)
	}
	return out, nil
}

func receivesOf(ms []contact.Membership, id company.ID) contact.Receives {
	for _, m := range ms {
		if m.Company == id {
			return m.Receives
		}
	}
	return contact.Receives{}
}
