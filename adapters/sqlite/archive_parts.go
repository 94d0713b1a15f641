package sqlite

import (
	"strings"

	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/money"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
)

// counted are the figures that are not all zero.
const counted = `(document_count <> 0 OR open_orders <> 0 OR pending_estimates <> 0 OR unpaid_invoices <> 0
	OR total_outstanding <> 0)`

const (
	claimColumns   = "tenant, digest, body, lease, answered, answer, expires"
	counterColumns = "digest, count, at, forget"
	headColumns    = "tenant, writer, seq, digest, at, mac"
	blobColumns    = "tenant, id, media, bytes"
)

// parts says how each section is stored.
var parts = map[port.Section]part{
	port.SectionTenants: {
		count: "SELECT count(*) FROM tenants",
		read:  "SELECT " + tenantColumns + " FROM tenants WHERE id > ?1 ORDER BY id LIMIT ?2",
		place: byBytes, scan: func(r *row) any { return tenantFromRow(r).Snapshot() }, write: taking(writeTenant),
	},
	port.SectionNumbers: owns("numbers", "kind", "kind, next", byText,
		func(r *row) any { return port.ArchivedNumber{Kind: r.text(), Next: r.int()} }, taking(writeNumber)),
	port.SectionCompanies: owns("companies", "id", companyColumns, byNumber,
		func(r *row) any { return companyFromRow(r).Snapshot() }, taking(writeCompany)),
	port.SectionTags: owns("tags", "id", tagColumns, byNumber,
		func(r *row) any { return tagFromRow(r).Snapshot() }, taking(writeTag)),
	port.SectionContacts: {
		table: "contacts",
		count: "SELECT count(*) FROM contacts WHERE tenant = ?1",
		read: personRead + ` FROM contacts c LEFT JOIN users u ON u.tenant = ?1 AND u.contact = c.id
			WHERE c.tenant = ?1 AND c.id > ?2 ORDER BY c.id LIMIT ?3`,
		place: byNumber, scan: archivedContact, write: taking(writeContact),
	},
	port.SectionBlobs: owns("blobs", "id", blobColumns, byBytes, func(r *row) any {
		r.uuid()
		return avatar.Blob{ID: avatar.BlobIDFromBytes(r.uuid()), Media: r.text(), Bytes: r.bytes()}
	}, taking(writeBlob)),
	port.SectionDocuments: {
		table: "documents",
		count: "SELECT count(*) FROM documents WHERE tenant = ?1",
		read: "SELECT " + documentColumns + ` FROM documents
			WHERE tenant = ?1 AND (company, kind, ref) > (?2, ?3, ?4) ORDER BY company, kind, ref LIMIT ?5`,
		place: byDocument, scan: func(r *row) any { return documentFromRow(r) }, write: taking(writeDocument),
	},
	port.SectionFigures: {
		table: "figures",
		count: "SELECT count(*) FROM figures WHERE tenant = ?1 AND " + counted,
		read: `SELECT company, document_count, open_orders, pending_estimates, unpaid_invoices, total_outstanding
			FROM figures WHERE tenant = ?1 AND company > ?2 AND ` + counted + " ORDER BY company LIMIT ?3",
		place: byNumber, scan: archivedFigures,
		write: func(*tx, tenant.ID, any) error { return nil }, // they followed the documents
	},
	port.SectionSessions: owns("sessions", "id", sessionColumns, byBytes,
		func(r *row) any { return sessionFromRow(r).Snapshot() }, taking(writeSession)),
	port.SectionLinks: owns("links", "token", linkColumns, byBytes,
		func(r *row) any { return linkFromRow(r) }, taking(writeLink)),
	port.SectionAPITokens: owns("api_tokens", "id", tokenColumns, byBytes,
		func(r *row) any { return tokenFromRow(r).Snapshot() }, taking(writeToken)),
	port.SectionIdempotency: owns("idempotency", "digest", claimColumns, byBytes, archivedClaim, taking(writeClaim)),
	port.SectionAudit: {
		table: "audit",
		count: "SELECT count(*) FROM audit WHERE tenant = ?1",
		read: "SELECT " + auditColumns + ` FROM audit
			WHERE tenant = ?1 AND (writer, seq) > (?2, ?3) ORDER BY writer, seq LIMIT ?4`,
		place: byChain, scan: func(r *row) any { return auditFromRow(r) }, write: taking(writeAudit),
	},
	port.SectionHeads: {
		count: "SELECT count(*) FROM heads",
		read:  "SELECT " + headColumns + " FROM heads WHERE (tenant, writer) > (?1, ?2) ORDER BY tenant, writer LIMIT ?3",
		place: byHead, scan: archivedHead, write: taking(writeHead),
	},
	port.SectionKeys: {count: "SELECT count(*) FROM keyset WHERE version > 0", write: taking(writeKeys)},
	port.SectionCounters: {
		count: "SELECT count(*) FROM counters",
		read:  "SELECT " + counterColumns + " FROM counters WHERE digest > ?1 ORDER BY digest LIMIT ?2",
		place: byBytes, scan: archivedCounter, write: taking(writeCounter),
	},
	port.SectionOutbox: {
		count: "SELECT count(*) FROM outbox",
		read:  "SELECT " + jobColumns + ", counts_until FROM outbox WHERE id > ?1 ORDER BY id LIMIT ?2",
		place: byBytes, scan: func(r *row) any { return port.ArchivedJob{Job: jobFromRow(r), CountsUntil: r.time()} },
		write: taking(writeJob),
	},
}

// owns describes a table of tenant data with one more column in its key.
func owns(table, key, columns string, place func(string) ([]any, error), scan func(*row) any,
	write func(*tx, tenant.ID, any) error,
) part {
	return part{
		table: table,
		count: "SELECT count(*) FROM " + table + " WHERE tenant = ?1",
		read:  "SELECT " + columns + " FROM " + table + " WHERE tenant = ?1 AND " + key + " > ?2 ORDER BY " + key + " LIMIT ?3",
		place: place, scan: scan, write: write,
	}
}

func byText(after string) ([]any, error) { return []any{after}, nil }

func byNumber(after string) ([]any, error) {
	n, err := port.NumberOfKey(after)
	return []any{n}, err
}

// lowest is below every id and digest.
var lowest = []byte{0}

func bytesAfter(part string) ([]byte, error) {
	if part == "" {
		return lowest, nil
	}
	return port.BytesOfKey(part)
}

func byBytes(after string) ([]any, error) {
	b, err := bytesAfter(after)
	return []any{b}, err
}

func byDocument(after string) ([]any, error) {
	number, rest, _ := strings.Cut(after, "/")
	kind, ref, _ := strings.Cut(rest, "/")
	n, err := port.NumberOfKey(number)
	return []any{n, kind, ref}, err
}

func byChain(after string) ([]any, error) {
	writer, seq, _ := strings.Cut(after, "/")
	b, err := bytesAfter(writer)
	if err != nil {
		return nil, err
	}
	n, err := port.NumberOfKey(seq)
	return []any{b, n}, err
}

func byHead(after string) ([]any, error) {
	owner, writer, _ := strings.Cut(after, "/")
	t, err := bytesAfter(owner)
	if err != nil {
		return nil, err
	}
	w, err := bytesAfter(writer)
	return []any{t, w}, err
}

func archivedContact(r *row) any {
	p := personFromRow(r)
	out := port.ArchivedContact{Contact: p.Contact.Snapshot()}
	if u := p.User.Snapshot(); !u.ID.IsZero() {
		out.User = &u
	} else {
		out.Contact.HasLogin = false
	}
	return out
}

func archivedFigures(r *row) any {
	out := port.ArchivedFigures{Company: number(r, company.IDOf)}
	f := &out.Figures
	f.Documents, f.OpenOrders, f.PendingEstimates, f.UnpaidInvoices = r.int(), r.int(), r.int(), r.int()
	f.TotalOutstanding = money.Amount(r.int())
	return out
}

func archivedClaim(r *row) any {
	r.uuid()
	return port.ArchivedClaim{
		Key: port.IdempotencyKey(r.digest()), Body: r.digest(), Lease: r.time(), Answered: r.time(), Answer: r.bytes(), Expires: r.time(),
	}
}

func archivedHead(r *row) any {
	return audit.Head{
		Tenant: tenant.IDFromBytes(r.uuid()), Writer: audit.WriterIDFromBytes(r.uuid()), Seq: r.int(),
		Digest: r.digest(), At: r.time(), MAC: r.digest(),
	}
}

func archivedCounter(r *row) any {
	return port.ArchivedCounter{Key: r.digest(), State: throttle.State{Count: int(r.int()), At: r.time()}, Forget: r.time()}
}
