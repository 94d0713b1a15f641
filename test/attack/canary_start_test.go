package attack_test

import (
	"bufio"
	"crypto/rand"
	"fmt"
	"io"
	"net"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// A setting that is wrong, or names a server that is not there, stops a
// command or the start with words that hold no secret.
func TestCanaries_WrongSettings(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.DeployOn(t, on, append([]string{"OSTIARY_MASTER_KEY=" + program.MasterKey}, program.Cheap...)...)
		d.Start()
		c := newCanaries(t, d)
		d.Found("settings")
		require.Zero(t, d.Stop())
		good := d.Env
		for name, setting := range map[string]string{
			"storage scheme": "OSTIARY_STORAGE=postgres://user:%s@127.0.0.1/db", "storage without a scheme": "OSTIARY_STORAGE=user:%s@127.0.0.1/db",
			"storage with one slash": "OSTIARY_STORAGE=mongodb:/user:%s@127.0.0.1/db",
			"storage port":           "OSTIARY_STORAGE=mongodb://user:%s@127.0.0.1:port/db", "storage without a name": "OSTIARY_STORAGE=mongodb://user:%s@127.0.0.1:1/",
			"storage option": "OSTIARY_STORAGE=mongodb://user:%s@127.0.0.1:1/db?w=%[1]s&authMechanism=%[1]s",
			"storage escape": "OSTIARY_STORAGE=mongodb://user:%s%%zz@127.0.0.1:1/db",
			"storage file":   "OSTIARY_STORAGE_FILE=postgres://user:%s@127.0.0.1/db", "master key file": "OSTIARY_MASTER_KEY_FILE=%s",
			"mail file": "OSTIARY_MAIL_FILE=imap://user:%s@127.0.0.1", "operator token file": "OSTIARY_OPERATOR_TOKEN_FILE=%s",
			"mail scheme": "OSTIARY_MAIL=imap://user:%s@127.0.0.1", "mail port": "OSTIARY_MAIL=smtp://user:%s@127.0.0.1:port?from=a@b.example",
			"mail option": "OSTIARY_MAIL=smtp://user:%s@127.0.0.1:25?from=a@b.example&tls=%[1]s", "mail sender": "OSTIARY_MAIL=smtp://user:%s@127.0.0.1:25?from=%[1]s",
			"mail escape": "OSTIARY_MAIL=smtp://user:%s%%zz@127.0.0.1:25?from=a@b.example", "mail text": "OSTIARY_MAIL=%s",
			"master key text": "OSTIARY_MASTER_KEY=%s", "master key length": "OSTIARY_MASTER_KEY=QUFBQQ==%s",
			"public URL":                  "OSTIARY_PUBLIC_URL=https://user:%s@id.example.com",
			"public URL without a scheme": "OSTIARY_PUBLIC_URL=user:%s@id.example.com", "public URL with one slash": "OSTIARY_PUBLIC_URL=https:/user:%s@id.example.com",
			"public URL fragment": "OSTIARY_PUBLIC_URL=https://id.example.com/#token=%s", "public URL query": "OSTIARY_PUBLIC_URL=https://id.example.com/?token=%s",
		} {
			d.Env = append(good[:len(good):len(good)], inFile(t, fmt.Sprintf(setting, c.plain(name))))
			for _, args := range [][]string{{"serve"}, {"doctor"}, {"tenant", "list"}} {
				stdout, stderr, code := d.CLI(args...)
				if args[0] == "serve" {
					require.NotZero(t, code, "%s is accepted", name)
				}
				c.search("start", []byte(stdout+stderr))
			}
		}
		for _, setting := range []string{
			"OSTIARY_OPERATOR_TOKEN=" + c.keep("operator token that is too short", rand.Text()),
			"OSTIARY_MASTER_KEY=" + c.keep("another master key", "QUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUFBQUE="),
		} {
			d.Env = append(good[:len(good):len(good)], setting)
			stdout, stderr, code := d.CLI("serve")
			require.NotZero(t, code)
			c.search("start", []byte(stdout+stderr))
		}
		c.require("start")
	})
}

// inFile writes the value of a setting that names a file.
func inFile(t *testing.T, setting string) string {
	t.Helper()
	name, value, _ := strings.Cut(setting, "=")
	if !strings.HasSuffix(name, "_FILE") {
		return setting
	}
	file := filepath.Join(t.TempDir(), "setting")
	require.NoError(t, os.WriteFile(file, []byte(value), 0o600))
	return name + "=" + file
}

// A store and a mail server that are away, or answer with what they were told,
// bring no secret into the log.
func TestCanaries_ServersThatFail(t *testing.T) {
	t.Parallel()
	d := program.Deploy(t, append([]string{"OSTIARY_LOG_LEVEL=debug"}, program.Cheap...)...)
	c := newCanaries(t, d)
	port, refused := parrot(t)
	d.Env = append(d.Env, fmt.Sprintf("OSTIARY_MAIL=smtp://user:%s@127.0.0.1:%d?from=a@b.example&tls=off", c.plain("mail password"), port))
	d.Start()
	p := d.Found("failing")
	d.SignIn(p)
	d.Must(200, program.AskForLink(p.Code, program.Address))
	require.Eventually(t, func() bool { return refused.Load() > 0 && strings.Contains(d.Log(), "mail") }, program.Patience, 20*time.Millisecond)
	require.Zero(t, d.Stop())
	c.search("log", []byte(d.Log()))
	require.Contains(t, d.Log(), "answered 535", "the mail server's refusal was met")

	away := program.Deploy(t, "OSTIARY_LOG_LEVEL=debug", "OSTIARY_MASTER_KEY="+program.MasterKey,
		"OSTIARY_STORAGE=mongodb://user:"+c.plain("storage password")+"@127.0.0.1:1/db?serverSelectionTimeoutMS=100")
	away.Launch()
	away.Listens()
	require.Eventually(t, func() bool { return strings.Contains(away.Log(), "prepare") }, program.Patience, 20*time.Millisecond)
	away.Signal(syscall.SIGTERM)
	away.Ended()
	c.search("log", []byte(away.Log()))
	stdout, stderr, _ := away.CLI("doctor")
	c.search("command line", []byte(stdout+stderr))
	c.require("log", "command line")
}

// parrot is a mail server that refuses everybody and repeats what it heard.
func parrot(t *testing.T) (port int, refused *atomic.Int64) {
	t.Helper()
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = ln.Close() })
	refused = &atomic.Int64{}
	go func() {
		for {
			conn, err := ln.Accept()
			if err != nil {
				return
			}
			go repeat(conn, refused)
		}
	}()
	return ln.Addr().(*net.TCPAddr).Port, refused
}

func repeat(conn net.Conn, refused *atomic.Int64) {
	defer func() { _ = conn.Close() }()
	_, _ = io.WriteString(conn, "220 parrot\r\n")
	lines := bufio.NewScanner(conn)
	for lines.Scan() {
		if strings.HasPrefix(lines.Text(), "EHLO") {
			_, _ = io.WriteString(conn, "250-parrot\r\n250 AUTH PLAIN LOGIN\r\n")
			continue
		}
		refused.Add(1)
		_, _ = io.WriteString(conn, "535 no: "+lines.Text()+"\r\n")
	}
}

// panics are planted where a request's text is at hand: in a handler, around
// all handlers, where a refusal is written, and where a mail is.
var panics = []program.Change{
	{File: "adapters/web/dispatch.go", Old: "	return r.Handler(c)\n", New: `	if c.fiber.Get("X-Panic") == "handler" {
		raw, _ := c.Raw()
		panic(string(raw) + c.fiber.Request().String())
	}
	return r.Handler(c)
`},
	{File: "adapters/web/dispatch.go", Old: "return c.endpoint.dialect.Render(c, err) }", New: `
		if c.fiber.Get("X-Panic") == "render" {
			panic(errors.New(string(c.fiber.Request().Header.RawHeaders())))
		}
		return c.endpoint.dialect.Render(c, err)
	}`},
	{File: "adapters/web/server.go", Old: "	next(ctx)\n", New: `	if string(ctx.Request.Header.Peek("X-Panic")) == "server" {
		panic(ctx.Request.String())
	}
	next(ctx)
`},
	{File: "app/signin/postman.go", Old: "	if err := p.links.Add(ctx, link); err != nil {", New: `	if person.Contact.Details().LastName == "Panic" {
		panic(mail.Link.Reveal() + mail.Code.Reveal() + " for mail to be seen in vain " + mail.To)
	}
	if err := p.links.Add(ctx, link); err != nil {`},
}

// A panic ends one request or one mail, whatever text it quotes, and the text
// stays untold.
func TestCanaries_Panics(t *testing.T) {
	t.Parallel()
	binary := program.Build(t, panics...)
	for _, on := range []program.Engine{program.OnSQLite, program.OnMongoDB} {
		t.Run(on.Name, func(t *testing.T) {
			t.Parallel()
			d := program.DeployOn(t, on, append([]string{"OSTIARY_LOG_LEVEL=debug"}, program.Cheap...)...)
			d.Binary = binary
			d.Start()
			c := newCanaries(t, d.Unchecked())
			p := d.Found("panic")

			c.panics(p)
			d.Must(200, program.Operator("PATCH", "/tenants/panic/contacts/"+p.Contact, `{"lastName":"Panic"}`))
			d.Must(200, program.SetPassword(p, program.FirstPassword))
			d.Must(200, program.AskForLink(p.Code, program.Address))
			require.Eventually(t, func() bool { return strings.Contains(d.Log(), "panic of type string") }, program.Patience, 20*time.Millisecond)
			d.Must(200, program.Operator("PATCH", "/tenants/panic/contacts/"+p.Contact, `{"lastName":"Calm"}`))
			d.LettersOf(p.Code, 1) // the same job, tried again

			c.keep("text of a mail", "for mail to be seen in vain")
			c.look(p.Code)
			c.require("refusals", "log", "audit", "metrics")
		})
	}
}

func (c *canaries) panics(p program.Portal) {
	c.t.Helper()
	for _, at := range []string{"handler", "render", "server"} {
		for name, r := range map[string]program.Request{
			"alpha": program.Login(p.Code, ""), "exsited": {Method: "POST", Path: "/t/" + p.Code + "/api/v3/portal/login"},
			"luminous": program.SetPassword(p, ""), "admin": program.Operator("POST", "/tenants/"+p.Code+"/tags", ""), "nothing": {Method: "POST", Path: "/nothing"},
		} {
			r.Body = `{"email":"ada@globex.example","password":"` + c.plain(at+" body of "+name) + `"`
			r.Path += "?token=" + c.plain(at+" query of "+name)
			r.Header = map[string]string{"X-Panic": at, "Cookie": c.plain(at + " cookie of " + name)}
			if name == "nothing" {
				r.Bearer = c.plain(at + " bearer of " + name)
			}
			got := c.send(r)
			if at != "handler" || name != "nothing" {
				require.Contains(c.t, []int{500, 503}, got.Status, "%s %s: %s", at, name, got.Body)
			}
		}
	}
	require.Eventually(c.t, func() bool { return strings.Count(c.d.Log(), `"msg":"panic"`) >= 14 }, program.Patience, 10*time.Millisecond)
}

// At the ordinary level the log names nobody.
func TestCanaries_AddressesStayOutOfTheLog(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.DeployOn(t, on, program.Cheap...)
		d.Start()
		p := d.Found("names")
		d.SignIn(p)
		d.Must(401, program.Login(p.Code, "Nobodys-Password-1"))
		d.Must(401, program.LoginAs(p.Code, "stranger@globex.example", "Nobodys-Password-1"))
		d.Must(200, program.AskForLink(p.Code, program.Address))
		d.Must(200, program.AskForLink(p.Code, "stranger@globex.example"))
		d.Must(200, program.Validate(d.LettersOf(p.Code, 1)[0].Token))
		d.Must(202, program.Operator("POST", "/tenants/"+p.Code+"/contacts/"+p.Contact+"/invitation", ""))
		d.LettersOf(p.Code, 2)
		require.NoError(t, os.Rename(d.MailDir(), d.MailDir()+"-gone"))
		require.NoError(t, os.WriteFile(d.MailDir(), nil, 0o600)) // no mail can be written from now on
		d.Must(200, program.AskForLink(p.Code, program.Address))
		require.Eventually(t, func() bool { return strings.Contains(d.Log(), "mail") }, program.Patience, 20*time.Millisecond)

		require.Zero(t, d.Stop())

		require.Contains(t, d.Log(), `"status":401`)
		require.NotContains(t, d.Log(), "globex.example")
		require.NotContains(t, d.Log(), "Lovelace")
	})
}
