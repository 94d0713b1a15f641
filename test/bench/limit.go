package main

import (
	"bufio"
	"database/sql"
	"encoding/json"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"runtime"
	"runtime/debug"
	"strings"
	"sync"
	"time"

	"github.com/gofiber/fiber/v2"
	"github.com/valyala/fasthttp"
	"golang.org/x/crypto/argon2"
	_ "modernc.org/sqlite" // the store whose commits are counted

	"ostiary/test/exchange"
	"ostiary/test/load"
)

// bareCommand makes this program the server that does nothing.
const bareCommand = "serve-bare"

// answer is what a bare server says to everything.
type answer struct {
	Header [][2]string // names and values, in the order of the wire
	Body   string
}

// answerOf is what makes another server's answer, but for what Fiber adds by
// itself.
func answerOf(res *fasthttp.Response) answer {
	a := answer{Body: string(res.Body())}
	for name, value := range res.Header.All() {
		if n := string(name); n != fasthttp.HeaderDate && n != fasthttp.HeaderContentLength {
			a.Header = append(a.Header, [2]string{n, string(value)})
		}
	}
	return a
}

// handler copies a header that is made once: setting each field anew would
// slow the limit down, and flatter who is compared with it.
func (a answer) handler() fiber.Handler {
	var header fasthttp.ResponseHeader
	for _, field := range a.Header {
		header.Add(field[0], field[1])
	}
	body := []byte(a.Body)
	return func(c *fiber.Ctx) error {
		header.CopyTo(&c.Response().Header)
		return c.Send(body)
	}
}

// serveBare answers everything with the same bytes, as Fiber does by itself,
// and says on the first line of its output where.
func serveBare(encoded string) {
	var a answer
	if err := json.Unmarshal([]byte(encoded), &a); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	app := fiber.New(fiber.Config{DisableStartupMessage: true})
	app.Use(a.handler())
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	fmt.Println("http://" + ln.Addr().String())
	_ = app.Listener(ln)
}

// bare starts a server that says a to everything, sees that it does, and
// returns its origin.
func bare(s *scene, a answer) (origin string) {
	self, err := os.Executable()
	s.must(err)
	encoded, err := json.Marshal(a)
	s.must(err)
	cmd := exec.Command(self, bareCommand, string(encoded))
	cmd.Stderr = os.Stderr
	out, err := cmd.StdoutPipe()
	s.must(err)
	s.must(cmd.Start())
	s.Cleanup(func() {
		_ = cmd.Process.Kill()
		_ = cmd.Wait()
	})
	line, err := bufio.NewReader(out).ReadString('\n')
	s.must(err)
	origin = strings.TrimSpace(line)
	t := target{origin: origin}
	res, err := expect(s.ctx, t.dial(s), load.Prepare(origin, exchange.Request{Method: "GET", Path: "/"}), 200)
	s.must(err)
	if got := answerOf(res); !reflect.DeepEqual(got, a) {
		s.Fatal("the bare server answers ", got, ", not ", a)
	}
	return origin
}

// hashes counts how many passwords a second every core together hashes when
// nothing else is done, with the parameters that ship and with garbage
// collected as seldom as the program has it.
func hashes(lasts time.Duration) float64 {
	defer debug.SetGCPercent(debug.SetGCPercent(400))
	salt := make([]byte, 16)
	var wg sync.WaitGroup
	counts := make([]int, runtime.NumCPU())
	began := time.Now()
	for i := range counts {
		wg.Go(func() {
			for time.Since(began) < lasts {
				argon2.IDKey([]byte("Tulip-Bridge-29"), salt, 2, 19*1024, 1, 32)
				counts[i]++
			}
		})
	}
	wg.Wait()
	took := time.Since(began)
	total := 0
	for _, n := range counts {
		total += n
	}
	runtime.GC()
	return float64(total) / took.Seconds()
}

// commits counts how many durable transactions of one row a second SQLite
// makes, one after another.
func commits(s *scene, lasts time.Duration) float64 {
	db, err := sql.Open("sqlite", "file:"+filepath.Join(s.TempDir(), "raw.db")+
		"?_pragma=journal_mode(wal)&_pragma=synchronous(full)")
	s.must(err)
	defer func() { _ = db.Close() }()
	db.SetMaxOpenConns(1)
	_, err = db.ExecContext(s.ctx, "CREATE TABLE t (id INTEGER PRIMARY KEY, v BLOB) STRICT")
	s.must(err)
	insert, err := db.PrepareContext(s.ctx, "INSERT INTO t (v) VALUES (?)")
	s.must(err)
	value := make([]byte, 200)
	n, began := 0, time.Now()
	for time.Since(began) < lasts {
		_, err := insert.ExecContext(s.ctx, value)
		s.must(err)
		n++
	}
	return float64(n) / time.Since(began).Seconds()
}
