// Package money keeps amounts exact: an integer of minor units in an ISO 4217
// currency. Binary floating point never appears.
package money

import (
	"math"
	"strconv"
	"strings"

	"golang.org/x/text/currency"

	"ostiary/domain/fault"
)

// Refusals of this package.
var (
	ErrCurrency = fault.New(fault.Invalid, "currency_unknown", "That is not an ISO 4217 currency code.")
	ErrAmount   = fault.New(fault.Invalid, "amount_malformed", "An amount is a decimal of at most 12 digits before the point and the currency's digits after it.")
	ErrOverflow = fault.New(fault.Invalid, "amount_overflow", "The sum of the amounts is too large.")
)

// maxWhole bounds the digits before the point, so that a sum of a million
// amounts still fits.
const maxWhole = 12

// Currency is an ISO 4217 code. The zero value is no currency.
type Currency struct{ code string }

// ParseCurrency accepts upper case ISO 4217 codes only.
func ParseCurrency(s string) (Currency, error) {
	if len(s) != 3 || strings.ToUpper(s) != s {
		return Currency{}, ErrCurrency
	}
	u, err := currency.ParseISO(s)
	if err != nil || u.String() != s {
		return Currency{}, ErrCurrency
	}
	return Currency{code: s}, nil
}

// RestoreCurrency rebuilds a code that ParseCurrency accepted once.
func RestoreCurrency(code string) Currency { return Currency{code: code} }

// String returns the code.
func (c Currency) String() string { return c.code }

// IsZero reports whether there is no currency.
func (c Currency) IsZero() bool { return c.code == "" }

// Digits is the number of minor digits by ISO 4217 (not CLDR, which rounds
// some currencies to what is in people's purses).
func (c Currency) Digits() int {
	switch c.code {
	case "BIF", "CLP", "DJF", "GNF", "ISK", "JPY", "KMF", "KRW", "PYG", "RWF", "UGX", "UYI", "VND", "VUV", "XAF", "XOF", "XPF":
		return 0
	case "BHD", "IQD", "JOD", "KWD", "LYD", "OMR", "TND":
		return 3
	case "CLF", "UYW":
		return 4
	default:
		return 2
	}
}

// Amount is a count of minor units.
type Amount int64

// Parse reads a decimal such as 1234.56. An optional leading minus is
// accepted (credit notes); a plus, an exponent, a bare point or more digits
// after the point than the currency has are refused.
func (c Currency) Parse(s string) (Amount, error) {
	body, negative := strings.CutPrefix(s, "-")
	whole, frac, pointed := strings.Cut(body, ".")
	if whole == "" || len(whole) > maxWhole || len(frac) > c.Digits() || (pointed && frac == "") {
		return 0, ErrAmount
	}
	if len(whole) > 1 && whole[0] == '0' {
		return 0, ErrAmount
	}
	digits := whole + frac + strings.Repeat("0", c.Digits()-len(frac))
	for i := range len(digits) {
		if digits[i] < '0' || digits[i] > '9' {
			return 0, ErrAmount
		}
	}
	n, err := strconv.ParseInt(digits, 10, 64)
	if err != nil {
		return 0, ErrAmount
	}
	if negative {
		n = -n
	}
	return Amount(n), nil
}

// Format writes all minor digits: 1234.50.
func (c Currency) Format(a Amount) string {
	s, negative := strings.CutPrefix(strconv.FormatInt(int64(a), 10), "-")
	sign := ""
	if negative {
		sign = "-"
	}
	d := c.Digits()
	if d == 0 {
		return sign + s
	}
	if len(s) <= d {
		s = strings.Repeat("0", d-len(s)+1) + s
	}
	return sign + s[:len(s)-d] + "." + s[len(s)-d:]
}

// Number writes the shortest exact JSON number: 1234.5, 0.
func (c Currency) Number(a Amount) string {
	s := c.Format(a)
	if strings.Contains(s, ".") {
		s = strings.TrimRight(strings.TrimRight(s, "0"), ".")
	}
	return s
}

// Add returns ErrOverflow rather than wrapping round.
func Add(a, b Amount) (Amount, error) {
	if (b > 0 && a > math.MaxInt64-b) || (b < 0 && a < math.MinInt64-b) {
		return 0, ErrOverflow
	}
	return a + b, nil
}
