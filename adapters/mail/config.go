package mail

import (
	"errors"
	netmail "net/mail"
	"net/url"
	"strconv"
	"strings"

	"ostiary/domain/secret"
)

// Kind says how mail is handed over.
type Kind string

// The kinds of mailer.
const (
	Console Kind = "console"
	File    Kind = "file"
	SMTP    Kind = "smtp"
)

// Encryption says how a connection to an SMTP server is protected.
type Encryption string

// With STARTTLS, Required fails where Opportunistic goes on in clear. A
// certificate that does not hold fails both.
const (
	Opportunistic Encryption = "opportunistic"
	Required      Encryption = "required"
	Implicit      Encryption = "implicit"
	Off           Encryption = "off"
)

// Accepted lists the forms that Parse reads.
const Accepted = "console:, file:DIR, smtp://[user:password@]host[:port]?from=ADDRESS[&tls=off] and smtps:// likewise"

// Refusals of Parse. None holds anything of the text that was refused.
var (
	ErrForm     = errors.New("mail: accepted are " + Accepted)
	ErrFrom     = errors.New("mail: from is a plain ASCII address, required for smtp")
	ErrAddress  = errors.New("mail: a server is host or host:port, without a path")
	ErrEscape   = errors.New("mail: special characters in user or password must be percent-encoded")
	ErrParam    = errors.New("mail: accepted parameters are from and tls=off, each once")
	ErrPassword = errors.New("mail: credentials are user:password, both not empty")
)

// Config says how and as whom to send. Zero From: ostiary@ the public host.
type Config struct {
	Kind       Kind
	From       string
	Dir        string
	Host       string
	Port       int
	User       secret.Text
	Password   secret.Text
	Encryption Encryption
}

// Parse reads the form of OSTIARY_MAIL.
func Parse(uri string) (Config, error) {
	scheme, rest, ok := strings.Cut(uri, ":")
	if !ok {
		return Config{}, ErrForm
	}
	switch scheme {
	case "console":
		return parsePlain(Config{Kind: Console}, rest)
	case "file":
		return parsePlain(Config{Kind: File}, rest)
	case "smtp", "smtps":
		return parseSMTP(uri)
	default:
		return Config{}, ErrForm
	}
}

// parsePlain reads console: and file:DIR, where file:///DIR is one of the
// spellings and DIR is taken as it stands.
func parsePlain(c Config, rest string) (Config, error) {
	rest, query, _ := strings.Cut(rest, "?")
	c.Dir = strings.TrimPrefix(rest, "//")
	if (c.Kind == File) == (c.Dir == "") || strings.ContainsRune(c.Dir, 0) {
		return Config{}, ErrForm
	}
	params, err := parameters(query, "from")
	if err != nil {
		return Config{}, err
	}
	if c.From = params["from"]; c.From != "" && !isMailbox(c.From) {
		return Config{}, ErrFrom
	}
	return c, nil
}

func parseSMTP(uri string) (Config, error) {
	u, err := url.Parse(uri)
	if err != nil {
		return Config{}, ErrEscape // the cause quotes the credentials
	}
	if u.Hostname() == "" || (u.Path != "" && u.Path != "/") || u.Fragment != "" {
		return Config{}, ErrAddress
	}
	params, err := parameters(u.RawQuery, "from", "tls")
	if err != nil {
		return Config{}, err
	}
	c := Config{Kind: SMTP, From: params["from"], Host: u.Hostname(), Encryption: Opportunistic}
	if !isMailbox(c.From) {
		return Config{}, ErrFrom
	}
	if c.User, c.Password, err = credentials(u.User); err != nil {
		return Config{}, err
	}
	if c.Encryption, err = encryption(u.Scheme, params, !c.User.IsZero()); err != nil {
		return Config{}, err
	}
	c.Port, err = portOf(u, c.Encryption, !c.User.IsZero())
	return c, err
}

func credentials(u *url.Userinfo) (user, password secret.Text, err error) {
	if u == nil {
		return secret.Text{}, secret.Text{}, nil
	}
	p, _ := u.Password()
	if u.Username() == "" || p == "" || strings.ContainsAny(u.Username()+p, "\x00\r\n") {
		return secret.Text{}, secret.Text{}, ErrPassword
	}
	return secret.New(u.Username()), secret.New(p), nil
}

// encryption never lets a password out in clear unless that is asked for.
func encryption(scheme string, params map[string]string, credentials bool) (Encryption, error) {
	asked, given := params["tls"]
	switch {
	case given && (asked != "off" || scheme == "smtps"):
		return "", ErrParam
	case given:
		return Off, nil
	case scheme == "smtps":
		return Implicit, nil
	case credentials:
		return Required, nil
	default:
		return Opportunistic, nil
	}
}

// portOf knows the registered ports: 465 for implicit TLS and 587 for
// submission (RFC 8314), 25 for relaying.
func portOf(u *url.URL, e Encryption, credentials bool) (int, error) {
	if u.Port() == "" {
		switch {
		case strings.HasSuffix(u.Host, ":"):
			return 0, ErrAddress
		case e == Implicit:
			return 465, nil
		case credentials:
			return 587, nil
		default:
			return 25, nil
		}
	}
	n, err := strconv.Atoi(u.Port())
	if err != nil || n < 1 || n > 65535 {
		return 0, ErrAddress
	}
	return n, nil
}

// parameters refuses unknown and repeated names: a mistyped tls=off must not
// pass unseen.
func parameters(query string, known ...string) (map[string]string, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, ErrParam
	}
	out := make(map[string]string, len(values))
	for _, name := range known {
		if len(values[name]) > 1 {
			return nil, ErrParam
		}
		if len(values[name]) == 1 {
			out[name] = values[name][0]
		}
	}
	if len(out) != len(values) {
		return nil, ErrParam
	}
	return out, nil
}

// isMailbox accepts one bare ASCII address: no name, comment or line end.
func isMailbox(s string) bool {
	if strings.ContainsFunc(s, func(r rune) bool { return r <= ' ' || r > '~' }) {
		return false
	}
	a, err := netmail.ParseAddress(s)
	return err == nil && a.Name == "" && a.Address == s
}

// Mask writes an OSTIARY_MAIL value for people to see, without user and
// password. Of a value that does not parse only the scheme is safe to show.
func Mask(uri string) string {
	c, err := Parse(uri)
	scheme, _, _ := strings.Cut(uri, ":")
	switch {
	case err == nil && (c.Kind != SMTP || c.User.IsZero()):
		return uri
	case err == nil:
		_, after, _ := strings.Cut(uri, "://")
		return scheme + "://***@" + after[strings.LastIndexByte(beforeQuery(after), '@')+1:]
	case scheme == "smtp" || scheme == "smtps" || scheme == "console" || scheme == "file":
		return scheme + ":***"
	default:
		return "***"
	}
}

func beforeQuery(s string) string {
	before, _, _ := strings.Cut(s, "?")
	return before
}
