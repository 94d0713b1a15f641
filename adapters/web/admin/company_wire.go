package admin

import (
	"cmp"

	"ostiary/domain/avatar"
	"ostiary/domain/company"
)

// companyState is what a company is made from and what can be changed.
type companyState struct {
	Name           string           `json:"name"`
	Email          string           `json:"email"`
	Phone          string           `json:"phone"`
	Currency       string           `json:"currency"`
	ExternalRef    string           `json:"externalRef"`
	BillingAddress *address         `json:"billingAddress"`
	Scopes         map[string]*bool `json:"scopes"`
	Portal         *portalState     `json:"portal"`
}

type portalState struct {
	DisplayName string `json:"displayName"`
	Enabled     *bool  `json:"enabled"`
}

// address has the same members in requests and answers.
type address struct {
	City        string   `json:"city"`
	Country     string   `json:"country"`
	HouseNumber string   `json:"houseNumber"`
	ID          string   `json:"id"`
	Latitude    *float64 `json:"latitude"`
	Longitude   *float64 `json:"longitude"`
	PostalCode  string   `json:"postalCode"`
	Street      string   `json:"street"`
}

type shownCompany struct {
	ID             int64           `json:"id"`
	Name           string          `json:"name"`
	Email          string          `json:"email"`
	Phone          string          `json:"phone"`
	Currency       string          `json:"currency"`
	ExternalRef    string          `json:"externalRef"`
	BillingAddress *address        `json:"billingAddress"`
	Scopes         map[string]bool `json:"scopes"`
	Portal         shownPortal     `json:"portal"`
	Avatar         *picture        `json:"avatar"`
	CreatedAt      string          `json:"createdAt"`
	UpdatedAt      string          `json:"updatedAt"`
}

type shownPortal struct {
	UUID        string `json:"uuid"`
	DisplayName string `json:"displayName"`
	Enabled     bool   `json:"enabled"`
}

type picture struct {
	BlobID          string `json:"blobId"`
	Height          int    `json:"height"`
	ThumbnailBlobID string `json:"thumbnailBlobId"`
	Width           int    `json:"width"`
}

// readCompany refuses a portal that is taken away: every company has one. One
// without a name is named like the company.
func readCompany(in companyState) (company.Details, error) {
	var f form
	d := company.Details{
		Name: in.Name, Email: f.email("/email", in.Email), Phone: in.Phone, Currency: f.currency("/currency", in.Currency),
		ExternalRef: in.ExternalRef, Billing: in.BillingAddress.value(), Scopes: f.scopes("/scopes", in.Scopes),
	}
	switch p := in.Portal; {
	case p == nil:
		f.unless(false, "/portal", "required", "Every company has a portal.")
	case p.Enabled == nil:
		f.unless(false, "/portal/enabled", "required", "A portal is enabled or not.")
	default:
		d.Portal = company.Portal{DisplayName: cmp.Or(p.DisplayName, in.Name), Enabled: *p.Enabled}
	}
	return d, f.err()
}

func companyStateOf(d company.Details) companyState {
	enabled := d.Portal.Enabled
	return companyState{
		Name: d.Name, Email: d.Email.String(), Phone: d.Phone, Currency: d.Currency.String(), ExternalRef: d.ExternalRef,
		BillingAddress: addressOf(d.Billing), Scopes: scopesOf(d.Scopes),
		Portal: &portalState{DisplayName: d.Portal.DisplayName, Enabled: &enabled},
	}
}

func (in *address) value() *company.Address {
	if in == nil {
		return nil
	}
	return &company.Address{
		ID: in.ID, City: in.City, Country: in.Country, HouseNumber: in.HouseNumber, PostalCode: in.PostalCode,
		Street: in.Street, Latitude: in.Latitude, Longitude: in.Longitude,
	}
}

func addressOf(a *company.Address) *address {
	if a == nil {
		return nil
	}
	return &address{
		ID: a.ID, City: a.City, Country: a.Country, HouseNumber: a.HouseNumber, PostalCode: a.PostalCode,
		Street: a.Street, Latitude: a.Latitude, Longitude: a.Longitude,
	}
}

func pictureOf(a avatar.Avatar) *picture {
	if a.IsZero() {
		return nil
	}
	return &picture{BlobID: a.Blob.String(), Height: a.Height, ThumbnailBlobID: a.Thumbnail.String(), Width: a.Width}
}

func showCompany(c *company.Company) shownCompany {
	s := c.Snapshot()
	d := s.Details
	return shownCompany{
		ID: s.ID.Int(), Name: d.Name, Email: d.Email.String(), Phone: d.Phone, Currency: d.Currency.String(),
		ExternalRef: d.ExternalRef, BillingAddress: addressOf(d.Billing), Scopes: shownScopes(d.Scopes),
		Portal: shownPortal{UUID: d.Portal.ID.String(), DisplayName: d.Portal.DisplayName, Enabled: d.Portal.Enabled},
		Avatar: pictureOf(s.Avatar), CreatedAt: shownTime(s.Created), UpdatedAt: shownTime(s.Updated),
	}
}

func companyAnswer(status int, c *company.Company) (answer, error) {
	out, err := jsonAnswer(status, showCompany(c))
	out.ETag = etagOf(c.Version())
	return out, err
}
