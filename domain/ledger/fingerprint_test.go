package ledger_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/ledger"
	"ostiary/domain/money"
	"ostiary/domain/secret"
)

func state() ledger.Document {
	return ledger.Document{
		Kind: ledger.Order, Ref: "O-1", Status: "open", Currency: money.RestoreCurrency("EUR"), Total: 100, Outstanding: 50,
		IssuedAt: time.UnixMilli(1), DueAt: time.UnixMilli(2), Updated: time.UnixMilli(3),
	}
}

func TestFingerprint_TellsStatesApart(t *testing.T) {
	t.Parallel()
	seen := map[secret.Digest]bool{state().Fingerprint(): true}
	for _, change := range []func(*ledger.Document){
		func(d *ledger.Document) { d.Kind = ledger.Invoice },
		func(d *ledger.Document) { d.Ref, d.Status = "O-1o", "pen" },
		func(d *ledger.Document) { d.Status = "closed" },
		func(d *ledger.Document) { d.Currency = money.RestoreCurrency("USD") },
		func(d *ledger.Document) { d.Total++ },
		func(d *ledger.Document) { d.Outstanding++ },
		func(d *ledger.Document) { d.IssuedAt = time.Time{} },
		func(d *ledger.Document) { d.DueAt = time.Time{} },
		func(d *ledger.Document) { d.Version = 1 },
		func(d *ledger.Document) { d.Updated = time.UnixMilli(4) },
	} {
		d := state()
		change(&d)
		require.False(t, seen[d.Fingerprint()])
		seen[d.Fingerprint()] = true
	}
	same := state()
	same.Over, same.Updated = secret.Digest{1}, same.Updated.Add(time.Microsecond)
	require.True(t, seen[same.Fingerprint()], "neither what is not stored nor what is finer than stored counts")
}

func TestSupersedes_OnlyTheDocumentItIsMeantFor(t *testing.T) {
	t.Parallel()
	stored, d := state(), state()
	d.Over = stored.Fingerprint()
	require.True(t, d.Supersedes(stored))

	stored.Total++
	require.False(t, d.Supersedes(stored))

	d.Over, stored.Version, d.Version = secret.Digest{}, 2, 2
	require.False(t, d.Supersedes(stored))
}
