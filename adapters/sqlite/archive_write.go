package sqlite

import (
	"fmt"
	"slices"
	"strings"

	"ostiary/app/port"
	"ostiary/domain/apitoken"
	"ostiary/domain/audit"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/keyset"
	"ostiary/domain/ledger"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
)

// replacing builds the statement that stores one row, whether or not there is
// one under its key.
func replacing(table, key, columns string) string {
	var names, marks, sets []string
	keys := strings.Split(key, ", ")
	for name := range strings.SplitSeq(columns, ",") {
		name = strings.TrimSpace(name)
		names = append(names, name)
		marks = append(marks, fmt.Sprintf("?%d", len(names)))
		if !slices.Contains(keys, name) {
			sets = append(sets, name+" = excluded."+name)
		}
	}
	return "INSERT INTO " + table + " (" + strings.Join(names, ", ") + ") VALUES (" + strings.Join(marks, ", ") +
		") ON CONFLICT (" + key + ") DO UPDATE SET " + strings.Join(sets, ", ")
}

var (
	replaceTenant   = replacing("tenants", "id", tenantColumns+", audience")
	replaceCompany  = replacing("companies", "tenant, id", companyColumns)
	replaceTag      = replacing("tags", "tenant, id", tagColumns)
	replaceContact  = replacing("contacts", "tenant, id", contactColumns)
	replaceUser     = replacing("users", "tenant, id", userColumns)
	replaceBlob     = replacing("blobs", "tenant, id", blobColumns)
	replaceDocument = replacing("documents", "tenant, company, kind, ref", documentColumns)
	replaceSession  = replacing("sessions", "tenant, id", sessionColumns+", expires")
	replaceLink     = replacing("links", "tenant, token", linkColumns)
	replaceToken    = replacing("api_tokens", "tenant, id", tokenColumns)
	replaceClaim    = replacing("idempotency", "tenant, digest", claimColumns)
	replaceAudit    = replacing("audit", "tenant, writer, seq", auditColumns)
	replaceHead     = replacing("heads", "tenant, writer", headColumns)
	replaceCounter  = replacing("counters", "digest", counterColumns)
	replaceJob      = replacing("outbox", "id", jobColumns+", counts_until")
)

func writeTenant(x *tx, _ tenant.ID, s tenant.Snapshot) error {
	if _, err := x.execShared(replaceTenant, tenantRow(s)...); err != nil {
		return err
	}
	return nameTenant(x, s)
}

// writeNumber never lowers one: what was given away stays away.
func writeNumber(x *tx, t tenant.ID, n port.ArchivedNumber) error {
	_, err := x.exec(t, `
		INSERT INTO numbers (tenant, kind, next) VALUES (?1, ?2, ?3)
		ON CONFLICT (tenant, kind) DO UPDATE SET next = max(next, excluded.next)`, n.Kind, n.Next)
	return err
}

func writeCompany(x *tx, t tenant.ID, s company.Snapshot) error {
	_, err := x.exec(t, replaceCompany, companyRow(s)...)
	return err
}

func writeTag(x *tx, t tenant.ID, s contact.TagSnapshot) error {
	_, err := x.exec(t, replaceTag, tagRow(s)...)
	return err
}

func writeContact(x *tx, t tenant.ID, v port.ArchivedContact) error {
	now := v.Contact
	if err := freeFor(x, now); err != nil {
		return err
	}
	before := contact.Snapshot{Tenant: t, ID: now.ID}
	found, err := x.one(t, "SELECT "+contactRead+" FROM contacts c WHERE c.tenant = ?1 AND c.id = ?2",
		func(r *row) { before = contactFromRow(r) }, now.ID)
	if err != nil {
		return err
	}
	if _, err := x.exec(t, replaceContact, contactRow(contact.Restore(now))...); err != nil {
		return err
	}
	if !found {
		if err := count(x, t, company.ID{}, 1); err != nil {
			return err
		}
	}
	if err := relate(x, before, now); err != nil {
		return err
	}
	return writeLogin(x, t, v)
}

// freeFor refuses an address that another contact has.
func freeFor(x *tx, s contact.Snapshot) error {
	key := s.Details.Email.Key()
	if key == "" {
		return nil
	}
	taken, err := x.has(s.Tenant, "SELECT 1 FROM contacts WHERE tenant = ?1 AND email_key = ?2 AND id <> ?3", string(key), s.ID)
	if err == nil && taken {
		err = contact.ErrEmailTaken
	}
	return err
}

func writeLogin(x *tx, t tenant.ID, v port.ArchivedContact) error {
	if v.User == nil {
		_, err := x.exec(t, "DELETE FROM users WHERE tenant = ?1 AND contact = ?2", v.Contact.ID)
		return err
	}
	if _, err := x.exec(t, "DELETE FROM users WHERE tenant = ?1 AND contact = ?2 AND id <> ?3", v.Contact.ID, v.User.ID); err != nil {
		return err
	}
	_, err := x.exec(t, replaceUser, userRow(*v.User)...)
	return err
}

func writeBlob(x *tx, t tenant.ID, b avatar.Blob) error {
	_, err := x.exec(t, replaceBlob, b.ID, b.Media, b.Bytes)
	return err
}

// writeDocument asks nobody whether the document supersedes the stored one.
func writeDocument(x *tx, t tenant.ID, d ledger.Document) error {
	known, err := x.has(t, "SELECT 1 FROM companies WHERE tenant = ?1 AND id = ?2", d.Company)
	if err != nil {
		return err
	}
	if !known {
		return company.ErrNotFound
	}
	stored, found, err := loadDocument(x.rx, d)
	if err != nil {
		return err
	}
	var before ledger.Figures
	if found {
		before = stored.Contribution()
	}
	if err := move(x, d, d.Contribution(), before); err != nil {
		return err
	}
	_, err = x.exec(t, replaceDocument, documentRow(d)...)
	return err
}

func writeSession(x *tx, t tenant.ID, s session.Snapshot) error {
	_, err := x.exec(t, replaceSession, sessionRow(s)...)
	return err
}

func writeLink(x *tx, t tenant.ID, l session.Link) error {
	_, err := x.exec(t, replaceLink, linkRow(l)...)
	return err
}

func writeToken(x *tx, t tenant.ID, s apitoken.Snapshot) error {
	_, err := x.exec(t, replaceToken, tokenRow(s)...)
	return err
}

func writeClaim(x *tx, t tenant.ID, c port.ArchivedClaim) error {
	_, err := x.exec(t, replaceClaim, c.Key[:], c.Body[:], c.Lease, c.Answered, c.Answer, c.Expires)
	return err
}

func writeAudit(x *tx, t tenant.ID, r audit.Record) error {
	_, err := x.exec(t, replaceAudit, auditRow(r)...)
	return err
}

func writeHead(x *tx, _ tenant.ID, h audit.Head) error {
	_, err := x.execShared(replaceHead, h.Tenant, h.Writer, h.Seq, h.Digest, h.At, h.MAC)
	return err
}

func writeKeys(x *tx, _ tenant.ID, s keyset.Set) error { return storeKeys(x, s) }

func writeCounter(x *tx, _ tenant.ID, c port.ArchivedCounter) error {
	_, err := x.execShared(replaceCounter, c.Key[:], c.State.Count, c.State.At, c.Forget)
	return err
}

func writeJob(x *tx, _ tenant.ID, j port.ArchivedJob) error {
	_, err := x.execShared(replaceJob, append(jobRow(j.Job), j.CountsUntil)...)
	return err
}
