package sqlite

import (
	"strings"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

// membershipRow is the stored form of contact.Membership.
type membershipRow struct {
	Company              int64 `json:"company"`
	Primary              bool  `json:"primary,omitempty"`
	Quotation            bool  `json:"quotation,omitempty"`
	PurchaseOrder        bool  `json:"purchaseOrder,omitempty"`
	PurchaseOrderInvoice bool  `json:"purchaseOrderInvoice,omitempty"`
}

func membershipRows(ms []contact.Membership) []membershipRow {
	out := make([]membershipRow, len(ms))
	for i, m := range ms {
		out[i] = membershipRow{
			Company: m.Company.Int(), Primary: m.Primary, Quotation: m.Receives.Quotation,
			PurchaseOrder: m.Receives.PurchaseOrder, PurchaseOrderInvoice: m.Receives.PurchaseOrderInvoice,
		}
	}
	return out
}

func membershipsFromRow(r *row) []contact.Membership {
	var ms []membershipRow
	r.json(&ms)
	if ms == nil {
		return nil
	}
	out := make([]contact.Membership, len(ms))
	for i, m := range ms {
		id, err := company.IDOf(m.Company)
		r.note(err)
		out[i] = contact.Membership{Company: id, Primary: m.Primary, Receives: contact.Receives{
			Quotation: m.Quotation, PurchaseOrder: m.PurchaseOrder, PurchaseOrderInvoice: m.PurchaseOrderInvoice,
		}}
	}
	return out
}

func toTagList(tags []contact.TagID) any {
	if tags == nil {
		return nil
	}
	return idList(tags)
}

func tagListFromRow(r *row) []contact.TagID {
	var ns []int64
	r.json(&ns)
	if ns == nil {
		return nil
	}
	out := make([]contact.TagID, len(ns))
	for i, n := range ns {
		id, err := contact.TagIDOf(n)
		r.note(err)
		out[i] = id
	}
	return out
}

const (
	contactColumns = `tenant, id, first_name, last_name, email, email_key, phone, phone2, membership_list, tag_list,
	scopes, external_ref, avatar, created, updated, version, first_key, last_key, full_key, phone_key, phone2_key`

	// contactRead selects from contacts as c, with the id of the login.
	contactRead = `c.tenant, c.id, c.first_name, c.last_name, c.email, c.email_key, c.phone, c.phone2, c.membership_list,
	c.tag_list, c.scopes, c.external_ref, c.avatar, c.created, c.updated, c.version`
	loginOf = `(SELECT u.id FROM users u WHERE u.tenant = ?1 AND u.contact = c.id)`
)

// contactRow lists the values for contactColumns after the tenant.
func contactRow(c *contact.Contact) []any {
	s := c.Snapshot()
	d := s.Details
	return []any{
		s.ID, d.FirstName, d.LastName, textOrNull(d.Email.String()), textOrNull(string(d.Email.Key())), d.Phone, d.Phone2,
		jsonOf(membershipRows(d.Companies)), toTagList(d.Tags), jsonOf(d.Scopes), d.ExternalRef, toAvatarRow(s.Avatar),
		s.Created, s.Updated, s.Version, strings.ToLower(d.FirstName), strings.ToLower(d.LastName),
		strings.ToLower(c.FullName()), textOrNull(strings.ToLower(d.Phone)), textOrNull(strings.ToLower(d.Phone2)),
	}
}

// contactFromRow reads contactRead; whether there is a login is the caller's
// to add.
func contactFromRow(r *row) contact.Snapshot {
	s := contact.Snapshot{Tenant: tenant.IDFromBytes(r.uuid()), ID: number(r, contact.IDOf)}
	d := &s.Details
	d.FirstName, d.LastName, d.Email = r.text(), r.text(), addressOf(r)
	d.Phone, d.Phone2 = r.text(), r.text()
	d.Companies, d.Tags = membershipsFromRow(r), tagListFromRow(r)
	r.json((*map[scope.Name]bool)(&d.Scopes))
	d.ExternalRef = r.text()
	s.Avatar = avatarFromRow(r)
	s.Created, s.Updated, s.Version = r.time(), r.time(), r.int()
	return s
}

// contactWithLogin reads contactRead and loginOf.
func contactWithLogin(r *row) (*contact.Contact, user.ID) {
	s := contactFromRow(r)
	login := user.IDFromBytes(r.uuid())
	s.HasLogin = !login.IsZero()
	return contact.Restore(s), login
}
