package contract

import (
	"errors"
	"math"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/port"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/ledger"
	"ostiary/domain/scope"
	"ostiary/test/fake"
)

// Companies checks any port.Companies.
func Companies(t *testing.T, open Open) {
	checks{
		"Add/KeepsEveryMember":         companiesKeepEveryMember,
		"Add/KeepsZeroMembers":         companiesKeepZeroMembers,
		"Add/NeverReplaces":            companiesAddNeverReplaces,
		"Add/SideBySide":               companiesAddSideBySide,
		"ByID/HidesOtherTenants":       companiesByIDHides,
		"ByIDs/LeavesOutUnknownOnes":   companiesByIDs,
		"Update/KeepsPromises":         companiesUpdate,
		"Update/KeepsEveryMember":      companiesUpdateEveryMember,
		"Update/HidesOtherTenants":     companiesUpdateHides,
		"Delete/ComparesVersions":      companiesDeleteComparesVersions,
		"Delete/HidesOtherTenants":     companiesDeleteHides,
		"Delete/TakesDocumentsAlong":   companiesDeleteTakesDocuments,
		"Delete/RefusesWhileInUse":     companiesDeleteInUse,
		"Delete/OneOfManyWins":         companiesDeleteOneWins,
		"Delete/NeverOrphansAContact":  companiesDeleteOrphansNobody,
		"List/RisesInPages":            companiesList,
		"List/HidesOtherTenants":       companiesListHides,
		"Delete/LeavesNoLateDocuments": companiesDeleteLeavesNoDocuments,
	}.together(t, open)
}

func fullCompany(t testing.TB, h home, n int64) *company.Company {
	t.Helper()
	lat, lon := 52.370216000000001, -0.1
	co, err := company.New(h.id, fake.CompanyID(t, n), company.Details{
		Name: word, Email: fake.Address(t, "Info+B2B@Bücher.example"), Phone: "+31 (0)20", Currency: fake.Currency(t, "KWD"), ExternalRef: word,
		Billing: &company.Address{
			ID: "a-1", City: "Den Haag", Country: "NL", HouseNumber: "1 bis", PostalCode: "2500 AA", Street: word,
			Latitude: &lat, Longitude: &lon,
		},
		Scopes: scope.Map{scope.Finance: false, "own-9": true},
		Portal: company.Portal{ID: company.PortalIDFromBytes(fake.UUID()), DisplayName: word},
	}, moment)
	require.NoError(t, err)
	co.Picture(fullAvatar(), after(time.Millisecond))
	s := co.Snapshot()
	s.Version = math.MaxInt64 - 2*crowd
	return company.Restore(s)
}

func fullAvatar() avatar.Avatar {
	return avatar.Avatar{
		Blob: avatar.BlobIDFromBytes(fake.UUID()), Thumbnail: avatar.BlobIDFromBytes(fake.UUID()), Width: 1 << 20, Height: 1,
	}
}

func companiesKeepEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	want := fullCompany(t, h, 1<<53-1)
	require.NoError(t, s.Companies.Add(t.Context(), want))

	got, err := s.Companies.ByID(t.Context(), h.id, want.ID())

	require.NoError(t, err)
	same(t, want.Snapshot(), got.Snapshot())
}

// companiesKeepZeroMembers tells an address without members and a coordinate
// of zero from none.
func companiesKeepZeroMembers(t *testing.T, s Store) {
	h, zero := settle(t, s), 0.0
	for n, billing := range map[int64]*company.Address{2: nil, 3: {}, 4: {Latitude: &zero}} {
		co, err := company.New(h.id, fake.CompanyID(t, n), company.Details{
			Name: "x", Billing: billing, Portal: company.Portal{ID: company.PortalIDFromBytes(fake.UUID())},
		}, moment)
		require.NoError(t, err)
		require.NoError(t, s.Companies.Add(t.Context(), co))

		got, err := s.Companies.ByID(t.Context(), h.id, co.ID())

		require.NoError(t, err)
		same(t, co.Snapshot(), got.Snapshot())
	}
}

func companiesAddNeverReplaces(t *testing.T, s Store) {
	h := settle(t, s)

	require.Error(t, s.Companies.Add(t.Context(), fake.Company(t, h.id, h.co.ID().Int())))

	got, err := s.Companies.ByID(t.Context(), h.id, h.co.ID())
	require.NoError(t, err)
	same(t, h.co.Snapshot(), got.Snapshot())
}

func companiesAddSideBySide(t *testing.T, s Store) {
	h := settle(t, s)
	added := make([]*company.Company, crowd)
	for i := range added {
		added[i] = fake.Company(t, h.id, int64(i)+10)
	}

	allWell(t, crowded(crowd, func(i int) error { return s.Companies.Add(t.Context(), added[i]) }))

	got, err := s.Companies.List(t.Context(), h.id, h.co.ID(), 2*crowd)
	require.NoError(t, err)
	require.Len(t, got, crowd)
	for i, co := range got {
		same(t, added[i].Snapshot(), co.Snapshot())
	}
}

func companiesByIDHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	only := ours.addCompany(t, 2)

	_, err := s.Companies.ByID(t.Context(), theirs.id, only.ID())
	require.ErrorIs(t, err, company.ErrNotFound)
	got, err := s.Companies.ByID(t.Context(), theirs.id, ours.co.ID())
	require.NoError(t, err)
	same(t, theirs.co.Snapshot(), got.Snapshot())
	_, err = s.Companies.ByID(t.Context(), ours.id, company.ID{})
	require.ErrorIs(t, err, company.ErrNotFound)
}

func companiesByIDs(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	two, nine := ours.addCompany(t, 2), ours.addCompany(t, 9)
	only := theirs.addCompany(t, 5)

	got, err := s.Companies.ByIDs(t.Context(), ours.id, []company.ID{nine.ID(), only.ID(), fake.CompanyID(t, 77), two.ID(), ours.co.ID()})

	require.NoError(t, err)
	require.Len(t, got, 3)
	for i, want := range []*company.Company{ours.co, two, nine} {
		same(t, want.Snapshot(), got[i].Snapshot())
	}
	got, err = s.Companies.ByIDs(t.Context(), ours.id, nil)
	require.NoError(t, err)
	require.Empty(t, got)
}

func updatedCompany(t testing.TB, h home, id company.ID) updated[*company.Company] {
	count := func(co *company.Company) int64 {
		n, _ := strconv.ParseInt(co.Details().Phone, 10, 64)
		return n
	}
	return updated[*company.Company]{
		update: func(change func(*company.Company) error) error {
			return h.Companies.Update(t.Context(), h.id, id, change)
		},
		load: func() *company.Company {
			co, err := h.Companies.ByID(t.Context(), h.id, id)
			require.NoError(t, err)
			return co
		},
		version: (*company.Company).Version,
		bump: func(co *company.Company) error {
			d := co.Details()
			d.Phone = strconv.FormatInt(count(co)+1, 10)
			return co.Change(d, after(time.Hour))
		},
		count: count,
		open:  func(co *company.Company) any { return co.Snapshot() },
	}
}

func companiesUpdate(t *testing.T, s Store) {
	h := settle(t, s)
	co := fullCompany(t, h, 2)
	require.NoError(t, s.Companies.Add(t.Context(), co))
	updatedCompany(t, h, co.ID()).keepsPromises(t)
}

func companiesUpdateHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	only := ours.addCompany(t, 2)
	isHidden(t, company.ErrNotFound, func(change func(*company.Company) error) error {
		return s.Companies.Update(t.Context(), theirs.id, only.ID(), change)
	})

	require.NoError(t, updatedCompany(t, ours, ours.co.ID()).update(updatedCompany(t, ours, ours.co.ID()).bump))

	got, err := s.Companies.ByID(t.Context(), theirs.id, theirs.co.ID())
	require.NoError(t, err)
	same(t, theirs.co.Snapshot(), got.Snapshot())
}

func companiesDeleteComparesVersions(t *testing.T, s Store) {
	h := settle(t, s)
	co, other := fullCompany(t, h, 2), h.addCompany(t, 3)
	require.NoError(t, s.Companies.Add(t.Context(), co))

	require.ErrorIs(t, s.Companies.Delete(t.Context(), h.id, co.ID(), co.Version()-1), port.ErrVersion)
	require.ErrorIs(t, s.Companies.Delete(t.Context(), h.id, co.ID(), co.Version()+1), port.ErrVersion)
	_, err := s.Companies.ByID(t.Context(), h.id, co.ID())
	require.NoError(t, err)

	require.NoError(t, s.Companies.Delete(t.Context(), h.id, co.ID(), co.Version()))
	require.NoError(t, s.Companies.Delete(t.Context(), h.id, other.ID(), 0))
	for _, gone := range []company.ID{co.ID(), other.ID()} {
		_, err := s.Companies.ByID(t.Context(), h.id, gone)
		require.ErrorIs(t, err, company.ErrNotFound)
		require.ErrorIs(t, s.Companies.Delete(t.Context(), h.id, gone, 1), company.ErrNotFound)
	}
}

func companiesDeleteHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	only := ours.addCompany(t, 2)

	require.ErrorIs(t, s.Companies.Delete(t.Context(), theirs.id, only.ID(), 0), company.ErrNotFound)
	require.NoError(t, s.Companies.Delete(t.Context(), theirs.id, theirs.co.ID(), 0))

	for _, kept := range []*company.Company{ours.co, only} {
		got, err := s.Companies.ByID(t.Context(), ours.id, kept.ID())
		require.NoError(t, err)
		same(t, kept.Snapshot(), got.Snapshot())
	}
}

func companiesDeleteTakesDocuments(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	for _, h := range []home{ours, theirs} {
		_, err := s.Ledger.Put(t.Context(), h.document(ledger.Order, "open"))
		require.NoError(t, err)
	}

	require.NoError(t, s.Companies.Delete(t.Context(), ours.id, ours.co.ID(), 0))

	require.Zero(t, ours.figures(t))
	require.ErrorIs(t, s.Ledger.Delete(t.Context(), ours.id, ours.co.ID(), ledger.Order, "ref"), ledger.ErrNotFound)
	require.Equal(t, ledger.Figures{Documents: 1, OpenOrders: 1}, theirs.figures(t))
}

func companiesDeleteInUse(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	second := ours.addCompany(t, 2)
	c := fake.Contact(t, ours.co, 1, "")
	d := c.Details()
	d.Companies = append(d.Companies, contact.Membership{Company: second.ID()})
	require.NoError(t, c.Change(d, moment))
	require.NoError(t, s.Contacts.Add(t.Context(), c))

	for _, co := range []*company.Company{ours.co, second} {
		require.ErrorIs(t, s.Companies.Delete(t.Context(), ours.id, co.ID(), 0), company.ErrInUse)
		require.ErrorIs(t, s.Companies.Delete(t.Context(), ours.id, co.ID(), co.Version()), company.ErrInUse)
	}
	require.NoError(t, s.Companies.Delete(t.Context(), theirs.id, theirs.co.ID(), 0), "another tenant's contacts do not count")

	require.NoError(t, s.Contacts.Update(t.Context(), ours.id, c.ID(), func(c *contact.Contact) error {
		d := c.Details()
		d.Companies = []contact.Membership{{Company: ours.co.ID()}}
		return c.Change(d, moment)
	}))
	require.NoError(t, s.Companies.Delete(t.Context(), ours.id, second.ID(), 0), "the contact has left")
	require.NoError(t, s.Contacts.Delete(t.Context(), ours.id, c.ID(), 0))
	require.NoError(t, s.Companies.Delete(t.Context(), ours.id, ours.co.ID(), 0), "the contact is gone")
}

func companiesDeleteOneWins(t *testing.T, s Store) {
	h := settle(t, s)
	oneWins(t, crowded(crowd, func(int) error { return s.Companies.Delete(t.Context(), h.id, h.co.ID(), 0) }), company.ErrNotFound)
}

// companiesDeleteOrphansNobody races Delete with the first contact of the
// company: one of them loses.
func companiesDeleteOrphansNobody(t *testing.T, s Store) {
	h := settle(t, s)
	for n := int64(2); n < 20; n++ {
		co := h.addCompany(t, n)
		c := fake.Contact(t, co, n, "")

		errs := crowded(2, func(i int) error {
			if i == 0 {
				return s.Contacts.Add(t.Context(), c)
			}
			return s.Companies.Delete(t.Context(), h.id, co.ID(), 0)
		})

		added, deleted := errs[0], errs[1]
		if added == nil {
			require.ErrorIs(t, deleted, company.ErrInUse)
		} else {
			require.ErrorIs(t, added, company.ErrNotFound)
			require.NoError(t, deleted)
		}
	}
}

// companiesDeleteLeavesNoDocuments races Delete with documents of the company.
func companiesDeleteLeavesNoDocuments(t *testing.T, s Store) {
	h := settle(t, s)
	for n := int64(2); n < 8; n++ {
		h.co = h.addCompany(t, n)

		errs := crowded(10, func(i int) error {
			if i == 5 {
				return s.Companies.Delete(t.Context(), h.id, h.co.ID(), 0)
			}
			d := h.document(ledger.Order, "open")
			d.Ref = strconv.Itoa(i)
			if _, err := s.Ledger.Put(t.Context(), d); !errors.Is(err, company.ErrNotFound) {
				return err
			}
			return nil
		})

		allWell(t, errs)
		require.Zero(t, h.figures(t))
		for i := range 10 {
			err := s.Ledger.Delete(t.Context(), h.id, h.co.ID(), ledger.Order, strconv.Itoa(i))
			require.ErrorIs(t, err, ledger.ErrNotFound)
		}
	}
}

func companiesList(t *testing.T, s Store) {
	h := settle(t, s)
	for _, n := range []int64{30, 4, 100, 20, 3} {
		h.addCompany(t, n)
	}
	list := func(afterID company.ID, limit int) (out []int64) {
		got, err := s.Companies.List(t.Context(), h.id, afterID, limit)
		require.NoError(t, err)
		for _, co := range got {
			out = append(out, co.ID().Int())
		}
		return out
	}

	require.Equal(t, []int64{1, 3, 4, 20, 30, 100}, list(company.ID{}, 50))
	require.Equal(t, []int64{1, 3}, list(company.ID{}, 2))
	require.Equal(t, []int64{4, 20}, list(fake.CompanyID(t, 3), 2))
	require.Equal(t, []int64{20, 30, 100}, list(fake.CompanyID(t, 5), 50))
	require.Empty(t, list(fake.CompanyID(t, 100), 50))
}

func companiesListHides(t *testing.T, s Store) {
	ours, theirs := neighbours(t, s)
	ours.addCompany(t, 2)

	got, err := s.Companies.List(t.Context(), theirs.id, company.ID{}, 50)

	require.NoError(t, err)
	require.Len(t, got, 1)
	same(t, theirs.co.Snapshot(), got[0].Snapshot())
}

func companiesUpdateEveryMember(t *testing.T, s Store) {
	h := settle(t, s)
	for _, want := range []company.Snapshot{fullCompany(t, h, 1).Snapshot(), h.co.Snapshot()} {
		updatedCompany(t, h, h.co.ID()).becomes(t, want, func(co *company.Company) { *co = *company.Restore(want) })
	}
}
