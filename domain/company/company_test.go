package company_test

import (
	"math"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/money"
	"ostiary/domain/tenant"
)

var now = time.Date(2026, 3, 4, 5, 6, 7, 0, time.UTC)

func newCompany(t *testing.T, d company.Details) (*company.Company, error) {
	t.Helper()
	n, err := company.IDOf(5)
	require.NoError(t, err)
	return company.New(tenant.IDFromBytes([16]byte{15: 1}), n, d, now)
}

func TestNew_NamesThePortalAfterTheCompany(t *testing.T) {
	t.Parallel()

	c, err := newCompany(t, company.Details{Name: "Bolt"})

	require.NoError(t, err)
	require.Equal(t, "Bolt", c.Portal().DisplayName)
	require.Equal(t, int64(1), c.Version())
}

func TestChange_KeepsThePortalsID(t *testing.T) {
	t.Parallel()
	id := company.PortalIDFromBytes([16]byte{15: 7})
	c, err := newCompany(t, company.Details{Name: "Bolt", Portal: company.Portal{ID: id, Enabled: true}})
	require.NoError(t, err)

	err = c.Change(company.Details{Name: "Nut", Portal: company.Portal{ID: company.PortalIDFromBytes([16]byte{15: 8}), DisplayName: "Nuts"}}, now.Add(time.Hour))

	require.NoError(t, err)
	require.Equal(t, company.Portal{ID: id, DisplayName: "Nuts"}, c.Portal())
	require.Equal(t, int64(2), c.Version())
}

func TestNew_NamesEveryMemberThatBreaksARule(t *testing.T) {
	t.Parallel()
	far, nan, long := 181.0, math.NaN(), strings.Repeat("é", 201)

	for name, row := range map[string]struct {
		d    company.Details
		want []string
	}{
		"no name":     {company.Details{Portal: company.Portal{DisplayName: "x"}}, []string{"/name"}},
		"at bounds":   {company.Details{Name: long[:400], Phone: strings.Repeat("1", 50)}, nil},
		"too long":    {company.Details{Name: "a", Phone: long, ExternalRef: long}, []string{"/phone", "/externalRef"}},
		"portal":      {company.Details{Name: "a", Portal: company.Portal{DisplayName: long}}, []string{"/portal/displayName"}},
		"address":     {company.Details{Name: "a", Billing: &company.Address{City: long, Longitude: &far}}, []string{"/billingAddress/city", "/billingAddress/longitude"}},
		"coordinates": {company.Details{Name: "a", Billing: &company.Address{Latitude: &far}}, []string{"/billingAddress/latitude"}},
		"no number":   {company.Details{Name: "a", Billing: &company.Address{Latitude: &nan}}, []string{"/billingAddress/latitude"}},
	} {
		_, err := newCompany(t, row.d)
		var got []string
		if err != nil {
			for _, f := range fault.Of(err).Fields() {
				got = append(got, f.Pointer)
			}
		}
		require.Equal(t, row.want, got, name)
	}
}

func TestChange_ThatIsRefusedChangesNothing(t *testing.T) {
	t.Parallel()
	c, err := newCompany(t, company.Details{Name: "Bolt"})
	require.NoError(t, err)
	before := c.Snapshot()

	require.Error(t, c.Change(company.Details{}, now.Add(time.Hour)))

	require.Equal(t, before, c.Snapshot())
}

func TestCurrency_IsTheTenantsUnlessSet(t *testing.T) {
	t.Parallel()
	owner, err := tenant.New(tenant.ID{}, "acme", tenant.Details{Name: "Acme", Currency: money.RestoreCurrency("EUR")}, now)
	require.NoError(t, err)
	plain, err := newCompany(t, company.Details{Name: "Bolt"})
	require.NoError(t, err)
	own, err := newCompany(t, company.Details{Name: "Bolt", Currency: money.RestoreCurrency("JPY")})
	require.NoError(t, err)

	require.Equal(t, "EUR", plain.Currency(owner).String())
	require.Equal(t, "JPY", own.Currency(owner).String())
}

func TestPicture_RaisesTheVersion(t *testing.T) {
	t.Parallel()
	c, err := newCompany(t, company.Details{Name: "Bolt"})
	require.NoError(t, err)
	require.True(t, c.Avatar().IsZero())

	c.Picture(avatar.Avatar{Blob: avatar.BlobIDFromBytes([16]byte{15: 1}), Width: 1, Height: 2}, now)

	require.False(t, c.Avatar().IsZero())
	require.Equal(t, int64(2), c.Version())
}
