package argon

import (
	"errors"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os/signal"
	"runtime"
	"runtime/debug"
	"runtime/metrics"
	"sync"
	"syscall"
)

// ChildArgument, as its only one, makes the program a Process's child.
const ChildArgument = "hash-passwords"

// method is hashing.Do.
const method = "Hashing.Do"

// garbage is how many per cent of the memory of unfinished hashes may lie about
// before it is collected, which takes next to no time here.
const garbage = 50

var errNotStarted = errors.New("hash-passwords is what ostiary starts by itself")

// Child does a Process's jobs until in ends. Signals that end the server leave
// it alone: requests that are under way are still answered. It refuses to read
// from anything but a pipe.
func Child(in io.Reader, out io.Writer) error {
	in, err := polled(in)
	if err != nil {
		return err
	}
	signal.Ignore(syscall.SIGINT, syscall.SIGTERM, syscall.SIGHUP)
	debug.SetGCPercent(garbage)
	settleDown()
	serve(ends{in, out})
	return nil
}

func serve(conn io.ReadWriteCloser) {
	s := rpc.NewServer()
	if err := s.RegisterName("Hashing", hashing{newRoom()}); err != nil {
		panic(err) // it is the same for every process
	}
	s.ServeCodec(jsonrpc.NewServerCodec(conn))
}

type hashing struct{ room *room }

// Do has the form that net/rpc asks for.
func (h hashing) Do(j Job, done *Done) (err error) {
	defer h.room.take(j.bytes())()
	*done, err = Work(j)
	return err
}

// room keeps what hashes take within the memory limit. The runtime does not by
// itself: it lets whoever asks have more while it collects, and does not reckon
// with a fourth of the limit being asked for at once.
type room struct {
	limit   uint64 // bytes
	heap    func() (held, cycles uint64)
	collect func()

	mu     sync.Mutex
	inside uint64 // bytes of the hashes that are being made
	cycles uint64 // of collection, when it was taken last
	taken  uint64 // what there was then and what was to come, in bytes
}

func newRoom() *room {
	return &room{
		limit: uint64(debug.SetMemoryLimit(-1)), //nolint:gosec // no limit is negative
		heap:  heap, collect: runtime.GC,
	}
}

// take waits until so many bytes more have room, or all that is over has been
// collected. They are over when leave is called.
func (r *room) take(bytes uint64) (leave func()) {
	r.mu.Lock()
	defer r.mu.Unlock()
	held, cycles := r.heap()
	// Who came before may not have what they came for yet.
	if cycles == r.cycles {
		held = max(held, r.taken)
	}
	held = max(held, r.inside)
	if held+bytes > r.limit {
		r.collect()
		held, cycles = r.heap()
		held = max(held, r.inside)
	}
	r.cycles, r.taken = cycles, held+bytes
	r.inside += bytes
	return func() {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.inside -= bytes
	}
}

// heap returns the bytes that are in use or over and not collected, and how
// often was collected.
func heap() (held, cycles uint64) {
	of := []metrics.Sample{{Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/cycles/total:gc-cycles"}}
	metrics.Read(of)
	return of[0].Value.Uint64(), of[1].Value.Uint64()
}

// ends are the two directions of a connection that the end of the program
// closes.
type ends struct {
	io.Reader
	io.Writer
}

// Close implements io.Closer.
func (ends) Close() error { return nil }
