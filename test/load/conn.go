package load

import (
	"bufio"
	"context"
	"fmt"
	"net"
	"net/url"
	"time"

	"github.com/valyala/fasthttp"

	"ostiary/test/exchange"
)

// answerPatience bounds the wait for one answer.
const answerPatience = 2 * time.Minute

// Conn is one connection to a server, opened when first used and again when it
// was closed. It reads and writes with as little work as there is, since it
// takes its share of the cores that it measures.
type Conn struct {
	address string
	conn    net.Conn
	in      *bufio.Reader
	out     *bufio.Writer
	res     fasthttp.Response
}

// Dial returns a connection to the host of an origin.
func Dial(origin string) (*Conn, error) {
	u, err := url.Parse(origin)
	if err != nil || u.Scheme != "http" || u.Port() == "" {
		return nil, fmt.Errorf("load: %q is no http://host:port", origin)
	}
	return &Conn{address: u.Host}, nil
}

// Prepare makes what Do sends.
func Prepare(origin string, r exchange.Request) *fasthttp.Request {
	out := &fasthttp.Request{}
	out.Header.SetMethod(r.Method)
	out.SetRequestURI(origin + r.Path)
	if r.Body != "" {
		out.Header.SetContentType("application/json")
		out.SetBodyString(r.Body)
	}
	if r.Bearer != "" {
		out.Header.Set("Authorization", "Bearer "+r.Bearer)
	}
	for name, value := range r.Header {
		out.Header.Set(name, value)
	}
	return out
}

// Do sends a request and returns its answer, which is good until the next. A
// connection that the server closes after its answer is opened anew.
func (c *Conn) Do(ctx context.Context, r *fasthttp.Request) (*fasthttp.Response, error) {
	if err := c.open(ctx); err != nil {
		return nil, err
	}
	if err := c.roundTrip(r); err != nil {
		c.Close()
		return nil, fmt.Errorf("load: %w", err)
	}
	if c.res.ConnectionClose() {
		c.Close()
	}
	return &c.res, nil
}

// Close may be called at any time between two requests.
func (c *Conn) Close() {
	if c.conn != nil {
		_ = c.conn.Close()
		c.conn = nil
	}
}

func (c *Conn) open(ctx context.Context) error {
	if c.conn != nil {
		return nil
	}
	conn, err := (&net.Dialer{Timeout: answerPatience}).DialContext(ctx, "tcp", c.address)
	if err != nil {
		return fmt.Errorf("load: %w", err)
	}
	c.conn, c.in, c.out = conn, bufio.NewReader(conn), bufio.NewWriter(conn)
	return nil
}

func (c *Conn) roundTrip(r *fasthttp.Request) error {
	if err := c.conn.SetDeadline(time.Now().Add(answerPatience)); err != nil {
		return err
	}
	if err := r.Write(c.out); err != nil {
		return err
	}
	if err := c.out.Flush(); err != nil {
		return err
	}
	return c.res.Read(c.in)
}
