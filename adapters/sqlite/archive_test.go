package sqlite_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/port"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

func TestOpen_RefusesAStoreThatHoldsHalfACopy(t *testing.T) {
	t.Parallel()
	path := file(t)
	mark := func(c port.Checkpoint) {
		t.Helper()
		db, err := sqlite.Open(t.Context(), path, sqlite.Options{Copying: true})
		require.NoError(t, err)
		require.NoError(t, sqlite.NewArchive(db).SetCheckpoint(t.Context(), c))
		require.NoError(t, db.Close())
	}
	mark(port.Checkpoint{Source: secret.Digest{1}})

	_, err := sqlite.Open(t.Context(), path, sqlite.Options{})
	require.ErrorIs(t, err, port.ErrCopyUnfinished)

	mark(port.Checkpoint{})
	open(t, path, sqlite.Options{})
}

func TestArchive_LeavesOutATenantWhoseRemovalIsNotFinished(t *testing.T) {
	t.Parallel()
	db := empty(t)
	doomed, other := tenant.IDFromBytes(fake.UUID()), tenant.IDFromBytes(fake.UUID())
	estate(t, db, doomed, 3)
	estate(t, db, other, 3)
	require.NoError(t, db.Write(t.Context(), func(x *sqlite.Tx) error {
		return sqlite.ExecShared(x, "INSERT INTO doomed (tenant) VALUES (?1)", doomed)
	}))
	a := sqlite.NewArchive(db)

	owners, err := a.Owners(t.Context(), port.SectionContacts)

	require.NoError(t, err)
	require.Equal(t, []tenant.ID{other}, owners)
}

func TestArchive_IsNotEmptyWhileATenantIsBeingRemoved(t *testing.T) {
	t.Parallel()
	db, doomed := empty(t), tenant.IDFromBytes(fake.UUID())
	estate(t, db, doomed, 1)
	require.NoError(t, db.Write(t.Context(), func(x *sqlite.Tx) error {
		return sqlite.ExecShared(x, "INSERT INTO doomed (tenant) VALUES (?1)", doomed)
	}))

	isEmpty, err := sqlite.NewArchive(db).Empty(t.Context())

	require.NoError(t, err)
	require.False(t, isEmpty)
}

func TestArchive_RefusesAPlaceThatIsNone(t *testing.T) {
	t.Parallel()
	a := sqlite.NewArchive(empty(t))
	for _, place := range []struct {
		section port.Section
		after   string
	}{
		{port.SectionCompanies, "x"}, {port.SectionSessions, "xyz"}, {port.SectionAudit, "00/x"}, {port.SectionHeads, "00/x"}, {"unknown", ""},
	} {
		_, err := a.Read(t.Context(), tenant.ID{}, place.section, place.after, 1)
		require.Error(t, err, place.section)
	}
}
