package mongod

import (
	"fmt"
	"net"
	"sync"
)

// relay listens on a port of its own and hands every connection to serve,
// which pairs it with one to the server.
type relay struct {
	listener net.Listener
	target   string
	serve    func(*pair)

	mu     sync.Mutex
	closed bool
	pairs  map[*pair]struct{}
	all    sync.WaitGroup
}

// pair is a client's connection and, once dialled, its counterpart. They end
// together.
type pair struct {
	client net.Conn
	target string
	// done is closed with the connections, for whoever waits for something
	// else than them.
	done chan struct{}

	mu     sync.Mutex
	closed bool
	server net.Conn
}

func listen(target string, serve func(*pair)) (*relay, error) {
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return nil, fmt.Errorf("listen for a proxy: %w", err)
	}
	r := &relay{listener: l, target: target, serve: serve, pairs: map[*pair]struct{}{}}
	r.all.Add(1)
	go r.accept()
	return r, nil
}

func (r *relay) addr() string { return r.listener.Addr().String() }

func (r *relay) accept() {
	defer r.all.Done()
	for {
		client, err := r.listener.Accept()
		if err != nil {
			return
		}
		p := &pair{client: client, target: r.target, done: make(chan struct{})}
		if !r.add(p) {
			p.close()
			return
		}
		go func() {
			defer r.all.Done()
			defer r.remove(p)
			defer p.close()
			r.serve(p)
		}()
	}
}

func (r *relay) add(p *pair) bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.closed {
		return false
	}
	r.pairs[p] = struct{}{}
	r.all.Add(1)
	return true
}

func (r *relay) remove(p *pair) {
	r.mu.Lock()
	defer r.mu.Unlock()
	delete(r.pairs, p)
}

// hangUp ends all connections, without a farewell, and goes on listening.
func (r *relay) hangUp() {
	r.mu.Lock()
	defer r.mu.Unlock()
	for p := range r.pairs {
		p.reset()
	}
}

// close returns when nothing of the relay runs any more.
func (r *relay) close() {
	r.mu.Lock()
	r.closed = true
	r.mu.Unlock()
	_ = r.listener.Close()
	r.hangUp()
	r.all.Wait()
}

// dial reports false when the server cannot be reached or the pair has been
// closed meanwhile.
func (p *pair) dial() bool {
	server, err := net.DialTimeout("tcp", p.target, patience)
	if err != nil {
		return false
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		_ = server.Close()
		return false
	}
	p.server = server
	return true
}

func (p *pair) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return
	}
	p.closed = true
	close(p.done)
	_ = p.client.Close()
	if p.server != nil {
		_ = p.server.Close()
	}
}

// reset is close as a client sees it whose peer has crashed.
func (p *pair) reset() {
	if tcp, ok := p.client.(*net.TCPConn); ok {
		_ = tcp.SetLinger(0)
	}
	p.close()
}
