package bootstrap

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"ostiary/adapters/cli"
	"ostiary/adapters/mail"
	"ostiary/app/port"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
)

const dialWithin = 5 * time.Second

// doctor looks at everything that a configuration promises, and goes on after
// the first thing that is wrong.
func doctor(ctx context.Context, s cli.Settings) []cli.Finding {
	c, err := NewConfig(s)
	if err != nil {
		var out []cli.Finding
		for line := range strings.SplitSeq(err.Error(), "\n") {
			name, rest, _ := strings.Cut(line, ": accepted is ")
			out = append(out, cli.Finding{Check: "settings", Text: name, Mend: "set it to " + rest})
		}
		return out
	}
	out := []cli.Finding{{Check: "settings", OK: true, Text: "every value is acceptable"}}
	if c.Storage.Engine == MongoDB {
		out = append(out, checkMongo(ctx, c)...)
	} else {
		out = append(out, checkSQLite(ctx, c)...)
	}
	return append(out, checkListen(ctx, c), checkPublicURL(c), checkMail(ctx, c), checkLimits(c), checkProxies(c))
}

func checkListen(ctx context.Context, c Config) cli.Finding {
	f := cli.Finding{Check: "listen address"}
	ln, err := (&net.ListenConfig{}).Listen(ctx, "tcp", c.Listen)
	if err != nil && isOstiary(ctx, c.Listen) {
		f.OK, f.Text = true, c.Listen+" is served by ostiary"
		return f
	}
	if err != nil {
		f.Text, f.Mend = c.Listen+" cannot be listened on", "stop what listens there, or choose another OSTIARY_LISTEN"
		return f
	}
	_ = ln.Close()
	f.OK, f.Text = true, c.Listen+" is free"
	return f
}

// isOstiary reports whether whoever listens answers as this program does.
func isOstiary(ctx context.Context, address string) bool {
	ctx, cancel := context.WithTimeout(ctx, dialWithin)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/healthz", nil)
	if err != nil {
		return false
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return false
	}
	defer func() { _ = res.Body.Close() }()
	return res.StatusCode == http.StatusOK && res.Header.Get("X-Request-Id") != ""
}

func checkPublicURL(c Config) cli.Finding {
	f := cli.Finding{Check: "public URL", OK: true, Text: c.PublicURL}
	switch {
	case c.loopback():
		f.Text = "on loopback: this machine alone"
	case !c.https():
		f.OK, f.Text, f.Mend = false, "people would send passwords over plain http", "put a TLS proxy in front and give its https:// address in OSTIARY_PUBLIC_URL"
	}
	return f
}

func checkMail(ctx context.Context, c Config) cli.Finding {
	f := cli.Finding{Check: "mail", OK: true}
	switch c.Mail.Kind {
	case mail.Console:
		f.Text = "printed on the console: nobody is mailed"
	case mail.File:
		f.Text = "written to " + c.Mail.Dir
	case mail.SMTP:
		address := net.JoinHostPort(c.Mail.Host, fmt.Sprint(c.Mail.Port))
		ctx, cancel := context.WithTimeout(ctx, dialWithin)
		defer cancel()
		conn, err := (&net.Dialer{}).DialContext(ctx, "tcp", address)
		if err != nil {
			f.OK, f.Text, f.Mend = false, address+" cannot be reached", "check host, port and firewall of OSTIARY_MAIL"
			return f
		}
		_ = conn.Close()
		f.Text = address + " can be reached"
	}
	return f
}

func checkLimits(c Config) cli.Finding {
	if c.Limits.LoginUser.Off() {
		return cli.Finding{Check: "limits", Text: "nobody is stopped from guessing passwords", Mend: "unset OSTIARY_LIMITS"}
	}
	return cli.Finding{Check: "limits", OK: true, Text: "guessing is limited"}
}

// checkProxies: behind a proxy that is not trusted everybody has its address.
func checkProxies(c Config) cli.Finding {
	f := cli.Finding{Check: "trusted proxies", OK: true, Text: "none: the peer's address counts"}
	if n := len(c.TrustedProxies); n > 0 {
		f.Text = fmt.Sprintf("%d ranges", n)
	}
	u, err := url.Parse(c.PublicURL)
	if err == nil && u.Scheme == "https" && len(c.TrustedProxies) == 0 {
		f.OK, f.Text = false, "users come by https through a proxy that is not trusted: to the limits they all are that one address"
		f.Mend = "give the proxy's address in OSTIARY_TRUSTED_PROXIES"
	}
	return f
}

func halfCopied() cli.Finding {
	return cli.Finding{Check: "storage", Text: "a copy into it is not finished", Mend: "run ostiary store copy again, or remove the store"}
}

func checkedBy(f cli.Finding, err error, good, mend string) cli.Finding {
	if err != nil {
		f.Text, f.Mend = err.Error(), mend
		return f
	}
	f.OK, f.Text = true, good
	return f
}

func checkHash(ctx context.Context, f cli.Finding, h port.Hasher, clock port.Clock) cli.Finding {
	began := clock.Now()
	if err := h.Decoy(ctx, tenant.ID{}, user.Password{}); err != nil {
		return checkedBy(f, err, "", "lower OSTIARY_ARGON2_MEMORY_KIB")
	}
	took := clock.Now().Sub(began)
	f.Text = fmt.Sprintf("one takes %d ms", took.Milliseconds())
	if f.OK = took <= time.Second; !f.OK {
		f.Mend = "lower OSTIARY_ARGON2_MEMORY_KIB or OSTIARY_ARGON2_ITERATIONS: sign-ins wait for it"
	}
	return f
}
