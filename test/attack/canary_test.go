package attack_test

import (
	"bytes"
	"crypto/rand"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/mongo/options"

	"ostiary/test/program"
)

// canaries are secrets by name, to be looked for where none may be.
type canaries struct {
	t       testing.TB
	d       *program.Deployment
	secrets map[string]string
	mailed  map[string]bool   // those that a mail is for
	places  map[string][]byte // what is searched, by name
}

func newCanaries(t testing.TB, d *program.Deployment) *canaries {
	return &canaries{t: t, d: d, secrets: map[string]string{}, mailed: map[string]bool{}, places: map[string][]byte{}}
}

// sing makes a secret whose text is changed by every way of escaping it.
func (c *canaries) sing(name string) string {
	return c.keep(name, `Canary "&é<`+rand.Text()[:16]+`> %+/`)
}

// plain makes one that fits where a token fits.
func (c *canaries) plain(name string) string { return c.keep(name, "Canary."+rand.Text()) }

func (c *canaries) keep(name, secret string) string {
	c.t.Helper()
	require.GreaterOrEqual(c.t, len(secret), 8, "%s could be found by chance", name)
	c.secrets[name] = secret
	return secret
}

// token keeps one that the program has made, also as the bytes behind its text.
func (c *canaries) token(name, text string) string {
	c.t.Helper()
	c.keep(name, text)
	random := text[strings.LastIndexByte(text, '.')+1:]
	raw, err := base64.RawURLEncoding.DecodeString(random)
	if strings.HasPrefix(text, "ost_") {
		random = text[strings.LastIndexByte(text, '_')+1:]
		raw, err = hex.DecodeString(random)
	}
	require.NoError(c.t, err, "%s: what its text stands for is not known", name)
	require.GreaterOrEqual(c.t, len(raw), 32, "%s", name)
	c.keep(name+" (its last part)", random)
	c.keep(name+" (its bytes)", string(raw[len(raw)-32:]))
	return text
}

// letter keeps what a mail carries to its reader.
func (c *canaries) letter(name string, l program.Letter) {
	c.t.Helper()
	before := len(c.secrets)
	c.token(name+" token", l.Token)
	if code := codeInMail.FindStringSubmatch(l.Text); code != nil {
		c.keep(name+" code", code[1])
	}
	require.Greater(c.t, len(c.secrets), before)
	for known := range c.secrets {
		if strings.HasPrefix(known, name) {
			c.mailed[known] = true
		}
	}
}

// search puts a text among what is searched.
func (c *canaries) search(place string, text []byte) {
	c.places[place] = append(append(c.places[place], text...), '\n')
}

// answers keeps what a refusal says; what is granted may hold a token.
func (c *canaries) answer(r program.Reply) program.Reply {
	if r.Status >= 400 {
		c.search("refusals", fmt.Appendf(nil, "%v", r.Header))
		c.search("refusals", r.Body)
	}
	return r
}

func (c *canaries) send(r program.Request) program.Reply {
	c.t.Helper()
	return c.answer(c.d.Send(r))
}

// wire sends what no client would.
func (c *canaries) wire(raw string) { c.search("refusals", []byte(c.d.Wire(raw))) }

func (c *canaries) cli(args ...string) {
	c.t.Helper()
	stdout, stderr, _ := c.d.CLI(args...)
	c.search("command line", []byte(stdout+stderr))
}

// look reads everything that the program has written, while it runs.
func (c *canaries) look(tenant string) {
	c.t.Helper()
	c.search("metrics", c.d.Must(200, program.Request{Method: "GET", Path: "/metrics", Bearer: program.OperatorToken}).Body)
	events := c.d.Must(200, program.Operator("GET", "/tenants/"+tenant+"/audit-events?limit=500", ""))
	itemsOf(c.t, events)
	c.search("audit", events.Body)
	c.search("log", []byte(c.d.Log()))
	c.store()
}

// store reads the files of the deployment, or every document of its database.
func (c *canaries) store() {
	c.t.Helper()
	err := filepath.WalkDir(c.d.Dir, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		raw, err := os.ReadFile(path)
		if os.IsNotExist(err) {
			return nil // a temporary file that is gone by now
		}
		place := "files"
		if filepath.Dir(path) == c.d.MailDir() {
			place, raw = "mail", append(raw, []byte(unquoted(raw))...)
		}
		c.search(place, raw)
		return err
	})
	require.NoError(c.t, err)
	if uri, mongodb := strings.CutPrefix(c.d.Storage[0], "OSTIARY_STORAGE=mongodb"); mongodb {
		c.documents("mongodb" + uri)
	}
}

// unquoted undoes the line breaks of quoted-printable, which would hide a
// secret from the search.
func unquoted(mail []byte) string {
	return strings.NewReplacer("=\r\n", "", "=\n", "", "=3D", "=").Replace(string(mail))
}

func (c *canaries) documents(uri string) {
	c.t.Helper()
	at, err := url.Parse(uri)
	require.NoError(c.t, err)
	client, err := mongo.Connect(c.t.Context(), options.Client().ApplyURI(uri).SetMaxPoolSize(1))
	require.NoError(c.t, err)
	defer func() { _ = client.Disconnect(c.t.Context()) }()
	db := client.Database(strings.Trim(at.Path, "/"))
	names, err := db.ListCollectionNames(c.t.Context(), bson.D{})
	require.NoError(c.t, err)
	require.NotEmpty(c.t, names)
	for _, name := range names {
		found, err := db.Collection(name).Find(c.t.Context(), bson.D{})
		require.NoError(c.t, err)
		for found.Next(c.t.Context()) {
			c.search("documents", found.Current)
		}
		require.NoError(c.t, found.Err())
	}
}

// require asserts that every place was read, and that none holds a secret.
func (c *canaries) require(places ...string) {
	c.t.Helper()
	for _, name := range places {
		require.Greater(c.t, len(c.places[name]), 200, "%s: nothing was found to search", name)
	}
	for place, text := range c.places {
		for name, secret := range c.secrets {
			if c.mailed[name] && place == "mail" {
				// The search itself is put to the proof by what must be there.
				require.True(c.t, strings.HasSuffix(name, ")") || bytes.Contains(text, []byte(secret)), "%s was not mailed", name)
				continue
			}
			for how, form := range disguises(secret) {
				if bytes.Contains(text, []byte(form)) {
					c.t.Errorf("%s, %s, is in the %s", name, how, place)
				}
			}
		}
		figure(c.t, "canaries_searched_"+strings.ReplaceAll(place, " ", "_")+"_bytes", len(text))
	}
	figure(c.t, "canaries_secrets", len(c.secrets))
}

// disguises are the ways in which a secret may have been written.
func disguises(secret string) map[string]string {
	quoted, _ := json.Marshal(secret)
	var plain bytes.Buffer
	enc := json.NewEncoder(&plain)
	enc.SetEscapeHTML(false)
	_ = enc.Encode(secret)
	out := map[string]string{
		"as it is": secret, "in hex": hex.EncodeToString([]byte(secret)), "in capital hex": strings.ToUpper(hex.EncodeToString([]byte(secret))),
		"for a query": url.QueryEscape(secret), "for a path": url.PathEscape(secret),
		"in JSON for HTML": strings.Trim(string(quoted), `"`), "in JSON": strings.Trim(strings.TrimSpace(plain.String()), `"`),
		"in Go": strings.Trim(fmt.Sprintf("%q", secret), `"`), "in ASCII": strings.Trim(fmt.Sprintf("%+q", secret), `"`),
		"as bytes": strings.Trim(fmt.Sprintf("%d", []byte(secret)), "[]"),
	}
	for shift := range 3 {
		// Where in a longer text a secret begins changes its base64.
		text := base64.RawStdEncoding.EncodeToString(append(make([]byte, shift), secret...))
		text = text[(shift*8+5)/6 : len(text)-1]
		out[fmt.Sprintf("in base64, shifted by %d", shift)] = text
		out[fmt.Sprintf("in base64 for URLs, shifted by %d", shift)] = strings.NewReplacer("+", "-", "/", "_").Replace(text)
	}
	return out
}

// TestDisguises asserts that the search finds what it looks for, wherever in a
// longer text it stands.
func TestDisguises(t *testing.T) {
	t.Parallel()
	const secret = `a "secret" & Ünfit %/+`
	for before := range 4 {
		longer := strings.Repeat("x", before) + secret + "yz"
		quoted, err := json.Marshal(longer)
		require.NoError(t, err)
		for name, text := range map[string]string{
			"plain": longer, "hex": hex.EncodeToString([]byte(longer)), "JSON": string(quoted), "query": url.QueryEscape(longer), "path": url.PathEscape(longer),
			"base64": base64.StdEncoding.EncodeToString([]byte(longer)), "base64 for URLs": base64.RawURLEncoding.EncodeToString([]byte(longer)),
			"Go": fmt.Sprintf("%q", longer), "bytes": fmt.Sprintf("%d", []byte(longer)),
		} {
			require.True(t, disguised(text, secret), "%s after %d", name, before)
		}
	}
	require.False(t, disguised("nothing of it", secret))
}

func disguised(text, secret string) bool {
	for _, form := range disguises(secret) {
		if strings.Contains(text, form) {
			return true
		}
	}
	return false
}
