package tenant_test

import (
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/fault"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/tenant"
)

var (
	now  = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)
	acme = tenant.IDFromBytes([16]byte{15: 1})
)

func details() tenant.Details {
	return tenant.Details{Name: "Acme", Currency: money.RestoreCurrency("EUR")}
}

func newTenant(t *testing.T) *tenant.Tenant {
	t.Helper()
	out, err := tenant.New(acme, "acme", details(), now)
	require.NoError(t, err)
	return out
}

// pointers names the values that a refusal is about.
func pointers(err error) []string {
	var out []string
	if f := fault.Of(err); f != nil {
		for _, field := range f.Fields() {
			out = append(out, field.Pointer)
		}
	}
	return out
}

func TestNew_IsActiveWithDefaults(t *testing.T) {
	t.Parallel()

	acme := newTenant(t)

	require.True(t, acme.Active())
	require.Equal(t, int64(1), acme.Version())
	s := acme.Settings()
	require.Equal(t, 10*time.Minute, s.MagicLinkTTL())
	require.Equal(t, 15*time.Minute, s.AccessTTL())
	require.Equal(t, 30*24*time.Hour, s.RefreshIdle())
	require.Equal(t, 90*24*time.Hour, s.RefreshAbsolute())
	require.Equal(t, 8, s.MinPassword())
	require.False(t, s.TemporaryPasswords())
}

func TestOffer_IsWhatTheDetailsSay(t *testing.T) {
	t.Parallel()
	made := newTenant(t)
	require.Empty(t, made.Offer().Granted())
	d := details()
	d.Status, d.Scopes = tenant.Active, scope.Map{"support": true, "custom": true, "finance": false}

	require.NoError(t, made.Change(d, now))

	require.Equal(t, []string{"custom", "support"}, made.Offer().Granted())
	require.Equal(t, made.Offer(), tenant.Restore(made.Snapshot()).Offer())
}

func TestSettings_SayWhatWasSet(t *testing.T) {
	t.Parallel()
	s := tenant.Settings{
		MagicLinkMinutes: 5, AccessTokenMinutes: 1, RefreshIdleDays: 2, RefreshAbsoluteDays: 3, PasswordMinLength: 15,
		AdminPasswords: tenant.Temporary,
	}

	require.Equal(t, 5*time.Minute, s.MagicLinkTTL())
	require.Equal(t, time.Minute, s.AccessTTL())
	require.Equal(t, 48*time.Hour, s.RefreshIdle())
	require.Equal(t, 72*time.Hour, s.RefreshAbsolute())
	require.Equal(t, 15, s.MinPassword())
	require.True(t, s.TemporaryPasswords())
}

func TestChange_RaisesTheVersionOnSuccessAlone(t *testing.T) {
	t.Parallel()
	acme := newTenant(t)
	bad := details()
	bad.Name = ""

	require.Error(t, acme.Change(bad, now.Add(time.Hour)))
	require.Equal(t, int64(1), acme.Version())
	require.Equal(t, "Acme", acme.Name())

	d := details()
	d.Status = tenant.Suspended
	d.Hosts = []tenant.Host{"b.example", "a.example", "b.example"}
	require.NoError(t, acme.Change(d, now.Add(time.Hour)))
	require.Equal(t, int64(2), acme.Version())
	require.False(t, acme.Active())
	require.Equal(t, []tenant.Host{"a.example", "b.example"}, acme.Details().Hosts)
	require.Equal(t, now.Add(time.Hour), acme.Snapshot().Updated)
	require.Equal(t, now, acme.Snapshot().Created)
}

func TestChange_NamesTheMemberThatBreaksARule(t *testing.T) {
	t.Parallel()

	for pointer, change := range map[string]func(*tenant.Details){
		"/name":     func(d *tenant.Details) { d.Name = strings.Repeat("é", 201) },
		"/currency": func(d *tenant.Details) { d.Currency = money.Currency{} },
		"/status":   func(d *tenant.Details) { d.Status = "closed" },
		"/hosts":    func(d *tenant.Details) { d.Hosts = make([]tenant.Host, 51) },
		"/scopes": func(d *tenant.Details) {
			d.Scopes = scope.Map{}
			for i := range scope.Max + 1 {
				d.Scopes[scope.Name(rune('a'+i))] = true
			}
		},
	} {
		d := details()
		d.Status = tenant.Active
		change(&d)
		require.Equal(t, []string{pointer}, pointers(newTenant(t).Change(d, now)), pointer)
	}
}

func TestSettings_AreJudgedAtTheirBounds(t *testing.T) {
	t.Parallel()

	for name, row := range map[string]struct {
		s       tenant.Settings
		refused []string
	}{
		"least":         {tenant.Settings{MagicLinkMinutes: 5, PasswordMinLength: 8, AccessTokenMinutes: 1, RefreshIdleDays: 1, RefreshAbsoluteDays: 1}, nil},
		"most":          {tenant.Settings{MagicLinkMinutes: 15, PasswordMinLength: 64, AccessTokenMinutes: 60, RefreshIdleDays: 365, RefreshAbsoluteDays: 365}, nil},
		"link short":    {tenant.Settings{MagicLinkMinutes: 4}, []string{"/settings/magicLinkMinutes"}},
		"link long":     {tenant.Settings{MagicLinkMinutes: 16}, []string{"/settings/magicLinkMinutes"}},
		"password":      {tenant.Settings{PasswordMinLength: 7}, []string{"/settings/passwordMinLength"}},
		"password long": {tenant.Settings{PasswordMinLength: 65}, []string{"/settings/passwordMinLength"}},
		"token":         {tenant.Settings{AccessTokenMinutes: 61}, []string{"/settings/accessTokenMinutes"}},
		"minus":         {tenant.Settings{AccessTokenMinutes: -1}, []string{"/settings/accessTokenMinutes"}},
		"idle":          {tenant.Settings{RefreshIdleDays: 366}, []string{"/settings/refreshIdleDays"}},
		"absolute":      {tenant.Settings{RefreshAbsoluteDays: 366}, []string{"/settings/refreshAbsoluteDays"}},
		"passwords":     {tenant.Settings{AdminPasswords: "forever"}, []string{"/settings/adminPasswords"}},
		"locale":        {tenant.Settings{Locale: "nl-NL"}, nil},
		"bad locale":    {tenant.Settings{Locale: "not a locale"}, []string{"/settings/locale"}},
		"audience":      {tenant.Settings{Audience: "https://api.example.com"}, nil},
		"bad audience":  {tenant.Settings{Audience: "a b"}, []string{"/settings/audience"}},
		"long audience": {tenant.Settings{Audience: strings.Repeat("a", 501)}, []string{"/settings/audience"}},
		"two at once":   {tenant.Settings{MagicLinkMinutes: 1, RefreshIdleDays: -1}, []string{"/settings/magicLinkMinutes", "/settings/refreshIdleDays"}},
	} {
		d := details()
		d.Status, d.Settings = tenant.Active, row.s
		require.Equal(t, row.refused, pointers(newTenant(t).Change(d, now)), name)
	}
}

func TestSettings_OriginsAreWrittenAsABrowserWritesThem(t *testing.T) {
	t.Parallel()
	set := func(origins ...string) error {
		d := details()
		d.Status, d.Settings.Origins = tenant.Active, origins
		return newTenant(t).Change(d, now)
	}

	for _, o := range []string{
		"https://app.example.com", "http://localhost:3000", "https://xn--bcher-kva.example", "https://app.example.com:8443",
		"http://127.0.0.1:8080", "http://[::1]:8080",
	} {
		require.NoError(t, set(o), o)
	}
	for _, o := range []string{
		"", "*", "null", "https://*.example.com", "https://", "app.example.com", "//app.example.com", "https:app.example.com",
		"https://app.example.com/", "https://app.example.com/path", "https://app.example.com?q", "https://app.example.com#f",
		"https://user@app.example.com", "https://App.example.com", "HTTPS://app.example.com", "https://app.example.com:",
		"https://:443", "ftp://app.example.com", "file:///etc", "javascript:alert(1)", "https://app.example.com\n",
		" https://app.example.com", "https://app.example.com ", "https://bücher.example", "https://app.example.com:port", "https://a\x00b.example",
	} {
		require.Equal(t, []string{"/settings/origins"}, pointers(set(o)), "%q", o)
	}
	require.Error(t, set(make([]string, 51)...))
}

func TestSettings_MagicLinkURLKeepsTheTokenInTheFragmentOfAKnownOrigin(t *testing.T) {
	t.Parallel()
	set := func(u string) error {
		d := details()
		d.Status = tenant.Active
		d.Settings = tenant.Settings{Origins: []string{"https://app.example.com", "http://app.example.com", "https://app.example.com:8443"}, MagicLinkURL: u}
		return newTenant(t).Change(d, now)
	}

	for _, u := range []string{
		"https://app.example.com/#token={token}", "https://app.example.com#{token}", "https://app.example.com:8443/a/b?c=d#/magic?t={token}",
	} {
		require.NoError(t, set(u), u)
	}
	for _, u := range []string{
		"https://app.example.com/{token}", "https://app.example.com/?t={token}", "https://app.example.com/?t={token}#t={token}",
		"https://app.example.com/#t={token}&u={token}", "https://app.example.com/#", "https://app.example.com/", "#{token}",
		"http://app.example.com/#{token}", "https://evil.example/#{token}", "https://app.example.com.evil.example/#{token}",
		"https://app.example.com@evil.example/#{token}", "https://user:pw@app.example.com/#{token}", "https://evil.example\\@app.example.com/#{token}",
		"//app.example.com/#{token}", "javascript:alert(1)#{token}", "https://app.example.com:9/#{token}", "https://app.example.com/\r\n#{token}",
		"https://app.example.com/é#{token}", "https://app.example.com/" + strings.Repeat("a", 500) + "#{token}", "{token}#{token}",
	} {
		require.Equal(t, []string{"/settings/magicLinkUrl"}, pointers(set(u)), "%q", u)
	}
}

func TestParseCode_FoldsCaseAndRefusesTwins(t *testing.T) {
	t.Parallel()

	for given, want := range map[string]tenant.Code{
		"acme": "acme", "ACME": "acme", "Ac-Me9": "ac-me9", "1": "1", "9-a": "9-a", strings.Repeat("a", 63): tenant.Code(strings.Repeat("a", 63)),
	} {
		got, err := tenant.ParseCode(given)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, s := range []string{
		"", "-acme", "acme-", "-", "a_b", "a.b", "acme.", "acme ", " acme", "acme\x00", "acme%00", "acme\n", "a/b", "..", "\u212acme",
		"acm\u0435", "\uff41cme", "acme\u200b", "\u017fa", strings.Repeat("a", 64), strings.Repeat("a", 10<<10), "a\xff",
	} {
		_, err := tenant.ParseCode(s)
		require.ErrorIs(t, err, tenant.ErrCode, "%q", s)
	}
}

func FuzzParseCode(f *testing.F) {
	for _, s := range []string{"acme", "ACME-1", "-a", "a.b", "\u212a"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		c, err := tenant.ParseCode(s)
		if err != nil {
			require.True(t, errors.Is(err, tenant.ErrCode))
			return
		}
		require.Equal(t, strings.ToLower(s), string(c))
		require.Len(t, s, len(c), "nothing is dropped")
		again, err := tenant.ParseCode(string(c))
		require.NoError(t, err)
		require.Equal(t, c, again)
	})
}

func TestParseHost_FoldsToOneSpelling(t *testing.T) {
	t.Parallel()

	for given, want := range map[string]tenant.Host{
		"portal.acme.example": "portal.acme.example", "Portal.ACME.Example": "portal.acme.example",
		"portal.bücher.example": "portal.xn--bcher-kva.example", "1.2.example": "1.2.example",
	} {
		got, err := tenant.ParseHost(given)
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
	for _, s := range []string{
		"", "localhost", "portal.acme.example.", "portal.acme.example:443", "https://portal.acme.example", "portal.acme.example/x", "10.0.0.1",
		"[::1]", "::1", "a@b.example", "a b.example", "-a.example", "a-.example", "a..example", ".example", "a_b.example", "a.example\n", "a\x00.example",
		strings.Repeat("a.", 127) + "example", strings.Repeat("a", 64) + ".example", "*.example.com", "xn--a.example",
		"\xcf.example", strings.Repeat("\u00fc", 60) + "." + strings.Repeat(strings.Repeat("b", 30)+".", 6) + "example",
	} {
		_, err := tenant.ParseHost(s)
		require.ErrorIs(t, err, tenant.ErrHost, "%q", s)
	}
}

func FuzzParseHost(f *testing.F) {
	for _, s := range []string{"portal.acme.example", "BÜCHER.example", "10.0.0.1", "a..b", "xn--a.b"} {
		f.Add(s)
	}

	f.Fuzz(func(t *testing.T, s string) {
		h, err := tenant.ParseHost(s)
		if err != nil {
			require.True(t, errors.Is(err, tenant.ErrHost))
			return
		}
		require.LessOrEqual(t, len(h), 253)
		require.Empty(t, strings.Trim(string(h), "abcdefghijklmnopqrstuvwxyz0123456789-."))
		again, err := tenant.ParseHost(string(h))
		require.NoError(t, err, "%q of %q", h, s)
		require.Equal(t, h, again)
	})
}

func TestRef_IsOfNobodyUnlessServed(t *testing.T) {
	t.Parallel()

	require.False(t, tenant.Ref{Given: "acme"}.Known())
	require.True(t, tenant.Ref{Given: "acme"}.ID().IsZero())
	require.Equal(t, acme, tenant.Ref{Given: "acme", Tenant: newTenant(t)}.ID())
}

// Names line up like tenants, each for itself, and never as a tenant.
func TestRef_QueuesUnderAnIDOfItsOwn(t *testing.T) {
	t.Parallel()
	served := tenant.Ref{Given: "acme", Tenant: newTenant(t)}
	name, other := tenant.Ref{Given: "acme"}, tenant.Ref{Given: "globex"}

	require.Equal(t, acme, served.Queue())
	require.False(t, tenant.Invented(served.Queue()))
	require.False(t, tenant.Invented(tenant.ID{}))
	require.True(t, tenant.Invented(name.Queue()))
	require.Equal(t, name.Queue(), name.Queue())
	require.NotEqual(t, name.Queue(), other.Queue())
}

// FuzzSettings reads what was accepted as a browser would: an origin is all
// that stands before the first mark that can end it.
func FuzzSettings(f *testing.F) {
	for _, u := range []string{
		"https://app.example.com/#token={token}", "https://app.example.com#{token}", "https://app.example.com@evil.example/#{token}", "HTTPS://app.example.com?a#{token}",
	} {
		f.Add("https://app.example.com", u)
	}
	f.Add("http://[::1]:8080", "https://[::1]:8080/#{token}")
	f.Add("https://app.example.com/path", "https://app.example.com/#{token}")
	f.Add("https://user@app.example.com", "")
	f.Add("https://app.example.com:", "https://app.example.com:#{token}")

	f.Fuzz(func(t *testing.T, origin, link string) {
		d := details()
		d.Status = tenant.Active
		d.Settings = tenant.Settings{Origins: []string{origin}, MagicLinkURL: link}
		if newTenant(t).Change(d, now) != nil {
			return
		}
		scheme, host, _ := strings.Cut(origin, "://")
		require.Contains(t, []string{"http", "https"}, scheme)
		require.NotEmpty(t, host)
		require.Equal(t, strings.ToLower(host), host)
		require.False(t, strings.ContainsAny(host, "/\\?#@*%^|<>\"`{} ,;"), "%q", host)
		if link == "" {
			return
		}
		before, fragment, _ := strings.Cut(link, "#")
		at := strings.TrimPrefix(strings.ToLower(before[:len("https://")])+before[len("https://"):], origin)
		require.NotEqual(t, before, at, "the link leads to the origin")
		require.True(t, at == "" || at[0] == '/' || at[0] == '?', "%q", link)
		require.Equal(t, "https", scheme)
		require.NotContains(t, before, "{token}")
		require.Equal(t, 1, strings.Count(fragment, "{token}"))
	})
}
