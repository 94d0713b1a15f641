package e2e_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mongo"
	"ostiary/app/port"
	"ostiary/app/signin"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/throttle"
	"ostiary/test/contract"
	"ostiary/test/fake"
	"ostiary/test/harness"
	"ostiary/test/mongod"
	"ostiary/test/program"
	"ostiary/test/stage"
)

// apart is how much the clocks of two processes may differ.
const apart = 30 * time.Second

// TestProcesses_ClocksMayDiffer holds the clocks of two processes apart, which
// is done within one program: no clock of a real process can be turned.
func TestProcesses_ClocksMayDiffer(t *testing.T) {
	t.Parallel()
	for name, clocks := range map[string][2]time.Duration{
		"the second is ahead":  {0, apart},
		"the second is behind": {apart, 0},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			first, second := newWorlds(t, clocks)

			for _, w := range [][2]*harness.World{{first, second}, {second, first}} {
				tokensPass(t, w[0], w[1])
				refreshGoesOn(t, w[0], w[1])
				linkOpens(t, w[0], w[1])
				logoutIsHeard(t, w[0], w[1])
				apiTokenPasses(t, w[0], w[1])
			}
			lockOutHolds(t, first, second)
		})
	}
}

func newWorlds(t *testing.T, clocks [2]time.Duration) (first, second *harness.World) {
	t.Helper()
	uri := mongod.Database(t)
	t.Log(mongod.Kind(t))
	o := harness.Options{PublicURL: "https://portal.example", Limits: throttle.Default(), Store: func(t testing.TB, own port.Clock) (contract.Store, port.Clock) {
		return mongoStore(t, uri, own)
	}}
	o.Ahead = clocks[0]
	first = harness.New(t, o)
	o.Ahead, o.Beside = clocks[1], first
	second = harness.New(t, o)
	for _, w := range []*harness.World{first, second} {
		// The first time that a process hears of, it learns what time it is.
		require.NoError(t, w.Live.Poll(t.Context()))
	}
	return first, second
}

func tokensPass(t *testing.T, here, there *harness.World) {
	t.Helper()
	there.Visit(t, here.SignIn(t).Access.Reveal())
}

// refreshGoesOn hands one session's refresh token to and fro. Each time an
// answer is lost, and asked for again at the other process.
func refreshGoesOn(t *testing.T, here, there *harness.World) {
	t.Helper()
	g := here.SignIn(t)
	for _, w := range []*harness.World{there, here, there} {
		next := w.Refresh(t, g.Refresh.Reveal())
		require.NotEqual(t, g.Refresh.Reveal(), next.Refresh.Reveal())
		for _, other := range []*harness.World{here, there} {
			require.Equal(t, next.Refresh.Reveal(), other.Refresh(t, g.Refresh.Reveal()).Refresh.Reveal())
		}
		g = next
	}
	here.Visit(t, g.Access.Reveal())
}

func linkOpens(t *testing.T, here, there *harness.World) {
	t.Helper()
	_, err := here.Links.Request(t.Context(), signin.LinkInput{Hints: tenancy.Hints{Path: harness.Code}, Email: fake.Address(t, harness.AdaMail), Origin: "198.51.100.7"})
	require.NoError(t, err)
	here.Deliver(t)
	sent := here.Mailer.Sent()
	require.NotEmpty(t, sent)
	in := signin.ValidateInput{Token: stage.TokenOf(t, sent[len(sent)-1]), Origin: "198.51.100.7"}
	g, err := there.Links.Validate(t.Context(), in)
	require.NoError(t, err)
	here.Visit(t, g.Access.Reveal())
	_, err = here.Links.Validate(t.Context(), in)
	require.Equal(t, fault.Unauthenticated, fault.Of(err).Kind())
}

func logoutIsHeard(t *testing.T, here, there *harness.World) {
	t.Helper()
	g := here.SignIn(t)
	there.Visit(t, g.Access.Reveal())
	require.NoError(t, here.Sessions.Logout(t.Context(), here.Bearer(g.Access)))
	require.NoError(t, there.Live.Poll(t.Context()))
	_, err := there.Guard.Visitor(t.Context(), there.Bearer(g.Access))
	require.Equal(t, fault.Unauthenticated, fault.Of(err).Kind())
}

func apiTokenPasses(t *testing.T, here, there *harness.World) {
	t.Helper()
	token := here.APIToken(t, harness.Code, actor.ContactsRead)
	_, err := there.Guard.Program(t.Context(), there.Bearer(secret.New(token)))
	require.NoError(t, err)
}

// lockOutHolds guesses here and there in turn.
func lockOutHolds(t *testing.T, here, there *harness.World) {
	t.Helper()
	try := func(w *harness.World, password string) error {
		_, err := w.Passwords.Login(t.Context(), signin.PasswordInput{
			Hints: tenancy.Hints{Path: harness.Code}, Email: fake.Address(t, harness.AdaMail), Password: secret.New(password), Origin: "198.51.100.8",
		})
		return err
	}
	for range 6 {
		require.Error(t, try(here, "wrong"))
		require.Error(t, try(there, "wrong"))
	}
	for _, w := range []*harness.World{here, there} {
		require.Equal(t, fault.Unauthenticated, fault.Of(try(w, harness.Password)).Kind())
	}
}

// mongoStore is what one process has of a database, and its time.
func mongoStore(t testing.TB, uri string, own port.Clock) (contract.Store, port.Clock) {
	t.Helper()
	clock := mongo.NewClock(own)
	db, err := mongo.Open(t.Context(), uri, mongo.Options{Timeout: program.Patience, Clock: clock})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return contract.Store{
		Tenants: mongo.NewTenants(db), Numbers: mongo.NewNumbers(db), Companies: mongo.NewCompanies(db),
		Contacts: mongo.NewContacts(db), Tags: mongo.NewTags(db), Users: mongo.NewUsers(db), Blobs: mongo.NewBlobs(db),
		Sessions: mongo.NewSessions(db), Links: mongo.NewLinks(db), Counters: mongo.NewCounters(db),
		Outbox: mongo.NewOutbox(db), APITokens: mongo.NewAPITokens(db), Ledger: mongo.NewLedger(db),
		Audit: mongo.NewAudit(db), Keys: mongo.NewKeys(db), Idempotency: mongo.NewIdempotency(db),
		Changes: mongo.NewChanges(db), Health: mongo.NewHealth(db), Janitor: mongo.NewJanitor(db),
	}, clock
}
