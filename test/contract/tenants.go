package contract

import (
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/apitoken"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/ledger"
	"ostiary/domain/scope"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// Tenants checks any port.Tenants.
func Tenants(t *testing.T, open Open) {
	checks{
		"Add/KeepsEveryMember":            tenantsKeepEveryMember,
		"Add/KeepsZeroMembers":            tenantsKeepZeroMembers,
		"Add/RefusesWhatIsTaken":          tenantsAddRefusesTaken,
		"Add/OneOfManyWins":               tenantsAddOneWins,
		"By/FindsByAllThree":              tenantsFind,
		"By/MissesWhatIsNotThere":         tenantsMiss,
		"Update/KeepsPromises":            tenantsUpdate,
		"Update/KeepsEveryMember":         tenantsUpdateEveryMember,
		"Update/MovesHosts":               tenantsUpdateMovesHosts,
		"Update/RefusesWhatIsTaken":       tenantsUpdateRefusesTaken,
		"Update/OneOfManyTakesAHost":      tenantsUpdateOneTakesHost,
		"Delete/ComparesVersions":         tenantsDeleteComparesVersions,
		"Delete/FreesCodeHostAndAudience": tenantsDeleteFrees,
		"Delete/TakesItsDataAlong":        tenantsDeleteTakesData,
		"Delete/OneOfManyWins":            tenantsDeleteOneWins,
		"List/RisesByCodeInPages":         tenantsList,
		"OriginAllowed/AsksActiveTenants": tenantsOrigins,
	}.alone(t, open)
}

func fullTenant(t testing.TB) *tenant.Tenant {
	t.Helper()
	tn, err := tenant.New(tenant.IDFromBytes(fake.UUID()), tenant.Code(unique()), tenant.Details{
		Name: word, Currency: fake.Currency(t, "JPY"), Status: tenant.Suspended,
		Hosts:  []tenant.Host{"b." + tenant.Host(unique()) + ".example", "xn--" + "bcher-kva.example"},
		Scopes: scope.Map{scope.Finance: true, scope.Support: false, "own-9": true},
		Settings: tenant.Settings{
			Locale: "nl-NL", Audience: "urn:" + unique(), Origins: []string{"https://z.example", "http://a.example:8080"},
			MagicLinkMinutes: 15, MagicLinkURL: "https://z.example/in#t={token}", PasswordMinLength: 64,
			AdminPasswords: tenant.Temporary, AccessTokenMinutes: 60, RefreshIdleDays: 1, RefreshAbsoluteDays: 365,
		},
	}, moment)
	require.NoError(t, err)
	s := tn.Snapshot()
	s.Updated, s.Version = after(time.Millisecond), 1<<40
	return tenant.Restore(s)
}

func tenantWith(t testing.TB, change func(*tenant.Details)) *tenant.Tenant {
	t.Helper()
	tn := fake.Tenant(t, unique())
	require.NoError(t, changeTenant(tn, change))
	return tn
}

func changeTenant(tn *tenant.Tenant, change func(*tenant.Details)) error {
	d := tn.Details()
	change(&d)
	return tn.Change(d, moment)
}

func tenantsKeepEveryMember(t *testing.T, s Store) {
	want := fullTenant(t)
	require.NoError(t, s.Tenants.Add(t.Context(), want))

	got, err := s.Tenants.ByID(t.Context(), want.ID())

	require.NoError(t, err)
	same(t, want.Snapshot(), got.Snapshot())
}

func tenantsKeepZeroMembers(t *testing.T, s Store) {
	want, err := tenant.New(tenant.IDFromBytes(fake.UUID()), "a", tenant.Details{Name: "A", Currency: fake.Currency(t, "EUR")}, moment)
	require.NoError(t, err)
	require.NoError(t, s.Tenants.Add(t.Context(), want))

	got, err := s.Tenants.ByID(t.Context(), want.ID())

	require.NoError(t, err)
	same(t, want.Snapshot(), got.Snapshot())
}

func tenantsAddRefusesTaken(t *testing.T, s Store) {
	first := tenantWith(t, func(d *tenant.Details) {
		d.Hosts = []tenant.Host{"one.example", "two.example"}
		d.Settings.Audience = "urn:first"
	})
	require.NoError(t, s.Tenants.Add(t.Context(), first))
	require.NoError(t, s.Tenants.Add(t.Context(), fake.Tenant(t, "plain")))
	require.NoError(t, s.Tenants.Add(t.Context(), fake.Tenant(t, "another")), "an unset audience is not compared")

	require.ErrorIs(t, s.Tenants.Add(t.Context(), fake.Tenant(t, string(first.Snapshot().Code))), tenant.ErrCodeTaken)
	host := tenantWith(t, func(d *tenant.Details) { d.Hosts = []tenant.Host{"other.example", "two.example"} })
	require.ErrorIs(t, s.Tenants.Add(t.Context(), host), tenant.ErrHostTaken)
	audience := tenantWith(t, func(d *tenant.Details) { d.Settings.Audience = "urn:first" })
	require.ErrorIs(t, s.Tenants.Add(t.Context(), audience), tenant.ErrAudienceTaken)

	for _, refused := range []*tenant.Tenant{host, audience} {
		_, err := s.Tenants.ByID(t.Context(), refused.ID())
		require.ErrorIs(t, err, tenant.ErrNotFound)
		_, err = s.Tenants.ByCode(t.Context(), refused.Snapshot().Code)
		require.ErrorIs(t, err, tenant.ErrNotFound)
	}
	_, err := s.Tenants.ByHost(t.Context(), "other.example")
	require.ErrorIs(t, err, tenant.ErrNotFound, "a refused tenant leaves no host behind")
	free := tenantWith(t, func(d *tenant.Details) { d.Hosts = []tenant.Host{"other.example"} })
	require.NoError(t, s.Tenants.Add(t.Context(), free))
}

func tenantsAddOneWins(t *testing.T, s Store) {
	for refusal, change := range map[error]func(*tenant.Snapshot){
		tenant.ErrCodeTaken:     func(x *tenant.Snapshot) { x.Code = "same" },
		tenant.ErrHostTaken:     func(x *tenant.Snapshot) { x.Details.Hosts = []tenant.Host{"same.example"} },
		tenant.ErrAudienceTaken: func(x *tenant.Snapshot) { x.Details.Settings.Audience = "urn:same" },
	} {
		rivals := make([]*tenant.Tenant, crowd)
		for i := range rivals {
			x := fake.Tenant(t, unique()).Snapshot()
			change(&x)
			rivals[i] = tenant.Restore(x)
		}

		errs := crowded(crowd, func(i int) error { return s.Tenants.Add(t.Context(), rivals[i]) })

		oneWins(t, errs, refusal)
	}
}

func tenantsFind(t *testing.T, s Store) {
	other := fullTenant(t)
	require.NoError(t, s.Tenants.Add(t.Context(), other))
	want := tenantWith(t, func(d *tenant.Details) { d.Hosts = []tenant.Host{"one.example", "two.example"} })
	require.NoError(t, s.Tenants.Add(t.Context(), want))

	byID, err := s.Tenants.ByID(t.Context(), want.ID())
	require.NoError(t, err)
	same(t, want.Snapshot(), byID.Snapshot())
	byCode, err := s.Tenants.ByCode(t.Context(), want.Snapshot().Code)
	require.NoError(t, err)
	same(t, want.Snapshot(), byCode.Snapshot())
	for _, h := range []tenant.Host{"one.example", "two.example"} {
		byHost, err := s.Tenants.ByHost(t.Context(), h)
		require.NoError(t, err)
		same(t, want.Snapshot(), byHost.Snapshot())
	}
}

func tenantsMiss(t *testing.T, s Store) {
	require.NoError(t, s.Tenants.Add(t.Context(), fullTenant(t)))
	unknown := tenant.IDFromBytes(fake.UUID())

	_, err := s.Tenants.ByID(t.Context(), unknown)
	require.ErrorIs(t, err, tenant.ErrNotFound)
	_, err = s.Tenants.ByID(t.Context(), tenant.ID{})
	require.ErrorIs(t, err, tenant.ErrNotFound)
	for _, code := range []tenant.Code{"", "nobody"} {
		_, err = s.Tenants.ByCode(t.Context(), code)
		require.ErrorIs(t, err, tenant.ErrNotFound)
	}
	for _, host := range []tenant.Host{"", "example", "nobody.example"} {
		_, err = s.Tenants.ByHost(t.Context(), host)
		require.ErrorIs(t, err, tenant.ErrNotFound)
	}
	isHidden(t, tenant.ErrNotFound, func(change func(*tenant.Tenant) error) error {
		return s.Tenants.Update(t.Context(), unknown, change)
	})
	require.ErrorIs(t, s.Tenants.Delete(t.Context(), unknown, 0), tenant.ErrNotFound)
	require.ErrorIs(t, s.Tenants.Delete(t.Context(), unknown, 3), tenant.ErrNotFound)
}

func tenantsUpdate(t *testing.T, s Store) {
	tn := fullTenant(t)
	require.NoError(t, s.Tenants.Add(t.Context(), tn))
	updatedTenant(t, s, tn.ID()).keepsPromises(t)
}

func updatedTenant(t testing.TB, s Store, id tenant.ID) updated[*tenant.Tenant] {
	count := func(tn *tenant.Tenant) int64 { return int64(tn.Settings().RefreshIdleDays) }
	return updated[*tenant.Tenant]{
		update: func(change func(*tenant.Tenant) error) error { return s.Tenants.Update(t.Context(), id, change) },
		load: func() *tenant.Tenant {
			tn, err := s.Tenants.ByID(t.Context(), id)
			require.NoError(t, err)
			return tn
		},
		version: (*tenant.Tenant).Version,
		bump: func(tn *tenant.Tenant) error {
			return changeTenant(tn, func(d *tenant.Details) { d.Settings.RefreshIdleDays++ })
		},
		count: count,
		open:  func(tn *tenant.Tenant) any { return tn.Snapshot() },
	}
}

func tenantsUpdateMovesHosts(t *testing.T, s Store) {
	tn := tenantWith(t, func(d *tenant.Details) { d.Hosts = []tenant.Host{"old.example", "stays.example"} })
	require.NoError(t, s.Tenants.Add(t.Context(), tn))

	require.NoError(t, s.Tenants.Update(t.Context(), tn.ID(), func(tn *tenant.Tenant) error {
		return changeTenant(tn, func(d *tenant.Details) { d.Hosts = []tenant.Host{"new.example", "stays.example"} })
	}))

	for _, h := range []tenant.Host{"new.example", "stays.example"} {
		got, err := s.Tenants.ByHost(t.Context(), h)
		require.NoError(t, err)
		require.Equal(t, tn.ID(), got.ID())
	}
	_, err := s.Tenants.ByHost(t.Context(), "old.example")
	require.ErrorIs(t, err, tenant.ErrNotFound)
	heir := tenantWith(t, func(d *tenant.Details) { d.Hosts = []tenant.Host{"old.example"} })
	require.NoError(t, s.Tenants.Add(t.Context(), heir), "a host that was given up is free")
}

func tenantsUpdateRefusesTaken(t *testing.T, s Store) {
	require.NoError(t, s.Tenants.Add(t.Context(), tenantWith(t, func(d *tenant.Details) {
		d.Hosts, d.Settings.Audience = []tenant.Host{"taken.example"}, "urn:taken"
	})))
	tn := tenantWith(t, func(d *tenant.Details) {
		d.Hosts, d.Settings.Audience = []tenant.Host{"own.example"}, "urn:own"
	})
	require.NoError(t, s.Tenants.Add(t.Context(), tn))

	for refusal, change := range map[error]func(*tenant.Details){
		tenant.ErrHostTaken:     func(d *tenant.Details) { d.Hosts = []tenant.Host{"fresh.example", "taken.example"} },
		tenant.ErrAudienceTaken: func(d *tenant.Details) { d.Settings.Audience = "urn:taken" },
	} {
		err := s.Tenants.Update(t.Context(), tn.ID(), func(tn *tenant.Tenant) error { return changeTenant(tn, change) })
		require.ErrorIs(t, err, refusal)

		got, err := s.Tenants.ByID(t.Context(), tn.ID())
		require.NoError(t, err)
		same(t, tn.Snapshot(), got.Snapshot())
	}
	got, err := s.Tenants.ByHost(t.Context(), "own.example")
	require.NoError(t, err)
	require.Equal(t, tn.ID(), got.ID())
	_, err = s.Tenants.ByHost(t.Context(), "fresh.example")
	require.ErrorIs(t, err, tenant.ErrNotFound)
}

func tenantsUpdateOneTakesHost(t *testing.T, s Store) {
	ids := make([]tenant.ID, crowd)
	for i := range ids {
		tn := fake.Tenant(t, unique())
		require.NoError(t, s.Tenants.Add(t.Context(), tn))
		ids[i] = tn.ID()
	}
	for refusal, change := range map[error]func(*tenant.Details){
		tenant.ErrHostTaken:     func(d *tenant.Details) { d.Hosts = []tenant.Host{"same.example"} },
		tenant.ErrAudienceTaken: func(d *tenant.Details) { d.Settings.Audience = "urn:same" },
	} {
		errs := crowded(crowd, func(i int) error {
			return s.Tenants.Update(t.Context(), ids[i], func(tn *tenant.Tenant) error { return changeTenant(tn, change) })
		})
		oneWins(t, errs, refusal)
	}
}

func tenantsDeleteComparesVersions(t *testing.T, s Store) {
	tn, other := fullTenant(t), fake.Tenant(t, unique())
	require.NoError(t, s.Tenants.Add(t.Context(), tn))
	require.NoError(t, s.Tenants.Add(t.Context(), other))

	require.ErrorIs(t, s.Tenants.Delete(t.Context(), tn.ID(), tn.Version()-1), port.ErrVersion)
	require.ErrorIs(t, s.Tenants.Delete(t.Context(), tn.ID(), tn.Version()+1), port.ErrVersion)
	_, err := s.Tenants.ByID(t.Context(), tn.ID())
	require.NoError(t, err)

	require.NoError(t, s.Tenants.Delete(t.Context(), tn.ID(), tn.Version()))
	require.NoError(t, s.Tenants.Delete(t.Context(), other.ID(), 0))
	for _, gone := range []tenant.ID{tn.ID(), other.ID()} {
		_, err := s.Tenants.ByID(t.Context(), gone)
		require.ErrorIs(t, err, tenant.ErrNotFound)
	}
}

func tenantsDeleteFrees(t *testing.T, s Store) {
	tn := fullTenant(t)
	require.NoError(t, s.Tenants.Add(t.Context(), tn))
	require.NoError(t, s.Tenants.Delete(t.Context(), tn.ID(), 0))

	_, err := s.Tenants.ByCode(t.Context(), tn.Snapshot().Code)
	require.ErrorIs(t, err, tenant.ErrNotFound)
	_, err = s.Tenants.ByHost(t.Context(), tn.Details().Hosts[0])
	require.ErrorIs(t, err, tenant.ErrNotFound)

	heir := tn.Snapshot()
	heir.ID = tenant.IDFromBytes(fake.UUID())
	require.NoError(t, s.Tenants.Add(t.Context(), tenant.Restore(heir)))
}

func tenantsDeleteOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	oneWins(t, crowded(crowd, func(int) error { return s.Tenants.Delete(t.Context(), h.id, 0) }), tenant.ErrNotFound)
}

// estate is one of everything that a tenant may own.
type estate struct {
	home
	user    *user.User
	session session.ID
	link    session.Link
	tag     contact.TagID
	blob    avatar.BlobID
	token   apitoken.ID
	answer  port.IdempotencyKey
}

func (h home) fill(t testing.TB) estate {
	t.Helper()
	e := estate{home: h, user: h.addUser(t, 1), tag: h.addTag(t, 1).ID(), answer: port.IdempotencyKey(fake.Digest())}
	opened, _ := h.addSession(t, e.user, moment)
	e.session, e.link = opened.ID(), h.addLink(t, e.user, moment)
	e.blob = avatar.BlobIDFromBytes(fake.UUID())
	require.NoError(t, h.Blobs.Put(t.Context(), h.id, avatar.Blob{ID: e.blob, Media: "image/png", Bytes: []byte("png")}))
	token := newToken(t, h.id)
	e.token = token.Snapshot().ID
	require.NoError(t, h.APITokens.Add(t.Context(), token))
	_, err := h.Ledger.Put(t.Context(), h.document(ledger.Order, "open"))
	require.NoError(t, err)
	_, _, _, err = h.Idempotency.Begin(t.Context(), h.id, e.answer, fake.Digest(), moment, time.Minute)
	require.NoError(t, err)
	require.NoError(t, h.Idempotency.Finish(t.Context(), h.id, e.answer, []byte("answer"), moment))
	return e
}

// isThere reports, by name, which parts of the estate the store still knows.
func (e estate) isThere(t testing.TB) map[string]bool {
	t.Helper()
	found := func(refusal, err error) bool {
		if err != nil {
			require.ErrorIs(t, err, refusal)
		}
		return err == nil
	}
	out := map[string]bool{}
	_, err := e.Companies.ByID(t.Context(), e.id, e.co.ID())
	out["company"] = found(company.ErrNotFound, err)
	_, err = e.Contacts.ByID(t.Context(), e.id, e.user.Contact())
	out["contact"] = found(contact.ErrNotFound, err)
	_, err = e.Tags.ByID(t.Context(), e.id, e.tag)
	out["tag"] = found(contact.ErrTagNotFound, err)
	_, err = e.Users.ByID(t.Context(), e.id, e.user.ID())
	out["user"] = found(user.ErrNotFound, err)
	_, err = e.Sessions.ByID(t.Context(), e.id, e.session)
	out["session"] = found(session.ErrNotFound, err)
	_, err = e.APITokens.ByID(t.Context(), e.id, e.token)
	out["token"] = found(apitoken.ErrNotFound, err)
	_, out["blob"], err = e.Blobs.Get(t.Context(), e.id, e.blob)
	require.NoError(t, err)
	f, err := e.Ledger.Figures(t.Context(), e.id, e.co.ID())
	require.NoError(t, err)
	out["figures"] = f != ledger.Figures{}
	return out
}

func tenantsDeleteTakesData(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	gone, stays := ours.fill(t), theirs.fill(t)
	record := auditRecord(ours.id, auditWriter(), 1)
	require.NoError(t, s.Audit.Append(t.Context(), record))

	require.NoError(t, s.Tenants.Delete(t.Context(), ours.id, 0))

	for part, there := range gone.isThere(t) {
		require.False(t, there, part)
	}
	for part, there := range stays.isThere(t) {
		require.True(t, there, part)
	}
	require.ErrorIs(t, gone.useLink(t, gone.link.Token, moment), session.ErrLinkSpent)
	require.NoError(t, stays.useLink(t, stays.link.Token, moment))
	state, _, _, err := s.Idempotency.Begin(t.Context(), ours.id, gone.answer, fake.Digest(), moment, time.Minute)
	require.NoError(t, err)
	require.Equal(t, port.Fresh, state)
	kept, err := s.Audit.List(t.Context(), ours.id, port.AuditQuery{Limit: 10})
	require.NoError(t, err)
	same(t, record, kept)
}

func tenantsList(t *testing.T, s Store) {
	for _, code := range []string{"m", "a-b", "zz", "a", "0", "ab", "z"} {
		require.NoError(t, s.Tenants.Add(t.Context(), fake.Tenant(t, code)))
	}
	list := func(after tenant.Code, limit int) (out []string) {
		got, err := s.Tenants.List(t.Context(), after, limit)
		require.NoError(t, err)
		for _, tn := range got {
			out = append(out, string(tn.Snapshot().Code))
		}
		return out
	}

	require.Equal(t, []string{"0", "a", "a-b", "ab", "m", "z", "zz"}, list("", 100), "codes rise byte by byte")
	require.Equal(t, []string{"0", "a", "a-b"}, list("", 3))
	require.Equal(t, []string{"ab", "m", "z"}, list("a-b", 3))
	require.Equal(t, []string{"m", "z", "zz"}, list("b", 3), "the place after which to go on need not exist")
	require.Empty(t, list("zz", 3))
}

func tenantsOrigins(t *testing.T, s Store) {
	tn := tenantWith(t, func(d *tenant.Details) { d.Settings.Origins = []string{"https://a.example", "https://b.example:8443"} })
	require.NoError(t, s.Tenants.Add(t.Context(), tn))
	suspended := tenantWith(t, func(d *tenant.Details) {
		d.Status, d.Settings.Origins = tenant.Suspended, []string{"https://s.example", "https://a.example"}
	})
	require.NoError(t, s.Tenants.Add(t.Context(), suspended))
	allowed := func(origin string) bool {
		ok, err := s.Tenants.OriginAllowed(t.Context(), origin)
		require.NoError(t, err)
		return ok
	}

	for origin, want := range map[string]bool{
		"https://a.example": true, "https://b.example:8443": true,
		"https://s.example": false, "http://a.example": false, "https://b.example": false, "https://a.example/": false,
		"https://%.example": false, "https://_.example": false, "": false, "null": false,
	} {
		require.Equal(t, want, allowed(origin), strconv.Quote(origin))
	}

	require.NoError(t, s.Tenants.Update(t.Context(), tn.ID(), func(tn *tenant.Tenant) error {
		return changeTenant(tn, func(d *tenant.Details) { d.Settings.Origins = []string{"https://c.example"} })
	}))
	require.False(t, allowed("https://a.example"))
	require.True(t, allowed("https://c.example"))

	require.NoError(t, s.Tenants.Delete(t.Context(), tn.ID(), 0))
	require.False(t, allowed("https://c.example"))
}

func tenantsUpdateEveryMember(t *testing.T, s Store) {
	bare, full := fake.Tenant(t, unique()), fullTenant(t).Snapshot()
	require.NoError(t, s.Tenants.Add(t.Context(), bare))
	full.ID, full.Code = bare.ID(), bare.Snapshot().Code

	for _, want := range []tenant.Snapshot{full, bare.Snapshot()} {
		updatedTenant(t, s, bare.ID()).becomes(t, want, func(tn *tenant.Tenant) { *tn = *tenant.Restore(want) })
	}
}
