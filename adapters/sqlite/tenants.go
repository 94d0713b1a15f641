package sqlite

import (
	"context"

	"ostiary/app/port"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

// Tenants implements port.Tenants.
type Tenants struct{ db *DB }

var _ port.Tenants = (*Tenants)(nil)

// NewTenants returns the tenants of db.
func NewTenants(db *DB) *Tenants { return &Tenants{db: db} }

// settingsRow is the stored form of tenant.Settings.
type settingsRow struct {
	Locale              string                `json:"locale,omitempty"`
	Audience            string                `json:"audience,omitempty"`
	Origins             []string              `json:"origins,omitempty"`
	MagicLinkMinutes    int                   `json:"magicLinkMinutes,omitempty"`
	MagicLinkURL        string                `json:"magicLinkUrl,omitempty"`
	PasswordMinLength   int                   `json:"passwordMinLength,omitempty"`
	AdminPasswords      tenant.AdminPasswords `json:"adminPasswords,omitempty"`
	AccessTokenMinutes  int                   `json:"accessTokenMinutes,omitempty"`
	RefreshIdleDays     int                   `json:"refreshIdleDays,omitempty"`
	RefreshAbsoluteDays int                   `json:"refreshAbsoluteDays,omitempty"`
}

const tenantColumns = "id, code, name, currency, status, host_list, scopes, settings, created, updated, version"

// tenantRow lists the values for tenantColumns and audience.
func tenantRow(s tenant.Snapshot) []any {
	d := s.Details
	return []any{
		s.ID, string(s.Code), d.Name, d.Currency.String(), string(d.Status), jsonOf(d.Hosts), jsonOf(d.Scopes),
		jsonOf(settingsRow(d.Settings)), s.Created, s.Updated, s.Version, textOrNull(d.Settings.Audience),
	}
}

func tenantFromRow(r *row) *tenant.Tenant {
	s := tenant.Snapshot{ID: tenant.IDFromBytes(r.uuid()), Code: tenant.Code(r.text())}
	s.Details.Name = r.text()
	s.Details.Currency = money.RestoreCurrency(r.text())
	s.Details.Status = tenant.Status(r.text())
	r.json(&s.Details.Hosts)
	r.json((*map[scope.Name]bool)(&s.Details.Scopes))
	var settings settingsRow
	r.json(&settings)
	s.Details.Settings = tenant.Settings(settings)
	s.Created, s.Updated, s.Version = r.time(), r.time(), r.int()
	return tenant.Restore(s)
}

// Add implements port.Tenants.
func (s *Tenants) Add(ctx context.Context, t *tenant.Tenant) error {
	snap := t.Snapshot()
	return s.db.write(ctx, "add tenant", func(x *tx) error {
		taken, err := x.exists("SELECT 1 FROM tenants WHERE code = ?1", string(snap.Code))
		if err != nil {
			return err
		}
		if taken {
			return tenant.ErrCodeTaken
		}
		if err := freeNames(x, snap); err != nil {
			return err
		}
		_, err = x.execShared(`
			INSERT INTO tenants (id, code, name, currency, status, host_list, scopes, settings, created, updated, version, audience)
			VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12)`, tenantRow(snap)...)
		if err != nil {
			return err
		}
		if err := nameTenant(x, snap); err != nil {
			return err
		}
		return x.announce(snap.ID, port.TenantChanged, snap.ID.String())
	})
}

// freeNames refuses hosts and an audience that another tenant has.
func freeNames(x *tx, s tenant.Snapshot) error {
	taken, err := x.exists(`
		SELECT 1 FROM hosts
		WHERE host IN (SELECT value FROM json_each(coalesce(?1, '[]'))) AND tenant <> ?2`, jsonOf(s.Details.Hosts), s.ID)
	if err != nil {
		return err
	}
	if taken {
		return tenant.ErrHostTaken
	}
	taken, err = x.exists("SELECT 1 FROM tenants WHERE audience = ?1 AND id <> ?2",
		textOrNull(s.Details.Settings.Audience), s.ID)
	if err != nil {
		return err
	}
	if taken {
		return tenant.ErrAudienceTaken
	}
	return nil
}

// nameTenant keeps what tenants are found by in step with their rows.
func nameTenant(x *tx, s tenant.Snapshot) error {
	for _, stmt := range []string{"DELETE FROM hosts WHERE tenant = ?1", "DELETE FROM origins WHERE tenant = ?1"} {
		if _, err := x.execShared(stmt, s.ID); err != nil {
			return err
		}
	}
	for _, h := range s.Details.Hosts {
		if _, err := x.execShared("INSERT INTO hosts (host, tenant) VALUES (?1, ?2)", string(h), s.ID); err != nil {
			return err
		}
	}
	for _, o := range s.Details.Settings.Origins {
		if _, err := x.execShared("INSERT OR IGNORE INTO origins (origin, tenant) VALUES (?1, ?2)", o, s.ID); err != nil {
			return err
		}
	}
	return nil
}

const tenantByID = "SELECT " + tenantColumns + " FROM tenants WHERE id = ?1"

// ByID implements port.Tenants.
func (s *Tenants) ByID(ctx context.Context, id tenant.ID) (*tenant.Tenant, error) {
	return s.one(ctx, tenantByID, id)
}

// ByCode implements port.Tenants.
func (s *Tenants) ByCode(ctx context.Context, code tenant.Code) (*tenant.Tenant, error) {
	return s.one(ctx, "SELECT "+tenantColumns+" FROM tenants WHERE code = ?1", string(code))
}

// ByHost implements port.Tenants.
func (s *Tenants) ByHost(ctx context.Context, host tenant.Host) (*tenant.Tenant, error) {
	return s.one(ctx, "SELECT "+tenantColumns+" FROM tenants WHERE id = (SELECT tenant FROM hosts WHERE host = ?1)", string(host))
}

func (s *Tenants) one(ctx context.Context, query string, arg any) (out *tenant.Tenant, err error) {
	err = s.db.read(ctx, "find tenant", func(x rx) error {
		out, err = loadTenant(x, query, arg)
		return err
	})
	return out, err
}

func loadTenant(x rx, query string, arg any) (*tenant.Tenant, error) {
	var out *tenant.Tenant
	found, err := x.oneShared(query, func(r *row) { out = tenantFromRow(r) }, arg)
	if err == nil && !found {
		err = tenant.ErrNotFound
	}
	return out, err
}

// Update implements port.Tenants.
func (s *Tenants) Update(ctx context.Context, id tenant.ID, change func(*tenant.Tenant) error) error {
	return s.db.write(ctx, "update tenant", func(x *tx) error {
		t, err := loadTenant(x.rx, tenantByID, id)
		if err != nil {
			return err
		}
		if err := ask(change, t); err != nil {
			return err
		}
		snap := t.Snapshot()
		if err := freeNames(x, snap); err != nil {
			return err
		}
		_, err = x.execShared(`
			UPDATE tenants SET code = ?2, name = ?3, currency = ?4, status = ?5, host_list = ?6, scopes = ?7,
			  settings = ?8, created = ?9, updated = ?10, version = ?11, audience = ?12
			WHERE id = ?1`, tenantRow(snap)...)
		if err != nil {
			return err
		}
		if err := nameTenant(x, snap); err != nil {
			return err
		}
		return x.announce(id, port.TenantChanged, id.String())
	})
}

// Delete implements port.Tenants. The tenant itself goes at once; a large one
// loses the rest in batches, so that other tenants' writes go on, and the
// janitor finishes what a crash left.
func (s *Tenants) Delete(ctx context.Context, id tenant.ID, version int64) error {
	done := false
	err := s.db.write(ctx, "delete tenant", func(x *tx) error {
		t, err := loadTenant(x.rx, tenantByID, id)
		if err != nil {
			return err
		}
		if version != 0 && version != t.Version() {
			return port.ErrVersion
		}
		if _, err := x.execShared("DELETE FROM outbox WHERE lower(code) = ?1", string(t.Code())); err != nil {
			return err
		}
		if _, err := x.execShared("DELETE FROM tenants WHERE id = ?1", id); err != nil {
			return err
		}
		if err := x.announce(id, port.TenantChanged, id.String()); err != nil {
			return err
		}
		if done, err = purge(x, id, batch); err != nil || done {
			return err
		}
		_, err = x.execShared("INSERT INTO doomed (tenant) VALUES (?1)", id)
		return err
	})
	if err != nil || done {
		return err
	}
	return s.db.bury(context.WithoutCancel(ctx), id)
}

// List implements port.Tenants.
func (s *Tenants) List(ctx context.Context, after tenant.Code, limit int) (out []*tenant.Tenant, err error) {
	err = s.db.read(ctx, "list tenants", func(x rx) error {
		return x.allShared("SELECT "+tenantColumns+" FROM tenants WHERE code > ?1 ORDER BY code LIMIT ?2",
			func(r *row) { out = append(out, tenantFromRow(r)) }, string(after), limit)
	})
	return out, err
}

// OriginAllowed implements port.Tenants.
func (s *Tenants) OriginAllowed(ctx context.Context, origin string) (allowed bool, err error) {
	err = s.db.read(ctx, "find origin", func(x rx) error {
		allowed, err = x.exists(`
			SELECT 1 FROM origins o JOIN tenants t ON t.id = o.tenant
			WHERE o.origin = ?1 AND t.status = 'active'`, origin)
		return err
	})
	return allowed, err
}
