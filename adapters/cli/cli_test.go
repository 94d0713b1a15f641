package cli_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/cli"
)

func TestMain_DoesNotRepeatWhatItRefuses(t *testing.T) {
	t.Parallel()
	for name, row := range map[string]struct {
		args []string
		says string
	}{
		"value with a hyphen":       {[]string{"serve", "--operator-token", "-canary"}, "ostiary: --operator-token: expected string value\n"},
		"value with two hyphens":    {[]string{"serve", "--storage", "--canary"}, "ostiary: --storage: expected string value\n"},
		"half of a value":           {[]string{"serve", "--mail", "smtp://me:half", "canary@mail.example"}, "ostiary: unexpected argument\n"},
		"value for a mistyped flag": {[]string{"serve", "--operator-tokn=canary"}, `ostiary: unknown flag --operator-tokn, did you mean`},
		"value for a switch":        {[]string{"serve", "--json=canary"}, "ostiary: --json: bool value must be true"},
		"mistyped command":          {[]string{"tenan"}, `ostiary: unexpected argument, did you mean "tenant"?` + "\n"},
	} {
		var out, errs strings.Builder

		code := cli.Main(t.Context(), row.args, cli.Program{Stdout: &out, Stderr: &errs})

		require.Equal(t, cli.Usage, code, name)
		require.True(t, strings.HasPrefix(errs.String(), row.says), "%s: %s", name, errs.String())
		require.NotContains(t, out.String()+errs.String(), "canary", name)
	}
}
