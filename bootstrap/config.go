package bootstrap

import (
	"errors"
	"fmt"
	"net"
	"net/netip"
	"net/url"
	"os"
	"slices"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap/zapcore"

	"ostiary/adapters/argon"
	"ostiary/adapters/cli"
	"ostiary/adapters/mail"
	"ostiary/adapters/seal"
	"ostiary/domain/keyset"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
)

// Config is the whole configuration, judged once. Nothing else in the program
// reads the environment.
type Config struct {
	Listen         string
	PublicURL      string // "": http:// and the address that is listened on
	Storage        Storage
	MasterKey      secret.Text // zero, on SQLite alone: made or read beside the database
	OperatorToken  secret.Text
	Mail           mail.Config
	Limits         throttle.Limits
	Stale          time.Duration
	BaseDomain     string
	DefaultTenant  tenant.Code
	TrustedProxies []netip.Prefix
	Argon          argon.Config
	Algorithm      keyset.Algorithm
	ExpiresSeconds bool
	ParityRoutes   bool
	MetricsListen  string
	LogLevel       zapcore.Level
	LogConsole     bool
}

// wrong names a setting, what it was (never a secret) and what is accepted.
type wrong struct{ name, value, accepted string }

// Error implements error.
func (w wrong) Error() string {
	return fmt.Sprintf("%s=%s: accepted is %s", w.name, w.value, w.accepted)
}

const masked = "[secret]"

// reader collects every fault instead of stopping at the first.
type reader struct{ faults []error }

func (r *reader) refuse(name, value, accepted string) {
	r.faults = append(r.faults, wrong{name: name, value: strconv.Quote(value), accepted: accepted})
}

func (r *reader) refuseSecret(name, accepted string) {
	r.faults = append(r.faults, wrong{name: name, value: masked, accepted: accepted})
}

// secret takes a value or the content of a file, not both.
func (r *reader) secret(name, value, file string) string {
	if file == "" {
		return value
	}
	if value != "" {
		r.refuse(name+"_FILE", file, "either "+name+" or "+name+"_FILE, not both")
		return ""
	}
	b, err := os.ReadFile(file)
	if err != nil || len(b) > 64<<10 {
		r.refuse(name+"_FILE", file, "a readable file of at most 64 KiB")
		return ""
	}
	return strings.TrimRight(string(b), "\r\n")
}

func (r *reader) number(name, value string, lo, hi int) int {
	n, err := strconv.Atoi(value)
	if err != nil || n < lo || n > hi {
		r.refuse(name, value, fmt.Sprintf("a whole number from %d to %d", lo, hi))
		return lo
	}
	return n
}

func (r *reader) choice(name, value string, accepted ...string) string {
	if !slices.Contains(accepted, value) {
		r.refuse(name, value, strings.Join(accepted, " or "))
	}
	return value
}

// NewConfig judges the settings. The error joins one line per wrong value.
func NewConfig(s cli.Settings) (Config, error) {
	r := &reader{}
	c := Config{
		Listen:         r.address("OSTIARY_LISTEN", s.Listen),
		Storage:        r.storage(s),
		OperatorToken:  r.operatorToken(s),
		Limits:         r.limits(s.Limits),
		Stale:          time.Duration(r.number("OSTIARY_STALE_SECONDS", s.StaleSeconds, 1, 3600)) * time.Second,
		BaseDomain:     r.domain("OSTIARY_BASE_DOMAIN", s.BaseDomain),
		TrustedProxies: r.proxies(s.TrustedProxies),
		Argon: argon.Config{
			MemoryKiB:   uint32(r.number("OSTIARY_ARGON2_MEMORY_KIB", s.Argon2MemoryKiB, 1024, 1<<20)), //nolint:gosec // bounded above
			Iterations:  uint32(r.number("OSTIARY_ARGON2_ITERATIONS", s.Argon2Iterations, 1, 16)),      //nolint:gosec // bounded above
			Parallelism: uint8(r.number("OSTIARY_ARGON2_PARALLELISM", s.Argon2Parallelism, 1, 16)),     //nolint:gosec // bounded above
		},
		ExpiresSeconds: r.choice("OSTIARY_EXPIRES_UNIT", s.ExpiresUnit, "ms", "s") == "s",
		ParityRoutes:   r.choice("OSTIARY_PARITY_ROUTES", s.ParityRoutes, "on", "off") == "on",
	}
	if s.MetricsListen != "" {
		c.MetricsListen = r.address("OSTIARY_METRICS_LISTEN", s.MetricsListen)
	}
	c.MasterKey = r.masterKey(s, c.Storage)
	r.named(s, &c)
	c.PublicURL = r.publicURL(s.PublicURL, c.Listen)
	c.Mail = r.mail(s, c)
	return c, errors.Join(r.faults...)
}

// named reads what has its own parser.
func (r *reader) named(s cli.Settings, c *Config) {
	var err error
	if s.DefaultTenant != "" {
		if c.DefaultTenant, err = tenant.ParseCode(s.DefaultTenant); err != nil {
			r.refuse("OSTIARY_DEFAULT_TENANT", s.DefaultTenant, "a tenant code")
		}
	}
	if c.Algorithm, err = keyset.ParseAlgorithm(s.SigningAlgorithm); err != nil {
		r.refuse("OSTIARY_SIGNING_ALGORITHM", s.SigningAlgorithm, "ES256, EdDSA or RS256")
	}
	if c.LogLevel, err = zapcore.ParseLevel(s.LogLevel); err != nil || c.LogLevel > zapcore.ErrorLevel {
		r.refuse("OSTIARY_LOG_LEVEL", s.LogLevel, "debug, info, warn or error")
	}
	switch s.LogFormat {
	case "":
		c.LogConsole = onTerminal(os.Stderr)
	default:
		c.LogConsole = r.choice("OSTIARY_LOG_FORMAT", s.LogFormat, "json", "console") == "console"
	}
}

func onTerminal(f *os.File) bool {
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

func (r *reader) address(name, value string) string {
	host, port, err := net.SplitHostPort(value)
	if n, perr := strconv.Atoi(port); err != nil || perr != nil || n < 0 || n > 65535 || strings.ContainsAny(host, " /") {
		r.refuse(name, value, "host:port, such as 127.0.0.1:18080 or :8080")
	}
	return value
}

func isLoopback(host string) bool {
	if host == "localhost" {
		return true
	}
	ip, err := netip.ParseAddr(host)
	return err == nil && ip.Unmap().IsLoopback()
}

func (r *reader) publicURL(value, listen string) string {
	if value == "" {
		if host, _, err := net.SplitHostPort(listen); err == nil && !isLoopback(host) {
			r.refuse("OSTIARY_PUBLIC_URL", value, "the address that users see; it is required when OSTIARY_LISTEN is not on loopback")
		}
		return ""
	}
	u, err := url.Parse(value)
	bad := err != nil || (u.Scheme != "http" && u.Scheme != "https") || u.Host == "" || u.User != nil || u.RawQuery != "" || u.Fragment != "" || strings.Trim(u.Path, "/") != ""
	if bad {
		// Where a user, a query or a fragment may stand, a secret may.
		if err != nil || strings.ContainsAny(value, "@?#") {
			r.refuseSecret("OSTIARY_PUBLIC_URL", "http(s)://host[:port] without path, query or user")
			return ""
		}
		r.refuse("OSTIARY_PUBLIC_URL", value, "http(s)://host[:port] without path, query or user")
		return ""
	}
	return u.Scheme + "://" + strings.ToLower(u.Host)
}

// masterKey is made beside a file, but never beside a database that several
// processes share: each would make its own.
func (r *reader) masterKey(s cli.Settings, at Storage) secret.Text {
	const accepted = "base64 of 32 bytes, such as openssl rand -base64 32 prints"
	before := len(r.faults)
	value := r.secret("OSTIARY_MASTER_KEY", s.MasterKey, s.MasterKeyFile)
	if value == "" {
		if at.Engine == MongoDB && len(r.faults) == before {
			r.refuse("OSTIARY_MASTER_KEY", value, accepted+"; with MongoDB it is required, the same for all processes")
		}
		return secret.Text{}
	}
	if _, err := seal.ParseKey(secret.New(value)); err != nil {
		r.refuseSecret("OSTIARY_MASTER_KEY", accepted)
		return secret.Text{}
	}
	return secret.New(value)
}

func (r *reader) operatorToken(s cli.Settings) secret.Text {
	value := r.secret("OSTIARY_OPERATOR_TOKEN", s.OperatorToken, s.OperatorTokenFile)
	if value != "" && (len(value) < 32 || strings.ContainsFunc(value, func(c rune) bool { return c <= ' ' || c > '~' })) {
		r.refuseSecret("OSTIARY_OPERATOR_TOKEN", "32 or more visible ASCII characters")
	}
	return secret.New(value)
}

func (r *reader) limits(value string) throttle.Limits {
	if value == "" {
		return throttle.Default()
	}
	l, err := throttle.Parse(value)
	if err != nil {
		r.refuse("OSTIARY_LIMITS", value, "off, or name=count/window items such as login-user=10/15m ("+err.Error()+")")
	}
	return l
}

func (r *reader) domain(name, value string) string {
	if value == "" {
		return ""
	}
	h, err := tenant.ParseHost(value)
	if err != nil && value != "localhost" {
		r.refuse(name, value, "a domain name such as portal.example.com")
	}
	if value == "localhost" {
		return value
	}
	return string(h)
}

func (r *reader) proxies(value string) []netip.Prefix {
	var out []netip.Prefix
	for item := range strings.SplitSeq(value, ",") {
		item = strings.TrimSpace(item)
		if item == "" {
			continue
		}
		p, err := netip.ParsePrefix(item)
		if err != nil {
			var a netip.Addr
			if a, err = netip.ParseAddr(item); err == nil {
				p = netip.PrefixFrom(a, a.BitLen())
			}
		}
		if err != nil {
			r.refuse("OSTIARY_TRUSTED_PROXIES", item, "addresses or CIDR ranges, comma separated")
			continue
		}
		out = append(out, p)
	}
	return out
}

func (r *reader) mail(s cli.Settings, c Config) mail.Config {
	const accepted = "console:, file:DIR, smtp://[user:pass@]host:port?from=address or smtps://…"
	value := r.secret("OSTIARY_MAIL", s.Mail, s.MailFile)
	if value == "" {
		value = "console:"
	}
	m, err := mail.Parse(value)
	if err != nil {
		// The parser's text names what is wrong, never the credentials.
		r.faults = append(r.faults, wrong{name: "OSTIARY_MAIL", value: mail.Mask(value), accepted: accepted + " (" + err.Error() + ")"})
		return mail.Config{}
	}
	if m.Kind == mail.Console && len(r.faults) == 0 && !c.loopback() {
		r.refuse("OSTIARY_MAIL", "console:", "smtp://…, smtps://… or file:DIR; console: only while the public URL is on loopback")
	}
	return m
}

// loopback reports whether users reach the service on this machine alone.
func (c Config) loopback() bool {
	if c.PublicURL == "" {
		host, _, err := net.SplitHostPort(c.Listen)
		return err == nil && isLoopback(host)
	}
	u, err := url.Parse(c.PublicURL)
	return err == nil && isLoopback(u.Hostname())
}
