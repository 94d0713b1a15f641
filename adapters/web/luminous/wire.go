package luminous

import (
	"encoding/json"
	"errors"
	"time"

	"ostiary/app/directory"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
)

// optional tells an absent member from null and from a value.
type optional[T any] struct {
	set   bool
	value *T
}

// UnmarshalJSON implements json.Unmarshaler.
func (o *optional[T]) UnmarshalJSON(b []byte) error {
	o.set = true
	return json.Unmarshal(b, &o.value)
}

// or returns the value, "" or the like for null, old when absent.
func (o optional[T]) or(old T) T {
	if !o.set {
		return old
	}
	var none T
	if o.value == nil {
		return none
	}
	return *o.value
}

var errNumber = errors.New("not an integer or a string of digits")

// number is an integer or a string of digits.
type number int64

// UnmarshalJSON implements json.Unmarshaler.
func (n *number) UnmarshalJSON(b []byte) error {
	text := string(b)
	if len(b) > 1 && b[0] == '"' {
		if err := json.Unmarshal(b, &text); err != nil {
			return err
		}
	}
	id, err := contact.ParseID(text)
	if err != nil {
		return errNumber
	}
	*n = number(id.Int())
	return nil
}

// contactBody is what is sent to make or change a contact.
type contactBody struct {
	FirstName  optional[string]   `json:"first_name"`
	LastName   optional[string]   `json:"last_name"`
	Email      optional[string]   `json:"email"`
	Phone1     optional[string]   `json:"phone_1"`
	Phone2     optional[string]   `json:"phone_2"`
	CompanyID  optional[number]   `json:"company_id"`
	CompanyIDs optional[[]number] `json:"company_ids"`
	IsPrimary  optional[bool]     `json:"is_primary"`
	Quotation  optional[bool]     `json:"receive_quotation_pdf"`
	Order      optional[bool]     `json:"receive_purchase_order_pdf"`
	Invoice    optional[bool]     `json:"receive_purchase_order_invoice_pdf"`
	Tags       optional[[]number] `json:"tags"`
	Password   *secret.Text       `json:"password"`
}

// passwordBody has this one member and no other.
type passwordBody struct {
	Password *secret.Text `json:"password"`
}

var errPasswordMissing = fault.At("/password", "required", "A password is required.")

type answer[T any] struct {
	Data T `json:"data"`
}

type contactWire struct {
	ID        string       `json:"id"`
	CreatedAt string       `json:"created_at"`
	UpdatedAt string       `json:"updated_at"`
	Status    string       `json:"status"`
	FirstName string       `json:"first_name"`
	LastName  *string      `json:"last_name"`
	Email     *string      `json:"email"`
	Phone     *string      `json:"phone"`
	Phone2    *string      `json:"phone_2"`
	FullName  string       `json:"full_name"`
	CompanyID string       `json:"company_id"`
	Company   companyWire  `json:"company"`
	IsPrimary bool         `json:"is_primary"`
	Quotation bool         `json:"receive_quotation_pdf"`
	Order     bool         `json:"receive_purchase_order_pdf"`
	Invoice   bool         `json:"receive_purchase_order_invoice_pdf"`
	HasLogin  bool         `json:"has_portal_login"`
	Companies []memberWire `json:"companies"`
	Tags      []tagWire    `json:"tags"`
}

type companyWire struct {
	ID   string `json:"id"`
	Name string `json:"name"`
}

type memberWire struct {
	ID        int64  `json:"id"`
	Name      string `json:"name"`
	IsPrimary bool   `json:"is_primary"`
	Quotation bool   `json:"receive_quotation_pdf"`
	Order     bool   `json:"receive_purchase_order_pdf"`
	Invoice   bool   `json:"receive_purchase_order_invoice_pdf"`
}

type tagWire struct {
	ID          int64   `json:"id"`
	Name        string  `json:"name"`
	Description *string `json:"description"`
	Icon        *string `json:"icon"`
	Color       *string `json:"color"`
}

// active is the one status that a contact has here.
const active = "active"

func contactOf(v directory.ContactView) contactWire {
	s := v.Contact.Snapshot()
	d, primary := s.Details, v.Contact.Primary()
	w := contactWire{
		ID: s.ID.String(), CreatedAt: stamp(s.Created), UpdatedAt: stamp(s.Updated), Status: active,
		FirstName: d.FirstName, LastName: text(d.LastName), Email: text(d.Email.String()),
		Phone: text(d.Phone), Phone2: text(d.Phone2), FullName: v.Contact.FullName(),
		CompanyID: primary.Company.String(), Company: companyWire{ID: primary.Company.String()},
		IsPrimary: primary.Primary, Quotation: primary.Receives.Quotation, Order: primary.Receives.PurchaseOrder,
		Invoice: primary.Receives.PurchaseOrderInvoice, HasLogin: s.HasLogin,
		Companies: []memberWire{}, Tags: []tagWire{},
	}
	names := map[company.ID]string{}
	for _, co := range v.Companies {
		names[co.ID()] = co.Name()
	}
	w.Company.Name = names[primary.Company]
	for _, m := range d.Companies {
		w.Companies = append(w.Companies, memberWire{
			ID: m.Company.Int(), Name: names[m.Company], IsPrimary: m.Primary,
			Quotation: m.Receives.Quotation, Order: m.Receives.PurchaseOrder, Invoice: m.Receives.PurchaseOrderInvoice,
		})
	}
	for _, t := range v.Tags {
		td := t.Details()
		w.Tags = append(w.Tags, tagWire{
			ID: t.ID().Int(), Name: td.Name, Description: text(td.Description), Icon: text(td.Icon), Color: text(td.Color),
		})
	}
	return w
}

type page struct {
	Data []contactWire `json:"data"`
	Meta meta          `json:"meta"`
}

type meta struct {
	CurrentPage int  `json:"current_page"`
	From        *int `json:"from"`
	LastPage    int  `json:"last_page"`
	PerPage     int  `json:"per_page"`
	To          *int `json:"to"`
	Total       int  `json:"total"`
}

func pageOf(p directory.ContactPage, number, size int) page {
	out := page{
		Data: make([]contactWire, 0, len(p.Views)),
		Meta: meta{CurrentPage: number, LastPage: max(1, (p.Total+size-1)/size), PerPage: size, Total: p.Total},
	}
	for _, v := range p.Views {
		out.Data = append(out.Data, contactOf(v))
	}
	if n := len(out.Data); n > 0 {
		from := (number-1)*size + 1
		to := from + n - 1
		out.Meta.From, out.Meta.To = &from, &to
	}
	return out
}

// text is null when missing.
func text(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }
