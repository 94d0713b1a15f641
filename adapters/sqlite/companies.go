package sqlite

import (
	"context"

	"ostiary/app/port"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/email"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

// Companies implements port.Companies.
type Companies struct{ db *DB }

var _ port.Companies = (*Companies)(nil)

// NewCompanies returns the companies of db.
func NewCompanies(db *DB) *Companies { return &Companies{db: db} }

// addressRow is the stored form of company.Address.
type addressRow struct {
	ID          string   `json:"id,omitempty"`
	City        string   `json:"city,omitempty"`
	Country     string   `json:"country,omitempty"`
	HouseNumber string   `json:"houseNumber,omitempty"`
	PostalCode  string   `json:"postalCode,omitempty"`
	Street      string   `json:"street,omitempty"`
	Latitude    *float64 `json:"latitude,omitempty"`
	Longitude   *float64 `json:"longitude,omitempty"`
}

// avatarRow is the stored form of avatar.Avatar.
type avatarRow struct {
	Blob      string `json:"blob"`
	Thumbnail string `json:"thumbnail"`
	Width     int    `json:"width"`
	Height    int    `json:"height"`
}

func toAvatarRow(a avatar.Avatar) any {
	if a == (avatar.Avatar{}) {
		return nil
	}
	return jsonOf(avatarRow{Blob: a.Blob.String(), Thumbnail: a.Thumbnail.String(), Width: a.Width, Height: a.Height})
}

func avatarFromRow(r *row) avatar.Avatar {
	var a avatarRow
	if r.json(&a); a == (avatarRow{}) {
		return avatar.Avatar{}
	}
	out := avatar.Avatar{Width: a.Width, Height: a.Height}
	var err error
	if a.Blob != "" {
		out.Blob, err = avatar.ParseBlobID(a.Blob)
		r.note(err)
	}
	if a.Thumbnail != "" {
		out.Thumbnail, err = avatar.ParseBlobID(a.Thumbnail)
		r.note(err)
	}
	return out
}

func addressOf(r *row) email.Address {
	entered, key := r.text(), r.text()
	return email.Restore(entered, email.Key(key))
}

const companyColumns = `tenant, id, name, email, email_key, phone, currency, external_ref, billing, scopes,
	portal, portal_name, portal_enabled, avatar, created, updated, version`

// companyRow lists the values for companyColumns after the tenant.
func companyRow(s company.Snapshot) []any {
	d := s.Details
	return []any{
		s.ID, d.Name, textOrNull(d.Email.String()), textOrNull(string(d.Email.Key())), d.Phone,
		textOrNull(d.Currency.String()), d.ExternalRef, jsonOf((*addressRow)(d.Billing)), jsonOf(d.Scopes),
		d.Portal.ID, d.Portal.DisplayName, d.Portal.Enabled, toAvatarRow(s.Avatar), s.Created, s.Updated, s.Version,
	}
}

func companyFromRow(r *row) *company.Company {
	s := company.Snapshot{Tenant: tenant.IDFromBytes(r.uuid()), ID: number(r, company.IDOf)}
	d := &s.Details
	d.Name, d.Email, d.Phone = r.text(), addressOf(r), r.text()
	d.Currency, d.ExternalRef = money.RestoreCurrency(r.text()), r.text()
	var billing *addressRow
	r.json(&billing)
	d.Billing = (*company.Address)(billing)
	r.json((*map[scope.Name]bool)(&d.Scopes))
	d.Portal = company.Portal{ID: company.PortalIDFromBytes(r.uuid()), DisplayName: r.text(), Enabled: r.flag()}
	s.Avatar = avatarFromRow(r)
	s.Created, s.Updated, s.Version = r.time(), r.time(), r.int()
	return company.Restore(s)
}

// Add implements port.Companies.
func (s *Companies) Add(ctx context.Context, c *company.Company) error {
	snap := c.Snapshot()
	return s.db.write(ctx, "add company", func(x *tx) error {
		_, err := x.exec(snap.Tenant, `INSERT INTO companies (`+companyColumns+`)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13, ?14, ?15, ?16, ?17)`, companyRow(snap)...)
		return err
	})
}

// ByID implements port.Companies.
func (s *Companies) ByID(ctx context.Context, t tenant.ID, id company.ID) (out *company.Company, err error) {
	err = s.db.read(ctx, "find company", func(x rx) error {
		out, err = loadCompany(x, t, id)
		return err
	})
	return out, err
}

func loadCompany(x rx, t tenant.ID, id company.ID) (*company.Company, error) {
	var out *company.Company
	found, err := x.one(t, "SELECT "+companyColumns+" FROM companies WHERE tenant = ?1 AND id = ?2",
		func(r *row) { out = companyFromRow(r) }, id)
	if err == nil && !found {
		err = company.ErrNotFound
	}
	return out, err
}

// ByIDs implements port.Companies.
func (s *Companies) ByIDs(ctx context.Context, t tenant.ID, ids []company.ID) (out []*company.Company, err error) {
	err = s.db.read(ctx, "find companies", func(x rx) error {
		return x.all(t, "SELECT "+companyColumns+` FROM companies
			WHERE tenant = ?1 AND id IN (SELECT value FROM json_each(?2)) ORDER BY id`,
			func(r *row) { out = append(out, companyFromRow(r)) }, idList(ids))
	})
	return out, err
}

// Update implements port.Companies.
func (s *Companies) Update(ctx context.Context, t tenant.ID, id company.ID, change func(*company.Company) error) error {
	return s.db.write(ctx, "update company", func(x *tx) error {
		c, err := loadCompany(x.rx, t, id)
		if err != nil {
			return err
		}
		if err := ask(change, c); err != nil {
			return err
		}
		_, err = x.exec(t, `
			UPDATE companies SET name = ?3, email = ?4, email_key = ?5, phone = ?6, currency = ?7, external_ref = ?8,
			  billing = ?9, scopes = ?10, portal = ?11, portal_name = ?12, portal_enabled = ?13, avatar = ?14,
			  created = ?15, updated = ?16, version = ?17
			WHERE tenant = ?1 AND id = ?2`, companyRow(c.Snapshot())...)
		if err != nil {
			return err
		}
		return x.announce(t, port.CompanyChanged, id.String())
	})
}

// Delete implements port.Companies.
func (s *Companies) Delete(ctx context.Context, t tenant.ID, id company.ID, version int64) error {
	return s.db.write(ctx, "delete company", func(x *tx) error {
		c, err := loadCompany(x.rx, t, id)
		if err != nil {
			return err
		}
		if version != 0 && version != c.Version() {
			return port.ErrVersion
		}
		used, err := x.has(t, "SELECT 1 FROM memberships WHERE tenant = ?1 AND company = ?2 LIMIT 1", id)
		if err != nil {
			return err
		}
		if used {
			return company.ErrInUse
		}
		for _, stmt := range []string{
			"DELETE FROM documents WHERE tenant = ?1 AND company = ?2",
			"DELETE FROM figures WHERE tenant = ?1 AND company = ?2",
			"DELETE FROM contact_totals WHERE tenant = ?1 AND company = ?2",
			"DELETE FROM companies WHERE tenant = ?1 AND id = ?2",
		} {
			if _, err := x.exec(t, stmt, id); err != nil {
				return err
			}
		}
		return x.announce(t, port.CompanyChanged, id.String())
	})
}

// List implements port.Companies.
func (s *Companies) List(ctx context.Context, t tenant.ID, after company.ID, limit int) (out []*company.Company, err error) {
	err = s.db.read(ctx, "list companies", func(x rx) error {
		return x.all(t, "SELECT "+companyColumns+" FROM companies WHERE tenant = ?1 AND id > ?2 ORDER BY id LIMIT ?3",
			func(r *row) { out = append(out, companyFromRow(r)) }, after, limit)
	})
	return out, err
}
