package live_test

import (
	"context"
	"errors"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/live"
	"ostiary/app/port"
	"ostiary/domain/apitoken"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

var errDown = errors.New("storage is down")

// world is every store at once, counting its reads.
type world struct {
	mu       sync.Mutex
	now      time.Time
	reads    int
	down     bool
	broken   bool   // companies are returned together with an error
	before   func() // called by the next read after it has seen the data
	tenants  map[tenant.ID]*tenant.Tenant
	sessions map[session.ID]*session.Session
	users    map[user.ID]*user.User
	company  map[company.ID]*company.Company
	tokens   map[apitoken.ID]*apitoken.Token

	announced []announced
	oldest    int
	overlap   int    // how many are told of again
	during    func() // called by every poll
	hear      func([]port.Announcement)
	reload    func(context.Context) error // of the key set
}

func readily(context.Context) error { return nil }

func (w *world) Now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.now
}

func (w *world) move(d time.Duration) {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.now = w.now.Add(d)
}

// read looks something up, then lets the test step in before it is returned.
func read[V any](w *world, look func() (V, error)) (V, error) {
	w.mu.Lock()
	w.reads++
	v, err := look()
	if w.down {
		err = errDown
	}
	before := w.before
	w.before = nil
	w.mu.Unlock()
	if before != nil {
		before()
	}
	return v, err
}

func find[K comparable, V any](w *world, in *map[K]V, k K, missing error) (V, error) {
	return read(w, func() (V, error) {
		if v, ok := (*in)[k]; ok {
			return v, nil
		}
		var none V
		return none, missing
	})
}

func (w *world) search(match func(*tenant.Tenant) bool) (*tenant.Tenant, error) {
	return read(w, func() (*tenant.Tenant, error) {
		for _, t := range w.tenants {
			if match(t) {
				return t, nil
			}
		}
		return nil, tenant.ErrNotFound
	})
}

type (
	tenants struct {
		*world
		port.Tenants
	}
	sessions struct {
		*world
		port.Sessions
	}
	users struct {
		*world
		port.Users
	}
	companies struct {
		*world
		port.Companies
	}
	tokens struct {
		*world
		port.APITokens
	}
)

func (w tenants) ByID(_ context.Context, id tenant.ID) (*tenant.Tenant, error) {
	return find(w.world, &w.tenants, id, tenant.ErrNotFound)
}

func (w tenants) ByCode(_ context.Context, code tenant.Code) (*tenant.Tenant, error) {
	return w.search(func(t *tenant.Tenant) bool { return t.Code() == code })
}

func (w tenants) ByHost(_ context.Context, host tenant.Host) (*tenant.Tenant, error) {
	return w.search(func(t *tenant.Tenant) bool {
		hosts := t.Details().Hosts
		return len(hosts) == 1 && hosts[0] == host
	})
}

func (w tenants) OriginAllowed(_ context.Context, origin string) (bool, error) {
	_, err := w.search(func(t *tenant.Tenant) bool {
		origins := t.Settings().Origins
		return len(origins) == 1 && origins[0] == origin
	})
	if errors.Is(err, tenant.ErrNotFound) {
		return false, nil
	}
	return err == nil, err
}

func (w sessions) ByID(_ context.Context, t tenant.ID, id session.ID) (*session.Session, error) {
	if t != acme {
		return nil, session.ErrNotFound
	}
	return find(w.world, &w.sessions, id, session.ErrNotFound)
}

func (w users) ByID(_ context.Context, _ tenant.ID, id user.ID) (port.Person, error) {
	u, err := find(w.world, &w.users, id, user.ErrNotFound)
	if err != nil {
		return port.Person{}, err
	}
	return port.Person{User: u, Contact: contact.Restore(contact.Snapshot{Tenant: acme, ID: person})}, nil
}

func (w companies) ByID(_ context.Context, _ tenant.ID, id company.ID) (*company.Company, error) {
	if w.broken {
		return w.company[id], errDown
	}
	return find(w.world, &w.company, id, company.ErrNotFound)
}

func (w tokens) ByID(_ context.Context, _ tenant.ID, id apitoken.ID) (*apitoken.Token, error) {
	return find(w.world, &w.tokens, id, apitoken.ErrNotFound)
}

func (w *world) Latest(context.Context) (port.Cursor, error) {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down {
		return "", errDown
	}
	return cursor(len(w.announced)), nil
}

// announced is a change and when it was announced.
type announced struct {
	port.Change
	at time.Time
}

func (w *world) Since(_ context.Context, after port.Cursor) ([]port.Announcement, port.Cursor, error) {
	if w.during != nil {
		w.during()
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	from := len(after)
	switch {
	case w.down:
		return nil, "", errDown
	case from < w.oldest:
		return nil, "", port.ErrVersion
	}
	var out []port.Announcement
	for i := max(0, from-w.overlap); i < len(w.announced); i++ {
		a := w.announced[i]
		out = append(out, port.Announcement{Change: a.Change, Entry: strconv.Itoa(i), Age: w.now.Sub(a.at)})
	}
	return out, cursor(len(w.announced)), nil
}

// cursor is as long as what it comes after.
func cursor(n int) port.Cursor { return port.Cursor(make([]byte, n)) }

func (w *world) OnLocal(f func([]port.Announcement)) { w.hear = f }

// local is what this process did; nobody else hears of it.
func (w *world) local(changes []port.Change) {
	var out []port.Announcement
	for _, c := range changes {
		out = append(out, port.Announcement{Change: c, Entry: "unheard of"})
	}
	w.hear(out)
}

// own is what this process did as long after it announced it; settled says that
// it knows so.
func (w *world) own(c port.Change, after time.Duration, settled bool) {
	w.announce(c)
	w.move(after)
	w.mu.Lock()
	entry := strconv.Itoa(len(w.announced) - 1)
	w.mu.Unlock()
	w.hear([]port.Announcement{{Change: c, Entry: entry, Settled: settled}})
}

// announce is what another process did; poll hears of it.
func (w *world) announce(changes ...port.Change) {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range changes {
		w.announced = append(w.announced, announced{c, w.now})
	}
}

// edit changes what is stored, unannounced.
func (w *world) edit(change func()) {
	w.mu.Lock()
	defer w.mu.Unlock()
	change()
}

// cost is how many reads act takes.
func (w *world) cost(act func()) int {
	w.mu.Lock()
	before := w.reads
	w.mu.Unlock()
	act()
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.reads - before
}

var (
	acme      = tenant.IDFromBytes([16]byte{1})
	sid       = session.IDFromBytes([16]byte{2})
	uid       = user.IDFromBytes([16]byte{3})
	tid       = apitoken.IDFromBytes([16]byte{4})
	cid, _    = company.IDOf(7)
	person, _ = contact.IDOf(8)
)

func acmeWith(host tenant.Host, origin string) *tenant.Tenant {
	return tenant.Restore(tenant.Snapshot{ID: acme, Code: "acme", Details: tenant.Details{
		Status: tenant.Active, Hosts: []tenant.Host{host}, Settings: tenant.Settings{Origins: []string{origin}},
	}})
}

func newWorld() *world {
	w := &world{now: time.Date(2026, 11, 22, 10, 0, 0, 0, time.UTC), reload: readily}
	u := user.New(acme, uid, person, w.now)
	w.tenants = map[tenant.ID]*tenant.Tenant{acme: acmeWith("portal.acme.example", "https://app.acme.example")}
	w.users = map[user.ID]*user.User{uid: u}
	w.sessions = map[session.ID]*session.Session{sid: session.Open(session.Opening{
		ID: sid, User: u, Company: cid, First: secret.Digest{1}, Limits: session.Limits{Idle: 24 * time.Hour, Absolute: 90 * 24 * time.Hour},
	}, w.now)}
	w.company = map[company.ID]*company.Company{cid: company.Restore(company.Snapshot{Tenant: acme, ID: cid})}
	w.tokens = map[apitoken.ID]*apitoken.Token{tid: apitoken.Restore(apitoken.Snapshot{Tenant: acme, ID: tid})}
	return w
}

func (w *world) open(t testing.TB, o live.Options) *live.Live {
	t.Helper()
	l, err := live.New(live.Stores{
		Tenants: tenants{world: w}, Sessions: sessions{world: w}, Users: users{world: w}, Companies: companies{world: w}, Tokens: tokens{world: w}, Changes: w, Clock: w,
		Keys: func(ctx context.Context) error { return w.reload(ctx) },
	}, o)
	require.NoError(t, err)
	return l
}

// setup is a Live that has heard from its stores.
func setup(t testing.TB) (*world, *live.Live) {
	t.Helper()
	w := newWorld()
	l := w.open(t, live.Options{})
	require.NoError(t, l.Poll(t.Context()))
	return w, l
}
