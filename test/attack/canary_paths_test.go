package attack_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

// Recognisable secrets go by every way into the program; then everything that
// it has written is searched for them, in every disguise.
func TestCanaries(t *testing.T) {
	program.OnEach(t, func(t *testing.T, on program.Engine) {
		d := program.DeployOn(t, on, append([]string{"OSTIARY_LOG_LEVEL=debug", "OSTIARY_MASTER_KEY=" + program.MasterKey}, program.Cheap...)...)
		d.Start()
		c := newCanaries(t, d.Unchecked())
		c.keep("operator token", program.OperatorToken)
		c.keep("master key", program.MasterKey)
		raw, err := base64.StdEncoding.DecodeString(program.MasterKey)
		require.NoError(t, err)
		c.keep("master key (its bytes)", string(raw))
		p := d.Found("canary")

		c.passwords(p)
		c.links(p)
		c.tokens(p)
		c.malformed(p)
		c.unreadable()
		c.imports(p)
		c.look(p.Code)
		require.Zero(t, d.Stop())
		c.search("log", []byte(d.Log()))
		c.store()

		places := []string{"refusals", "command line", "metrics", "audit", "log", "mail"}
		if on.Name == program.OnMongoDB.Name {
			places = append(places, "documents")
		} else {
			places = append(places, "files")
		}
		c.require(places...)
	})
}

// passwords are right, wrong, new, too long, temporary and set by others.
func (c *canaries) passwords(p program.Portal) {
	c.t.Helper()
	right := c.sing("right password")
	body := func(format string, texts ...string) string {
		quoted := make([]any, len(texts))
		for i, text := range texts {
			quoted[i] = quoteJSON(text)
		}
		return fmt.Sprintf(format, quoted...)
	}
	set := program.SetPassword(p, "")
	set.Body = body(`{"password":%s}`, right)
	c.d.Must(200, set)
	login := program.Login(p.Code, "")
	try := func(path, password string) program.Reply {
		r := login
		r.Path = "/t/" + p.Code + path
		r.Body = body(`{"email":%s,"username":%[1]s,"password":%s}`, program.Address, password)
		return c.send(r)
	}
	for _, path := range []string{"/api/v1/portal/auth/login", "/api/v1/auth/login", "/api/v3/portal/login"} {
		require.Equal(c.t, 401, try(path, c.sing("wrong password at "+path)).Status)
		require.Equal(c.t, 200, try(path, right).Status)
		require.Less(c.t, try(path, strings.Repeat(c.sing("long password at "+path), 20)).Status, 500)
		require.Equal(c.t, 400, try(path, c.sing("password with a NUL at "+path)+"\x00").Status)
	}
	g := program.TokensOf(c.t, try("/api/v1/portal/auth/login", right))
	change := func(current, next string) program.Reply {
		return c.send(program.Request{
			Method: "POST", Path: "/api/v1/portal/auth/change-password", Bearer: g.Access,
			Body: body(`{"currentPassword":%s,"newPassword":%s}`, current, next),
		})
	}
	require.Equal(c.t, 401, change(c.sing("wrong current password"), c.sing("new password for nothing")).Status)
	require.Equal(c.t, 400, change(right, strings.Repeat(c.sing("new password that is too long"), 20)).Status)
	next := c.sing("new password")
	require.Equal(c.t, 204, change(right, next).Status)
	exsited := program.Request{
		Method: "POST", Path: "/t/" + p.Code + "/api/v3/portal/change-password",
		Body: body(`{"email":%s,"current_password":%s,"new_password":%s}`, program.Address, next, c.sing("newer password")),
	}
	require.Equal(c.t, 200, c.send(exsited).Status)
	at := "/tenants/" + p.Code + "/contacts/" + p.Contact
	c.d.Must(200, program.Operator("PUT", at+"/password", body(`{"password":%s}`, c.sing("password by the operator"))))
	c.d.Must(201, program.Request{
		Method: "POST", Path: "/external/api/v1/contacts", Bearer: p.Token,
		Body: body(`{"first_name":"New","email":"new@globex.example","company_id":%s,"password":%s}`, p.Globex, c.sing("password of a new contact")),
	})
	c.send(program.Request{Method: "POST", Path: "/external/api/v1/contacts", Bearer: p.Token, Body: body(
		`{"first_name":"Twice","email":"new@globex.example","company_id":%s,"password":%s}`, p.Globex, c.sing("password of a refused contact"))})
}

// links are asked for, used, guessed, and used again.
func (c *canaries) links(p program.Portal) {
	c.t.Helper()
	asked := c.d.Must(200, program.AskForLink(p.Code, program.Address))
	binding := c.keep("binding", asked.Header.Get("X-Link-Binding"))
	first := c.d.LettersOf(p.Code, 1)[0]
	c.letter("link", first)
	code := c.secrets["link code"]
	require.NotEmpty(c.t, code)
	prove := func(code string) program.Request {
		return program.Request{
			Method: "POST", Path: "/t/" + p.Code + "/api/v1/portal/auth/validate-code", Header: map[string]string{"X-Link-Binding": binding},
			Body: `{"email":"` + program.Address + `","code":"` + code + `"}`,
		}
	}
	c.send(prove(c.keep("wrong code", "Z"+rand.Text()[:7])))
	c.send(program.Validate(c.plain("wrong link token")))
	c.send(program.Request{Method: "POST", Path: "/t/" + p.Code + "/magic", Body: "token=" + first.Token, Header: map[string]string{"Content-Type": formMedia}})
	elsewhere := program.Validate(first.Token)
	elsewhere.Header = map[string]string{"X-Tenant-Code": "elsewhere"}
	require.Equal(c.t, 400, c.send(elsewhere).Status)
	require.Equal(c.t, 200, c.send(prove(code)).Status)
	require.Equal(c.t, 401, c.send(prove(code)).Status)
	require.Equal(c.t, 401, c.send(program.Validate(first.Token)).Status)
	c.d.Must(202, program.Operator("POST", "/tenants/"+p.Code+"/contacts/"+p.Contact+"/invitation", ""))
	invitation := c.d.LettersOf(p.Code, 2)[1]
	c.letter("invitation", invitation)
	require.Equal(c.t, 200, c.send(program.Validate(invitation.Token)).Status)
}

// tokens of every kind are made, used, replayed and ended.
func (c *canaries) tokens(p program.Portal) {
	c.t.Helper()
	c.token("token of the integration", p.Token)
	create := program.Operator("POST", "/tenants/"+p.Code+"/api-tokens", tokenBody)
	create.Header = map[string]string{"Idempotency-Key": "canary-1"}
	made := c.d.Must(201, create)
	token := c.token("API token", made.Text(c.t, "token"))
	require.Equal(c.t, token, c.d.Must(201, create).Text(c.t, "token"))
	create.Body = strings.Replace(create.Body, "walk", "walks", 1)
	require.Equal(c.t, 422, c.send(create).Status)
	c.d.Must(200, program.Request{Method: "GET", Path: "/external/api/v1/contacts", Bearer: token})
	c.d.Must(204, program.Operator("DELETE", "/tenants/"+p.Code+"/api-tokens/"+made.Text(c.t, "id"), ""))
	require.Equal(c.t, 401, c.send(program.Request{Method: "GET", Path: "/external/api/v1/contacts", Bearer: token}).Status)

	g := c.d.SignIn(p)
	c.keep("password of the kit", program.FirstPassword)
	c.token("access token", g.Access)
	c.token("refresh token", g.Refresh)
	next := c.d.Must(200, program.Refresh(g.Refresh))
	second := c.token("second refresh token", next.Text(c.t, "refreshToken"))
	c.token("second access token", next.Text(c.t, "accessToken"))
	third := c.d.Must(200, program.Request{Method: "GET", Path: "/api/v1/auth/refresh/" + second})
	c.token("third refresh token", third.Text(c.t, "refreshToken"))
	require.Equal(c.t, 401, c.send(program.Refresh(g.Refresh)).Status) // reuse, which ends the session
	require.Equal(c.t, 401, c.send(program.Visit("/me", g)).Status)
	c.d.Must(204, program.Request{Method: "GET", Path: "/api/v1/auth/logout/" + third.Text(c.t, "refreshToken")})
	for _, path := range []string{"/api/v1/auth/refresh/", "/api/v1/auth/logout/", "/t/" + p.Code + "/api/v1/auth/refresh/", "/t/elsewhere/api/v1/auth/logout/"} {
		c.send(program.Request{Method: "GET", Path: path + c.plain("made-up token in "+path)})
	}
	for _, path := range []string{"/api/v1/portal/me", "/external/api/v1/contacts", "/admin/v1/tenants", "/metrics"} {
		c.send(program.Request{Method: "GET", Path: path, Bearer: c.plain("made-up bearer of " + path)})
		c.send(program.Request{Method: "GET", Path: path, Header: map[string]string{"Authorization": "Basic " + c.plain("basic credential of "+path)}})
		c.send(program.Request{Method: "GET", Path: path, Bearer: g.Access[:len(g.Access)-4] + "AAAA"})
	}
}

// malformed requests hold secrets where none belongs.
func (c *canaries) malformed(p program.Portal) {
	c.t.Helper()
	routes := map[string]program.Request{
		"alpha":    {Method: "POST", Path: "/t/" + p.Code + "/api/v1/portal/auth/login"},
		"exsited":  {Method: "POST", Path: "/t/" + p.Code + "/api/v3/portal/login"},
		"luminous": {Method: "POST", Path: "/external/api/v1/contacts", Bearer: p.Token},
		"admin":    program.Operator("POST", "/tenants/"+p.Code+"/companies", ""),
		"token":    program.Operator("POST", "/tenants/"+p.Code+"/api-tokens", ""),
		"settings": program.Operator("PATCH", "/tenants/"+p.Code, ""),
		"unknown":  {Method: "POST", Path: "/nothing/here"},
		"page":     {Method: "POST", Path: "/t/" + p.Code + "/magic"},
	}
	for name, r := range routes {
		for how, format := range map[string]string{
			"name": `{"%s":1}`, "text": `"%s"`, "value": `{"email":"%s","password":"%[1]s","name":"%[1]s","permissions":["%[1]s"]}`,
			"wrong type": `{"email":{"%s":"x"},"password":["%[1]s"],"name":{"a":"%[1]s"}}`, "unfinished": `{"password":"%s`,
			"twice": `{"%s":1,"%[1]s":2}`, "trailing": `{} %s`, "expiry": `{"name":"x","permissions":[],"expiresAt":"%s"}`,
			"settings": `{"settings":{"magicLinkUrl":"https://user:%s@x.example/#{token}","locale":"%[1]s","origins":["https://%[1]s"]},"hosts":["%[1]s"]}`,
			"currency": `{"name":"x","currency":"%s","billingAddress":{"latitude":"%[1]s"},"email":"%[1]s"}`,
		} {
			r.Body = fmt.Sprintf(format, c.plain(name+" by "+how))
			require.Less(c.t, c.send(r).Status, 500, "%s %s", name, how)
		}
		r.Body, r.Header = "password="+c.plain(name+" as a form"), map[string]string{"Content-Type": formMedia}
		c.send(r)
		r.Body, r.Header = "{}", map[string]string{"Content-Type": c.plain(name + " as a content type")}
		c.send(r)
		r.Path, r.Header = r.Path+"?access_token="+c.plain(name+" in the query")+"&token="+c.plain(name+" in the query twice")+"&token=x", nil
		c.send(r)
	}
	for _, prefix := range []string{"/", "/api/v1/portal/", "/api/v3/portal/", "/external/api/v1/", "/admin/v1/", "/blobs/", "/docs/", "/t/" + p.Code + "/", "/api/v1/portal/blobs/"} {
		c.send(program.Request{Method: "GET", Path: prefix + c.plain("path below "+prefix), Header: map[string]string{
			"Cookie": "session=" + c.plain("cookie at "+prefix), "Referer": "https://x.example/?token=" + c.plain("referer at "+prefix),
			"X-Api-Key": c.plain("key at " + prefix), "User-Agent": c.plain("agent at " + prefix), "X-Request-Id": c.plain("request id at " + prefix),
		}})
		c.send(program.Request{Method: "DELETE", Path: prefix + url.PathEscape(c.sing("escaped path below "+prefix))})
	}
}

// unreadable requests do not even reach a route.
func (c *canaries) unreadable() {
	c.t.Helper()
	const line = "GET /api/v1/portal/me HTTP/1.1\r\nHost: a\r\n"
	for name, raw := range map[string]string{
		"blank before a colon": line + "Authorization : Bearer %s\r\n\r\n",
		"NUL":                  line + "Authorization: Bearer %s\x00\r\n\r\n",
		"bare line feed":       line + "Authorization: Bearer %s\n\n",
		"no colon":             line + "Bearer %s\r\n\r\n",
		"oversized head":       line + "X-Token: " + strings.Repeat("%[1]s", 400) + "\r\n\r\n",
		"oversized target":     "GET /?token=" + strings.Repeat("%[1]s", 400) + " HTTP/1.1\r\nHost: a\r\n\r\n",
		"method":               "%s / HTTP/1.1\r\nHost: a\r\n\r\n",
		"version":              "GET /%s HTTP/9.9\r\nHost: a\r\n\r\n",
		"host":                 "GET / HTTP/1.1\r\nHost: user:%s@a\r\n\r\n",
		"absolute target":      "GET http://user:%s@a/ HTTP/1.1\r\nHost: a\r\n\r\n",
		"length":               "POST /api/v1/portal/auth/login HTTP/1.1\r\nHost: a\r\nContent-Length: %s\r\n\r\n",
		"transfer coding":      "POST /api/v1/portal/auth/login HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: %s\r\n\r\n",
		"chunk":                "POST /api/v1/portal/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n%s\r\n",
		"half a body":          "POST /api/v1/portal/auth/login HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 9000\r\n\r\n{\"password\":\"%s",
		"no request at all":    "%s\r\n\r\n",
	} {
		c.wire(fmt.Sprintf(raw, c.plain("unreadable by "+name)))
	}
}

// imports come by the command line.
func (c *canaries) imports(p program.Portal) {
	c.t.Helper()
	file := filepath.Join(c.t.(interface{ TempDir() string }).TempDir(), "contacts.csv")
	rows := "first_name,company_ids,email,password_hash\n" +
		"One," + p.Globex + ",one@globex.example," + c.plain("password instead of a hash") + "\n" +
		"Two," + p.Globex + ",two@globex.example,$argon2id$v=19$m=1024$" + c.plain("broken hash") + "\n" +
		"Three," + p.Globex + ",not an address," + c.plain("hash of a refused row") + "\n" +
		"Four,\"" + c.plain("company that is none") + ",\n"
	require.NoError(c.t, os.WriteFile(file, []byte(rows), 0o600))
	c.cli("contact", "import", "--tenant", p.Code, file)
	c.cli("contact", "import", "--tenant", "elsewhere", file)
	for _, args := range [][]string{
		{"tenant", "list"},
		{"tenant", "show", p.Code},
		{"token", "list"},
		{"keys", "list"},
		{"keys", "rotate"},
		{"audit", "verify"},
		{"doctor"},
		{"scopes", "get", p.Code},
		{"tenant", "show", "elsewhere"},
		{"nonsense"},
		{"tenant", "list", "--json"},
	} {
		c.cli(args...)
	}
}

// quoteJSON is a text as it stands in a body.
func quoteJSON(text string) string {
	text = fmt.Sprintf("%q", text)
	return strings.NewReplacer(`\x00`, `\u0000`).Replace(text)
}
