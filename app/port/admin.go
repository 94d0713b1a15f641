package port

import (
	"context"
	"time"

	"ostiary/domain/apitoken"
	"ostiary/domain/audit"
	"ostiary/domain/company"
	"ostiary/domain/keyset"
	"ostiary/domain/ledger"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
)

// APITokens stores API tokens. The zero tenant stands for the operator.
type APITokens interface {
	Add(ctx context.Context, t *apitoken.Token) error

	// ByID returns apitoken.ErrNotFound, also for a revoked one's wrong tenant.
	ByID(ctx context.Context, t tenant.ID, id apitoken.ID) (*apitoken.Token, error)

	// Revoke returns apitoken.ErrNotFound, also when it is revoked already.
	Revoke(ctx context.Context, t tenant.ID, id apitoken.ID, now time.Time) error

	// List returns tokens that are not revoked by rising id, after the given
	// one, at most limit.
	List(ctx context.Context, t tenant.ID, after apitoken.ID, limit int) ([]*apitoken.Token, error)
}

// Ledger stores documents and keeps each company's figures exact.
type Ledger interface {
	// Put stores the document unless the stored one is not superseded
	// (ledger.Document.Supersedes), and returns what is stored then. The
	// figures take the difference in the same step. It returns
	// company.ErrNotFound or money.ErrOverflow.
	Put(ctx context.Context, d ledger.Document) (ledger.Document, error)

	// PutAll does the same for many, each by itself; a refusal stands at its
	// place in the answer. err is an outage: some may be stored, and the caller
	// may send all again.
	PutAll(ctx context.Context, t tenant.ID, ds []ledger.Document) (refusals []error, err error)

	// Delete returns ledger.ErrNotFound.
	Delete(ctx context.Context, t tenant.ID, c company.ID, k ledger.Kind, ref string) error

	// Figures costs one read however many documents there are; zero figures
	// for a company without documents.
	Figures(ctx context.Context, t tenant.ID, c company.ID) (ledger.Figures, error)
}

// AuditQuery selects audit records. Zero members select everything.
type AuditQuery struct {
	Actor  string
	Action string
	Since  time.Time // inclusive
	Until  time.Time // exclusive
	Before audit.ID  // older than this event
	Limit  int
}

// Audit stores audit records and signed heads. Nothing is ever changed.
type Audit interface {
	// Append stores all records or none.
	Append(ctx context.Context, records []audit.Record) error

	// List returns a tenant's records, newest first.
	List(ctx context.Context, t tenant.ID, q AuditQuery) ([]audit.Record, error)

	// Chains names every chain of which a record or head is stored.
	Chains(ctx context.Context) ([]AuditChain, error)

	// Walk returns records of one chain by rising Seq, above after, at most limit.
	Walk(ctx context.Context, c AuditChain, after int64, limit int) ([]audit.Record, error)

	// Sign stores heads, one per chain, each replacing that chain's last.
	Sign(ctx context.Context, heads []audit.Head) error

	// Heads returns the stored heads.
	Heads(ctx context.Context) ([]audit.Head, error)
}

// AuditChain names a chain.
type AuditChain struct {
	Tenant tenant.ID
	Writer audit.WriterID
}

// Keys stores the deployment's one key set.
type Keys interface {
	// Load returns the zero set when none is stored.
	Load(ctx context.Context) (keyset.Set, error)

	// Save stores s when the stored version is s.Version-1 (0: none stored);
	// ErrVersion otherwise.
	Save(ctx context.Context, s keyset.Set) error
}

// IdempotencyKey names a request that may be sent again. It is a keyed digest
// over actor, tenant, route and the caller's key.
type IdempotencyKey secret.Digest

// IdempotencyState says how a request stands.
type IdempotencyState uint8

// Fresh: the caller goes ahead. Running: another one does. Answered: the
// answer is there.
const (
	Fresh IdempotencyState = iota + 1
	Running
	Answered
)

// Idempotency remembers the answers of requests for 24 hours.
type Idempotency interface {
	// Begin claims the key in one conditional write. body is the stored body
	// digest, the caller's own when Fresh; answer is sealed bytes. A claim
	// whose owner vanished may be taken over after lease.
	Begin(ctx context.Context, t tenant.ID, k IdempotencyKey, body secret.Digest, now time.Time, lease time.Duration) (state IdempotencyState, stored secret.Digest, answer []byte, err error)

	// Finish stores the sealed answer of a claimed key.
	Finish(ctx context.Context, t tenant.ID, k IdempotencyKey, answer []byte, now time.Time) error

	// Abandon gives the claim up, after a failure that changed nothing.
	Abandon(ctx context.Context, t tenant.ID, k IdempotencyKey) error
}
