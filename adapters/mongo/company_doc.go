package mongo

import (
	"time"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/domain/company"
	"ostiary/domain/email"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

// companyDoc is a company with its figures. N is there only while callers may
// see it.
type companyDoc struct {
	Stamp    `bson:",inline"`
	N        int64        `bson:"n"`
	Name     string       `bson:"name"`
	Email    string       `bson:"email,omitempty"`
	EmailKey string       `bson:"ek,omitempty"`
	Phone    string       `bson:"phone,omitempty"`
	Currency string       `bson:"currency,omitempty"`
	Ref      string       `bson:"ref,omitempty"`
	Billing  *addressDoc  `bson:"billing,omitempty"`
	Scopes   []pair[bool] `bson:"scopes,omitempty"`
	Portal   portalDoc    `bson:"portal"`
	Avatar   *avatarDoc   `bson:"avatar,omitempty"`
	Created  *time.Time   `bson:"created,omitempty"`
	Updated  *time.Time   `bson:"updated,omitempty"`
	Version  int64        `bson:"v"`
	// Figures and Op are the ledger's.
	Figures *figuresDoc `bson:"fig,omitempty"`
	Op      *journal    `bson:"op,omitempty"`
	// Del is there while somebody is about to delete the company.
	Del *primitive.ObjectID `bson:"del,omitempty"`
	// Limbo tells since when a deletion or a journal is unfinished.
	Limbo *primitive.ObjectID `bson:"limbo,omitempty"`
}

// tombstone stands where a company was, until nothing that was sent for it
// can arrive any more.
type tombstone struct {
	Stamp `bson:",inline"`
	Gone  bool               `bson:"gone"`
	Limbo primitive.ObjectID `bson:"limbo"`
}

// addressDoc is the stored form of company.Address.
type addressDoc struct {
	ID          string   `bson:"id,omitempty"`
	City        string   `bson:"city,omitempty"`
	Country     string   `bson:"country,omitempty"`
	HouseNumber string   `bson:"number,omitempty"`
	PostalCode  string   `bson:"code,omitempty"`
	Street      string   `bson:"street,omitempty"`
	Latitude    *float64 `bson:"lat,omitempty"`
	Longitude   *float64 `bson:"lon,omitempty"`
}

// portalDoc is the stored form of company.Portal.
type portalDoc struct {
	ID      primitive.Binary `bson:"id"`
	Name    string           `bson:"name,omitempty"`
	Enabled bool             `bson:"enabled,omitempty"`
}

func companyKey(t tenant.ID, id company.ID) primitive.Binary { return key(t, numeral(id.Int())) }

func companyKeys(t tenant.ID, ids []int64) []primitive.Binary {
	out := make([]primitive.Binary, len(ids))
	for i, id := range ids {
		out[i] = key(t, numeral(id))
	}
	return out
}

// withoutBooks leaves out what the ledger keeps with a company.
var withoutBooks = bson.D{is("fig", 0), is("op", 0)}

// become writes what a company is now into the document. Its books, revision
// and unfinished business stay.
func (d *companyDoc) become(c *company.Company) {
	s := c.Snapshot()
	in := s.Details
	d.N, d.Name, d.Email, d.EmailKey, d.Phone = s.ID.Int(), in.Name, in.Email.String(), string(in.Email.Key()), in.Phone
	d.Currency, d.Ref, d.Billing, d.Scopes = in.Currency.String(), in.ExternalRef, (*addressDoc)(in.Billing), pairs(in.Scopes)
	d.Portal = portalDoc{ID: uuid(in.Portal.ID.Bytes()), Name: in.Portal.DisplayName, Enabled: in.Portal.Enabled}
	d.Avatar, d.Created, d.Updated, d.Version = toAvatar(s.Avatar), moment(s.Created), moment(s.Updated), s.Version
}

// company rebuilds the company.
func (d *companyDoc) company() (*company.Company, error) {
	id, err := numberOf(d.N, company.IDOf)
	if err != nil {
		return nil, err
	}
	return company.Restore(company.Snapshot{
		Tenant: tenant.IDFromBytes(sixteen(d.T)), ID: id, Avatar: d.Avatar.avatar(),
		Created: timeOf(d.Created), Updated: timeOf(d.Updated), Version: d.Version,
		Details: company.Details{
			Name: d.Name, Email: email.Restore(d.Email, email.Key(d.EmailKey)), Phone: d.Phone,
			Currency: money.RestoreCurrency(d.Currency), ExternalRef: d.Ref, Billing: (*company.Address)(d.Billing),
			Scopes: mapOf[scope.Name](d.Scopes),
			Portal: company.Portal{
				ID: company.PortalIDFromBytes(sixteen(d.Portal.ID)), DisplayName: d.Portal.Name, Enabled: d.Portal.Enabled,
			},
		},
	}), nil
}
