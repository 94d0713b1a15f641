package port

import (
	"encoding/hex"
	"fmt"
	"strconv"

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

// RecordOf puts the key to a value. Keys are compared byte by byte; their parts
// are joined by a slash:
//
//	tenants, pictures, sessions, api tokens, outbox  KeyOfBytes of the id
//	links, answers, counters                         KeyOfBytes of token or key digest
//	companies, tags, contacts, figures               KeyOfNumber of the (company's) id
//	numbers                                          the kind
//	documents                                        KeyOfNumber of the company, kind, reference
//	audit                                            KeyOfBytes of the writer, KeyOfNumber of Seq
//	audit heads                                      KeyOfBytes of the tenant, of the writer
//	keys                                             "set"; no record while no set is stored
//
// The key of a value of any other type is empty.
func RecordOf(v any) Record { return Record{Key: keyOf(v), Value: v} }

func keyOf(v any) string {
	switch v := v.(type) {
	case tenant.Snapshot:
		return idKey(v.ID)
	case ArchivedNumber:
		return v.Kind
	case company.Snapshot:
		return KeyOfNumber(v.ID.Int())
	case contact.TagSnapshot:
		return KeyOfNumber(v.ID.Int())
	case ArchivedContact:
		return KeyOfNumber(v.Contact.ID.Int())
	case avatar.Blob:
		return idKey(v.ID)
	case ledger.Document:
		return KeyOfNumber(v.Company.Int()) + "/" + string(v.Kind) + "/" + v.Ref
	case ArchivedFigures:
		return KeyOfNumber(v.Company.Int())
	case session.Snapshot:
		return idKey(v.ID)
	case session.Link:
		return KeyOfBytes(v.Token[:])
	case apitoken.Snapshot:
		return idKey(v.ID)
	case ArchivedClaim:
		return KeyOfBytes(v.Key[:])
	case audit.Record:
		return idKey(v.Writer) + "/" + KeyOfNumber(v.Seq)
	case audit.Head:
		return idKey(v.Tenant) + "/" + idKey(v.Writer)
	case keyset.Set:
		return "set"
	case ArchivedCounter:
		return KeyOfBytes(v.Key[:])
	case ArchivedJob:
		return idKey(v.Job.ID)
	default:
		return ""
	}
}

func idKey(id interface{ Bytes() [16]byte }) string {
	b := id.Bytes()
	return KeyOfBytes(b[:])
}

// KeyOfBytes is lower-case hex.
func KeyOfBytes(b []byte) string { return hex.EncodeToString(b) }

// BytesOfKey turns KeyOfBytes round; "" is no bytes.
func BytesOfKey(part string) ([]byte, error) { return hex.DecodeString(part) }

// KeyOfNumber is n in 19 digits.
func KeyOfNumber(n int64) string { return fmt.Sprintf("%019d", n) }

// NumberOfKey turns KeyOfNumber round; "" is 0.
func NumberOfKey(part string) (int64, error) {
	if part == "" {
		return 0, nil
	}
	return strconv.ParseInt(part, 10, 64)
}

// Belongs reports whether the value is one of section s and, as far as it
// names one, of tenant t.
func (r Record) Belongs(t tenant.ID, s Section) bool {
	of, section := t, Section("")
	switch v := r.Value.(type) {
	case tenant.Snapshot:
		section = SectionTenants
	case ArchivedNumber:
		section = SectionNumbers
	case company.Snapshot:
		of, section = v.Tenant, SectionCompanies
	case contact.TagSnapshot:
		of, section = v.Tenant, SectionTags
	case ArchivedContact:
		of, section = v.Contact.Tenant, SectionContacts
		if v.User != nil && (v.User.Tenant != of || v.User.Contact != v.Contact.ID) {
			return false
		}
	case avatar.Blob:
		section = SectionBlobs
	case ledger.Document:
		of, section = v.Tenant, SectionDocuments
	case ArchivedFigures:
		section = SectionFigures
	case session.Snapshot:
		of, section = v.Tenant, SectionSessions
	case session.Link:
		of, section = v.Tenant, SectionLinks
	case apitoken.Snapshot:
		of, section = v.Tenant, SectionAPITokens
	case ArchivedClaim:
		section = SectionIdempotency
	case audit.Record:
		of, section = v.Tenant, SectionAudit
	case audit.Head:
		section = SectionHeads
	case keyset.Set:
		section = SectionKeys
	case ArchivedCounter:
		section = SectionCounters
	case ArchivedJob:
		section = SectionOutbox
	}
	return section == s && of == t && (t.IsZero() || !s.Shared())
}
