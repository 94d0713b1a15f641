package operation_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/app/operation"
	"ostiary/domain/fault"
	"ostiary/domain/user"
	"ostiary/test/fake"
)

// FuzzReceipt issues one, forges one, and opens bytes that were sealed by the
// right key although no receipt ever looked like that.
func FuzzReceipt(f *testing.F) {
	f.Add("req-1", "user", "found", []byte("forged"))
	f.Add("", "", "", []byte{1})
	f.Add("r\x00\xff", "é", string(make([]byte, 300)), append([]byte{1, 25: 1, 26: 255}, "\x03abc\x00\xff"...))
	f.Add("", "", "", append([]byte{1, 26: 1, 27: 255, 283: 255}, "beyond the end"...))
	k := setup(f)
	s := k.receipts()
	length := len(s.Issue(k.acme.ID(), "", nil))
	open := func(t *testing.T, text string) (operation.Receipt, error) {
		return s.Open(t.Context(), operation.OpenReceiptInput{Caller: root, Receipt: text})
	}

	f.Fuzz(func(t *testing.T, request, name, outcome string, forged []byte) {
		refusal := user.ErrBadCredentials.Traced(fault.Step{Name: name, Outcome: outcome}, fault.Step{Name: outcome, Outcome: name})
		text := s.Issue(k.acme.ID(), request, refusal)
		got, err := open(t, text)
		require.NoError(t, err)
		require.Len(t, text, length)
		require.Equal(t, operation.Receipt{
			At: fake.Start, Request: short(request), Tenant: k.acme.ID(), Code: "unauthenticated",
			Steps: []fault.Step{{Name: short(name), Outcome: short(outcome)}, {Name: short(outcome), Outcome: short(name)}},
		}, got)

		_, err = open(t, string(forged))
		require.ErrorIs(t, err, operation.ErrReceipt)

		plain := make([]byte, 512)
		copy(plain, forged)
		got, err = open(t, b64.EncodeToString(fake.Vault{}.Seal("receipt", plain, nil)))
		if plain[0] != 1 {
			require.ErrorIs(t, err, operation.ErrReceipt)
			return
		}
		require.NoError(t, err)
		size := len(got.Request) + len(got.Code)
		for _, step := range got.Steps {
			size += len(step.Name) + len(step.Outcome)
		}
		require.Less(t, size, len(plain), "nothing is read that was not there")
	})
}

var b64 = base64.RawURLEncoding

func short(s string) string { return s[:min(len(s), 64)] }
