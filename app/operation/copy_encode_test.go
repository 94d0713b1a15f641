package operation_test

import (
	"bytes"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/app/operation"
	"ostiary/app/port"
	"ostiary/domain/audit"
	"ostiary/domain/avatar"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/keyset"
	"ostiary/domain/money"
	"ostiary/domain/scope"
	"ostiary/domain/secret"
	"ostiary/domain/session"
	"ostiary/domain/tenant"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

func newTag(t *testing.T, owner tenant.ID) *contact.Tag {
	t.Helper()
	id, err := contact.TagIDOf(1)
	require.NoError(t, err)
	tag, err := contact.NewTag(owner, id, contact.TagDetails{Name: "x"}, fake.Start)
	require.NoError(t, err)
	return tag
}

func form(t *testing.T, v any) string {
	t.Helper()
	var b bytes.Buffer
	require.NoError(t, operation.Encode(&b, port.Record{Key: "k", Value: v}))
	return b.String()
}

func TestEncode_TellsRecordsApart(t *testing.T) {
	t.Parallel()
	lat, negative := 0.0, math.Copysign(0, -1)
	id := avatar.BlobIDFromBytes(fake.UUID())
	entered, other := email.Restore("A@x.example", "a@x.example"), email.Restore("a@x.example", "a@x.example")
	forms := map[string]string{}
	for name, v := range map[string]any{
		"nothing set":        company.Snapshot{},
		"1970":               company.Snapshot{Created: time.UnixMilli(0)},
		"another member":     company.Snapshot{Updated: time.UnixMilli(0)},
		"a name":             company.Snapshot{Details: company.Details{Name: "ab"}},
		"the name elsewhere": company.Snapshot{Details: company.Details{Name: "a", Phone: "b"}},
		"currency":           company.Snapshot{Details: company.Details{Currency: money.RestoreCurrency("EUR")}},
		"as entered":         company.Snapshot{Details: company.Details{Email: entered}},
		"as its key":         company.Snapshot{Details: company.Details{Email: other}},
		"an address":         company.Snapshot{Details: company.Details{Billing: &company.Address{}}},
		"on the equator":     company.Snapshot{Details: company.Details{Billing: &company.Address{Latitude: &lat}}},
		"on its south side":  company.Snapshot{Details: company.Details{Billing: &company.Address{Latitude: &negative}}},
		"a scope":            company.Snapshot{Details: company.Details{Scopes: scope.Map{"a": true}}},
		"that is off":        company.Snapshot{Details: company.Details{Scopes: scope.Map{"a": false}}},
		"an id":              company.Snapshot{Avatar: avatar.Avatar{Blob: id}},
		"it elsewhere":       company.Snapshot{Avatar: avatar.Avatar{Thumbnail: id}},
		"a number":           company.Snapshot{ID: fake.CompanyID(t, 1)},
		"a version":          company.Snapshot{Version: 1},
		"no login":           port.ArchivedContact{},
		"a login":            port.ArchivedContact{User: &user.Snapshot{}},
		"with a hash":        port.ArchivedContact{User: &user.Snapshot{Hash: secret.New("$argon2id$a")}},
		"with another":       port.ArchivedContact{User: &user.Snapshot{Hash: secret.New("$argon2id$b")}},
		"with a role":        port.ArchivedContact{User: &user.Snapshot{Roles: []user.Role{user.Admin}}},
		"one byte":           avatar.Blob{Bytes: []byte{1}},
		"two bytes":          avatar.Blob{Bytes: []byte{1, 0}},
		"generation":         session.Snapshot{Generation: math.MaxUint32},
		"digest":             session.Snapshot{Current: secret.Digest{1}},
		"the digest before":  session.Snapshot{Previous: secret.Digest{1}},
		"two keys":           keyset.Set{Keys: []keyset.Key{{ID: "a"}, {ID: "b"}}},
		"turned round":       keyset.Set{Keys: []keyset.Key{{ID: "b"}, {ID: "a"}}},
		"event":              audit.Record{Event: audit.Event{Actor: "a"}},
	} {
		f := form(t, v)
		require.NotContains(t, forms, f, "%s is like %s", name, forms[f])
		forms[f] = name
	}
	var b bytes.Buffer
	require.NoError(t, operation.Encode(&b, port.Record{Key: "other", Value: company.Snapshot{}}))
	require.NotContains(t, forms, b.String())
}

func TestEncode_IsOneForWhatStoresTellApart(t *testing.T) {
	t.Parallel()
	at := fake.Start
	for _, pair := range [][2]any{
		{contact.Snapshot{}, contact.Snapshot{Details: contact.Details{Tags: []contact.TagID{}, Scopes: scope.Map{}}}},
		{avatar.Blob{}, avatar.Blob{Bytes: []byte{}}},
		{audit.Record{}, audit.Record{Event: audit.Event{Details: map[string]string{}}}},
		{session.Snapshot{Created: at}, session.Snapshot{Created: at.In(time.FixedZone("x", 3600)).Add(time.Microsecond)}},
		{
			audit.Record{Event: audit.Event{Details: map[string]string{"a": "1", "b": "2", "c": "3", "d": "4"}}},
			audit.Record{Event: audit.Event{Details: map[string]string{"d": "4", "c": "3", "b": "2", "a": "1"}}},
		},
	} {
		require.Equal(t, form(t, pair[0]), form(t, pair[1]))
	}
}

func TestEncode_RefusesWhatItCannotTellApart(t *testing.T) {
	t.Parallel()
	for _, v := range []any{
		nil, struct{ hidden int }{1}, struct{ F func() }{}, []any{nil}, map[int]string{1: "secret"}, struct{ C chan int }{},
	} {
		err := operation.Encode(&bytes.Buffer{}, port.Record{Value: v})
		require.ErrorContains(t, err, "no form")
		require.NotContains(t, err.Error(), "secret")
	}
}
