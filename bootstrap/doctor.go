package bootstrap

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"time"

	"go.uber.org/fx"
	"go.uber.org/zap"

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
	out = append(out, checkStorage(c), checkKeyFile(c))
	out = append(out, checkInside(ctx, c)...)
	return append(out, checkListen(ctx, c), checkPublicURL(c), checkMail(ctx, c), checkLimits(c), checkProxies(c))
}

func checkStorage(c Config) cli.Finding {
	f := cli.Finding{Check: "storage file"}
	dir := filepath.Dir(c.SQLitePath)
	info, err := os.Stat(c.SQLitePath)
	switch {
	case errors.Is(err, os.ErrNotExist):
		f.OK, f.Text = true, c.SQLitePath+" is not there yet; the first start makes it"
	case err != nil:
		f.Text, f.Mend = "cannot look at "+c.SQLitePath, "give the user that runs ostiary access to "+dir
	case !info.Mode().IsRegular():
		f.Text, f.Mend = c.SQLitePath+" is not a file", "name a file in OSTIARY_STORAGE"
	case info.Mode().Perm()&0o077 != 0:
		f.Text, f.Mend = c.SQLitePath+" can be read by others", "chmod 600 "+c.SQLitePath
	default:
		f.OK, f.Text = true, c.SQLitePath+", readable by its owner alone"
	}
	return f
}

func checkKeyFile(c Config) cli.Finding {
	f := cli.Finding{Check: "master key", OK: true}
	if !c.MasterKey.IsZero() {
		f.Text = "given by OSTIARY_MASTER_KEY"
		return f
	}
	path := keyFile(c.SQLitePath)
	info, err := os.Stat(path)
	_, dberr := os.Stat(c.SQLitePath)
	switch {
	case errors.Is(err, os.ErrNotExist) && dberr == nil:
		f.OK, f.Text, f.Mend = false, "the store is there, its key file "+path+" is not", "put the key file back, or set OSTIARY_MASTER_KEY; a new key cannot read the old store's signing keys"
	case errors.Is(err, os.ErrNotExist):
		f.Text = path + " is not there yet; the first start makes it"
	case err != nil:
		f.OK, f.Text, f.Mend = false, "cannot look at "+path, "give the user that runs ostiary access to it"
	case info.Mode().Perm()&0o077 != 0:
		f.OK, f.Text, f.Mend = false, path+" can be read by others", "chmod 600 "+path
	default:
		f.Text = path + "; keep a copy away from the store"
	}
	return f
}

// checkInside opens a store that exists: does the key fit, does a hash take
// as long as it should.
func checkInside(ctx context.Context, c Config) []cli.Finding {
	if _, err := os.Stat(c.SQLitePath); err != nil || !checkKeyFile(c).OK {
		return nil
	}
	if c.PublicURL == "" {
		c.PublicURL = "http://" + c.Listen
	}
	out := []cli.Finding{{Check: "storage"}, {Check: "signing keys"}, {Check: "password hash"}}
	app := fx.New(
		Options(c, Surroundings{Log: zap.NewNop(), Console: io.Discard}),
		fx.Invoke(func(h port.Health, ring port.KeyRing, hasher port.Hasher, clock port.Clock) {
			out[0] = checkedBy(out[0], h.Ping(ctx), "answers", "see that the disk is there and not full")
			out[1] = checkedBy(out[1], ring.Reload(ctx), "open with the master key", "set OSTIARY_MASTER_KEY to the key that the store was made with")
			out[2] = checkHash(ctx, out[2], hasher, clock)
		}),
	)
	if err := app.Err(); err != nil {
		return []cli.Finding{{Check: "storage", Text: plainly(err).Error(), Mend: "restore the file from a backup, or use the version of ostiary that wrote it"}}
	}
	if err := errors.Join(app.Start(ctx), app.Stop(ctx)); err != nil {
		out[0] = checkedBy(out[0], err, "", "see that no other program holds the file")
	}
	return out
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
