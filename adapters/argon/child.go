package argon

import (
	"errors"
	"io"
	"net/rpc"
	"net/rpc/jsonrpc"
	"os/signal"
	"runtime/debug"
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
	if err := s.RegisterName("Hashing", hashing{}); err != nil {
		panic(err) // it is the same for every process
	}
	s.ServeCodec(jsonrpc.NewServerCodec(conn))
}

type hashing struct{}

// Do has the form that net/rpc asks for.
func (hashing) Do(j Job, done *Done) (err error) {
	*done, err = Work(j)
	return err
}

// ends are the two directions of a connection that the end of the program
// closes.
type ends struct {
	io.Reader
	io.Writer
}

// Close implements io.Closer.
func (ends) Close() error { return nil }
