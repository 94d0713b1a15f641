package mongod

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"os"
	"path"
	"time"

	"github.com/containerd/errdefs"
	"github.com/docker/docker/api/types/container"
	"github.com/docker/docker/api/types/filters"
	"github.com/docker/docker/api/types/image"
	"github.com/testcontainers/testcontainers-go"
	"go.mongodb.org/mongo-driver/bson"
	"go.mongodb.org/mongo-driver/mongo"
)

const (
	port = "27017/tcp"
	// pingPatience is what a machine without Docker loses.
	pingPatience = 2 * time.Second
	// The reaper of testcontainers is an image of its own, which a machine
	// without a registry does not get.
	envReaper = "TESTCONTAINERS_RYUK_DISABLED"

	label = "ostiary.test.mongod"
	// forgotten is an age that no test binary reaches.
	forgotten = time.Hour
)

// engine reports an error when no Docker answers.
func engine(ctx context.Context) (client *testcontainers.DockerClient, err error) {
	ctx, cancel := context.WithTimeout(ctx, pingPatience)
	defer cancel()
	// testcontainers panics where it finds no socket.
	defer func() {
		if r := recover(); r != nil {
			err = fmt.Errorf("no Docker engine: %v", r)
		}
	}()
	if client, err = testcontainers.NewDockerClientWithOpts(ctx); err == nil {
		_, err = client.Ping(ctx)
	}
	if err != nil {
		return nil, fmt.Errorf("no Docker engine: %w", err)
	}
	return client, nil
}

// runContainer starts MongoDB as a replica set of one, since only a replica
// set has majority reads and retryable writes, and any other image as it is.
func runContainer(ctx context.Context, name string) (*server, error) {
	if _, set := os.LookupEnv(envReaper); !set {
		if err := os.Setenv(envReaper, "true"); err != nil {
			return nil, fmt.Errorf("switch off the reaper: %w", err)
		}
	}
	client, err := engine(ctx)
	if err != nil {
		return nil, err
	}
	defer func() { _ = client.Close() }()
	sweep(ctx, client)
	customs := []testcontainers.ContainerCustomizer{
		testcontainers.WithExposedPorts(port),
		testcontainers.WithLabels(map[string]string{label: label}),
	}
	if isMongod, err := have(ctx, client, name); err != nil {
		return nil, err
	} else if isMongod {
		customs = append(customs, testcontainers.WithCmd("mongod", "--replSet", "rs0", "--bind_ip_all"))
	}
	c, err := testcontainers.Run(ctx, name, customs...)
	stop := func() {
		if err := testcontainers.TerminateContainer(c, testcontainers.StopTimeout(0)); err != nil {
			fmt.Fprintln(os.Stderr, "mongod: end the container:", err)
		}
	}
	var uri string
	if err == nil {
		uri, err = ready(ctx, c)
	}
	if err != nil {
		stop()
		return nil, fmt.Errorf("run a container: %w", err)
	}
	return &server{uri: uri, kind: "a container of " + name, stop: stop}, nil
}

// sweep removes what test binaries left that were killed. Another one may be
// doing the same, so nothing depends on its success.
func sweep(ctx context.Context, client *testcontainers.DockerClient) {
	left, err := client.ContainerList(ctx, container.ListOptions{All: true, Filters: filters.NewArgs(filters.Arg("label", label))})
	if err != nil {
		return
	}
	for _, c := range left {
		if time.Since(time.Unix(c.Created, 0)) > forgotten {
			_ = client.ContainerRemove(ctx, c.ID, container.RemoveOptions{Force: true, RemoveVolumes: true})
		}
	}
}

// have pulls the image unless the engine has it, and says whether it runs
// mongod when nothing else is asked of it. It asks the registry once, where
// testcontainers would go on for as long as it may.
func have(ctx context.Context, client *testcontainers.DockerClient, name string) (isMongod bool, err error) {
	found, err := client.ImageInspect(ctx, name)
	if errdefs.IsNotFound(err) {
		var progress io.ReadCloser
		if progress, err = client.ImagePull(ctx, name, image.PullOptions{}); err != nil {
			return false, fmt.Errorf("pull the image: %w", err)
		}
		_, err = io.Copy(io.Discard, progress)
		_ = progress.Close()
		if err == nil {
			found, err = client.ImageInspect(ctx, name)
		}
	}
	if err != nil {
		return false, fmt.Errorf("get the image: %w", err)
	}
	return found.Config != nil && len(found.Config.Cmd) > 0 && path.Base(found.Config.Cmd[0]) == "mongod", nil
}

// ready returns once the server answers and accepts writes.
func ready(ctx context.Context, c testcontainers.Container) (string, error) {
	addr, err := reach(ctx, c)
	if err != nil {
		return "", err
	}
	uri := "mongodb://" + addr + "/?directConnection=true"
	client, err := dial(uri)
	if err != nil {
		return "", err
	}
	defer func() { _ = client.Disconnect(ctx) }()
	admin := client.Database("admin")
	// A member that is named by the loopback needs no name that both sides of
	// the port mapping know; clients connect directly.
	err = admin.RunCommand(ctx, bson.D{{Key: "replSetInitiate", Value: bson.D{
		{Key: "_id", Value: "rs0"},
		{Key: "members", Value: bson.A{bson.D{{Key: "_id", Value: 0}, {Key: "host", Value: "127.0.0.1:27017"}}}},
	}}}).Err()
	if err != nil && !noReplicaSet(err) {
		return "", fmt.Errorf("initiate the replica set: %w", err)
	}
	for {
		var hello struct{ IsWritablePrimary bool }
		if err := admin.RunCommand(ctx, bson.D{{Key: "hello", Value: 1}}).Decode(&hello); err != nil {
			return "", fmt.Errorf("ask whether it is the primary: %w", err)
		}
		if hello.IsWritablePrimary {
			return uri, nil
		}
		select {
		case <-ctx.Done():
			return "", fmt.Errorf("wait for the primary: %w", ctx.Err())
		case <-time.After(100 * time.Millisecond):
		}
	}
}

// reach finds the address under which this process gets to the container.
// testcontainers takes the gateway where it believes to run in a container
// itself, which is wrong for an engine inside that container.
func reach(ctx context.Context, c testcontainers.Container) (string, error) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	told, err := c.PortEndpoint(ctx, port, "")
	if err != nil {
		return "", err
	}
	_, mapped, err := net.SplitHostPort(told)
	if err != nil {
		return "", err
	}
	candidates := []string{told, net.JoinHostPort("127.0.0.1", mapped)}
	for ; ; time.Sleep(100 * time.Millisecond) {
		for _, addr := range candidates {
			conn, err := net.DialTimeout("tcp", addr, pingPatience)
			if err == nil {
				return addr, conn.Close()
			}
		}
		if ctx.Err() != nil {
			return "", fmt.Errorf("nothing listens at any of %v: %w", candidates, ctx.Err())
		}
	}
}

// noReplicaSet is the answer of a server that is none or is one already.
func noReplicaSet(err error) bool {
	const commandNotFound, noReplicationEnabled, alreadyInitialized = 59, 76, 23
	var refused mongo.CommandError
	if !errors.As(err, &refused) {
		return false
	}
	switch refused.Code {
	case commandNotFound, noReplicationEnabled, alreadyInitialized:
		return true
	default:
		return false
	}
}
