package mongod

import (
	"context"
	"errors"
	"fmt"
	"os"
	"strings"

	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
)

const (
	envURI   = "OSTIARY_TEST_MONGODB_URI"
	envImage = "OSTIARY_TEST_MONGO_IMAGE"

	defaultImage = "mongo:8"
	ferretName   = "FerretDB"
)

// server is one that answers. stop may be called once.
type server struct {
	uri, kind string
	stop      func()
}

// Sources are where a server can come from, as this machine has them.
type Sources struct {
	Getenv func(string) string
	// Container starts one of the image, FerretDB a child process.
	Container func(ctx context.Context, image string) (*server, error)
	FerretDB  func(context.Context) (*server, error)
	Say       func(format string, args ...any)
}

func machine(say func(string, ...any)) Sources {
	return Sources{
		Getenv:    os.Getenv,
		Container: runContainer,
		FerretDB:  runFerretDB,
		Say:       say,
	}
}

// choose takes what was asked for by name or fails; only the image that nobody
// asked for may be replaced.
func (from Sources) choose(ctx context.Context) (*server, error) {
	if uri := from.Getenv(envURI); uri != "" {
		if _, err := parse(uri); err != nil {
			return nil, fmt.Errorf("%s: %w", envURI, err)
		}
		return &server{uri: uri, kind: "the server of " + envURI, stop: func() {}}, nil
	}
	image := from.Getenv(envImage)
	asked := image != ""
	if !asked {
		image = defaultImage
	}
	s, err := from.Container(ctx, image)
	if err == nil {
		return s, nil
	}
	if asked {
		return nil, fmt.Errorf("%s=%s: %w", envImage, image, err)
	}
	from.Say("no container of %s, FerretDB takes its place: %v", image, err)
	if s, err = from.FerretDB(ctx); err != nil {
		return nil, fmt.Errorf("FerretDB, the last resort: %w", err)
	}
	return s, nil
}

// identify asks the server what it is, and puts a turnstile before a FerretDB,
// wherever it came from.
func identify(ctx context.Context, s *server, admin *mongo.Client) error {
	var info struct{ Version, FerretdbVersion string }
	if err := admin.Database("admin").RunCommand(ctx, bson.D{{Key: "buildInfo", Value: 1}}).Decode(&info); err != nil {
		return fmt.Errorf("ask the test server for its version: %w", err)
	}
	if info.FerretdbVersion == "" {
		s.kind += ", MongoDB " + info.Version
		return nil
	}
	a, err := parse(s.uri)
	if err != nil {
		return err
	}
	if a.several() {
		return errors.New("FerretDB behind several hosts: the turnstile stands before one")
	}
	gate, err := newTurnstile(a.hosts)
	if err != nil {
		return err
	}
	stop := s.stop
	s.uri = a.at(gate.relay.addr()).String()
	if !strings.HasPrefix(s.kind, ferretName) {
		s.kind += ", " + ferretName
	}
	s.kind += ", behind the one-command proxy"
	s.stop = func() { gate.relay.close(); stop() }
	return nil
}
