package port

import (
	"context"
	"time"

	"ostiary/domain/secret"
)

// Clock tells the time, in UTC, cut to milliseconds: the coarser precision of
// the two stores, so that values survive a round trip exactly.
type Clock interface {
	Now() time.Time
}

// Random gives cryptographic randomness and ids that sort by time (UUIDv7,
// RFC 9562 section 5.7). It panics when the system has none: nothing safe can
// be done without.
type Random interface {
	Fill(b []byte)
	UUID() [16]byte
}

// Vault holds the master key. Each purpose has a key of its own (HKDF,
// RFC 5869), so that no result of one means anything in another.
type Vault interface {
	// Seal encrypts with AES-256-GCM; bound is authenticated, not stored.
	Seal(purpose string, plain, bound []byte) []byte
	// Open returns an error for anything that Seal did not make with the same
	// purpose and bound.
	Open(purpose string, sealed, bound []byte) ([]byte, error)
	// MAC is HMAC-SHA-256. Parts are length-prefixed: ("a","bc") and ("ab","c")
	// differ.
	MAC(purpose string, parts ...[]byte) secret.Digest
}

// Health says whether the store answers.
type Health interface {
	Ping(ctx context.Context) error
}

// Janitor removes what has expired: spent links, ended sessions, counters, jobs
// done, idempotency records, changes. Correctness never depends on it.
type Janitor interface {
	Sweep(ctx context.Context, now time.Time) error
}
