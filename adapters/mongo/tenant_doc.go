package mongo

import (
	"time"

	"go.mongodb.org/mongo-driver/bson/primitive"

	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

// tenantDoc is a tenant. Code is there only while callers may see it.
type tenantDoc struct {
	Stamp    `bson:",inline"`
	Bond     `bson:",inline"`
	Code     string       `bson:"code,omitempty"`
	Name     string       `bson:"name,omitempty"`
	Currency string       `bson:"currency,omitempty"`
	Status   string       `bson:"status,omitempty"`
	Hosts    []string     `bson:"hosts,omitempty"`
	Origins  []string     `bson:"origins,omitempty"`
	Scopes   []pair[bool] `bson:"scopes,omitempty"`
	Settings *settingsDoc `bson:"settings,omitempty"`
	Created  *time.Time   `bson:"created,omitempty"`
	Updated  *time.Time   `bson:"updated,omitempty"`
	Version  int64        `bson:"v,omitempty"`
	// Gone and Left are all that is kept of a removed tenant until what was its
	// own is gone too.
	Gone bool    `bson:"gone,omitempty"`
	Left []claim `bson:"left,omitempty"`
}

// settingsDoc is the stored form of tenant.Settings without the origins, which
// tenants are found by.
type settingsDoc struct {
	Locale              string `bson:"locale,omitempty"`
	Audience            string `bson:"audience,omitempty"`
	MagicLinkMinutes    int    `bson:"linkMinutes,omitempty"`
	MagicLinkURL        string `bson:"linkURL,omitempty"`
	PasswordMinLength   int    `bson:"passwordLength,omitempty"`
	AdminPasswords      string `bson:"adminPasswords,omitempty"`
	AccessTokenMinutes  int    `bson:"accessMinutes,omitempty"`
	RefreshIdleDays     int    `bson:"idleDays,omitempty"`
	RefreshAbsoluteDays int    `bson:"absoluteDays,omitempty"`
}

// become writes what a tenant is now into the document. Its claims and
// revision stay.
func (d *tenantDoc) become(t *tenant.Tenant) {
	s := t.Snapshot()
	in, set := s.Details, s.Details.Settings
	d.Code, d.Name, d.Currency, d.Status = string(s.Code), in.Name, in.Currency.String(), string(in.Status)
	d.Hosts, d.Origins, d.Scopes = nil, set.Origins, pairs(in.Scopes)
	for _, h := range in.Hosts {
		d.Hosts = append(d.Hosts, string(h))
	}
	d.Settings = &settingsDoc{
		Locale: set.Locale, Audience: set.Audience, MagicLinkMinutes: set.MagicLinkMinutes, MagicLinkURL: set.MagicLinkURL,
		PasswordMinLength: set.PasswordMinLength, AdminPasswords: string(set.AdminPasswords),
		AccessTokenMinutes: set.AccessTokenMinutes, RefreshIdleDays: set.RefreshIdleDays, RefreshAbsoluteDays: set.RefreshAbsoluteDays,
	}
	d.Created, d.Updated, d.Version = moment(s.Created), moment(s.Updated), s.Version
	d.New, d.Want, d.Limbo = false, nil, nil
}

func (d *tenantDoc) tenant() *tenant.Tenant {
	s := tenant.Snapshot{
		ID: tenant.IDFromBytes(sixteen(d.ID)), Code: tenant.Code(d.Code),
		Details: tenant.Details{
			Name: d.Name, Currency: money.RestoreCurrency(d.Currency), Status: tenant.Status(d.Status),
			Scopes: mapOf[scope.Name](d.Scopes),
		},
		Created: timeOf(d.Created), Updated: timeOf(d.Updated), Version: d.Version,
	}
	for _, h := range d.Hosts {
		s.Details.Hosts = append(s.Details.Hosts, tenant.Host(h))
	}
	if set := d.Settings; set != nil {
		s.Details.Settings = tenant.Settings{
			Locale: set.Locale, Audience: set.Audience, Origins: d.Origins, MagicLinkMinutes: set.MagicLinkMinutes,
			MagicLinkURL: set.MagicLinkURL, PasswordMinLength: set.PasswordMinLength,
			AdminPasswords: tenant.AdminPasswords(set.AdminPasswords), AccessTokenMinutes: set.AccessTokenMinutes,
			RefreshIdleDays: set.RefreshIdleDays, RefreshAbsoluteDays: set.RefreshAbsoluteDays,
		}
	}
	return tenant.Restore(s)
}

// names are the claims of a tenant, each with what its being taken means.
func (d *tenantDoc) names() (ids []primitive.Binary, refusals map[string]error) {
	refusals = map[string]error{}
	note := func(kind, value string, refusal error) {
		id := claimID(tenant.ID{}, kind, value)
		ids = append(ids, id)
		refusals[string(id.Data)] = refusal
	}
	note("code", d.Code, tenant.ErrCodeTaken)
	for _, h := range d.Hosts {
		note("host", h, tenant.ErrHostTaken)
	}
	if d.Settings.Audience != "" {
		note("audience", d.Settings.Audience, tenant.ErrAudienceTaken)
	}
	return ids, refusals
}
