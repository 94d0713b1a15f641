package harness

import (
	"context"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/jose"
	"ostiary/adapters/live"
	"ostiary/app/access"
	"ostiary/app/credential"
	"ostiary/app/directory"
	"ostiary/app/ledger"
	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/app/profile"
	"ostiary/app/proof"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/keyset"
	"ostiary/domain/outbox"
	"ostiary/domain/secret"
	"ostiary/test/fake"
)

// Services are all use cases.
type Services struct {
	Resolver    *tenancy.Resolver
	Tenancy     *tenancy.Admin
	Guard       *access.Guard
	Gate        *proof.Gate
	Passwords   *signin.Passwords
	Links       *signin.Links
	Sessions    *signin.Sessions
	Postman     *signin.Postman
	Changes     *credential.Changes
	Logins      *credential.Logins
	Enrolment   *credential.Enrolment
	Profile     *profile.Service
	Companies   *directory.Companies
	Contacts    *directory.Contacts
	Tags        *directory.Tags
	Avatars     *directory.Avatars
	Importer    *directory.Importer
	Ledger      *ledger.Service
	APITokens   *operation.APITokens
	Audit       *operation.Audit
	Receipts    *operation.Receipts
	Idempotency *operation.Idempotency
	Keys        *operation.Keys
}

func (w *World) build(t testing.TB) Services {
	t.Helper()
	var err error
	w.Live, err = live.New(live.Stores{
		Tenants: w.Store.Tenants, Sessions: w.Store.Sessions, Users: w.Store.Users, Companies: w.Store.Companies,
		Tokens: w.Store.APITokens, Changes: w.Store.Changes, Clock: w.Time,
	}, live.Options{})
	require.NoError(t, err)
	w.Ring = jose.NewRing(w.Store.Keys, fake.Vault{}, w.Time)
	w.Recorder = operation.NewRecorder(w.Store.Audit, fake.Vault{}, fake.Random{}, w.Time)
	var s Services
	w.buildSignIn(t, &s)
	w.buildAdmin(&s)
	return s
}

func (w *World) buildSignIn(t testing.TB, s *Services) {
	t.Helper()
	public, err := url.Parse(w.PublicURL)
	require.NoError(t, err)
	tokens := jose.NewTokens(w.Ring, w.PublicURL)
	s.Resolver = tenancy.NewResolver(w.Live, w.options.BaseDomain, public.Hostname(), w.options.DefaultTenant)
	s.Guard = access.NewGuard(w.Live, tokens, w.Time, s.Resolver, w.names(), secret.New(OperatorToken))
	s.Gate = proof.NewGate(w.Store.Counters, fake.Vault{}, w.Time, w.options.Limits)
	prover := proof.NewPasswords(w.Store.Users, w.Hasher, s.Gate)
	sys := signin.System{Clock: w.Time, Random: fake.Random{}, Vault: fake.Vault{}}
	issuer := signin.NewIssuer(sys, w.Store.Sessions, w.Live, tokens, w.Recorder, w.names())
	s.Postman = signin.NewPostman(signin.PostmanParts{
		Outbox: w.Store.Outbox, Links: w.Store.Links, Users: w.Store.Users, Issuer: issuer, Gate: s.Gate, Mailer: w.Mailer,
		Failed: func(outbox.ID, error) {},
	})
	s.Passwords = signin.NewPasswords(s.Resolver, prover, issuer)
	s.Links = signin.NewLinks(s.Resolver, s.Gate, w.Store.Outbox, w.Store.Links, w.Store.Users, issuer, s.Postman.Wake)
	s.Sessions = signin.NewSessions(s.Resolver, s.Guard, w.Store.Sessions, w.Live, issuer)
	s.Changes = credential.NewChanges(s.Resolver, s.Guard, prover, w.credentials(), w.Hasher, w.credentialSystem())
	s.Profile = profile.New(s.Guard, w.Store.Ledger, w.Store.Blobs, fake.Vault{}, w.Time, w.names())
}

func (w *World) buildAdmin(s *Services) {
	st := w.Store
	office := directory.Office{Tenants: st.Tenants, Numbers: st.Numbers, Clock: w.Time, Random: fake.Random{}, Trail: w.Recorder}
	s.Tenancy = tenancy.NewAdmin(st.Tenants, fake.Random{}, w.Time, w.Recorder, tenancy.AdminConfig{
		PublicURL: w.PublicURL, BaseDomain: w.options.BaseDomain,
	})
	s.Companies = directory.NewCompanies(office, st.Companies, st.Ledger, st.Blobs)
	s.Contacts = directory.NewContacts(office, st.Contacts, st.Companies, st.Tags, st.Users, st.Blobs)
	s.Tags = directory.NewTags(office, st.Tags)
	s.Avatars = directory.NewAvatars(office, st.Companies, st.Contacts, st.Blobs, w.imager())
	s.Importer = directory.NewImporter(s.Contacts, func(secret.Text) error { return nil })
	s.Logins = credential.NewLogins(w.credentials(), w.Hasher, st.Outbox, s.Gate, w.credentialSystem(), s.Postman.Wake)
	s.Enrolment = credential.NewEnrolment(s.Contacts, s.Logins)
	s.Ledger = ledger.New(st.Tenants, st.Companies, st.Ledger, w.Time, w.Recorder)
	s.APITokens = operation.NewAPITokens(st.Tenants, st.APITokens, fake.Random{}, w.Time, w.Recorder)
	s.Audit = operation.NewAudit(st.Tenants, st.Audit, fake.Vault{})
	s.Receipts = operation.NewReceipts(st.Tenants, fake.Vault{}, w.Time)
	s.Idempotency = operation.NewIdempotency(st.Idempotency, fake.Vault{}, w.Time)
	s.Keys = operation.NewKeys(st.Keys, w.Ring, w.Time, w.Recorder, keyset.ES256)
}

func (w *World) credentials() credential.Store {
	return credential.Store{
		Users: w.Store.Users, Contacts: w.Store.Contacts, Companies: w.Store.Companies,
		Sessions: w.Store.Sessions, Tenants: w.Store.Tenants,
	}
}

func (w *World) credentialSystem() credential.System {
	return credential.System{Clock: w.Time, Random: fake.Random{}, Trail: w.Recorder}
}

func (w *World) imager() port.Imager {
	if w.options.Imager != nil {
		return w.options.Imager
	}
	return noImager{}
}

type noImager struct{}

// Prepare implements port.Imager.
func (noImager) Prepare(context.Context, []byte) (port.Picture, error) {
	return port.Picture{}, port.ErrImage
}
