package profile_test

import (
	"encoding/base64"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/access"
	"ostiary/app/profile"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/fault"
	"ostiary/domain/ledger"
	"ostiary/domain/scope"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/test/fake"
	"ostiary/test/stage"
)

func visit(t *testing.T, s *stage.Stage) access.Visitor {
	t.Helper()
	v, err := s.Profile.Visitor(t.Context(), stage.Bearer(s.Login(t)))
	require.NoError(t, err)
	return v
}

// put stores an invoice of a company of acme.
func put(t *testing.T, s *stage.Stage, of *company.Company, ref, outstanding string) {
	t.Helper()
	eur := fake.Currency(t, "EUR")
	amount, err := eur.Parse(outstanding)
	require.NoError(t, err)
	_, err = s.Ledger.Put(t.Context(), ledger.Document{
		Tenant: of.Tenant(), Company: of.ID(), Kind: ledger.Invoice, Ref: ref, Status: "open", Currency: eur,
		Total: amount, Outstanding: amount, Updated: fake.Start,
	})
	require.NoError(t, err)
}

// picture stores a picture with its thumbnail.
func picture(t *testing.T, s *stage.Stage, of tenant.ID, text string) avatar.Avatar {
	t.Helper()
	a := avatar.Avatar{Blob: avatar.BlobIDFromBytes(fake.UUID()), Thumbnail: avatar.BlobIDFromBytes(fake.UUID()), Width: 3, Height: 2}
	require.NoError(t, s.Blobs.Put(t.Context(), of, avatar.Blob{ID: a.Blob, Media: "image/png", Bytes: []byte(text)}))
	require.NoError(t, s.Blobs.Put(t.Context(), of, avatar.Blob{ID: a.Thumbnail, Media: "image/png", Bytes: []byte("small " + text)}))
	return a
}

func wear(t *testing.T, s *stage.Stage, who *contact.Contact, a avatar.Avatar) {
	t.Helper()
	require.NoError(t, s.Contacts.Update(t.Context(), who.Tenant(), who.ID(), func(c *contact.Contact) error {
		c.Picture(a, fake.Start)
		return nil
	}))
}

func hang(t *testing.T, s *stage.Stage, at *company.Company, a avatar.Avatar) {
	t.Helper()
	require.NoError(t, s.Companies.Update(t.Context(), at.Tenant(), at.ID(), func(c *company.Company) error {
		c.Picture(a, fake.Start)
		return nil
	}))
}

func TestStats_AreThoseOfTheCompanyEntered(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	put(t, s, s.Second, "1", "1234.56")
	put(t, s, s.First, "1", "99.00")

	stats, err := s.Profile.Stats(t.Context(), visit(t, s))

	require.NoError(t, err)
	require.Equal(t, fake.Currency(t, "EUR"), stats.Currency)
	require.Equal(t, int64(1), stats.Figures.UnpaidInvoices)
	total, err := stats.Currency.Parse("1234.56")
	require.NoError(t, err)
	require.Equal(t, total, stats.Figures.TotalOutstanding)
}

func TestStats_CurrencyIsTheCompanysOwnIfItHasOne(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	s.EditCompany(t, s.Second, func(d *company.Details) { d.Currency = fake.Currency(t, "JPY") })

	stats, err := s.Profile.Stats(t.Context(), visit(t, s))

	require.NoError(t, err)
	require.Equal(t, fake.Currency(t, "JPY"), stats.Currency)
	require.Zero(t, stats.Figures)
}

func TestStats_NeedTheScopeFinance(t *testing.T) {
	t.Parallel()
	for name, close := range map[string]func(s *stage.Stage){
		"tenant": func(s *stage.Stage) {
			s.EditTenant(t, s.Acme, func(d *tenant.Details) { delete(d.Scopes, scope.Finance) })
		},
		"company": func(s *stage.Stage) {
			s.EditCompany(t, s.Second, func(d *company.Details) { d.Scopes = scope.Map{scope.Finance: false} })
		},
		"contact": func(s *stage.Stage) {
			s.EditContact(t, s.Ada, func(d *contact.Details) { d.Scopes = scope.Map{scope.Finance: false} })
		},
	} {
		s := stage.New(t, stage.Options{})
		g := s.Login(t)
		close(s) // after the token that grants it was issued
		v, err := s.Profile.Visitor(t.Context(), stage.Bearer(g))
		require.NoError(t, err)

		_, err = s.Profile.Stats(t.Context(), v)

		require.ErrorIs(t, err, profile.ErrScope, name)
		require.Equal(t, fault.Forbidden, fault.KindOf(err), name)
	}
}

func TestVisitor_NeedsABearer(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})

	_, err := s.Profile.Visitor(t.Context(), access.Bearer{})

	require.ErrorIs(t, err, session.ErrToken)
}

func TestBlob_OnlyOnesOwnAndTheCompanys(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	bob := fake.Contact(t, s.First, 9, "bob@example.com")
	s.Add(t, bob)
	own, office := picture(t, s, s.Acme.ID(), "own"), picture(t, s, s.Acme.ID(), "office")
	elsewhere, bobs, abroad := picture(t, s, s.Acme.ID(), "elsewhere"), picture(t, s, s.Acme.ID(), "bob"), picture(t, s, s.Other.ID(), "abroad")
	loose := picture(t, s, s.Acme.ID(), "loose")
	wear(t, s, s.Ada, own)
	wear(t, s, bob, bobs)
	hang(t, s, s.Second, office)
	hang(t, s, s.First, elsewhere)
	v := visit(t, s)
	for id, want := range map[avatar.BlobID]string{own.Blob: "own", own.Thumbnail: "small own", office.Blob: "office", office.Thumbnail: "small office"} {
		b, err := s.Profile.Blob(t.Context(), v, id)

		require.NoError(t, err)
		require.Equal(t, avatar.Blob{ID: id, Media: "image/png", Bytes: []byte(want)}, b)
	}
	for _, id := range []avatar.BlobID{
		elsewhere.Blob, elsewhere.Thumbnail, bobs.Blob, abroad.Blob, loose.Blob, {}, avatar.BlobIDFromBytes(fake.UUID()),
	} {
		_, err := s.Profile.Blob(t.Context(), v, id)

		require.ErrorIs(t, err, profile.ErrBlob)
	}
}

func TestBlob_NoPictureAtAll(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})

	_, err := s.Profile.Blob(t.Context(), visit(t, s), avatar.BlobID{})

	require.ErrorIs(t, err, profile.ErrBlob, "no id is not everybody's missing picture")
}

func TestBlob_BytesThatAreGone(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	a := picture(t, s, s.Acme.ID(), "own")
	wear(t, s, s.Ada, a)
	require.NoError(t, s.Blobs.Delete(t.Context(), s.Acme.ID(), a.Blob))

	_, err := s.Profile.Blob(t.Context(), visit(t, s), a.Blob)

	require.ErrorIs(t, err, profile.ErrBlob)
}

// signed makes the address of a picture and cuts it up.
func signed(t *testing.T, s *stage.Stage, of tenant.ID, a avatar.Avatar) (avatar.BlobID, string) {
	t.Helper()
	u, err := url.Parse(s.Profile.ImageURL(of, a))
	require.NoError(t, err)
	require.Equal(t, "https", u.Scheme)
	require.Equal(t, stage.PublicHost, u.Host)
	id, err := avatar.ParseBlobID(strings.TrimPrefix(u.Path, "/blobs/"))
	require.NoError(t, err)
	require.Equal(t, a.Blob, id)
	return id, u.Query().Get("sig")
}

func TestImageURL_ReadsThePictureForADay(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	a := picture(t, s, s.Acme.ID(), "own")
	id, sig := signed(t, s, s.Acme.ID(), a)

	b, err := s.Profile.Signed(t.Context(), id, sig)
	require.NoError(t, err)
	require.Equal(t, []byte("own"), b.Bytes)
	s.Clock.Advance(24*time.Hour - time.Second)
	_, err = s.Profile.Signed(t.Context(), id, sig)
	require.NoError(t, err)
	s.Clock.Advance(time.Second)
	_, err = s.Profile.Signed(t.Context(), id, sig)

	require.ErrorIs(t, err, profile.ErrBlob)
}

func TestImageURL_OfNoPicture(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})

	require.Empty(t, s.Profile.ImageURL(s.Acme.ID(), avatar.Avatar{}))
}

func TestSigned_HoldsForOnePictureOfOneTenantOnly(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	a, another := picture(t, s, s.Acme.ID(), "own"), picture(t, s, s.Acme.ID(), "another")
	id, sig := signed(t, s, s.Acme.ID(), a)
	abroad, notThere := signed(t, s, s.Other.ID(), a)

	_, err := s.Profile.Signed(t.Context(), another.Blob, sig)
	require.ErrorIs(t, err, profile.ErrBlob)
	_, err = s.Profile.Signed(t.Context(), a.Thumbnail, sig)
	require.ErrorIs(t, err, profile.ErrBlob)
	_, err = s.Profile.Signed(t.Context(), abroad, notThere)
	require.ErrorIs(t, err, profile.ErrBlob, "a signature for a tenant that has no such picture")
	_, err = s.Profile.Signed(t.Context(), id, sig)
	require.NoError(t, err)
}

func TestSigned_EveryByteCounts(t *testing.T) {
	t.Parallel()
	s := stage.New(t, stage.Options{})
	id, sig := signed(t, s, s.Acme.ID(), picture(t, s, s.Acme.ID(), "own"))
	raw, err := base64.RawURLEncoding.DecodeString(sig)
	require.NoError(t, err)
	tampered := []string{"", "junk", sig[1:], sig + "AAAA", sig + "=", sig[:20] + "\n" + sig[20:], sig + "\r\n", " " + sig}
	for i := range raw {
		changed := append([]byte(nil), raw...)
		changed[i] ^= 0x80
		tampered = append(tampered, base64.RawURLEncoding.EncodeToString(changed))
	}
	for _, sig := range tampered {
		_, err := s.Profile.Signed(t.Context(), id, sig)

		require.ErrorIs(t, err, profile.ErrBlob)
	}
}
