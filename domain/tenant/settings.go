package tenant

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"golang.org/x/text/language"

	"ostiary/domain/fault"
)

// AdminPasswords says what a password set by an administrator is good for.
type AdminPasswords string

// Permanent is what the Luminous dialect promises; Temporary opens only the
// change of the password (OWASP ASVS 5.0, 6.4.1).
const (
	Permanent AdminPasswords = "permanent"
	Temporary AdminPasswords = "temporary"
)

// Settings are the tenant's choices. A zero member means the default.
type Settings struct {
	Locale              string // BCP 47
	Audience            string
	Origins             []string // exact CORS origins
	MagicLinkMinutes    int
	MagicLinkURL        string
	PasswordMinLength   int
	AdminPasswords      AdminPasswords
	AccessTokenMinutes  int
	RefreshIdleDays     int
	RefreshAbsoluteDays int
}

// MagicLinkTTL is 10 minutes unless set (5 to 15).
func (s Settings) MagicLinkTTL() time.Duration {
	return time.Duration(orDefault(s.MagicLinkMinutes, 10)) * time.Minute
}

// MinPassword is 8 code points unless set (8 to 64).
func (s Settings) MinPassword() int { return orDefault(s.PasswordMinLength, 8) }

// AccessTTL is 15 minutes unless set (1 to 60).
func (s Settings) AccessTTL() time.Duration {
	return time.Duration(orDefault(s.AccessTokenMinutes, 15)) * time.Minute
}

// RefreshIdle is 30 days unless set.
func (s Settings) RefreshIdle() time.Duration {
	return time.Duration(orDefault(s.RefreshIdleDays, 30)) * 24 * time.Hour
}

// RefreshAbsolute is 90 days unless set.
func (s Settings) RefreshAbsolute() time.Duration {
	return time.Duration(orDefault(s.RefreshAbsoluteDays, 90)) * 24 * time.Hour
}

// TemporaryPasswords reports whether admin-set passwords must be changed.
func (s Settings) TemporaryPasswords() bool { return s.AdminPasswords == Temporary }

func orDefault(v, d int) int {
	if v == 0 {
		return d
	}
	return v
}

func (s Settings) check() error {
	var bad []fault.Field
	refuse := func(member, code, detail string) {
		bad = append(bad, fault.Field{Pointer: "/settings/" + member, Code: code, Detail: detail})
	}
	between := func(member string, v, lo, hi int) {
		if v != 0 && (v < lo || v > hi) {
			refuse(member, "out_of_range", "That number is outside its range.")
		}
	}
	between("magicLinkMinutes", s.MagicLinkMinutes, 5, 15)
	between("passwordMinLength", s.PasswordMinLength, 8, 64)
	between("accessTokenMinutes", s.AccessTokenMinutes, 1, 60)
	between("refreshIdleDays", s.RefreshIdleDays, 1, 365)
	between("refreshAbsoluteDays", s.RefreshAbsoluteDays, 1, 365)
	if s.AdminPasswords != "" && s.AdminPasswords != Permanent && s.AdminPasswords != Temporary {
		refuse("adminPasswords", "unknown", "Accepted are permanent and temporary.")
	}
	if s.Locale != "" {
		if _, err := language.Parse(s.Locale); err != nil || len(s.Locale) > 35 {
			refuse("locale", "locale_malformed", "A locale is a BCP 47 tag such as en or nl-NL.")
		}
	}
	if len(s.Audience) > 500 || strings.ContainsFunc(s.Audience, func(r rune) bool { return r <= ' ' || r > '~' }) {
		refuse("audience", "audience_malformed", "An audience is up to 500 visible ASCII characters.")
	}
	if len(s.Origins) > 50 || slices.ContainsFunc(s.Origins, func(o string) bool { return !isOrigin(o) }) {
		refuse("origins", "origin_malformed", "An origin is scheme://host[:port], at most 50 of them.")
	}
	if s.MagicLinkURL != "" && !s.linkURLAccepted() {
		refuse("magicLinkUrl", "url_malformed", "Required are https, an origin listed in origins, and {token} once, in the fragment.")
	}
	if len(bad) > 0 {
		return fault.ErrInvalid.With(bad...)
	}
	return nil
}

// isOrigin accepts RFC 6454 section 6.2 serialised http(s) origins only.
func isOrigin(o string) bool {
	u, err := url.Parse(o)
	if err != nil || u.Hostname() == "" || (u.Scheme != "https" && u.Scheme != "http") || strings.Contains(u.Host, "*") {
		return false
	}
	// A browser writes the A-label and no empty port; anything else never matches.
	if strings.HasSuffix(u.Host, ":") || strings.ContainsFunc(u.Host, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	return o == u.Scheme+"://"+strings.ToLower(u.Host)
}

func (s Settings) linkURLAccepted() bool {
	const token = "{token}"
	before, fragment, ok := strings.Cut(s.MagicLinkURL, "#")
	if !ok || len(s.MagicLinkURL) > 500 || strings.Contains(before, token) || strings.Count(fragment, token) != 1 {
		return false
	}
	u, err := url.Parse(before)
	if err != nil || u.Scheme != "https" || u.User != nil || u.Host == "" {
		return false
	}
	if strings.ContainsFunc(s.MagicLinkURL, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	return slices.Contains(s.Origins, u.Scheme+"://"+u.Host)
}
