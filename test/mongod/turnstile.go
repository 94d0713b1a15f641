package mongod

import "sync"

// turnstile stands before FerretDB, whose findAndModify and $inc are not
// atomic between connections, and lets one command per database through at a
// time. Clients see the atomic single-document updates that MongoDB has.
type turnstile struct {
	relay *relay

	mu        sync.Mutex
	databases map[string]*sync.Mutex
}

func newTurnstile(target string) (*turnstile, error) {
	t := &turnstile{databases: map[string]*sync.Mutex{}}
	var err error
	t.relay, err = listen(target, t.serve)
	return t, err
}

func (t *turnstile) database(name string) *sync.Mutex {
	t.mu.Lock()
	defer t.mu.Unlock()
	m, ok := t.databases[name]
	if !ok {
		m = &sync.Mutex{}
		t.databases[name] = m
	}
	return m
}

func (t *turnstile) serve(p *pair) {
	if !p.dial() {
		return
	}
	answers := make(chan frame)
	// Reads without pause, so that a server which hangs up ends the client's
	// connection too, even while nothing is asked.
	go func() {
		defer close(answers)
		defer p.close()
		for {
			f, err := readFrame(p.server)
			if err != nil {
				return
			}
			select {
			case answers <- f:
			case <-p.done:
				return
			}
		}
	}()
	for {
		f, err := readFrame(p.client)
		if err != nil || !t.exchange(p, f, answers) {
			break
		}
	}
	p.close()
	for range answers {
		// Until the reader has ended.
	}
}

// exchange reports whether the connection can go on.
func (t *turnstile) exchange(p *pair, f frame, answers <-chan frame) bool {
	c, err := f.command()
	if err != nil {
		return false
	}
	silent := f.moreToCome()
	if silent {
		// Only an answer tells that the write is done and the next may come.
		f = f.endsHere()
	}
	answer, ok := t.ask(p, c, f, answers)
	if !ok || silent {
		return ok
	}
	for {
		if _, err := p.client.Write(answer); err != nil {
			return false
		}
		if !answer.moreToCome() {
			return true
		}
		if answer, ok = <-answers; !ok {
			return false
		}
	}
}

// ask holds the database until the first answer has come, even when the client
// has gone: the server works on. Handshakes and cursors wait for news that
// only another command can bring, and change nothing, so they hold nothing.
func (t *turnstile) ask(p *pair, c command, f frame, answers <-chan frame) (frame, bool) {
	if !c.handshake() && c.name != "getMore" {
		m := t.database(c.database)
		m.Lock()
		defer m.Unlock()
	}
	if _, err := p.server.Write(f); err != nil {
		return nil, false
	}
	answer, ok := <-answers
	if ok && c.handshake() {
		answer.announce("maxWriteBatchSize", fewWrites)
	}
	return answer, ok
}

// fewWrites is how many updates one command may carry. FerretDB keeps a
// connection to its storage for each until the command ends, and has a hundred.
const fewWrites = 50
