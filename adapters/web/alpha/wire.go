package alpha

import (
	"strconv"
	"time"

	"ostiary/app/access"
	"ostiary/app/profile"
	"ostiary/app/signin"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/scope"
)

type tokens struct {
	AccessExpiresUnix int64  `json:"accessExpiresUnix"`
	AccessToken       string `json:"accessToken"`
	ID                string `json:"id"`
	RefreshToken      string `json:"refreshToken"`
	Username          string `json:"username"`
}

func (a *API) tokensOf(g signin.Grant) tokens {
	return tokens{
		AccessExpiresUnix: a.unix(g.AccessExpires), AccessToken: g.Access.Reveal(), ID: g.User.String(),
		RefreshToken: g.Refresh.Reveal(), Username: g.Email,
	}
}

func (a *API) unix(t time.Time) int64 {
	if a.cfg.Seconds {
		return t.Unix()
	}
	return t.UnixMilli()
}

type picture struct {
	BlobID          string `json:"blobId"`
	Height          int    `json:"height"`
	ThumbnailBlobID string `json:"thumbnailBlobId"`
	Width           int    `json:"width"`
}

func pictureOf(a avatar.Avatar) *picture {
	if a.IsZero() {
		return nil
	}
	return &picture{BlobID: a.Blob.String(), Height: a.Height, ThumbnailBlobID: a.Thumbnail.String(), Width: a.Width}
}

type me struct {
	Avatar     *picture `json:"avatar"`
	ClientID   string   `json:"clientId"`
	ClientName string   `json:"clientName"`
	Email      string   `json:"email"`
	FirstName  string   `json:"firstName"`
	ID         string   `json:"id"`
	LastName   string   `json:"lastName"`
}

func meOf(v access.Visitor) me {
	d := v.Person.Contact.Details()
	return me{
		Avatar: pictureOf(v.Person.Contact.Avatar()), ClientID: v.Entry.Company.ID().String(),
		ClientName: v.Entry.Company.Name(), Email: v.Person.User.Email().String(), FirstName: d.FirstName,
		ID: v.Person.User.ID().String(), LastName: d.LastName,
	}
}

type client struct {
	Avatar         *picture `json:"avatar"`
	BillingAddress *billing `json:"billingAddress"`
	Email          string   `json:"email"`
	ID             string   `json:"id"`
	Name           string   `json:"name"`
	Phone          string   `json:"phone"`
}

type billing struct {
	City        string   `json:"city"`
	Country     string   `json:"country"`
	HouseNumber string   `json:"houseNumber"`
	ID          string   `json:"id"`
	Latitude    *float64 `json:"latitude"`
	Longitude   *float64 `json:"longitude"`
	PostalCode  string   `json:"postalCode"`
	Street      string   `json:"street"`
}

func companyOf(co *company.Company) client {
	d := co.Details()
	out := client{Avatar: pictureOf(co.Avatar()), Email: d.Email.String(), ID: co.ID().String(), Name: d.Name, Phone: d.Phone}
	if b := d.Billing; b != nil {
		out.BillingAddress = &billing{
			City: b.City, Country: b.Country, HouseNumber: b.HouseNumber, ID: b.ID, Latitude: b.Latitude,
			Longitude: b.Longitude, PostalCode: b.PostalCode, Street: b.Street,
		}
	}
	return out
}

type stats struct {
	Currency         string `json:"currency"`
	OpenOrders       int64  `json:"openOrders"`
	PendingEstimates int64  `json:"pendingEstimates"`
	TotalOutstanding number `json:"totalOutstanding"`
	UnpaidInvoices   int64  `json:"unpaidInvoices"`
}

// number is an exact decimal that goes out as it is: a float64 would round
// large sums.
type number string

// MarshalJSON implements json.Marshaler.
func (n number) MarshalJSON() ([]byte, error) { return []byte(n), nil }

func statsOf(s profile.Stats) stats {
	f := s.Figures
	return stats{
		Currency: s.Currency.String(), OpenOrders: f.OpenOrders, PendingEstimates: f.PendingEstimates,
		TotalOutstanding: number(s.Currency.Number(f.TotalOutstanding)), UnpaidInvoices: f.UnpaidInvoices,
	}
}

type sessionList struct {
	Items []listed `json:"items"`
}

type listed struct {
	ID         string `json:"id"`
	Current    bool   `json:"current"`
	CreatedAt  string `json:"createdAt"`
	LastUsedAt string `json:"lastUsedAt"`
	UserAgent  string `json:"userAgent"`
	Address    string `json:"address"`
	Portal     string `json:"portal"`
}

func sessionsOf(all []signin.Listed) sessionList {
	out := sessionList{Items: make([]listed, 0, len(all))}
	for _, s := range all {
		out.Items = append(out.Items, listed{
			ID: s.ID.String(), Current: s.IsCurrent, CreatedAt: timestamp(s.Created), LastUsedAt: timestamp(s.LastUsed),
			UserAgent: s.Client.UserAgent, Address: s.Client.Address, Portal: s.Portal.String(),
		})
	}
	return out
}

// timestamp is RFC 3339 in UTC, cut to whole seconds.
func timestamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// switches writes what json.Marshal would of a map, in a tenth of its time: this
// is what front ends ask most. The grammar of names has nothing that JSON
// escapes.
func switches(s scope.Switches) []byte {
	out := append(make([]byte, 0, 128), '{')
	for i, one := range s {
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, '"'), one.Name...), '"', ':')
		out = strconv.AppendBool(out, one.On)
	}
	return append(out, '}')
}
