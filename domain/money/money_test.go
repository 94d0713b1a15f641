package money_test

import (
	"encoding/json"
	"math"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/money"
)

func currencies() *rapid.Generator[money.Currency] {
	return rapid.Map(rapid.SampledFrom([]string{"JPY", "EUR", "KWD", "CLF"}), money.RestoreCurrency)
}

func TestParse_ReadsWhatFormatWrites(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		c := currencies().Draw(rt, "currency")
		most := int64(999_999_999_999)
		for range c.Digits() {
			most = most*10 + 9
		}
		a := money.Amount(rapid.Int64Range(-most, most).Draw(rt, "amount"))

		for _, text := range []string{c.Format(a), c.Number(a)} {
			got, err := c.Parse(text)
			require.NoError(rt, err, text)
			require.Equal(rt, a, got, text)
		}
	})
}

func TestFormat_IsExactOverTheWholeRange(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		c := currencies().Draw(rt, "currency")
		a := rapid.Int64().Draw(rt, "amount")
		scale := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(c.Digits())), nil)

		got, ok := new(big.Rat).SetString(c.Format(money.Amount(a)))

		require.True(rt, ok)
		require.Zero(rt, got.Cmp(new(big.Rat).SetFrac(big.NewInt(a), scale)))
	})
	require.Equal(t, "-92233720368547758.08", money.RestoreCurrency("EUR").Format(math.MinInt64))
}

func TestNumber_IsAShortExactJSONNumber(t *testing.T) {
	t.Parallel()

	for _, row := range []struct {
		currency, text, number string
	}{
		{"EUR", "1234.56", "1234.56"},
		{"EUR", "1234.50", "1234.5"},
		{"EUR", "1200", "1200"},
		{"EUR", "0", "0"},
		{"EUR", "0.05", "0.05"},
		{"EUR", "-0.50", "-0.5"},
		{"JPY", "1200", "1200"},
		{"KWD", "0.010", "0.01"},
		{"KWD", "100", "100"},
		{"EUR", "-100", "-100"},
	} {
		c, err := money.ParseCurrency(row.currency)
		require.NoError(t, err)
		a, err := c.Parse(row.text)
		require.NoError(t, err)
		require.Equal(t, row.number, c.Number(a))
		require.True(t, json.Valid([]byte(c.Number(a))))
	}
}

func TestParse_RefusesEverythingButPlainDecimals(t *testing.T) {
	t.Parallel()

	for _, s := range []string{
		"", "-", ".", "1.", ".5", "-.5", "+1", "--1", "1e3", "1E3", "0x1", "1,5", "1_000", "1 000", " 1", "1 ", "01", "00", "1.2.3", "1.234",
		"NaN", "Inf", "1000000000000", "\u0661", "1\x00", "1.-5", "-+1",
	} {
		_, err := money.RestoreCurrency("EUR").Parse(s)
		require.ErrorIs(t, err, money.ErrAmount, "%q", s)
	}
	_, err := money.RestoreCurrency("JPY").Parse("1.0")
	require.ErrorIs(t, err, money.ErrAmount)
}

func TestParseCurrency_AcceptsUpperCaseISOCodes(t *testing.T) {
	t.Parallel()

	for code, digits := range map[string]int{"EUR": 2, "USD": 2, "HUF": 2, "JPY": 0, "ISK": 0, "KWD": 3, "TND": 3, "CLF": 4} {
		c, err := money.ParseCurrency(code)
		require.NoError(t, err, code)
		require.Equal(t, code, c.String())
		require.Equal(t, digits, c.Digits(), code)
	}
	for _, s := range []string{"", "eur", "Eur", "EU", "EURO", "ZZZ", "E R", "123", "EU\x00", "\u20ac"} {
		_, err := money.ParseCurrency(s)
		require.ErrorIs(t, err, money.ErrCurrency, "%q", s)
	}
	require.True(t, money.Currency{}.IsZero())
}

func TestAdd_IsExactOrRefuses(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.Int64().Draw(rt, "a"), rapid.Int64().Draw(rt, "b")
		want := new(big.Int).Add(big.NewInt(a), big.NewInt(b))

		got, err := money.Add(money.Amount(a), money.Amount(b))

		if want.IsInt64() {
			require.NoError(rt, err)
			require.Equal(rt, want.Int64(), int64(got))
		} else {
			require.ErrorIs(rt, err, money.ErrOverflow)
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0", "1234.56", "-1.5", "1.234", "1e5", "999999999999.99"} {
		f.Add(s, "EUR")
		f.Add(s, "KWD")
	}

	f.Fuzz(func(t *testing.T, s, code string) {
		c, err := money.ParseCurrency(code)
		if err != nil {
			return
		}
		a, err := c.Parse(s)
		if err != nil {
			return
		}
		want, ok := new(big.Rat).SetString(s)
		require.True(t, ok)
		got, ok := new(big.Rat).SetString(c.Number(a))
		require.True(t, ok)
		require.Zero(t, want.Cmp(got))
		require.Equal(t, "", strings.Trim(s, "-.0123456789"))
	})
}
