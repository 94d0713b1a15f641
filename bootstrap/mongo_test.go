package bootstrap_test

import (
	"encoding/json"
	"io"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.uber.org/zap"

	"ostiary/adapters/argon"
	"ostiary/adapters/cli"
	"ostiary/adapters/mongo"
	"ostiary/app/port"
	"ostiary/bootstrap"
	"ostiary/test/mongod"
)

// What settle starts is this program.
func TestMain(m *testing.M) {
	if slices.Equal(os.Args[1:], []string{argon.ChildArgument}) {
		os.Exit(bootstrap.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
	}
	os.Exit(mongod.Main(m))
}

// otherKey is not the key of any store here.
const otherKey = "BAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA="

func onMongo(uri, key string) cli.Settings {
	s := shipped()
	s.Storage, s.MasterKey = uri, key
	return s
}

func (s service) awaitReady(t *testing.T) {
	t.Helper()
	require.Eventually(t, func() bool {
		res, _ := s.get(t, "/readyz")
		return res.StatusCode == http.StatusOK
	}, patience, 10*time.Millisecond)
}

// made is a database that a program has served once.
func made(t *testing.T) string {
	t.Helper()
	uri := mongod.Database(t)
	s := serve(t, onMongo(uri, masterKey))
	s.awaitReady(t)
	s.stop()
	require.NoError(t, s.end(t))
	return uri
}

func doctor(t *testing.T, uri, key string) map[string][]cli.Finding {
	t.Helper()
	out, _, _ := ostiary("doctor", "--json", "--listen", "127.0.0.1:0", "--storage", uri, "--master-key", key)
	var findings []cli.Finding
	require.NoError(t, json.Unmarshal([]byte(out), &findings))
	byCheck := map[string][]cli.Finding{}
	for _, f := range findings {
		byCheck[f.Check] = append(byCheck[f.Check], f)
	}
	return byCheck
}

func TestServe_IsReadyOnceTheDatabaseComes(t *testing.T) {
	t.Parallel()
	for name, away := range map[string]func(*mongod.FaultProxy){"refuses": (*mongod.FaultProxy).Cut, "is silent": (*mongod.FaultProxy).Blackhole} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			p := mongod.NewFaultProxy(t, mongod.Database(t))
			away(p)
			s := serve(t, onMongo(p.URI(), masterKey))

			before, _ := s.get(t, "/readyz")
			p.Pass()

			require.Equal(t, http.StatusServiceUnavailable, before.StatusCode)
			s.awaitReady(t)
			s.stop()
			require.NoError(t, s.end(t))
		})
	}
}

func TestServe_EndsWhenADatabaseThatComesLateHasAnotherKey(t *testing.T) {
	t.Parallel()
	p := mongod.NewFaultProxy(t, made(t))
	p.Cut()
	s := serve(t, onMongo(p.URI(), otherKey))

	p.Pass()

	require.ErrorContains(t, s.end(t), "OSTIARY_MASTER_KEY=[secret]")
}

func TestServe_EndsCleanlyWhenTheDatabaseIsGone(t *testing.T) {
	t.Parallel()
	p := mongod.NewFaultProxy(t, mongod.Database(t))
	s := serve(t, onMongo(p.URI(), masterKey))
	s.awaitReady(t)

	p.Blackhole()
	s.stop()

	require.NoError(t, s.end(t))
}

func TestServe_RefusesADatabaseOfAnotherKey(t *testing.T) {
	t.Parallel()
	set := onMongo(made(t), otherKey)
	set.Listen = "127.0.0.1:0"
	c, err := bootstrap.NewConfig(set)
	require.NoError(t, err)

	err = bootstrap.Serve(t.Context(), c, bootstrap.Surroundings{Log: zap.NewNop(), Console: io.Discard})

	require.ErrorContains(t, err, "OSTIARY_MASTER_KEY=[secret]")
}

func TestCommand_RefusesADatabaseOfAnotherKey(t *testing.T) {
	t.Parallel()
	uri := made(t)

	_, errs, code := ostiary("tenant", "create", "acme", "--name", "Acme", "--storage", uri, "--master-key", otherKey)
	_, _, good := ostiary("tenant", "create", "acme", "--name", "Acme", "--storage", uri, "--master-key", masterKey)

	require.Equal(t, cli.Refused, code)
	require.Contains(t, errs, "OSTIARY_MASTER_KEY=[secret]")
	require.Zero(t, good)
}

func TestDoctor_MakesNothing(t *testing.T) {
	t.Parallel()
	uri := mongod.Database(t)

	first, second := doctor(t, uri, masterKey), doctor(t, uri, masterKey)

	for _, f := range []map[string][]cli.Finding{first, second} {
		require.Equal(t, "the database is empty; the first start makes them", f["indexes"][0].Text)
		require.True(t, f["storage"][0].OK)
		require.True(t, f["clock"][0].OK)
		require.NotEmpty(t, f["server version"][0].Text)
		require.NotEmpty(t, f["topology"][0].Text)
	}
}

func TestDoctor_TriesTheMasterKey(t *testing.T) {
	t.Parallel()
	uri := made(t)

	right, wrong := doctor(t, uri, masterKey)["signing keys"][0], doctor(t, uri, otherKey)["signing keys"][0]

	require.True(t, right.OK)
	require.False(t, wrong.OK)
	require.True(t, strings.HasPrefix(wrong.Mend, "set OSTIARY_MASTER_KEY"))
}

func TestServe_RefusesADatabaseThatIsCopiedInto(t *testing.T) {
	t.Parallel()
	uri := mongod.Database(t)
	db, err := mongo.Open(t.Context(), uri, mongo.Options{Copying: true})
	require.NoError(t, err)
	require.NoError(t, mongo.NewArchive(db).SetCheckpoint(t.Context(), port.Checkpoint{Section: port.SectionTenants, Copied: 1}))
	require.NoError(t, db.Close())
	set := onMongo(uri, masterKey)
	set.Listen = "127.0.0.1:0"
	c, err := bootstrap.NewConfig(set)
	require.NoError(t, err)

	err = bootstrap.Serve(t.Context(), c, bootstrap.Surroundings{Log: zap.NewNop(), Console: io.Discard})
	found := doctor(t, uri, masterKey)["storage"]

	require.ErrorIs(t, err, port.ErrCopyUnfinished)
	require.Len(t, found, 1)
	require.False(t, found[0].OK)
	require.Contains(t, found[0].Mend, "ostiary store copy")
}
