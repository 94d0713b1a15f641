package sqlite

import (
	"context"
	"time"

	"ostiary/app/port"
	"ostiary/domain/apitoken"
	"ostiary/domain/tenant"
)

// APITokens implements port.APITokens.
type APITokens struct{ db *DB }

var _ port.APITokens = (*APITokens)(nil)

// NewAPITokens returns the API tokens of db.
func NewAPITokens(db *DB) *APITokens { return &APITokens{db: db} }

const tokenColumns = "tenant, id, name, digest, permissions, created, created_by, expires, revoked"

// tokenRow lists the values for tokenColumns after the tenant.
func tokenRow(s apitoken.Snapshot) []any {
	return []any{s.ID, s.Name, s.Digest, jsonOf(s.Permissions), s.Created, s.CreatedBy, s.Expires, s.Revoked}
}

func tokenFromRow(r *row) *apitoken.Token {
	s := apitoken.Snapshot{
		Tenant: tenant.IDFromBytes(r.uuid()), ID: apitoken.IDFromBytes(r.uuid()), Name: r.text(), Digest: r.digest(),
	}
	r.json(&s.Permissions)
	s.Created, s.CreatedBy, s.Expires, s.Revoked = r.time(), r.text(), r.time(), r.time()
	return apitoken.Restore(s)
}

// Add implements port.APITokens.
func (s *APITokens) Add(ctx context.Context, t *apitoken.Token) error {
	snap := t.Snapshot()
	return s.db.write(ctx, "add token", func(x *tx) error {
		_, err := x.exec(snap.Tenant, "INSERT INTO api_tokens ("+tokenColumns+") VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)",
			tokenRow(snap)...)
		return err
	})
}

// ByID implements port.APITokens.
func (s *APITokens) ByID(ctx context.Context, t tenant.ID, id apitoken.ID) (out *apitoken.Token, err error) {
	err = s.db.read(ctx, "find token", func(x rx) error {
		found, err := x.one(t, "SELECT "+tokenColumns+" FROM api_tokens WHERE tenant = ?1 AND id = ?2",
			func(r *row) { out = tokenFromRow(r) }, id)
		if err == nil && !found {
			err = apitoken.ErrNotFound
		}
		return err
	})
	return out, err
}

// Revoke implements port.APITokens.
func (s *APITokens) Revoke(ctx context.Context, t tenant.ID, id apitoken.ID, now time.Time) error {
	return s.db.write(ctx, "revoke token", func(x *tx) error {
		n, err := x.exec(t, "UPDATE api_tokens SET revoked = ?3 WHERE tenant = ?1 AND id = ?2 AND revoked IS NULL", id, now)
		if err := wrote(n, err, apitoken.ErrNotFound); err != nil {
			return err
		}
		return x.announce(t, port.APITokenChanged, id.String())
	})
}

// List implements port.APITokens.
func (s *APITokens) List(ctx context.Context, t tenant.ID, after apitoken.ID, limit int) (out []*apitoken.Token, err error) {
	err = s.db.read(ctx, "list tokens", func(x rx) error {
		return x.all(t, "SELECT "+tokenColumns+` FROM api_tokens
			WHERE tenant = ?1 AND id > ?2 AND revoked IS NULL ORDER BY id LIMIT ?3`,
			func(r *row) { out = append(out, tokenFromRow(r)) }, after, limit)
	})
	return out, err
}
