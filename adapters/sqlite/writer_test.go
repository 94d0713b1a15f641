package sqlite_test

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/sqlite"
	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/domain/throttle"
	"ostiary/test/fake"
)

var errRefused = errors.New("refused")

func insertTag(id tenant.ID, n int) func(*sqlite.Tx) error {
	return func(x *sqlite.Tx) error {
		return sqlite.Exec(x, id, `
			INSERT INTO tags (tenant, id, name, description, icon, color, version) VALUES (?1, ?2, 'x', '', '', '', 1)`, n)
	}
}

func tagsOf(t testing.TB, db *sqlite.DB, id tenant.ID) (out []int64) {
	t.Helper()
	tags, err := sqlite.NewTags(db).List(t.Context(), id, contact.TagID{}, 1000)
	require.NoError(t, err)
	for _, tag := range tags {
		out = append(out, tag.ID().Int())
	}
	return out
}

func TestGroup_OneFailureHarmsNoOther(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())

	errs := db.Together(
		insertTag(acme, 1),
		func(x *sqlite.Tx) error { return errors.Join(insertTag(acme, 2)(x), errRefused) },
		insertTag(acme, 1), // taken by the first
		insertTag(acme, 3),
		func(x *sqlite.Tx) error { return sqlite.Exec(x, acme, "UPDATE tags SET nothing = 1 WHERE tenant = ?1") },
		insertTag(acme, 4),
	)

	require.NoError(t, errs[0])
	require.ErrorIs(t, errs[1], errRefused)
	require.Error(t, errs[2])
	require.NoError(t, errs[3])
	require.Error(t, errs[4])
	require.NoError(t, errs[5])
	require.Equal(t, []int64{1, 3, 4}, tagsOf(t, db, acme))
}

func TestGroup_AFailedCommitIsEverybodysFailure(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())

	errs := db.Together(
		insertTag(acme, 1),
		func(x *sqlite.Tx) error {
			return errors.Join(sqlite.DeferForeignKeys(x),
				sqlite.Exec(x, acme, "INSERT INTO memberships (tenant, company, contact) VALUES (?1, 1, 1)"))
		},
		func(*sqlite.Tx) error { return errRefused }, // perhaps for what the first wrote
	)

	for _, err := range errs {
		require.ErrorContains(t, err, "FOREIGN KEY")
	}
	require.Empty(t, tagsOf(t, db, acme))
	require.NoError(t, db.Write(t.Context(), insertTag(acme, 1)))
}

func TestGroup_SeesWhatWasWrittenBefore(t *testing.T) {
	t.Parallel()
	db, key := empty(t), fake.Digest()
	add := port.CounterChange{
		Key:    key,
		Change: func(s throttle.State) throttle.State { return throttle.State{Count: s.Count + 1, At: fake.Start} },
		Forget: func(s throttle.State) time.Time { return s.At },
	}
	release, counters := db.Hold(), sqlite.NewCounters(db)
	var wg sync.WaitGroup
	for range 200 {
		wg.Go(func() { _ = counters.Apply(context.WithoutCancel(t.Context()), add) })
	}
	release()
	wg.Wait()

	got, err := counters.Get(t.Context(), key, secret.Digest{})

	require.NoError(t, err)
	require.Equal(t, []throttle.State{{Count: 200, At: fake.Start}, {}}, got)
}

func TestWrite_CancelledWhileQueuedIsNotDone(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())
	release := db.Hold()
	ctx, cancel := context.WithCancel(t.Context())
	answer := make(chan error)
	go func() { answer <- db.Write(ctx, insertTag(acme, 1)) }()

	cancel()

	err := <-answer
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, err, port.ErrUnavailable)
	release()
	require.NoError(t, db.Write(t.Context(), insertTag(acme, 2)))
	require.Equal(t, []int64{2}, tagsOf(t, db, acme))
}

func TestWrite_CancelledWhileItRunsIsDone(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())
	ctx, cancel := context.WithCancel(t.Context())

	err := db.Write(ctx, func(x *sqlite.Tx) error {
		cancel()
		return insertTag(acme, 1)(x)
	})

	require.NoError(t, err, "the answer says what happened")
	require.Equal(t, []int64{1}, tagsOf(t, db, acme))
}

func TestWrite_APanicIsTheCallers(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())

	require.PanicsWithValue(t, "boom", func() {
		_ = db.Write(t.Context(), func(x *sqlite.Tx) error {
			_ = insertTag(acme, 1)(x)
			panic("boom")
		})
	})

	require.NoError(t, db.Write(t.Context(), insertTag(acme, 2)))
	require.Equal(t, []int64{2}, tagsOf(t, db, acme))
}

func TestWrite_OutlivesAnEndedGoroutine(t *testing.T) {
	t.Parallel()
	db, acme := empty(t), tenant.IDFromBytes(fake.UUID())

	errs := db.Together(insertTag(acme, 1), func(*sqlite.Tx) error {
		runtime.Goexit() // what a failed assertion inside a change does
		return nil
	})

	require.Error(t, errs[0])
	require.Error(t, errs[1])
	require.NoError(t, db.Write(t.Context(), insertTag(acme, 2)))
	require.Equal(t, []int64{2}, tagsOf(t, db, acme))
}

func TestDB_ServesAHundredAtOnce(t *testing.T) {
	t.Parallel()
	db := empty(t)
	tenants, numbers, companies, contacts := sqlite.NewTenants(db), sqlite.NewNumbers(db), sqlite.NewCompanies(db), sqlite.NewContacts(db)
	acme := fake.Tenant(t, "acme")
	require.NoError(t, tenants.Add(t.Context(), acme))
	home := fake.Company(t, acme.ID(), 1)
	require.NoError(t, companies.Add(t.Context(), home))

	errs := make(chan error, 100)
	for i := range 100 {
		one := fake.Contact(t, home, int64(i)+1, fmt.Sprintf("c%d@example.com", i))
		go func() {
			id, err := numbers.Contact(t.Context(), acme.ID())
			if err == nil && id.IsZero() {
				err = errRefused
			}
			errs <- errors.Join(err, contacts.Add(t.Context(), one),
				contacts.Update(t.Context(), acme.ID(), one.ID(), func(c *contact.Contact) error {
					d := c.Details()
					d.Phone = "1"
					return c.Change(d, fake.Start)
				}),
				second(contacts.List(t.Context(), acme.ID(), port.ContactQuery{Prefix: "contact"}, contact.ID{}, 10)),
				second(tenants.ByCode(t.Context(), "acme")))
		}()
	}
	for range 100 {
		require.NoError(t, <-errs)
	}

	_, total, err := contacts.Page(t.Context(), acme.ID(), port.ContactQuery{Phone: "1"}, 0, 1)
	require.NoError(t, err)
	require.Equal(t, 100, total)
}

func second[A any](_ A, err error) error { return err }
