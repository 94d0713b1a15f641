package bootstrap_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/cli"
	"ostiary/adapters/mongo"
	"ostiary/bootstrap"
)

// run is one command; flags win over whatever the machine's environment says.
func ostiary(args ...string) (stdout, stderr string, code int) {
	var out, errs bytes.Buffer
	code = bootstrap.Main(args, strings.NewReader(""), &out, &errs)
	return out.String(), errs.String(), code
}

func TestDoctor_PrintsShardCommandsAlone(t *testing.T) {
	t.Parallel()

	out, errs, code := ostiary("doctor", "--shard-commands", "--storage", "mongodb+srv://u:canary-7f3a@cluster.invalid/shop")

	require.Zero(t, code)
	require.Empty(t, errs)
	require.Equal(t, mongo.ShardCommands("shop"), strings.Split(strings.TrimSuffix(out, "\n"), "\n"))
}

func TestDoctor_HasNoShardCommandsForAFile(t *testing.T) {
	t.Parallel()

	out, errs, code := ostiary("doctor", "--shard-commands", "--storage", "sqlite:./ostiary.db")

	require.Equal(t, cli.Usage, code)
	require.Empty(t, out)
	require.Equal(t, 1, strings.Count(errs, "\n"))
	require.Contains(t, errs, "OSTIARY_STORAGE=sqlite:ostiary.db")
}

func TestDoctor_SaysThatNoServerAnswersAndShowsNoPassword(t *testing.T) {
	t.Parallel()
	at := nobody(t)

	out, _, code := ostiary("doctor", "--json", "--listen", "127.0.0.1:0", "--master-key", masterKey,
		"--storage", "mongodb://u:canary-7f3a@"+at+"/ostiary")

	require.Equal(t, cli.Refused, code)
	require.NotContains(t, out, "canary")
	var findings []cli.Finding
	require.NoError(t, json.Unmarshal([]byte(out), &findings))
	found := map[string]cli.Finding{}
	for _, f := range findings {
		found[f.Check] = f
	}
	require.Equal(t, "mongodb://"+at+"/ostiary", found["storage address"].Text)
	require.True(t, found["storage encryption"].OK)
	require.False(t, found["storage"].OK)
	require.Contains(t, found["storage"].Text, at)
	require.NotEmpty(t, found["storage"].Mend)
	require.NotContains(t, found, "indexes")
}
