package mongod

import (
	"context"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"go.mongodb.org/mongo-driver/bson"
)

// FaultProxy stands between a client and the server of a test, which decides
// from moment to moment what the network does.
type FaultProxy struct {
	relay *relay
	uri   string

	mu    sync.Mutex
	fault fault
	lost  int
	asked []string
}

// fault is what is wrong at the moment; the zero value is nothing.
type fault struct {
	cut, blackhole bool
	delay          time.Duration
	// answers are still to be lost, of the commands named or of all.
	answers int
	of      []string
}

// NewFaultProxy stands before the server of uri and passes everything on. It
// ends with the test.
func NewFaultProxy(t testing.TB, uri string) *FaultProxy {
	t.Helper()
	a, err := parse(uri)
	if err != nil {
		t.Fatal(err)
	}
	target := a.hosts
	if a.several() {
		target = primary(t, uri)
	}
	p := &FaultProxy{}
	if p.relay, err = listen(target, p.serve); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(p.relay.close)
	p.uri = a.at(p.relay.addr()).String()
	return p
}

// URI is the one given, through the proxy and nowhere else.
func (p *FaultProxy) URI() string { return p.uri }

// Pass ends every fault.
func (p *FaultProxy) Pass() { p.become(fault{}) }

// Cut resets all connections and each new one.
func (p *FaultProxy) Cut() { p.become(fault{cut: true}) }

// Delay holds every message of either side back for d.
func (p *FaultProxy) Delay(d time.Duration) { p.become(fault{delay: d}) }

// Blackhole accepts connections and reads, and lets nothing through. The
// connections of that time are reset when it ends, as each lacks messages.
func (p *FaultProxy) Blackhole() { p.become(fault{blackhole: true}) }

// LoseAnswers lets the server carry the next n commands out, and resets the
// connection in place of each answer: the client cannot know what happened.
// Without names every command counts but the handshakes of connections. On a
// replica set the driver asks once more for most writes, so it takes n = 2 for
// the client to learn of the loss.
func (p *FaultProxy) LoseAnswers(n int, commands ...string) {
	p.become(fault{answers: n, of: commands})
	p.mu.Lock()
	defer p.mu.Unlock()
	p.lost = 0
}

// Lost counts the answers that the latest LoseAnswers has lost so far.
func (p *FaultProxy) Lost() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.lost
}

// Asked returns the commands since the last call, such as "find users", in the
// order in which they came, without the handshakes of connections.
func (p *FaultProxy) Asked() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	asked := p.asked
	p.asked = nil
	return asked
}

// note keeps the latest commands for Asked.
func (p *FaultProxy) note(c command) {
	const most = 10_000
	p.mu.Lock()
	defer p.mu.Unlock()
	if len(p.asked) == most {
		p.asked = p.asked[1:]
	}
	p.asked = append(p.asked, c.name+" "+c.collection)
}

func (p *FaultProxy) become(f fault) {
	p.mu.Lock()
	defer p.mu.Unlock()
	torn := f.cut || p.fault.blackhole
	p.fault = f
	if torn {
		p.relay.hangUp()
	}
}

func (p *FaultProxy) now() fault {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.fault
}

// loses reports whether the answer to f is to be lost.
func (p *FaultProxy) loses(f frame) bool {
	c, err := f.command()
	if err != nil || c.handshake() {
		return false
	}
	p.note(c)
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.fault.answers == 0 || len(p.fault.of) > 0 && !slices.Contains(p.fault.of, c.name) {
		return false
	}
	p.fault.answers--
	return true
}

// passage is one connection through the proxy.
type passage struct {
	*pair
	proxy *FaultProxy
	// deaf is set while a command is under way whose answer is to be lost.
	deaf atomic.Bool
}

func (p *FaultProxy) serve(pr *pair) {
	w := &passage{pair: pr, proxy: p}
	switch f := p.now(); {
	case f.cut:
		pr.reset()
		return
	case f.blackhole:
		w.swallow()
		return
	}
	if !pr.dial() {
		pr.reset()
		return
	}
	var answers sync.WaitGroup
	answers.Go(w.answers)
	w.requests()
	pr.close()
	answers.Wait()
}

// swallow reads what the client says until somebody hangs up.
func (w *passage) swallow() {
	for {
		if _, err := readFrame(w.client); err != nil {
			return
		}
	}
}

func (w *passage) requests() {
	for {
		f, err := readFrame(w.client)
		if err != nil || !w.wait() {
			return
		}
		if w.proxy.now().blackhole {
			continue
		}
		if w.proxy.loses(f) {
			w.deaf.Store(true)
		}
		if _, err := w.server.Write(f); err != nil {
			return
		}
	}
}

func (w *passage) answers() {
	defer w.close()
	for {
		f, err := readFrame(w.server)
		if err != nil || w.loseIt() || !w.wait() {
			return
		}
		if w.proxy.now().blackhole {
			continue
		}
		if _, err := w.client.Write(f); err != nil {
			return
		}
	}
}

// loseIt is asked when the server has answered, so the command is done.
func (w *passage) loseIt() bool {
	if !w.deaf.Load() {
		return false
	}
	w.proxy.mu.Lock()
	w.proxy.lost++
	w.proxy.mu.Unlock()
	w.reset()
	return true
}

// wait reports false when the connection ends meanwhile.
func (w *passage) wait() bool {
	d := w.proxy.now().delay
	if d == 0 {
		return true
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return true
	case <-w.done:
		return false
	}
}

// primary is the host that takes the writes.
func primary(t testing.TB, uri string) string {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	client, err := dial(uri)
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = client.Disconnect(ctx) }()
	var hello struct{ Me string }
	err = client.Database("admin").RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello)
	if err != nil || hello.Me == "" {
		t.Fatalf("ask for the primary: %q, %v", hello.Me, err)
	}
	return hello.Me
}
