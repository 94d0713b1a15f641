package jose_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/keyset"
	"ostiary/domain/secret"
)

// A token that held once is judged by the clock and the key set of each moment.
func TestVerify_WhatHeldOnceIsJudgedAnew(t *testing.T) {
	t.Parallel()
	accepts := func(d deployment, token string) {
		t.Helper()
		_, _, err := d.tokens.Verify(t.Context(), secret.New(token))
		require.NoError(t, err)
	}

	expired := setup(t, keyset.ES256)
	token := expired.issue(t, expired.claims(t))
	accepts(expired, token)
	expired.clock.move(15*time.Minute + 30*time.Second)
	expired.refuses(t, token)
	expired.clock.move(-20 * time.Minute)
	expired.refuses(t, token) // issued in what is the future now

	removed := setup(t, keyset.ES256)
	token = removed.issue(t, removed.claims(t))
	accepts(removed, token)
	removed.shelf.set = keyset.Set{}
	removed.rotate(t, keyset.ES256)
	removed.refuses(t, token)

	alike := setup(t, keyset.ES256)
	token = alike.issue(t, alike.claims(t))
	accepts(alike, token)
	for i := range len(token) {
		changed := []byte(token)
		changed[i] ^= 1
		alike.refuses(t, string(changed))
	}
	accepts(alike, token)
}

// A token may be remembered only for what it is: two that differ in nothing
// but what they say are told apart.
func TestVerify_RemembersEachTokenForItself(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.EdDSA)
	issued := map[string]string{}
	for i := range 100 {
		c := d.claims(t)
		c.TokenID = fmt.Sprintf("jti-%d", i)
		issued[c.TokenID] = d.issue(t, c)
	}
	for range 2 {
		for id, token := range issued {
			c, _, err := d.tokens.Verify(t.Context(), secret.New(token))
			require.NoError(t, err)
			require.Equal(t, id, c.TokenID)
		}
	}
}

// Not parallel: it counts allocations, of which a signature takes dozens.
func TestVerify_ChecksASignatureOnce(t *testing.T) { //nolint:paralleltest // see above
	d := setup(t, keyset.ES256)
	token := secret.New(d.issue(t, d.claims(t)))
	verify := func() {
		if _, _, err := d.tokens.Verify(t.Context(), token); err != nil {
			t.Error(err)
		}
	}

	anew := testing.AllocsPerRun(20, func() {
		d.tokens.Remember(1 << 20)
		verify()
	}) - testing.AllocsPerRun(20, func() { d.tokens.Remember(1 << 20) })
	known := testing.AllocsPerRun(20, verify)

	require.Less(t, known, anew/3, "%v allocations anew", anew)
}

func TestVerify_RemembersNoMoreThanThereIsRoomFor(t *testing.T) {
	t.Parallel()
	d := setup(t, keyset.EdDSA)
	d.tokens.Remember(20_000) // for ten or so
	var issued []secret.Text
	for i := range 100 {
		c := d.claims(t)
		c.TokenID = fmt.Sprintf("jti-%d", i)
		issued = append(issued, secret.New(d.issue(t, c)))
	}

	for range 2 {
		for _, token := range issued {
			_, _, err := d.tokens.Verify(t.Context(), token)
			require.NoError(t, err)
		}
	}

	require.Positive(t, d.tokens.Remembered())
	require.LessOrEqual(t, d.tokens.Remembered(), 13)
}

func BenchmarkVerify(b *testing.B) {
	for _, alg := range []keyset.Algorithm{keyset.ES256, keyset.EdDSA, keyset.RS256} {
		d := setup(b, alg)
		known := secret.New(d.issue(b, d.claims(b)))
		b.Run(string(alg)+"/known", func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				if _, _, err := d.tokens.Verify(b.Context(), known); err != nil {
					b.Fatal(err)
				}
			}
		})
		b.Run(string(alg)+"/new", func(b *testing.B) {
			b.ReportAllocs()
			tokens := make([]secret.Text, 0, 4096)
			for i := range cap(tokens) {
				c := d.claims(b)
				c.TokenID = fmt.Sprint(i)
				tokens = append(tokens, secret.New(d.issue(b, c)))
			}
			b.ResetTimer()
			for i := 0; b.Loop(); i++ {
				if i == len(tokens) { // all are known: begin with an empty memory
					b.StopTimer()
					fresh := d
					fresh.tokens = newTokens(d)
					d, i = fresh, 0
					b.StartTimer()
				}
				if _, _, err := d.tokens.Verify(b.Context(), tokens[i]); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}
