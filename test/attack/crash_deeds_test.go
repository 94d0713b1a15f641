package attack_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"image"
	"image/png"
	"maps"
	"math/rand/v2"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/program"
)

const crashed = "crashed" // the tenant's code

func ofTenant(method, path, body string) program.Request {
	return program.Operator(method, "/tenants/"+crashed+path, body)
}

// gather makes what everybody writes to.
func gather(d *program.Deployment, dice *rand.Rand) *crowd {
	d.T.Helper()
	c := &crowd{d: d, p: d.Found(crashed), dice: dice, seen: map[string]int{}}
	c.all = slices.Concat(c.replacers(), c.ledger(), c.makers(), c.signers())
	return c
}

// numberIn reads what a writer of a cell put into text.
func numberIn(t testing.TB, text, pattern string) (n int) {
	t.Helper()
	_, err := fmt.Sscanf(text, pattern, &n)
	require.NoError(t, err, "%s", text)
	return n
}

// replacers change one thing again and again.
func (c *crowd) replacers() []*worker {
	moved, _ := c.person("moved", c.p.Globex)
	patched := c.company("Patched 0")
	tag := c.d.Must(201, ofTenant("POST", "/tags", `{"name":"Tag 0"}`)).Number(c.d.T)
	pictured, face := c.person("pictured", c.p.Globex)
	named := func(path, member, pattern string) func(*crowd) int {
		return func(c *crowd) int {
			return numberIn(c.d.T, c.d.Must(200, ofTenant("GET", path, "")).Text(c.d.T, member), pattern)
		}
	}
	patch := func(path, body string) func(int) program.Request {
		return func(n int) program.Request { return ofTenant("PATCH", path, fmt.Sprintf(body, n)) }
	}
	return []*worker{
		{name: "patch contact", deed: &cell{
			write: patch("/contacts/"+moved, `{"lastName":"Name %d"}`), read: named("/contacts/"+moved, "lastName", "Name %d"),
		}},
		{name: "patch company", deed: &cell{
			write: patch("/companies/"+patched, `{"name":"Patched %d"}`), read: named("/companies/"+patched, "name", "Patched %d"),
		}},
		{name: "patch tag", deed: &cell{
			write: patch("/tags/"+tag, `{"name":"Tag %d"}`),
			read:  func(c *crowd) int { return numberIn(c.d.T, c.itemNamed("/tags", tag), "Tag %d") },
		}},
		{name: "settings", deed: &cell{write: patch("", `{"settings":{"origins":["https://at-%d.example"]}}`), read: origin}},
		{name: "scopes", deed: &cell{
			write: func(n int) program.Request {
				return ofTenant("PUT", "/scopes", fmt.Sprintf(`{"finance":true,"at-%d":true}`, n))
			},
			read: extraScope,
		}},
		{name: "avatar", deed: &pictures{contact: pictured, mail: face}},
	}
}

// ledger writes documents, by one and by several.
func (c *crowd) ledger() []*worker {
	books, batch := c.company("Books BV"), c.company("Batch BV")
	_, booksAt := c.person("books", books)
	_, batchAt := c.person("batch", batch)
	return []*worker{
		{name: "put document", deed: &cell{
			write: func(n int) program.Request {
				return ofTenant("PUT", "/companies/"+books+"/documents/invoice/F-1", fmt.Sprintf(
					`{"currency":"EUR","status":"sent","total":"%d.00","outstanding":"%d.00","version":%d}`, n, n, n))
			},
			read: func(c *crowd) int { return c.outstanding(booksAt) },
		}},
		{name: "batch of documents", deed: &cell{
			write: func(n int) program.Request { return batchOf(batch, n) },
			// A line is written whole, a batch need not be.
			read: func(c *crowd) int { return (c.outstanding(batchAt) + 1) / 2 },
		}},
	}
}

// makers make things and take them away again.
func (c *crowd) makers() []*worker {
	return []*worker{
		{name: "create and delete contact", deed: &born{at: "/contacts", body: func(n int) string {
			return fmt.Sprintf(`{"firstName":"Born","email":"born%d@globex.example","companies":[{"id":%s,"isPrimary":true}]}`, n, c.p.Globex)
		}}},
		{name: "create and delete company", deed: &born{at: "/companies", body: func(n int) string { return fmt.Sprintf(`{"name":"Born %d"}`, n) }}},
		{name: "create tag once", deed: &once{}},
		{name: "API token", deed: &keysOfPrograms{contact: c.p.Contact}},
		{name: "rotate keys", deed: &rotations{}},
	}
}

// signers sign in, out and on, and change what they sign in with.
func (c *crowd) signers() []*worker {
	toggled, switched := c.person("switched", c.p.Globex)
	set, setter := c.person("setter", c.p.Globex)
	_, changer := c.person("changer", c.p.Globex)
	_, chain := c.person("chain", c.p.Globex)
	_, leaver := c.person("leaver", c.p.Globex)
	_, linked := c.person("linked", c.p.Globex)
	return []*worker{
		{name: "sign in and out", deed: &visits{mail: leaver}},
		{name: "refresh", deed: &chainOfTokens{mail: chain}},
		{name: "change password", deed: &passwords{mail: changer, own: true}},
		{name: "set password", deed: &passwords{mail: setter, contact: set}},
		{name: "enable and disable", deed: &toggle{contact: toggled, mail: switched}},
		{name: "link and code", deed: &links{mail: linked}},
	}
}

func (c *crowd) company(name string) string {
	return c.d.Must(201, ofTenant("POST", "/companies", `{"name":"`+name+`"}`)).Number(c.d.T)
}

// commonPassword is what everybody begins with.
const commonPassword = "Meadow-Candle-41"

// person is made with a password; the id and the address come back.
func (c *crowd) person(name, company string) (id, mail string) {
	t := c.d.T
	t.Helper()
	mail = name + "@crashed.example"
	id = c.d.Must(201, ofTenant("POST", "/contacts", fmt.Sprintf(
		`{"firstName":"Somebody","lastName":"Name 0","email":%q,"companies":[{"id":%s,"isPrimary":true}]}`, mail, company))).Number(t)
	c.d.Must(200, ofTenant("PUT", "/contacts/"+id+"/password", `{"password":"`+commonPassword+`"}`))
	return id, mail
}

func signIn(mail, password string) program.Request { return program.LoginAs(crashed, mail, password) }

func batchOf(company string, n int) program.Request {
	line := fmt.Sprintf(`{"company":%s,"kind":"invoice","ref":"REF","status":"sent","currency":"EUR","total":"%d.00","outstanding":"%d.00","version":%d}`, company, n, n, n)
	r := ofTenant("POST", "/documents:batch", strings.Replace(line, "REF", "B-1", 1)+"\n"+strings.Replace(line, "REF", "B-2", 1)+"\n")
	r.Header = map[string]string{"Content-Type": "application/x-ndjson"}
	return r
}

// outstanding is what a visitor of a company's portal reads.
func (c *crowd) outstanding(mail string) int {
	t := c.d.T
	t.Helper()
	g := program.TokensOf(t, c.d.Must(200, signIn(mail, commonPassword)))
	var stats struct{ TotalOutstanding float64 }
	require.NoError(t, json.Unmarshal(c.d.Must(200, program.Visit("/dashboard/stats", g)).Body, &stats))
	return int(stats.TotalOutstanding)
}

// itemNamed is the name of one of a list.
func (c *crowd) itemNamed(path, id string) string {
	c.d.T.Helper()
	for _, item := range c.items(path) {
		if item.ID.String() == id {
			return item.Name
		}
	}
	require.Fail(c.d.T, "not in the list", "%s/%s", path, id)
	return ""
}

type item struct {
	ID   json.Number
	Name string
}

func (c *crowd) items(path string) (out []item) {
	t := c.d.T
	t.Helper()
	cursor := ""
	for {
		var page struct {
			Items      []item
			NextCursor *string
		}
		require.NoError(t, json.Unmarshal(c.d.Must(200, ofTenant("GET", path+"?limit=500"+cursor, "")).Body, &page))
		out = append(out, page.Items...)
		if page.NextCursor == nil {
			return out
		}
		cursor = "&cursor=" + *page.NextCursor
	}
}

func origin(c *crowd) int {
	t := c.d.T
	var is struct{ Settings struct{ Origins []string } }
	require.NoError(t, json.Unmarshal(c.d.Must(200, ofTenant("GET", "", "")).Body, &is))
	if len(is.Settings.Origins) == 0 {
		return 0
	}
	var n int
	_, err := fmt.Sscanf(is.Settings.Origins[0], "https://at-%d.example", &n)
	require.NoError(t, err)
	return n
}

func extraScope(c *crowd) int {
	t := c.d.T
	var is map[string]bool
	require.NoError(t, json.Unmarshal(c.d.Must(200, ofTenant("GET", "/scopes", "")).Body, &is))
	for name := range maps.Keys(is) {
		if n, found := strings.CutPrefix(name, "at-"); found {
			v, err := strconv.Atoi(n)
			require.NoError(t, err)
			return v
		}
	}
	return 0
}

// cell is one value that one writer replaces by the next.
type cell struct {
	write        func(n int) program.Request
	read         func(*crowd) int
	acked, tried int
}

func (l *cell) do(c *crowd, n int) bool {
	l.tried = n
	r := l.write(n)
	_, ok := c.ask(r.Method+" value", r, 200)
	if ok {
		l.acked = n
	}
	return ok
}

func (l *cell) holds(c *crowd) {
	got := l.read(c)
	require.GreaterOrEqual(c.d.T, got, l.acked, "an acknowledged write is gone")
	require.LessOrEqual(c.d.T, got, l.tried)
	l.acked = got
}

// pictures are as wide as their number says.
type pictures struct {
	contact, mail string
	acked, tried  int
}

func width(n int) int { return 1 + n%200 }

func (p *pictures) do(c *crowd, n int) bool {
	p.tried = n
	var raw bytes.Buffer
	if err := png.Encode(&raw, image.NewGray(image.Rect(0, 0, width(n), 2))); err != nil {
		return false
	}
	r := ofTenant("PUT", "/contacts/"+p.contact+"/avatar", raw.String())
	r.Header = map[string]string{"Content-Type": "image/png"}
	_, ok := c.ask("avatar", r, 200)
	if ok {
		p.acked = n
	}
	return ok
}

// holds also reads the picture: it and what names it are two writes.
func (p *pictures) holds(c *crowd) {
	t := c.d.T
	g := program.TokensOf(t, c.d.Must(200, signIn(p.mail, commonPassword)))
	var me struct {
		Avatar *struct {
			BlobID, ThumbnailBlobID string
			Width                   int
		}
	}
	require.NoError(t, json.Unmarshal(c.d.Must(200, program.Visit("/me", g)).Body, &me))
	if me.Avatar == nil {
		require.Zero(t, p.acked, "an acknowledged picture is gone")
		return
	}
	require.Contains(t, []int{width(p.acked), width(p.tried)}, me.Avatar.Width)
	for _, id := range []string{me.Avatar.BlobID, me.Avatar.ThumbnailBlobID} {
		require.NotEmpty(t, c.d.Must(200, program.Visit("/blobs/"+id, g)).Body)
	}
	if me.Avatar.Width == width(p.tried) {
		p.acked = p.tried
	}
}

// born are made, and every third is deleted again.
type born struct {
	at      string
	body    func(n int) string
	alive   []string
	gone    []string
	unknown int
}

func (b *born) do(c *crowd, n int) bool {
	b.unknown++
	res, ok := c.ask("create "+b.at, ofTenant("POST", b.at, b.body(n)), 201)
	if !ok {
		return false
	}
	b.unknown--
	id := res.Number(c.d.T)
	if n%3 != 0 {
		b.alive = append(b.alive, id)
		return true
	}
	_, ok = c.ask("delete "+b.at, ofTenant("DELETE", b.at+"/"+id, ""), 204)
	if ok {
		b.gone = append(b.gone, id)
	}
	return ok
}

// holds reads the latest by their ids and all by the list.
func (b *born) holds(c *crowd) {
	t := c.d.T
	for _, id := range b.alive[max(0, len(b.alive)-3):] {
		c.d.Must(200, ofTenant("GET", b.at+"/"+id, ""))
	}
	for _, id := range b.gone[max(0, len(b.gone)-3):] {
		c.d.Must(404, ofTenant("GET", b.at+"/"+id, ""))
	}
	listed := map[string]int{}
	for _, item := range c.items(b.at) {
		listed[item.ID.String()]++
	}
	for _, id := range b.alive {
		require.Equal(t, 1, listed[id], "%s %s", b.at, id)
	}
	require.False(t, slices.ContainsFunc(b.gone, func(id string) bool { return listed[id] > 0 }), "what was deleted is back")
}
