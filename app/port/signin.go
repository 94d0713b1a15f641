package port

import (
	"context"
	"errors"
	"time"

	"ostiary/domain/keyset"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/domain/user"
)

// Hasher hashes passwords with argon2id. The tenant is for fair admission:
// beyond a bounded queue every method returns ErrBusy before memory is taken.
type Hasher interface {
	// Admit is for a caller that has other work before its hash: called first,
	// it returns the ErrBusy that would come later, so that a crowd is turned
	// away before anything is looked up for it. leave is called once, when all
	// is done.
	Admit(t tenant.ID) (leave func(), err error)

	// Hash returns a PHC string.
	Hash(ctx context.Context, t tenant.ID, p user.Password) (secret.Text, error)

	// Verify compares with a stored hash: argon2id, and on import also argon2i,
	// bcrypt, scrypt and PBKDF2. A stored hash whose parameters are out of
	// bounds is an outage of that user, logged, and no match. weak reports that
	// a match should be hashed anew.
	Verify(ctx context.Context, t tenant.ID, hash secret.Text, p user.Password) (match, weak bool, err error)

	// Decoy does the work of Verify for nobody.
	Decoy(ctx context.Context, t tenant.ID, p user.Password) error
}

// Sessions stores sessions.
type Sessions interface {
	Add(ctx context.Context, s *session.Session) error

	// ByID returns session.ErrNotFound.
	ByID(ctx context.Context, t tenant.ID, id session.ID) (*session.Session, error)

	// Update returns session.ErrNotFound. Parallel updates run one after the
	// other: exactly one of many rotations of one generation wins.
	Update(ctx context.Context, t tenant.ID, id session.ID, change func(*session.Session) error) error

	// ByUser returns the sessions of that epoch which have not ended and not
	// run out at now, newest first, at most 200.
	ByUser(ctx context.Context, t tenant.ID, u user.ID, epoch int64, now time.Time) ([]*session.Session, error)
}

// Links stores magic links.
type Links interface {
	Add(ctx context.Context, l session.Link) error

	// Use marks the usable link with that token digest as used, in one atomic
	// conditional write, and returns it. It returns session.ErrLinkSpent when
	// there is none: of any number of parallel calls exactly one wins.
	Use(ctx context.Context, t tenant.ID, token secret.Digest, now time.Time) (session.Link, error)

	// UseBound is Use for a link that was asked for with that binding; any
	// other spends nothing, and the zero binding matches no link.
	UseBound(ctx context.Context, t tenant.ID, token, binding secret.Digest, now time.Time) (session.Link, error)

	// UseCode does the same as Use for the user's newest usable link with that
	// binding. A wrong code costs one of its session.CodeTries; after the last
	// not even the right one works.
	UseCode(ctx context.Context, t tenant.ID, u user.ID, binding, code secret.Digest, now time.Time) (session.Link, error)

	// HandedOver voids the user's usable links of the same purpose that were
	// minted before the named one.
	HandedOver(ctx context.Context, l session.Link) error
}

// Counters keeps attempt counters by keyed digest. They belong to no tenant:
// a digest of an unknown tenant counts like one of a known.
type Counters interface {
	// Get returns one state per key, zero for a key never seen.
	Get(ctx context.Context, keys ...secret.Digest) ([]throttle.State, error)

	// Apply replaces each state in one atomic step; after an outage some of them
	// may have been replaced. A zero state removes the key; forget tells when a
	// state may be cleaned up.
	Apply(ctx context.Context, changes ...CounterChange) error
}

// CounterChange is one step of Counters.Apply.
type CounterChange struct {
	Key    secret.Digest
	Change func(throttle.State) throttle.State
	Forget func(throttle.State) time.Time
}

// Outbox stores mail to be sent. It survives a crash at any point after Put
// returned.
type Outbox interface {
	// Put stores the job in one write. When the job has an Origin that already
	// has as many jobs as limit allows in its window before job.Asked, it
	// stores nothing and returns throttle.ErrLimited with the wait.
	Put(ctx context.Context, j outbox.Job, limit throttle.Limit) error

	// Lease hands out at most limit jobs that are due and not done, and puts
	// their Due off by outbox.Lease with Attempts raised by one, so that no
	// other worker has them meanwhile.
	Lease(ctx context.Context, now time.Time, limit int) ([]outbox.Job, error)

	// Done marks a job as done and erases its address.
	Done(ctx context.Context, id outbox.ID, now time.Time) error

	// Retry puts a job off.
	Retry(ctx context.Context, id outbox.ID, due time.Time) error

	// Next returns when the next job is due, zero when there is none.
	Next(ctx context.Context) (time.Time, error)
}

// ErrMailRefused is returned when the other side refused a mail for good:
// trying again would be refused again.
var ErrMailRefused = errors.New("port: mail refused for good")

// Mailer hands one mail over. It returns nil only when the other side took
// responsibility for it. It bounds the time that takes and how many mails the
// other side sees at once; callers beyond wait.
type Mailer interface {
	// Send returns ErrMailRefused, possibly wrapped.
	Send(ctx context.Context, m outbox.Mail) error
}

// Tokens signs and verifies access tokens (JWT, RFC 9068).
type Tokens interface {
	// Issue signs with the present signer. restricted makes a token that is
	// good for changing the password alone, with an audience of its own.
	Issue(ctx context.Context, c session.Claims, restricted bool) (secret.Text, error)

	// Verify checks shape, header, signature, issuer and times. Audience and
	// session are for the caller to judge. It returns session.ErrToken.
	Verify(ctx context.Context, token secret.Text) (c session.Claims, restricted bool, err error)
}

// KeyMaker makes signing keys. It stores nothing.
type KeyMaker interface {
	// Generate returns a key with its public half in clear and its private
	// half sealed; the times of its life are the key set's to give.
	Generate(ctx context.Context, alg keyset.Algorithm) (keyset.Key, error)
}

// KeyRing is what this process knows of the stored key set.
type KeyRing interface {
	// JWKS returns the published keys (RFC 7517 section 5), public members
	// only. It returns ErrUnavailable while there are none.
	JWKS(ctx context.Context) ([]byte, error)

	// Reload takes over what is stored. When it fails, what was known stays.
	Reload(ctx context.Context) error
}
