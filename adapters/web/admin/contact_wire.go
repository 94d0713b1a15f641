package admin

import (
	"strconv"

	"ostiary/domain/company"
	"ostiary/domain/contact"
)

// contactState is what a contact is made from and what can be changed.
type contactState struct {
	FirstName   string           `json:"firstName"`
	LastName    string           `json:"lastName"`
	Email       string           `json:"email"`
	Phone       string           `json:"phone"`
	Phone2      string           `json:"phone2"`
	Companies   []membership     `json:"companies"`
	Tags        []int64          `json:"tags"`
	Scopes      map[string]*bool `json:"scopes"`
	ExternalRef string           `json:"externalRef"`
}

// membership has the same members in requests and answers.
type membership struct {
	ID                             int64 `json:"id"`
	IsPrimary                      bool  `json:"isPrimary"`
	ReceiveQuotationPDF            bool  `json:"receiveQuotationPdf"`
	ReceivePurchaseOrderPDF        bool  `json:"receivePurchaseOrderPdf"`
	ReceivePurchaseOrderInvoicePDF bool  `json:"receivePurchaseOrderInvoicePdf"`
}

// shownContact says whether there is a login and no more: a list must not
// cost a read for each of its contacts.
type shownContact struct {
	ID             int64           `json:"id"`
	FirstName      string          `json:"firstName"`
	LastName       string          `json:"lastName"`
	Email          string          `json:"email"`
	Phone          string          `json:"phone"`
	Phone2         string          `json:"phone2"`
	Companies      []membership    `json:"companies"`
	Tags           []int64         `json:"tags"`
	Scopes         map[string]bool `json:"scopes"`
	ExternalRef    string          `json:"externalRef"`
	Avatar         *picture        `json:"avatar"`
	HasPortalLogin bool            `json:"hasPortalLogin"`
	CreatedAt      string          `json:"createdAt"`
	UpdatedAt      string          `json:"updatedAt"`
}

func readContact(in contactState) (contact.Details, error) {
	var f form
	d := contact.Details{
		FirstName: in.FirstName, LastName: in.LastName, Email: f.email("/email", in.Email), Phone: in.Phone, Phone2: in.Phone2,
		Scopes: f.scopes("/scopes", in.Scopes), ExternalRef: in.ExternalRef,
	}
	for i, m := range in.Companies {
		number, err := company.IDOf(m.ID)
		f.refuse(at("companies", i, "id"), err)
		d.Companies = append(d.Companies, contact.Membership{Company: number, Primary: m.IsPrimary, Receives: contact.Receives{
			Quotation: m.ReceiveQuotationPDF, PurchaseOrder: m.ReceivePurchaseOrderPDF,
			PurchaseOrderInvoice: m.ReceivePurchaseOrderInvoicePDF,
		}})
	}
	for i, n := range in.Tags {
		number, err := contact.TagIDOf(n)
		f.refuse(at("tags", i), err)
		d.Tags = append(d.Tags, number)
	}
	return d, f.err()
}

func contactStateOf(d contact.Details) contactState {
	return contactState{
		FirstName: d.FirstName, LastName: d.LastName, Email: d.Email.String(), Phone: d.Phone, Phone2: d.Phone2,
		Companies: membershipsOf(d), Tags: tagsOf(d), Scopes: scopesOf(d.Scopes), ExternalRef: d.ExternalRef,
	}
}

func membershipsOf(d contact.Details) []membership {
	out := make([]membership, 0, len(d.Companies))
	for _, m := range d.Companies {
		out = append(out, membership{
			ID: m.Company.Int(), IsPrimary: m.Primary, ReceiveQuotationPDF: m.Receives.Quotation,
			ReceivePurchaseOrderPDF: m.Receives.PurchaseOrder, ReceivePurchaseOrderInvoicePDF: m.Receives.PurchaseOrderInvoice,
		})
	}
	return out
}

func tagsOf(d contact.Details) []int64 {
	out := make([]int64, 0, len(d.Tags))
	for _, id := range d.Tags {
		out = append(out, id.Int())
	}
	return out
}

func showContact(c *contact.Contact) shownContact {
	s := c.Snapshot()
	d := s.Details
	return shownContact{
		ID: s.ID.Int(), FirstName: d.FirstName, LastName: d.LastName, Email: d.Email.String(), Phone: d.Phone, Phone2: d.Phone2,
		Companies: membershipsOf(d), Tags: tagsOf(d), Scopes: shownScopes(d.Scopes), ExternalRef: d.ExternalRef,
		Avatar: pictureOf(s.Avatar), HasPortalLogin: s.HasLogin, CreatedAt: shownTime(s.Created), UpdatedAt: shownTime(s.Updated),
	}
}

func contactAnswer(status int, c *contact.Contact) (answer, error) {
	out, err := jsonAnswer(status, showContact(c))
	out.ETag = etagOf(c.Version())
	if c.HasLogin() {
		out.ETag = quoted(strconv.FormatInt(c.Version(), 10) + loginMark)
	}
	return out, err
}
