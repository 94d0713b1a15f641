package sqlite_test

import (
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/port"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

// open returns a database that is closed when the test ends.
func open(t testing.TB, path string, o sqlite.Options) *sqlite.DB {
	t.Helper()
	db, err := sqlite.Open(t.Context(), path, o)
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, db.Close()) })
	return db
}

func file(t testing.TB) string { return filepath.Join(t.TempDir(), "data", "ostiary.db") }

func empty(t testing.TB) *sqlite.DB { return open(t, file(t), sqlite.Options{}) }

func TestOpen_MakesFilesNobodyElseReads(t *testing.T) {
	t.Parallel()
	path := file(t)
	db := open(t, path, sqlite.Options{})
	require.NoError(t, sqlite.NewTenants(db).Add(t.Context(), fake.Tenant(t, "acme")))

	for name, want := range map[string]fs.FileMode{"": 0o600, "-wal": 0o600, "-shm": 0o600} {
		info, err := os.Stat(path + name)
		require.NoError(t, err)
		require.Equal(t, want, info.Mode().Perm(), name)
	}
	info, err := os.Stat(filepath.Dir(path))
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o700), info.Mode().Perm())
}

func TestOpen_ClosesAnOpenFileToOthers(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ostiary.db")
	require.NoError(t, os.WriteFile(path, nil, 0o644)) //nolint:gosec // the mode under test

	open(t, path, sqlite.Options{})

	info, err := os.Stat(path)
	require.NoError(t, err)
	require.Equal(t, fs.FileMode(0o600), info.Mode().Perm())
}

func TestOpen_TakesAnyFileName(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "a b?c=1#d%20&_pragma=query_only(1)", "x.db")
	db := open(t, path, sqlite.Options{})
	require.NoError(t, sqlite.NewTenants(db).Add(t.Context(), fake.Tenant(t, "acme")))
	_, err := os.Stat(path)
	require.NoError(t, err)
}

// TestOpen_CommitsReachTheDisk is about the one connection that writes: what it
// has committed outlives a power cut only if every commit is flushed.
func TestOpen_CommitsReachTheDisk(t *testing.T) {
	t.Parallel()
	db := empty(t)
	const settings = `SELECT j.journal_mode || ' ' || s.synchronous || ' ' || f.foreign_keys
		FROM pragma_journal_mode j, pragma_synchronous s, pragma_foreign_keys f`

	writes, err := db.WriterTexts(t.Context(), settings)
	require.NoError(t, err)
	reads, err := db.Texts(t.Context(), "SELECT CAST(query_only AS TEXT) FROM pragma_query_only")
	require.NoError(t, err)

	require.Equal(t, []string{"wal 2 1"}, writes, "2 is FULL")
	require.Equal(t, []string{"1"}, reads, "no other connection writes")
}

func TestOpen_RefusesNoFile(t *testing.T) {
	t.Parallel()
	_, err := sqlite.Open(t.Context(), "", sqlite.Options{})
	require.Error(t, err)
}

func TestOpen_RefusesWhatIsNoDatabase(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "ostiary.db")
	require.NoError(t, os.WriteFile(path, []byte("this is a text file, long enough to be looked at"), 0o600))
	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	require.Error(t, err)
}

func TestOpen_RefusesALaterSchema(t *testing.T) {
	t.Parallel()
	path := file(t)
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	require.NoError(t, err)
	require.NoError(t, db.Write(t.Context(), func(x *sqlite.Tx) error {
		return sqlite.ExecShared(x, "INSERT INTO goose_db_version (version_id, is_applied) VALUES (9999, 1)")
	}))
	require.NoError(t, db.Close())

	_, err = sqlite.Open(t.Context(), path, sqlite.Options{})

	require.ErrorContains(t, err, "later release")
}

func TestOpen_FindsWhatWasAnswered(t *testing.T) {
	t.Parallel()
	path, acme := file(t), fake.Tenant(t, "acme")
	db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	require.NoError(t, err)
	require.NoError(t, sqlite.NewTenants(db).Add(t.Context(), acme))
	require.NoError(t, db.Close())

	got, err := sqlite.NewTenants(open(t, path, sqlite.Options{})).ByID(t.Context(), acme.ID())

	require.NoError(t, err)
	require.Equal(t, acme.Snapshot().Code, got.Snapshot().Code)
}

func TestOpen_ManyAtOnceOnAnEmptyFile(t *testing.T) {
	t.Parallel()
	path := file(t)
	type opened struct {
		db  *sqlite.DB
		err error
	}
	all := make(chan opened)
	for range 8 {
		go func() {
			db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
			all <- opened{db, err}
		}()
	}
	for range 8 {
		o := <-all
		require.NoError(t, o.err)
		require.NoError(t, o.db.Close())
	}
}

func TestClose_RefusesLaterCalls(t *testing.T) {
	t.Parallel()
	db, err := sqlite.Open(t.Context(), file(t), sqlite.Options{})
	require.NoError(t, err)
	require.NoError(t, db.Close())
	require.NoError(t, db.Close())

	tenants := sqlite.NewTenants(db)
	require.ErrorIs(t, tenants.Add(t.Context(), fake.Tenant(t, "acme")), port.ErrUnavailable)
	_, err = tenants.List(t.Context(), "", 1)
	require.ErrorIs(t, err, port.ErrUnavailable)
}

func TestWrite_WaitsForAnotherProcess(t *testing.T) {
	t.Parallel()
	path := file(t)
	server, cli := open(t, path, sqlite.Options{Busy: time.Hour}), open(t, path, sqlite.Options{Busy: time.Hour})
	release := cli.Hold()
	written := make(chan error)
	acme := fake.Tenant(t, "acme")
	go func() { written <- sqlite.NewTenants(server).Add(t.Context(), acme) }()

	release()

	require.NoError(t, <-written)
	got, err := sqlite.NewTenants(cli).ByCode(t.Context(), "acme")
	require.NoError(t, err)
	require.Equal(t, acme.ID(), got.ID())
}

func TestWrite_GivesUpOnAnotherProcess(t *testing.T) {
	t.Parallel()
	path := file(t)
	server, cli := open(t, path, sqlite.Options{Busy: time.Millisecond}), open(t, path, sqlite.Options{})
	release := cli.Hold()

	err := sqlite.NewTenants(server).Add(t.Context(), fake.Tenant(t, "acme"))

	require.ErrorIs(t, err, port.ErrUnavailable)
	require.Positive(t, fault.Of(err).RetryAfter())
	_, err = sqlite.NewTenants(server).List(t.Context(), "", 1)
	require.NoError(t, err, "reads go on")
	release()
	require.NoError(t, sqlite.NewTenants(server).Add(t.Context(), fake.Tenant(t, "acme")))
}

func TestNumbers_AreNotGivenAgainAfterReopening(t *testing.T) {
	t.Parallel()
	path, acme := file(t), tenant.IDFromBytes(fake.UUID())
	var seen []int64
	for range 3 {
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{})
		require.NoError(t, err)
		numbers := sqlite.NewNumbers(db)
		for range 70 { // more than a block
			id, err := numbers.Contact(t.Context(), acme)
			require.NoError(t, err)
			seen = append(seen, id.Int())
		}
		require.NoError(t, db.Close())
	}
	require.IsIncreasing(t, seen)
	require.Len(t, slices.Compact(seen), 210)
}
