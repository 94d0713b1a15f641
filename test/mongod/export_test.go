package mongod

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"runtime"
)

// Choice is what Sources chose, without a server behind it.
type Choice struct{ URI, Kind string }

// Machine is one as the tests want it; a nil error means that it works.
type Machine struct {
	Env                 map[string]string
	Container, FerretDB error
	Said                int
	Images              []string
}

func (m *Machine) Choose(ctx context.Context) (Choice, error) {
	s, err := Sources{
		Getenv: func(name string) string { return m.Env[name] },
		Container: func(_ context.Context, image string) (*server, error) {
			m.Images = append(m.Images, image)
			return &server{kind: "container"}, m.Container
		},
		FerretDB: func(context.Context) (*server, error) { return &server{kind: "FerretDB"}, m.FerretDB },
		Say:      func(string, ...any) { m.Said++ },
	}.choose(ctx)
	if err != nil {
		return Choice{}, err
	}
	return Choice{URI: s.uri, Kind: s.kind}, nil
}

// Cached is cached with a build that leaves text where the binary goes.
func Cached(cache, source, text string, builds func()) (string, error) {
	return cached(cache, source, func(dir string) error {
		builds()
		if text == "" {
			return errors.New("does not build")
		}
		name := "ferretdb"
		if runtime.GOOS == "windows" {
			name += ".exe"
		}
		return os.WriteFile(filepath.Join(dir, name), []byte(text), 0o755)
	})
}

func InDatabase(uri, name string) (string, error) { return inDatabase(uri, name) }

func At(uri, hostport string) (string, error) {
	a, err := parse(uri)
	if err != nil {
		return "", err
	}
	return a.at(hostport).String(), nil
}

// Command reads a message as the turnstile does.
func Command(message []byte) (name, database string, err error) {
	c, err := frame(message).command()
	return c.name, c.database, err
}

// Turnstile stands before an address until close is called.
func Turnstile(target string) (addr string, close func(), err error) {
	g, err := newTurnstile(target)
	if err != nil {
		return "", nil, err
	}
	return g.relay.addr(), g.relay.close, nil
}
