package mongo_test

import (
	"context"
	"math"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/mongo"
	"ostiary/app/port"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
	"ostiary/test/mongod"
)

// later is when everything that a test has begun is old. No test is so slow
// that it ends after it.
func later() time.Time { return time.Now().Add(time.Hour) }

// directory is a tenant with company 1 and tag 1.
type directory struct {
	db        *mongo.DB
	companies *mongo.Companies
	contacts  *mongo.Contacts
	tags      *mongo.Tags
	ledger    *mongo.Ledger
	id        tenant.ID
	co        *company.Company
	tag       *contact.Tag
}

func settled(t *testing.T) directory {
	t.Helper()
	db := open(t, mongod.Database(t))
	d := directory{
		db: db, companies: mongo.NewCompanies(db), contacts: mongo.NewContacts(db), tags: mongo.NewTags(db),
		ledger: mongo.NewLedger(db), id: tenant.IDFromBytes(fake.UUID()),
	}
	d.co = fake.Company(t, d.id, 1)
	require.NoError(t, d.companies.Add(t.Context(), d.co))
	n, err := contact.TagIDOf(1)
	require.NoError(t, err)
	d.tag, err = contact.NewTag(d.id, n, contact.TagDetails{Name: "Tag"}, fake.Start)
	require.NoError(t, err)
	require.NoError(t, d.tags.Add(t.Context(), d.tag))
	return d
}

func (d directory) invoice(ref string, outstanding money.Amount, version int64) ledger.Document {
	return ledger.Document{
		Tenant: d.id, Company: d.co.ID(), Kind: ledger.Invoice, Ref: ref, Status: "sent", Currency: money.RestoreCurrency("EUR"),
		Total: outstanding, Outstanding: outstanding, Version: version, Updated: fake.Start,
	}
}

// contact builds contact n of the company, with the tag if so wanted.
func (d directory) contact(t *testing.T, n int64, tagged bool) *contact.Contact {
	t.Helper()
	c := fake.Contact(t, d.co, n, "")
	if tagged {
		in := c.Details()
		in.Tags = []contact.TagID{d.tag.ID()}
		require.NoError(t, c.Change(in, fake.Start))
	}
	return c
}

func (d directory) figures(t *testing.T) ledger.Figures {
	t.Helper()
	f, err := d.ledger.Figures(t.Context(), d.id, d.co.ID())
	require.NoError(t, err)
	return f
}

func (d directory) documents(t *testing.T) int64 {
	t.Helper()
	n, err := d.ledger.Documents(t.Context(), d.id, d.co.ID())
	require.NoError(t, err)
	return n
}

func (d directory) inLimbo(t *testing.T) int64 {
	t.Helper()
	n, err := d.db.InLimbo(t.Context(), d.id)
	require.NoError(t, err)
	return n
}

func (d directory) remove(ctx context.Context, ref string) error {
	return d.ledger.Delete(ctx, d.id, d.co.ID(), ledger.Invoice, ref)
}

// touch writes to the company and changes nothing else of it.
func (d directory) touch(ctx context.Context) error {
	return d.companies.Update(ctx, d.id, d.co.ID(), func(c *company.Company) error { return c.Change(c.Details(), fake.Start) })
}

func TestLedger_NextWriterFinishesAJournal(t *testing.T) {
	t.Parallel()
	d := settled(t)
	_, err := d.ledger.PutWithoutEnd(t.Context(), d.invoice("a", 5, 7), d.invoice("b", 6, 0))
	require.NoError(t, err)
	require.Equal(t, ledger.Figures{Documents: 2, UnpaidInvoices: 2, TotalOutstanding: 11}, d.figures(t), "it is true already")
	require.Zero(t, d.documents(t))

	got, err := d.ledger.Put(t.Context(), d.invoice("a", 1, 3))

	require.NoError(t, err)
	require.Equal(t, d.invoice("a", 5, 7), got, "the version of the journal is higher")
	require.NoError(t, d.remove(t.Context(), "b"))
	require.Equal(t, ledger.Figures{Documents: 1, UnpaidInvoices: 1, TotalOutstanding: 5}, d.figures(t))
	require.Zero(t, d.inLimbo(t))
}

func TestLedger_JournalOutlivesAnUpdateOfTheCompany(t *testing.T) {
	t.Parallel()
	d := settled(t)
	left, err := d.ledger.PutWithoutEnd(t.Context(), d.invoice("a", 5, 0))
	require.NoError(t, err)

	require.NoError(t, d.touch(t.Context()))
	require.Equal(t, int64(1), d.inLimbo(t))
	require.NoError(t, d.ledger.Finish(t.Context(), left))

	require.Equal(t, int64(1), d.documents(t))
	require.Zero(t, d.inLimbo(t), "its writer still takes it away")
}

func TestLedger_LateWriterDoesNoHarm(t *testing.T) {
	t.Parallel()
	d := settled(t)
	late, err := d.ledger.PutWithoutEnd(t.Context(), d.invoice("gone", 5, 9), d.invoice("newer", 6, 0))
	require.NoError(t, err)
	require.NoError(t, d.remove(t.Context(), "gone"))
	_, err = d.ledger.Put(t.Context(), d.invoice("newer", 7, 2))
	require.NoError(t, err)

	require.NoError(t, d.ledger.Finish(t.Context(), late))

	require.ErrorIs(t, d.remove(t.Context(), "gone"), ledger.ErrNotFound)
	got, err := d.ledger.Put(t.Context(), d.invoice("newer", 8, 1))
	require.NoError(t, err)
	require.Equal(t, d.invoice("newer", 7, 2), got)
	require.Equal(t, ledger.Figures{Documents: 1, UnpaidInvoices: 1, TotalOutstanding: 7}, d.figures(t))
}

// Of a journal that is being finished, documents that it replaces are not there
// for a moment: nobody may be told that they do not exist.
func TestLedger_NothingIsSaidOfBooksThatMovedOn(t *testing.T) {
	t.Parallel()
	d := settled(t)
	done, err := d.ledger.DeleteWhile(t.Context(), d.invoice("a", 0, 0), func() error { return nil })
	require.NoError(t, err)
	require.True(t, done, "nobody wrote")

	for what, meanwhile := range map[string]func() error{
		"journal": func() error {
			_, err := d.ledger.PutWithoutEnd(t.Context(), d.invoice("a", 5, 0))
			return err
		},
		"update": func() error { return d.touch(t.Context()) },
	} {
		done, err := d.ledger.DeleteWhile(t.Context(), d.invoice("a", 0, 0), meanwhile)

		require.NoError(t, err, what)
		require.False(t, done, what)
		if what == "journal" {
			require.NoError(t, d.remove(t.Context(), "a"))
		}
	}
}

// Many documents of one journal are written in another way than few.
func TestLedger_LateWritersOfManyDoNoHarm(t *testing.T) {
	t.Parallel()
	d, many := settled(t), 20
	put := func(version int64, n int) {
		ds := make([]ledger.Document, n)
		for i := range ds {
			ds[i] = d.invoice(strconv.Itoa(i), money.Amount(version), version)
		}
		refusals, err := d.ledger.PutAll(t.Context(), d.id, ds)
		require.NoError(t, err)
		require.Equal(t, make([]error, n), refusals)
	}
	put(1, many)
	ds := make([]ledger.Document, many)
	for i := range ds {
		ds[i] = d.invoice(strconv.Itoa(i), 2, 2)
	}
	late, err := d.ledger.PutWithoutEnd(t.Context(), ds...)
	require.NoError(t, err)
	put(3, many/2)

	var wg sync.WaitGroup
	errs := make([]error, 6)
	for i := range errs {
		wg.Go(func() { errs[i] = d.ledger.Finish(t.Context(), late) })
	}
	wg.Wait()

	require.Equal(t, make([]error, len(errs)), errs)
	require.Equal(t, int64(many), d.documents(t))
	for i := range many {
		want := d.invoice(strconv.Itoa(i), 2, 2)
		if i < many/2 {
			want = d.invoice(strconv.Itoa(i), 3, 3)
		}
		got, err := d.ledger.Put(t.Context(), d.invoice(strconv.Itoa(i), 9, 1))
		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestLedger_ACallerThatGivesUpTakesNobodyAlong(t *testing.T) {
	t.Parallel()
	d := settled(t)
	gone, cancel := context.WithCancel(t.Context())
	var wg sync.WaitGroup
	errs := make([]error, 40)
	for i := range errs {
		ctx := t.Context()
		if i%2 == 1 {
			ctx = gone
		}
		wg.Go(func() { _, errs[i] = d.ledger.Put(ctx, d.invoice(strconv.Itoa(i), 1, 0)) })
	}
	cancel()
	wg.Wait()

	for i, err := range errs {
		if i%2 == 0 {
			require.NoError(t, err)
		}
	}
	f := d.figures(t)
	require.GreaterOrEqual(t, f.Documents, int64(len(errs)/2))
	require.Equal(t, d.documents(t), f.Documents)
}

func TestLedger_JanitorFinishesJournalsAndForgetsWhatIsGone(t *testing.T) {
	t.Parallel()
	d := settled(t)
	_, err := d.ledger.Put(t.Context(), d.invoice("gone", 1, 0))
	require.NoError(t, err)
	require.NoError(t, d.remove(t.Context(), "gone"))
	_, err = d.ledger.PutWithoutEnd(t.Context(), d.invoice("a", 5, 0))
	require.NoError(t, err)

	require.NoError(t, d.db.Resume(t.Context(), d.id, fake.Start))
	require.Equal(t, int64(1), d.inLimbo(t), "nothing is old yet")
	require.Equal(t, int64(1), d.documents(t))

	require.NoError(t, d.db.Resume(t.Context(), d.id, later()))

	require.Zero(t, d.inLimbo(t))
	require.Equal(t, int64(1), d.documents(t), "the one of the journal")
	require.NoError(t, d.remove(t.Context(), "a"))
}

func TestLedger_RefusalInABatchLeavesNoTrace(t *testing.T) {
	t.Parallel()
	d := settled(t)

	refusals, err := d.ledger.PutAll(t.Context(), d.id, []ledger.Document{
		d.invoice("a", math.MaxInt64, 0), d.invoice("b", 1, 0), d.invoice("a", 2, 0), d.invoice("b", 3, 0),
	})

	require.NoError(t, err)
	require.Equal(t, []error{nil, money.ErrOverflow, nil, nil}, refusals)
	require.Equal(t, ledger.Figures{Documents: 2, UnpaidInvoices: 2, TotalOutstanding: 5}, d.figures(t))
}

func TestCompanies_ADeletionThatVanishedHoldsNobodyUp(t *testing.T) {
	t.Parallel()
	for name, use := range map[string]func(*testing.T, directory) error{
		"contact": func(t *testing.T, d directory) error { return d.contacts.Add(t.Context(), d.contact(t, 1, false)) },
		"document": func(t *testing.T, d directory) error {
			_, err := d.ledger.Put(t.Context(), d.invoice("a", 1, 0))
			return err
		},
		"janitor": func(t *testing.T, d directory) error { return d.db.Resume(t.Context(), d.id, later()) },
		"another": func(t *testing.T, d directory) error { return d.touch(t.Context()) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := settled(t)
			require.NoError(t, d.companies.Mark(t.Context(), d.id, d.co.ID()))

			require.NoError(t, use(t, d))

			_, err := d.companies.ByID(t.Context(), d.id, d.co.ID())
			require.NoError(t, err)
			if name != "another" { // an update has no need to wait for the deletion
				require.Zero(t, d.inLimbo(t))
			}
			err = d.companies.Delete(t.Context(), d.id, d.co.ID(), 0)
			if name == "contact" {
				require.ErrorIs(t, err, company.ErrInUse)
			} else {
				require.NoError(t, err)
			}
		})
	}
}

func TestCompanies_ADeletionGoesOnFromItsOwnMark(t *testing.T) {
	t.Parallel()
	d := settled(t)

	tries, err := d.companies.DeleteMarked(t.Context(), d.co, 0, func() error { return d.touch(t.Context()) })

	require.NoError(t, err)
	require.Zero(t, tries)
	_, err = d.companies.ByID(t.Context(), d.id, d.co.ID())
	require.ErrorIs(t, err, company.ErrNotFound)
}

func TestCompanies_ADeletionThatFailsLeavesNoMark(t *testing.T) {
	t.Parallel()
	d := settled(t)

	_, err := d.companies.DeleteMarked(t.Context(), d.co, d.co.Version(), func() error { return d.touch(t.Context()) })
	require.ErrorIs(t, err, port.ErrVersion)
	require.Zero(t, d.inLimbo(t))

	gone, cancel := context.WithCancel(t.Context())
	_, err = d.companies.DeleteMarked(gone, d.co, 0, func() error { cancel(); return nil })
	require.ErrorIs(t, err, port.ErrUnavailable)
	require.Zero(t, d.inLimbo(t))
	_, err = d.companies.ByID(t.Context(), d.id, d.co.ID())
	require.NoError(t, err)
}

func TestCompanies_DocumentsThatComeTooLateAreRemoved(t *testing.T) {
	t.Parallel()
	d := settled(t)
	late, err := d.ledger.PutWithoutEnd(t.Context(), d.invoice("a", 5, 0))
	require.NoError(t, err)
	require.NoError(t, d.companies.Delete(t.Context(), d.id, d.co.ID(), 0))
	require.Zero(t, d.documents(t))

	require.NoError(t, d.ledger.Finish(t.Context(), late))

	require.Equal(t, int64(1), d.documents(t))
	require.ErrorIs(t, d.remove(t.Context(), "a"), ledger.ErrNotFound, "nobody sees it")
	_, err = d.ledger.Put(t.Context(), d.invoice("a", 5, 0))
	require.ErrorIs(t, err, company.ErrNotFound)
	require.NoError(t, d.db.Resume(t.Context(), d.id, later()))
	require.Zero(t, d.documents(t))
	require.Zero(t, d.inLimbo(t))
}

// A contact that was begun and never ended refers to nothing.
func TestDelete_PassesByAContactThatVanished(t *testing.T) {
	t.Parallel()
	d := settled(t)
	require.NoError(t, d.contacts.Want(t.Context(), d.contact(t, 1, true)))
	require.NoError(t, d.tags.Delete(t.Context(), d.id, d.tag.ID(), 0))

	require.NoError(t, d.contacts.Want(t.Context(), d.contact(t, 2, false)))
	require.NoError(t, d.companies.Delete(t.Context(), d.id, d.co.ID(), 0))

	require.ErrorIs(t, d.contacts.Add(t.Context(), d.contact(t, 1, false)), company.ErrNotFound)
}

func TestTags_ADeletionOnceBegunIsFinished(t *testing.T) {
	t.Parallel()
	for name, finish := range map[string]func(context.Context, directory) error{
		"janitor": func(ctx context.Context, d directory) error { return d.db.Resume(ctx, d.id, later()) },
		"another": func(ctx context.Context, d directory) error {
			return d.tags.Delete(ctx, d.id, d.tag.ID(), d.tag.Version())
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			d := settled(t)
			has := d.contact(t, 1, true)
			require.NoError(t, d.contacts.Add(t.Context(), has))
			require.NoError(t, d.tags.Mark(t.Context(), d.id, d.tag.ID()))

			_, err := d.tags.ByID(t.Context(), d.id, d.tag.ID())
			require.NoError(t, err, "it is there until nobody has it")
			require.ErrorIs(t, d.contacts.Add(t.Context(), d.contact(t, 2, true)), contact.ErrTagNotFound)
			require.NoError(t, d.contacts.Update(t.Context(), d.id, has.ID(), func(c *contact.Contact) error {
				return c.Change(c.Details(), fake.Start)
			}), "who has it may keep it for now")

			require.NoError(t, finish(t.Context(), d))

			_, err = d.tags.ByID(t.Context(), d.id, d.tag.ID())
			require.ErrorIs(t, err, contact.ErrTagNotFound)
			got, err := d.contacts.ByID(t.Context(), d.id, has.ID())
			require.NoError(t, err)
			require.Empty(t, got.Details().Tags)
			require.Zero(t, d.inLimbo(t))
		})
	}
}
