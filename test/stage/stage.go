package stage

import (
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/jose"
	"ostiary/adapters/live"
	"ostiary/adapters/sqlite"
	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/app/profile"
	"ostiary/app/proof"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/keyset"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/test/fake"
)

// What the deployment on stage is called.
const (
	PublicURL  = "https://id.example.com"
	PublicHost = "id.example.com"
	BaseDomain = "portals.example.com"
)

// Stores are the ports that SQLite fills.
type Stores struct {
	Tenants   port.Tenants
	Numbers   port.Numbers
	Companies port.Companies
	Contacts  port.Contacts
	Tags      port.Tags
	Users     port.Users
	Blobs     port.Blobs
	Sessions  port.Sessions
	Links     port.Links
	Counters  port.Counters
	Outbox    port.Outbox
	APITokens port.APITokens
	Ledger    port.Ledger
	Changes   port.Changes
}

// Options change what is on stage. The zero value has no limits, no default
// tenant and no operator token.
type Options struct {
	Limits   throttle.Limits
	Default  tenant.Code
	Operator secret.Text
	// Wrap replaces stores, to count or to break what goes through them. What
	// the tester finds in Stage.Stores is what it left there.
	Wrap func(*Stores)
}

// Stage is every use case of signing in, and what they work with.
type Stage struct {
	Stores
	Cast

	Clock  *fake.Clock
	Hasher *fake.Hasher
	Mailer *fake.Mailer
	Trail  *fake.Trail
	Vault  fake.Vault
	Live   *live.Live
	Tokens *jose.Tokens
	Names  access.Names

	Resolver  *tenancy.Resolver
	Guard     *access.Guard
	Gate      *proof.Gate
	Proof     *proof.Passwords
	Passwords *signin.Passwords
	Linked    *signin.Links
	Signed    *signin.Sessions
	Postman   *signin.Postman
	Changer   *credential.Changes
	Logins    *credential.Logins
	Enrolment *credential.Enrolment
	Directory *directory.Contacts
	Profile   *profile.Service

	mu     sync.Mutex
	failed []error
}

// New sets the stage. Live never goes stale, so that the clock may be moved.
func New(t testing.TB, o Options) *Stage {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "stage.db"), sqlite.Options{})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	s := &Stage{
		Clock: &fake.Clock{}, Hasher: &fake.Hasher{}, Mailer: &fake.Mailer{}, Trail: &fake.Trail{},
		Names: access.Names{PublicURL: PublicURL}, Stores: storesOf(db),
	}
	if o.Wrap != nil {
		o.Wrap(&s.Stores)
	}
	s.Live = s.NewLive(t)
	require.NoError(t, s.Live.Poll(t.Context()))
	ring := jose.NewRing(sqlite.NewKeys(db), s.Vault, s.Clock)
	require.NoError(t, operation.NewKeys(sqlite.NewKeys(db), ring, s.Clock, &fake.Trail{}, keyset.ES256).Ensure(t.Context()))
	require.NoError(t, ring.Reload(t.Context()))
	s.Tokens = jose.NewTokens(ring, PublicURL)
	s.assemble(o)
	s.enlist(t)
	return s
}

func storesOf(db *sqlite.DB) Stores {
	return Stores{
		Tenants: sqlite.NewTenants(db), Numbers: later{sqlite.NewNumbers(db)}, Companies: sqlite.NewCompanies(db),
		Contacts: sqlite.NewContacts(db), Tags: sqlite.NewTags(db), Users: sqlite.NewUsers(db), Blobs: sqlite.NewBlobs(db),
		Sessions: sqlite.NewSessions(db), Links: sqlite.NewLinks(db), Counters: sqlite.NewCounters(db),
		Outbox: sqlite.NewOutbox(db), APITokens: sqlite.NewAPITokens(db), Ledger: sqlite.NewLedger(db), Changes: sqlite.NewChanges(db),
	}
}

// NewLive makes one more view of the stores, which has not heard of them yet.
func (s *Stage) NewLive(t testing.TB) *live.Live {
	t.Helper()
	l, err := live.New(live.Stores{
		Tenants: s.Tenants, Sessions: s.Sessions, Users: s.Users, Companies: s.Companies, Tokens: s.APITokens,
		Changes: s.Changes, Clock: s.Clock,
	}, live.Options{StaleAfter: 1000 * 24 * time.Hour})
	require.NoError(t, err)
	return l
}

func (s *Stage) assemble(o Options) {
	s.Resolver = tenancy.NewResolver(s.Live, BaseDomain, PublicHost, o.Default)
	s.Guard = access.NewGuard(s.Live, s.Tokens, s.Clock, s.Resolver, s.Names, o.Operator)
	s.Gate = proof.NewGate(s.Counters, s.Vault, s.Clock, o.Limits)
	s.Proof = proof.NewPasswords(s.Users, s.Hasher, s.Gate)
	issuer := signin.NewIssuer(signin.System{Clock: s.Clock, Random: fake.Random{}, Vault: s.Vault}, s.Sessions, s.Live, s.Tokens, s.Trail, s.Names)
	s.Passwords = signin.NewPasswords(s.Resolver, s.Proof, issuer)
	s.Signed = signin.NewSessions(s.Resolver, s.Guard, s.Sessions, s.Live, issuer)
	s.Postman = signin.NewPostman(signin.PostmanParts{
		Outbox: s.Outbox, Links: s.Links, Users: s.Users, Issuer: issuer, Gate: s.Gate, Mailer: s.Mailer, Failed: s.fail,
	})
	s.Linked = signin.NewLinks(s.Resolver, s.Gate, s.Outbox, s.Links, s.Users, issuer, s.Postman.Wake)
	store := credential.Store{Users: s.Users, Contacts: s.Contacts, Companies: s.Companies, Sessions: s.Sessions, Tenants: s.Tenants}
	system := credential.System{Clock: s.Clock, Random: fake.Random{}, Trail: s.Trail}
	s.Changer = credential.NewChanges(s.Resolver, s.Guard, s.Proof, store, s.Hasher, system)
	s.Logins = credential.NewLogins(store, s.Hasher, s.Outbox, s.Gate, system, s.Postman.Wake)
	office := directory.Office{Tenants: s.Tenants, Numbers: s.Numbers, Clock: s.Clock, Random: fake.Random{}, Trail: s.Trail}
	s.Directory = directory.NewContacts(office, s.Contacts, s.Companies, s.Tags, s.Users, s.Blobs)
	s.Enrolment = credential.NewEnrolment(s.Directory, s.Logins)
	s.Profile = profile.New(s.Guard, s.Ledger, s.Blobs, s.Vault, s.Clock, s.Names)
}

func (s *Stage) fail(_ outbox.ID, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.failed = append(s.failed, err)
}

// Failed returns what the postman reported so far.
func (s *Stage) Failed() []error {
	s.mu.Lock()
	defer s.mu.Unlock()
	return append([]error(nil), s.failed...)
}
