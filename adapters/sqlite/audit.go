package sqlite

import (
	"bytes"
	"context"
	"math"
	"time"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/tenant"
)

// Audit implements port.Audit.
type Audit struct{ db *DB }

var _ port.Audit = (*Audit)(nil)

// NewAudit returns the audit records of db.
func NewAudit(db *DB) *Audit { return &Audit{db: db} }

const auditColumns = "tenant, writer, seq, id, at, actor, action, target, outcome, request, details, prev, digest"

// auditRow lists the values for auditColumns after the tenant.
func auditRow(r audit.Record) []any {
	return []any{
		r.Writer, r.Seq, r.ID, r.At.UnixMilli(), r.Actor, r.Action, r.Target, string(r.Outcome), r.Request,
		jsonOf(r.Details), r.Prev, r.Digest,
	}
}

func auditFromRow(r *row) audit.Record {
	var out audit.Record
	out.Tenant, out.Writer, out.Seq = tenant.IDFromBytes(r.uuid()), audit.WriterIDFromBytes(r.uuid()), r.int()
	out.ID, out.At, out.Actor, out.Action = audit.IDFromBytes(r.uuid()), r.time(), r.text(), r.text()
	out.Target, out.Outcome, out.Request = r.text(), audit.Outcome(r.text()), r.text()
	r.json(&out.Details)
	out.Prev, out.Digest = r.digest(), r.digest()
	return out
}

// Append implements port.Audit.
func (s *Audit) Append(ctx context.Context, records []audit.Record) error {
	return s.db.write(ctx, "append audit records", func(x *tx) error {
		for _, r := range records {
			_, err := x.exec(r.Tenant, "INSERT INTO audit ("+auditColumns+`)
				VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)`, auditRow(r)...)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// List implements port.Audit.
func (s *Audit) List(ctx context.Context, t tenant.ID, q port.AuditQuery) (out []audit.Record, err error) {
	before := bytes.Repeat([]byte{0xff}, 17) // above every id
	if !q.Before.IsZero() {
		b := q.Before.Bytes()
		before = b[:]
	}
	limit := q.Limit
	if limit == 0 {
		limit = -1 // SQLite's word for no limit
	}
	err = s.db.read(ctx, "list audit records", func(x rx) error {
		return x.all(t, "SELECT "+auditColumns+` FROM audit
			WHERE tenant = ?1 AND id < ?2 AND at >= ?3 AND at < ?4 AND (?5 = '' OR action = ?5) AND (?6 = '' OR actor = ?6)
			ORDER BY id DESC LIMIT ?7`, func(r *row) { out = append(out, auditFromRow(r)) },
			before, bound64(q.Since, math.MinInt64), bound64(q.Until, math.MaxInt64), q.Action, q.Actor, limit)
	})
	return out, err
}

func bound64(t time.Time, unset int64) int64 {
	if t.IsZero() {
		return unset
	}
	return t.UnixMilli()
}

// nextChain finds the chain after a given one. It reads no record.
const nextChain = "SELECT tenant, writer FROM audit WHERE (tenant, writer) > (?1, ?2) ORDER BY tenant, writer LIMIT 1"

// Chains implements port.Audit. It leaps from chain to chain along the primary
// key, whatever their lengths.
func (s *Audit) Chains(ctx context.Context) (out []port.AuditChain, err error) {
	err = s.db.snapshot(ctx, "find audit chains", func(x rx) error {
		seen := map[port.AuditChain]bool{}
		note := func(r *row) {
			c := port.AuditChain{Tenant: tenant.IDFromBytes(r.uuid()), Writer: audit.WriterIDFromBytes(r.uuid())}
			if !seen[c] {
				seen[c], out = true, append(out, c)
			}
		}
		after, writer := []byte{0}, []byte{0} // below every id
		for {
			found, err := x.oneShared(nextChain, note, after, writer)
			if err != nil {
				return err
			}
			if !found {
				break
			}
			t, w := out[len(out)-1].Tenant.Bytes(), out[len(out)-1].Writer.Bytes()
			after, writer = t[:], w[:]
		}
		return x.allShared("SELECT tenant, writer FROM heads ORDER BY tenant, writer", note)
	})
	return out, err
}

// Walk implements port.Audit.
func (s *Audit) Walk(ctx context.Context, c port.AuditChain, after int64, limit int) (out []audit.Record, err error) {
	err = s.db.read(ctx, "walk audit chain", func(x rx) error {
		return x.all(c.Tenant, "SELECT "+auditColumns+` FROM audit
			WHERE tenant = ?1 AND writer = ?2 AND seq > ?3 ORDER BY seq LIMIT ?4`,
			func(r *row) { out = append(out, auditFromRow(r)) }, c.Writer, after, limit)
	})
	return out, err
}

// Sign implements port.Audit.
func (s *Audit) Sign(ctx context.Context, heads []audit.Head) error {
	return s.db.write(ctx, "sign audit heads", func(x *tx) error {
		for _, h := range heads {
			_, err := x.execShared(`
				INSERT INTO heads (tenant, writer, seq, digest, at, mac) VALUES (?1, ?2, ?3, ?4, ?5, ?6)
				ON CONFLICT (tenant, writer) DO UPDATE SET seq = excluded.seq, digest = excluded.digest, at = excluded.at,
				  mac = excluded.mac`, h.Tenant, h.Writer, h.Seq, h.Digest, h.At, h.MAC)
			if err != nil {
				return err
			}
		}
		return nil
	})
}

// Heads implements port.Audit.
func (s *Audit) Heads(ctx context.Context) (out []audit.Head, err error) {
	err = s.db.read(ctx, "read audit heads", func(x rx) error {
		return x.allShared("SELECT tenant, writer, seq, digest, at, mac FROM heads ORDER BY tenant, writer", func(r *row) {
			out = append(out, audit.Head{
				Tenant: tenant.IDFromBytes(r.uuid()), Writer: audit.WriterIDFromBytes(r.uuid()), Seq: r.int(),
				Digest: r.digest(), At: r.time(), MAC: r.digest(),
			})
		})
	})
	return out, err
}
