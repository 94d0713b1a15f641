package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/valyala/fasthttp"

	"ostiary/test/exchange"
	"ostiary/test/load"
	"ostiary/test/program"
)

// grownTo is a deployment of one size.
type grownTo struct {
	size
	target

	name  string
	ops   map[string][]load.Op
	ready time.Duration
}

// What is asked of every size: the cost of shapes must not grow; lists have more
// to say about a larger tenant, and are held to a time instead.
var (
	shapes = []string{"/scopes", "/me", "refresh", "login", "link"}
	lists  = []string{"page by cursor", "page by number", "search by e-mail", "search by name"}
)

// growth asks the same of stores of three sizes, in turn.
func growth(s *scene, p plan, out *sheet) {
	var all []*grownTo
	for _, to := range []size{small, wideTo, deepTo} {
		all = append(all, deployGrown(s, p, to))
	}
	for _, g := range all {
		out.time(g.name+" start to ready", g.ready)
	}
	for _, shape := range append(slices.Clone(shapes), lists...) {
		for range p.rounds {
			var cost [3]float64
			for i, g := range all {
				cost[i] = g.cost(s, out, shape, p.lasts)
			}
			out.note(shape+" "+wideTo.String()+" ÷ "+small.String(), "", cost[1]/cost[0])
			out.note(shape+" "+deepTo.String()+" ÷ "+small.String(), "", cost[2]/cost[0])
		}
	}
}

// flat bounds the growth of every shape, and the times at the largest tenant.
func flat() []bound {
	out := []bound{atMost(deepTo.String()+" start to ready", 150)}
	for _, shape := range shapes {
		for _, to := range []size{wideTo, deepTo} {
			out = append(out, atMost(shape+" "+to.String()+" ÷ "+small.String(), 1.25))
		}
	}
	for _, shape := range lists {
		out = append(out, atMost(deepTo.String()+" "+shape+" p50", 5))
	}
	return out
}

func deployGrown(s *scene, p plan, to size) *grownTo {
	o := &office{}
	d := prepared(s, p, o.setting(s))
	d.Start() // makes the store
	d.Stop()
	grow(s, d, to)
	began := time.Now()
	d.Start()
	g := &grownTo{size: to, target: p.target(d), name: to.String(), ready: time.Since(began)}
	g.prepare(s, d)
	g.ops["link"] = o.linking(s, g.target, grownCode, small.contacts, grownAddress)
	return g
}

// prepare gives as many contacts a password as the smallest size has, so that
// every size is asked alike, and signs one in for each connection.
func (g *grownTo) prepare(s *scene, d *program.Deployment) {
	for i := range small.contacts {
		at := "/tenants/" + grownCode + "/contacts"
		found := d.Must(200, program.Operator("GET", at+"?email="+url.QueryEscape(grownAddress(i)), ""))
		var page struct {
			Items []struct{ ID json.Number }
		}
		s.must(json.Unmarshal(found.Body, &page))
		d.Must(200, program.Operator("PUT", at+"/"+page.Items[0].ID.String()+"/password", `{"password":"`+program.FirstPassword+`"}`))
	}
	login := func(i int) exchange.Request {
		return program.LoginAs(grownCode, grownAddress(i%small.contacts), program.FirstPassword)
	}
	u := ourSubject(g.target, login)
	access, refresh := make([]string, wide), make([]string, wide)
	for i := range wide {
		access[i], refresh[i] = u.signIn(s, i)
	}
	read := func(path string) []load.Op {
		return g.each(s, wide, 200, func(i int) exchange.Request { return visiting(path).ask(access[i]) })
	}
	one := func(path string) []load.Op { return g.repeated(s, 1, 200, program.Operator("GET", path, "")) }
	token := d.Must(201, program.Operator("POST", "/tenants/"+grownCode+"/api-tokens", `{"name":"crm","permissions":["contacts:read"]}`)).Text(s, "token")
	last := min(200, max(1, g.contacts/50))
	g.ops = map[string][]load.Op{
		"/scopes": read("/scopes"), "/me": read("/me"),
		"refresh":        u.refreshing(s, refresh),
		"login":          g.each(s, wide, 200, login),
		"page by cursor": {g.turning(s)},
		"page by number": g.repeated(s, 1, 200, exchange.Request{
			Method: "GET", Path: fmt.Sprintf("/external/api/v1/contacts?limit=50&page=%d", last), Bearer: token,
		}),
		"search by e-mail": one("/tenants/" + grownCode + "/contacts?email=" + url.QueryEscape(grownAddress(g.contacts-1))),
		"search by name":   one(fmt.Sprintf("/tenants/%s/contacts?q=Last%d", grownCode, g.contacts-1)),
	}
}

// turning reads a list page by page, and begins again at its end.
func (t target) turning(s *scene) load.Op {
	c := t.dial(s)
	first := "/tenants/" + grownCode + "/contacts?limit=50"
	next := first
	return func(ctx context.Context) error {
		var res *fasthttp.Response
		res, err := expect(ctx, c, load.Prepare(t.origin, program.Operator("GET", next, "")), 200)
		if err != nil {
			return err
		}
		var page struct{ NextCursor *string }
		if err := json.Unmarshal(res.Body(), &page); err != nil {
			return fmt.Errorf("read page: %w", err)
		}
		next = first
		if page.NextCursor != nil {
			next += "&cursor=" + url.QueryEscape(*page.NextCursor)
		}
		return nil
	}
}

// cost runs one shape and returns what it takes of the server's CPU.
func (g *grownTo) cost(s *scene, out *sheet, shape string, lasts time.Duration) float64 {
	before := g.usage(s).CPU
	taken := g.profile(s, g.name+" "+shape, lasts)
	r := load.Closed(s.ctx, g.ops[shape], lasts)
	s.must(r.Err())
	s.must(<-taken)
	cpu := float64((g.usage(s).CPU - before).Microseconds()) / float64(r.Done)
	out.note(g.name+" "+shape, "/s", r.Rate())
	out.time(g.name+" "+shape+" p50", r.Percentile(50))
	out.note(g.name+" "+shape+" CPU", "µs each", cpu)
	return cpu
}

const imported = 100_000

// imports takes over contacts from a file, beside a program that serves.
func imports(s *scene, p plan, out *sheet) {
	for range p.rounds {
		d, _ := deployed(s, p)
		folk := d.Found("bench")
		var rows strings.Builder
		rows.WriteString("first_name,last_name,email,company_ids\n")
		for i := range imported {
			fmt.Fprintf(&rows, "First%d,Last%d,%s,%s\n", i, i, grownAddress(i), folk.Globex)
		}
		file := filepath.Join(d.Dir, "contacts.csv")
		s.must(os.WriteFile(file, []byte(rows.String()), 0o600))
		began := time.Now()
		_, stderr, code := d.CLI("contact", "import", "--tenant", folk.Code, file)
		if code != 0 {
			s.Fatal("import: ", code, stderr)
		}
		out.note("imported", "/min", imported/time.Since(began).Minutes())
		d.Stop()
	}
}

// documented is how many documents the company has whose figures are read.
const documented = 100_000

// stats reads the figures of a company with few documents and of one with many.
func stats(s *scene, p plan, out *sheet) {
	d, us := deployed(s, p)
	folk := d.Found("bench")
	g := d.SignIn(folk)
	one := us.repeated(s, 1, 200, program.Visit("/dashboard/stats", g))
	for range p.rounds {
		us.closed(s, out, loop{"stats, 9 documents", one, p.lasts})
	}
	const batch = 5_000
	for from := 0; from < documented; from += batch {
		var lines strings.Builder
		for i := range batch {
			fmt.Fprintf(&lines, `{"company":%s,"kind":"invoice","ref":"G-%d","status":"sent","currency":"EUR","total":"10.00","outstanding":"1.00"}`+"\n", folk.Globex, from+i)
		}
		r := program.Operator("POST", "/tenants/"+folk.Code+"/documents:batch", lines.String())
		r.Header = map[string]string{"Content-Type": "application/x-ndjson"}
		d.Must(200, r)
	}
	for range p.rounds {
		us.closed(s, out, loop{"stats, 100,000 documents", one, p.lasts})
	}
}
