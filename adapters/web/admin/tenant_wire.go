package admin

import "ostiary/domain/tenant"

// newTenant are the members that a tenant is made from beside its code.
type newTenant struct {
	Name     string           `json:"name"`
	Currency string           `json:"currency"`
	Scopes   map[string]*bool `json:"scopes"`
	Hosts    []string         `json:"hosts"`
	Settings settings         `json:"settings"`
}

// tenantState is what can be changed.
type tenantState struct {
	newTenant
	Status string `json:"status"`
}

// settings shows only what is set; 0 is not the same as not set.
type settings struct {
	Locale              string   `json:"locale,omitzero"`
	Audience            string   `json:"audience,omitzero"`
	Origins             []string `json:"origins,omitempty"`
	MagicLinkMinutes    *int     `json:"magicLinkMinutes,omitzero"`
	MagicLinkURL        string   `json:"magicLinkUrl,omitzero"`
	PasswordMinLength   *int     `json:"passwordMinLength,omitzero"`
	AdminPasswords      *string  `json:"adminPasswords,omitzero"`
	AccessTokenMinutes  *int     `json:"accessTokenMinutes,omitzero"`
	RefreshIdleDays     *int     `json:"refreshIdleDays,omitzero"`
	RefreshAbsoluteDays *int     `json:"refreshAbsoluteDays,omitzero"`
}

type shownTenant struct {
	ID        string          `json:"id"`
	Code      string          `json:"code"`
	Name      string          `json:"name"`
	Status    string          `json:"status"`
	Currency  string          `json:"currency"`
	Scopes    map[string]bool `json:"scopes"`
	Hosts     []string        `json:"hosts"`
	Settings  settings        `json:"settings"`
	CreatedAt string          `json:"createdAt"`
	UpdatedAt string          `json:"updatedAt"`
}

func (in newTenant) details(f *form) tenant.Details {
	d := tenant.Details{
		Name: in.Name, Currency: f.currency("/currency", in.Currency),
		Scopes: f.scopes("/scopes", in.Scopes), Settings: in.Settings.value(f),
	}
	for i, h := range in.Hosts {
		host, err := tenant.ParseHost(h)
		f.refuse(at("hosts", i), err)
		d.Hosts = append(d.Hosts, host)
	}
	return d
}

func (in settings) value(f *form) tenant.Settings {
	number := func(member string, v *int) int {
		if v == nil {
			return 0
		}
		f.unless(*v != 0, "/settings/"+member, "out_of_range", "That number is outside its range.")
		return *v
	}
	out := tenant.Settings{
		Locale: in.Locale, Audience: in.Audience, Origins: in.Origins, MagicLinkURL: in.MagicLinkURL,
		MagicLinkMinutes:    number("magicLinkMinutes", in.MagicLinkMinutes),
		PasswordMinLength:   number("passwordMinLength", in.PasswordMinLength),
		AccessTokenMinutes:  number("accessTokenMinutes", in.AccessTokenMinutes),
		RefreshIdleDays:     number("refreshIdleDays", in.RefreshIdleDays),
		RefreshAbsoluteDays: number("refreshAbsoluteDays", in.RefreshAbsoluteDays),
	}
	if in.AdminPasswords != nil {
		out.AdminPasswords = tenant.AdminPasswords(*in.AdminPasswords)
		f.unless(out.AdminPasswords != "", "/settings/adminPasswords", "unknown", "Accepted are permanent and temporary.")
	}
	return out
}

func settingsOf(s tenant.Settings) settings {
	number := func(v int) *int {
		if v == 0 {
			return nil
		}
		return &v
	}
	out := settings{
		Locale: s.Locale, Audience: s.Audience, Origins: s.Origins, MagicLinkURL: s.MagicLinkURL,
		MagicLinkMinutes: number(s.MagicLinkMinutes), PasswordMinLength: number(s.PasswordMinLength),
		AccessTokenMinutes: number(s.AccessTokenMinutes), RefreshIdleDays: number(s.RefreshIdleDays),
		RefreshAbsoluteDays: number(s.RefreshAbsoluteDays),
	}
	if s.AdminPasswords != "" {
		out.AdminPasswords = (*string)(&s.AdminPasswords)
	}
	return out
}

func hostsOf(hosts []tenant.Host) []string {
	out := make([]string, 0, len(hosts))
	for _, h := range hosts {
		out = append(out, string(h))
	}
	return out
}

// stateOf and readTenant are the two ways between a tenant and its wire form.
func stateOf(d tenant.Details) tenantState {
	return tenantState{Status: string(d.Status), newTenant: newTenant{
		Name: d.Name, Currency: d.Currency.String(), Scopes: scopesOf(d.Scopes),
		Hosts: hostsOf(d.Hosts), Settings: settingsOf(d.Settings),
	}}
}

func readTenant(in tenantState) (tenant.Details, error) {
	var f form
	d := in.details(&f)
	d.Status = tenant.Status(in.Status)
	return d, f.err()
}

func showTenant(t *tenant.Tenant) shownTenant {
	s := t.Snapshot()
	return shownTenant{
		ID: s.ID.String(), Code: string(s.Code), Name: s.Details.Name, Status: string(s.Details.Status),
		Currency: s.Details.Currency.String(), Scopes: shownScopes(t.Offer().Map()),
		Hosts: hostsOf(s.Details.Hosts), Settings: settingsOf(s.Details.Settings),
		CreatedAt: shownTime(s.Created), UpdatedAt: shownTime(s.Updated),
	}
}

func tenantAnswer(status int, t *tenant.Tenant) (answer, error) {
	out, err := jsonAnswer(status, showTenant(t))
	out.ETag = etagOf(t.Version())
	return out, err
}

func scopesAnswer(t *tenant.Tenant) (answer, error) {
	out, err := jsonAnswer(200, shownScopes(t.Offer().Map()))
	out.ETag = etagOf(t.Version())
	return out, err
}
