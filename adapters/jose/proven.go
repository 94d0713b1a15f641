package jose

import (
	"crypto/sha256"
	"sync"
	"time"

	"github.com/maypok86/otter/v2"

	"ostiary/domain/session"
)

const (
	// provenBytes is room for what some 20,000 tokens say.
	provenBytes = 32 << 20
	// provenSpare is what a proof takes beside what its token says at any length:
	// the digest, the ids, the times, the cache's own bookkeeping.
	provenSpare = 1536
)

// proven remembers which signatures hold: to check one takes longer than
// everything else that an answer takes. It goes by the digest of the whole
// token, so that no token can be read out of it and none passes for another.
// What may change is judged anew each time: times by the clock, the key by the
// present set; whether the session lives is not a token's business.
type proven struct {
	cache *otter.Cache[[sha256.Size]byte, *proof]
}

// proof is what a token says whose signature holds. It is shared.
type proof struct {
	raw    claims
	claims session.Claims
	kid    string // the digest of the key itself
	// restricted says that the token is good for changing the password alone.
	restricted bool
}

// newProven takes how many bytes the proofs may take. They go within a second
// of the end of their token by now.
func newProven(most uint64, now func() time.Time) *proven {
	return &proven{cache: otter.Must(&otter.Options[[sha256.Size]byte, *proof]{
		MaximumWeight: most,
		Weigher: func(_ [sha256.Size]byte, p *proof) uint32 {
			return uint32(provenSpare + 2*len(p.claims.Audience) + 64*(len(p.claims.Scopes)+len(p.claims.Roles))) //nolint:gosec // bounded by maxToken
		},
		ExpiryCalculator: otter.ExpiryWritingFunc(func(e otter.Entry[[sha256.Size]byte, *proof]) time.Duration {
			return max(time.Nanosecond, e.Value.claims.Expires.Add(skew).Sub(now()))
		}),
		Executor: func(upkeep func()) { upkeep() },
		// Which proofs are to go need not be known to the second: times are judged
		// by the caller's clock, whatever is still kept.
		Clock: otter.NewCoarseClock(time.Second),
	})}
}

// copies are what digests are made of: bytes, which a token is not.
var copies = sync.Pool{New: func() any { return new([maxToken]byte) }}

// digest names a token, none for one that is too long to be any.
func digest(token string) (out [sha256.Size]byte) {
	if len(token) > maxToken {
		return out
	}
	b, _ := copies.Get().(*[maxToken]byte)
	defer copies.Put(b)
	n := copy(b[:], token)
	out = sha256.Sum256(b[:n])
	clear(b[:n])
	return out
}

// find returns what is known of a token, while its key verifies.
func (p *proven) find(k *known, token [sha256.Size]byte, now time.Time) (*proof, bool) {
	found, ok := p.cache.GetIfPresent(token)
	return found, ok && k.published(found.kid, now) != nil
}

func (p *proven) keep(token [sha256.Size]byte, found *proof) { p.cache.Set(token, found) }
