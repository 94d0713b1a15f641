package main

import (
	"bytes"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestTable_ShowsWhatTheTestsTold(t *testing.T) {
	t.Parallel()
	events := strings.Join([]string{
		`{"Action":"run","Test":"Test028_LinkOpensOnce"}`,
		`{"Action":"run","Test":"Test028_LinkOpensOnce/SQLite"}`,
		`{"Action":"attr","Test":"Test028_LinkOpensOnce/SQLite","Key":"ready","Value":"120ms"}`,
		`{"Action":"pass","Test":"Test028_LinkOpensOnce/SQLite","Elapsed":1.25}`,
		`{"Action":"fail","Test":"Test028_LinkOpensOnce/MongoDB","Elapsed":2}`,
		`{"Action":"fail","Test":"Test028_LinkOpensOnce","Elapsed":0}`,
		`{"Action":"pass","Test":"Test005_JKUIsNotFollowed","Elapsed":0.5}`,
		`{"Action":"fail"}`,
	}, "\n")
	var got table
	require.NoError(t, got.read(strings.NewReader(events)))
	got.fuzzed("== fuzz\nostiary/domain/email FuzzParse: fuzz: elapsed: 3s, execs: 31818 (10604/sec), new interesting: 0 (total: 140)\n")
	var out bytes.Buffer

	got.print(&out)

	require.Equal(t, ""+
		"check                              engine   result  seconds  measured\n"+
		"005 JKU is not followed                     pass    0.5      \n"+
		"028 Link opens once                         fail    0.0      \n"+
		"028 Link opens once                MongoDB  fail    2.0      \n"+
		"028 Link opens once                SQLite   pass    1.2      ready 120ms\n"+
		"FuzzParse of ostiary/domain/email           pass    0.0      executions 31818\n"+
		"5 rows: 3 passed, 2 failed, 0 skipped, 0 cut off\n", out.String())
}
