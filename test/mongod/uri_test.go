package mongod_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/mongod"
)

func TestURI_InADatabaseKeepsWhereTheUserLogsIn(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"mongodb://h:1":                           "mongodb://h:1/x",
		"mongodb://h:1/old?w=1":                   "mongodb://h:1/x?w=1",
		"mongodb://u:p@h:1,i:2/?replicaSet=r":     "mongodb://u:p@h:1,i:2/x?authSource=admin&replicaSet=r",
		"mongodb://u:p@h:1/old":                   "mongodb://u:p@h:1/x?authSource=old",
		"mongodb://u:p@h:1/old?AuthSource=%24ext": "mongodb://u:p@h:1/x?AuthSource=%24ext",
		"mongodb://u:p@h:1?w=1":                   "mongodb://u:p@h:1/x?authSource=admin&w=1",
	} {
		got, err := mongod.InDatabase(uri, "x")

		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestURI_AtAProxyStaysThere(t *testing.T) {
	t.Parallel()
	for uri, want := range map[string]string{
		"mongodb://h:1/x": "mongodb://p:9/x?directConnection=true",
		"mongodb://u:p%40@h:1,i:2/x?DIRECTCONNECTION=false": "mongodb://u:p%40@p:9/x?directConnection=true",
	} {
		got, err := mongod.At(uri, "p:9")

		require.NoError(t, err)
		require.Equal(t, want, got)
	}
}

func TestURI_OfAnotherSchemeIsRefused(t *testing.T) {
	t.Parallel()
	for _, uri := range []string{"", "h:1", "mongodb+srv://h", "mongodb://h/?%zz"} {
		_, err := mongod.InDatabase(uri, "x")

		require.Error(t, err, uri)
	}
}
