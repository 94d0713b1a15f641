package port

import (
	"context"
	"errors"
	"slices"
	"time"

	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/ledger"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
)

// Section is one kind of what a store holds. Announced changes are no part of
// any: whoever opens a store anew knows nothing that they could correct.
type Section string

// The sections with the type of their records. SectionFigures follows from
// SectionDocuments: it is read to be compared, and writing it stores nothing.
const (
	SectionTenants     Section = "tenants"     // tenant.Snapshot
	SectionNumbers     Section = "numbers"     // ArchivedNumber
	SectionCompanies   Section = "companies"   // company.Snapshot
	SectionTags        Section = "tags"        // contact.TagSnapshot
	SectionContacts    Section = "contacts"    // ArchivedContact
	SectionBlobs       Section = "pictures"    // avatar.Blob
	SectionDocuments   Section = "documents"   // ledger.Document
	SectionFigures     Section = "figures"     // ArchivedFigures
	SectionSessions    Section = "sessions"    // session.Snapshot
	SectionLinks       Section = "links"       // session.Link
	SectionAPITokens   Section = "api tokens"  // apitoken.Snapshot
	SectionIdempotency Section = "answers"     // ArchivedClaim
	SectionAudit       Section = "audit"       // audit.Record
	SectionHeads       Section = "audit heads" // audit.Head
	SectionKeys        Section = "keys"        // keyset.Set
	SectionCounters    Section = "counters"    // ArchivedCounter
	SectionOutbox      Section = "outbox"      // ArchivedJob
)

// Sections lists all sections in the order in which they are written: what is
// referred to comes before what refers to it.
func Sections() []Section {
	return []Section{
		SectionTenants, SectionNumbers, SectionCompanies, SectionTags, SectionContacts, SectionBlobs, SectionDocuments,
		SectionFigures, SectionSessions, SectionLinks, SectionAPITokens, SectionIdempotency, SectionAudit, SectionHeads,
		SectionKeys, SectionCounters, SectionOutbox,
	}
}

// Shared reports whether the section belongs to no tenant. Methods take the
// zero tenant for it.
func (s Section) Shared() bool {
	return slices.Contains([]Section{SectionTenants, SectionHeads, SectionKeys, SectionCounters, SectionOutbox}, s)
}

// ArchivedNumber says which integer id of a kind comes next: every id below
// Next may have been given away.
type ArchivedNumber struct {
	Kind string // company, contact or tag
	Next int64
}

// ArchivedContact is a contact with its login, nil when it has none.
type ArchivedContact struct {
	Contact contact.Snapshot
	User    *user.Snapshot
}

// ArchivedFigures are the figures of a company. Those that are all zero are
// left out.
type ArchivedFigures struct {
	Company company.ID
	Figures ledger.Figures
}

// ArchivedClaim is what Idempotency keeps under a key.
type ArchivedClaim struct {
	Key      IdempotencyKey
	Body     secret.Digest
	Lease    time.Time
	Answered time.Time // zero: not yet
	Answer   []byte    // sealed
	Expires  time.Time
}

// ArchivedCounter is what Counters keeps under a key.
type ArchivedCounter struct {
	Key    secret.Digest
	State  throttle.State
	Forget time.Time
}

// ArchivedJob is a job of the outbox with the time until which it counts
// against the limit of its origin.
type ArchivedJob struct {
	Job         outbox.Job
	CountsUntil time.Time
}

// Record is one record of a section.
type Record struct {
	Key   string // RecordOf makes it
	Value any    // of the type that stands beside the section
}

// ErrCopyUnfinished is what a store answers instead of being opened for
// anything but the rest of the copy.
var ErrCopyUnfinished = fault.New(fault.Conflict, "copy_unfinished",
	"A copy into this store is not finished. Run ostiary store copy again, or remove the store.")

// ErrForeignRecord is returned for a value of another type or another tenant.
var ErrForeignRecord = errors.New("port: a record of another section or tenant")

// Checkpoint says how far a copy into the store has come. The zero value says
// that none is under way.
type Checkpoint struct {
	Source  secret.Digest // fingerprint of what is copied
	Section Section       // being written, "" before the first
	Tenant  tenant.ID     // being written, zero in a shared section
	After   string        // key of the last record that is stored of it
	Copied  int64         // records stored in all
}

// Archive lays a whole store open, so that it can be carried to another
// engine. Keys and order are the same on every engine.
type Archive interface {
	// Owners lists, by rising bytes of their ids, the tenants of which the
	// section holds something, the zero tenant included. A tenant whose removal
	// is not finished is left out of all but SectionAudit. The section is not
	// shared.
	Owners(ctx context.Context, s Section) ([]tenant.ID, error)

	// Count is how many records Read would return in all.
	Count(ctx context.Context, t tenant.ID, s Section) (int64, error)

	// Read returns records by rising key, after the given one, at most limit.
	// It hides nothing: sessions that ended, links that are spent, tokens that
	// were revoked and counters that are to be forgotten are there until the
	// janitor has removed them. Snapshots are as the ports return them:
	// contact.Snapshot has HasLogin, user.Snapshot its contact's address.
	Read(ctx context.Context, t tenant.ID, s Section, after string, limit int) ([]Record, error)

	// Write stores records as they are, versions and times included, and
	// replaces what is stored under the same keys; writing them again changes
	// nothing. Whatever the store keeps besides (claims of addresses and hosts,
	// totals, figures, expiry, what searches compare with) follows. A number is
	// never lowered. Nothing is announced, because no process serves the store
	// meanwhile. It returns ErrForeignRecord before it stores anything,
	// contact.ErrEmailTaken, company.ErrNotFound or contact.ErrTagNotFound; after
	// an error some of the records may be stored.
	Write(ctx context.Context, t tenant.ID, s Section, rs []Record) error

	// Empty reports whether the store holds nothing, a checkpoint, announced
	// changes and its own schema aside.
	Empty(ctx context.Context) (bool, error)

	// Checkpoint returns what SetCheckpoint stored last.
	Checkpoint(ctx context.Context) (Checkpoint, error)

	// SetCheckpoint stores c; the zero value removes it. While one is stored,
	// opening the store for anything but a copy answers ErrCopyUnfinished.
	SetCheckpoint(ctx context.Context, c Checkpoint) error
}
