package web_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
)

// The peer of these tests is 127.0.0.1; 127.0.0.0/8 and 10.0.0.0/8 are trusted.
func TestAddress_StopsAtTheFirstUntrustedHop(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)
	for name, row := range map[string]struct {
		headers []string
		address string
		key     string
	}{
		"no header":             {nil, "127.0.0.1", "127.0.0.1"},
		"one hop":               {[]string{"X-Forwarded-For: 203.0.113.9"}, "203.0.113.9", "203.0.113.9"},
		"spoofed left":          {[]string{"X-Forwarded-For: 1.1.1.1, 203.0.113.9"}, "203.0.113.9", "203.0.113.9"},
		"through trusted":       {[]string{"X-Forwarded-For: 1.1.1.1, 203.0.113.9, 10.1.2.3"}, "203.0.113.9", "203.0.113.9"},
		"two headers":           {[]string{"X-Forwarded-For: 1.1.1.1", "X-Forwarded-For: 203.0.113.9, 10.0.0.1"}, "203.0.113.9", "203.0.113.9"},
		"all trusted":           {[]string{"X-Forwarded-For: 10.0.0.9, 10.0.0.1"}, "10.0.0.9", "10.0.0.9"},
		"rubbish ends the walk": {[]string{"X-Forwarded-For: 203.0.113.9, unknown, 10.0.0.1"}, "10.0.0.1", "10.0.0.1"},
		"rubbish only":          {[]string{"X-Forwarded-For: ' OR 1=1"}, "127.0.0.1", "127.0.0.1"},
		"empty":                 {[]string{"X-Forwarded-For:"}, "127.0.0.1", "127.0.0.1"},
		"with port":             {[]string{"X-Forwarded-For: 203.0.113.9:4711"}, "203.0.113.9", "203.0.113.9"},
		"IPv6":                  {[]string{"X-Forwarded-For: 2001:db8:1:2:3::4"}, "2001:db8:1:2:3::4", "2001:db8:1:2::/64"},
		"IPv6 in brackets":      {[]string{"X-Forwarded-For: [2001:db8::1]:443"}, "2001:db8::1", "2001:db8::/64"},
		// one machine must not have two keys
		"IPv4 mapped":       {[]string{"X-Forwarded-For: ::ffff:203.0.113.9"}, "203.0.113.9", "203.0.113.9"},
		"zone":              {[]string{"X-Forwarded-For: fe80::1%eth0"}, "fe80::1", "fe80::/64"},
		"other headers":     {[]string{"X-Real-IP: 1.1.1.1", "Forwarded: for=1.1.1.1", "CF-Connecting-IP: 1.1.1.1"}, "127.0.0.1", "127.0.0.1"},
		"endless chain":     {[]string{"X-Forwarded-For: 1.1.1.1, " + strings.Repeat("10.0.0.2, ", 40) + "10.0.0.1"}, "10.0.0.2", "10.0.0.2"},
		"lower case header": {[]string{"x-forwarded-for: 203.0.113.9"}, "203.0.113.9", "203.0.113.9"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got := do(t, addr, "GET", "/toy/v1/where", "", row.headers...)

			require.Contains(t, got.body, `"address":"`+row.address+`"`)
			require.Contains(t, got.body, `"key":"`+row.key+`"`)
		})
	}
}

func TestAddress_ForwardingCountsForNobodyElse(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, func(c *web.Config) { c.TrustedProxies = nil })

	got := do(t, addr, "GET", "/toy/v1/where", "", "X-Forwarded-For: 203.0.113.9", "X-Forwarded-Host: evil.example")

	require.Contains(t, got.body, `"address":"127.0.0.1"`)
	require.Contains(t, got.body, `"host":"portal.example"`)
}

func TestHints_ComeFromPathHeaderAndHost(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)

	got := do(t, addr, "GET", "/t/acme/toy/v1/where", "", "X-Tenant-Code: Globex")
	forwarded := do(t, addr, "GET", "/toy/v1/where", "", "X-Forwarded-Host: acme.example:443")

	require.Contains(t, got.body, `"header":"Globex"`)
	require.Contains(t, got.body, `"host":"portal.example"`)
	require.Contains(t, got.body, `"path":"acme"`)
	require.Contains(t, forwarded.body, `"host":"acme.example"`)
	for _, bad := range [][]string{
		{"X-Tenant-Code: acme", "X-Tenant-Code: acme"},
		{"X-Tenant-Code: \xff"},
		{"X-Forwarded-Host: a.example, b.example"},
		{"X-Forwarded-Host: a.example", "X-Forwarded-Host: a.example"},
		{"X-Forwarded-Host: good:80@evil"},
		{"X-Forwarded-Host:"},
	} {
		require.Equal(t, 400, do(t, addr, "GET", "/toy/v1/where", "", bad...).status, bad)
	}
}

func TestUserAgent_IsShortText(t *testing.T) {
	t.Parallel()
	addr, _, _ := setup(t, nil)

	got := do(t, addr, "GET", "/toy/v1/where", "", "User-Agent: \xff"+strings.Repeat("é", 150))

	require.Contains(t, got.body, `"agent":"`+strings.Repeat("é", 100)+`"`)
}
