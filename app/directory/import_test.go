package directory_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/directory"
	"ostiary/app/port"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
)

func acceptHash(h secret.Text) error {
	if !strings.HasPrefix(h.Reveal(), "hash:") {
		return errors.New("unknown hash " + h.Reveal())
	}
	return nil
}

// run imports the rows and returns which were refused, by row number.
func (k *kit) run(t *testing.T, rows ...directory.ImportRow) (directory.ImportCount, map[int]error) {
	t.Helper()
	refused := map[int]error{}
	n, err := k.importer.Import(t.Context(), directory.ImportInput{
		Caller: root,
		Next: func() (directory.ImportRow, error) {
			if len(rows) == 0 {
				return directory.ImportRow{}, io.EOF
			}
			row := rows[0]
			rows = rows[1:]
			return row, nil
		},
		Report: func(row int, refusal error) { refused[row] = refusal },
	})
	require.NoError(t, err)
	return n, refused
}

func TestImport_TwiceIsLikeOnce(t *testing.T) {
	t.Parallel()
	k := setup(t)
	at := k.company(t, "A")
	rows := []directory.ImportRow{
		{Details: contact.Details{FirstName: "Ada", Email: fake.Address(t, "ada@example.com"), Companies: []contact.Membership{{Company: at.ID()}}}, Hash: fake.Hashed("imported")},
		{Details: contact.Details{FirstName: "Bob", Email: fake.Address(t, "bob@example.com"), Companies: []contact.Membership{{Company: at.ID()}}}},
	}

	first, refused := k.run(t, rows...)
	require.Empty(t, refused)
	require.Equal(t, directory.ImportCount{Created: 2}, first)
	second, refused := k.run(t, rows...)

	require.Empty(t, refused)
	require.Equal(t, directory.ImportCount{Unchanged: 2}, second)
	p, err := k.store.users.ByEmail(t.Context(), k.acme.ID(), "ada@example.com")
	require.NoError(t, err)
	require.Equal(t, fake.Hashed("imported").Reveal(), p.User.Hash().Reveal())
	require.ElementsMatch(t, []string{"company.created", "contact.created", "user.imported", "contact.created"}, k.trail.Actions())
}

func TestImport_AddsToWhatIsThere(t *testing.T) {
	t.Parallel()
	k := setup(t)
	a, b := k.company(t, "A"), k.company(t, "B")
	c := k.contact(t, "Ada@example.com", b)
	k.login(t, c)

	n, refused := k.run(t, directory.ImportRow{
		Details: contact.Details{FirstName: "Augusta", Email: fake.Address(t, "ada@example.com"), Companies: []contact.Membership{{Company: a.ID(), Primary: true}}},
		Hash:    fake.Hashed("imported"),
	})

	require.Empty(t, refused)
	require.Equal(t, directory.ImportCount{Updated: 1}, n)
	p, err := k.store.users.ByContact(t.Context(), k.acme.ID(), c.ID())
	require.NoError(t, err)
	require.Equal(t, "Augusta", p.Contact.Details().FirstName)
	require.Equal(t, "Ada@example.com", p.Contact.Email().String())
	require.Equal(t, b.ID(), p.Contact.Primary().Company)
	require.Len(t, p.Contact.Details().Companies, 2)
	require.Equal(t, fake.Hashed("a good password").Reveal(), p.User.Hash().Reveal(), "a login that exists keeps its password")
}

func TestImport_GoesOnAfterARefusedRow(t *testing.T) {
	t.Parallel()
	k := setup(t)
	at := []contact.Membership{{Company: k.company(t, "A").ID()}}
	ada := fake.Address(t, "ada@example.com")

	n, refused := k.run(t,
		directory.ImportRow{Details: contact.Details{FirstName: "No address", Companies: at}},
		directory.ImportRow{Details: contact.Details{FirstName: "Bad hash", Email: ada, Companies: at}, Hash: secret.New("md5:1234")},
		directory.ImportRow{Details: contact.Details{FirstName: "Nowhere", Email: ada, Companies: []contact.Membership{{Company: fake.CompanyID(t, 99)}}}},
		directory.ImportRow{Details: contact.Details{FirstName: "Ada", Email: ada, Companies: at}},
	)

	require.Equal(t, directory.ImportCount{Created: 1, Refused: 3}, n)
	require.Equal(t, "/email", fault.Of(refused[1]).Fields()[0].Pointer)
	require.ErrorIs(t, refused[2], directory.ErrHash)
	require.NotContains(t, refused[2].Error(), "1234")
	require.Equal(t, "/companies", fault.Of(refused[3]).Fields()[0].Pointer)
}

// Rows go in many at once; those of one address keep their order all the same.
func TestImport_ManyRowsOfOneAddressFollowEachOther(t *testing.T) {
	t.Parallel()
	k := setup(t)
	at := []contact.Membership{{Company: k.company(t, "A").ID()}}
	var rows []directory.ImportRow
	for i := range 300 {
		row := contact.Details{FirstName: fmt.Sprint(i), Email: fake.Address(t, fmt.Sprintf("p%d@example.com", i%100)), Companies: at}
		if i == 150 {
			row.Email = email.Address{}
		}
		rows = append(rows, directory.ImportRow{Details: row})
	}

	n, refused := k.run(t, rows...)

	require.Equal(t, directory.ImportCount{Created: 100, Updated: 199, Refused: 1}, n)
	require.Len(t, refused, 1)
	require.Equal(t, "/email", fault.Of(refused[151]).Fields()[0].Pointer)
	for i := range 100 {
		p, err := k.store.contacts.List(t.Context(), k.acme.ID(), port.ContactQuery{Email: email.Key(fmt.Sprintf("p%d@example.com", i))}, contact.ID{}, 2)
		require.NoError(t, err)
		require.Len(t, p, 1)
		require.Equal(t, fmt.Sprint(200+i), p[0].Details().FirstName)
	}
}

func TestImport_StopsAtAnOutage(t *testing.T) {
	t.Parallel()
	k := setup(t)
	broken := errors.New("the file ends in the middle")

	n, err := k.importer.Import(t.Context(), directory.ImportInput{
		Caller: root, Next: func() (directory.ImportRow, error) { return directory.ImportRow{}, broken },
	})

	require.ErrorIs(t, err, broken)
	require.Zero(t, n)
}

// lost is a store that is away for one address.
type lost struct {
	port.Contacts
	address email.Key
}

var errLost = errors.New("connection lost")

func (l lost) List(ctx context.Context, t tenant.ID, q port.ContactQuery, after contact.ID, limit int) ([]*contact.Contact, error) {
	if q.Email == l.address {
		return nil, errLost
	}
	return l.Contacts.List(ctx, t, q, after, limit) //nolint:wrapcheck // stands in for it
}

// What went in beside a row that nobody knows of is counted all the same, and
// nothing of that row's address is tried after it.
func TestImport_CountsWhatIsInWhenAnOutageEndsIt(t *testing.T) {
	t.Parallel()
	k := setup(t)
	at := []contact.Membership{{Company: k.company(t, "A").ID()}}
	k.importer = k.importerOn(lost{k.store.contacts, "p3@example.com"})
	refused, row := map[int]error{}, 0

	n, err := k.importer.Import(t.Context(), directory.ImportInput{
		Caller: root,
		Next: func() (directory.ImportRow, error) {
			row++
			details := contact.Details{FirstName: "A", Email: fake.Address(t, fmt.Sprintf("p%d@example.com", row%10)), Companies: at}
			if row == 8 {
				details.Email = email.Address{}
			}
			return directory.ImportRow{Details: details}, nil
		},
		Report: func(row int, refusal error) { refused[row] = refusal },
	})

	require.ErrorIs(t, err, errLost)
	require.ErrorContains(t, err, "row 3")
	require.Equal(t, 64-7-1, n.Created+n.Updated+n.Unchanged, "rows 3, 13, and so on are not known to be in")
	require.Equal(t, 9, n.Created)
	require.Equal(t, 1, n.Refused)
	require.Len(t, refused, 1)
	require.Contains(t, refused, 8)
}
