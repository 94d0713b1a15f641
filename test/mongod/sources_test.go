package mongod_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/test/mongod"
)

const (
	envURI   = "OSTIARY_TEST_MONGODB_URI"
	envImage = "OSTIARY_TEST_MONGO_IMAGE"
)

var errNone = errors.New("not here")

func TestChoice_TakesTheServerThatIsNamed(t *testing.T) {
	t.Parallel()
	m := &mongod.Machine{Env: map[string]string{envURI: "mongodb://db:1/?a=b", envImage: "mongo:7"}}

	got, err := m.Choose(t.Context())

	require.NoError(t, err)
	require.Equal(t, mongod.Choice{URI: "mongodb://db:1/?a=b", Kind: "the server of " + envURI}, got)
	require.Empty(t, m.Images)
}

func TestChoice_RefusesAURIThatTheProxiesCannotReach(t *testing.T) {
	t.Parallel()

	_, err := (&mongod.Machine{Env: map[string]string{envURI: "mongodb+srv://db"}}).Choose(t.Context())

	require.ErrorContains(t, err, envURI)
}

func TestChoice_PrefersAContainer(t *testing.T) {
	t.Parallel()
	for image, env := range map[string]map[string]string{
		"mongo:8": {},
		"mongo:7": {envImage: "mongo:7"},
	} {
		m := &mongod.Machine{Env: env}

		got, err := m.Choose(t.Context())

		require.NoError(t, err)
		require.Equal(t, "container", got.Kind)
		require.Equal(t, []string{image}, m.Images)
	}
}

func TestChoice_FallsBackToFerretDBAndSaysSo(t *testing.T) {
	t.Parallel()
	m := &mongod.Machine{Container: errNone}

	got, err := m.Choose(t.Context())

	require.NoError(t, err)
	require.Equal(t, "FerretDB", got.Kind)
	require.Equal(t, 1, m.Said)
}

func TestChoice_DoesNotReplaceAnImageThatWasAskedFor(t *testing.T) {
	t.Parallel()
	m := &mongod.Machine{Env: map[string]string{envImage: "mine"}, Container: errNone}

	_, err := m.Choose(t.Context())

	require.ErrorIs(t, err, errNone)
	require.ErrorContains(t, err, envImage+"=mine")
}

func TestChoice_FailsWithoutAnyServer(t *testing.T) {
	t.Parallel()
	broken := errors.New("does not build")

	_, err := (&mongod.Machine{Container: errNone, FerretDB: broken}).Choose(t.Context())

	require.ErrorIs(t, err, broken)
}
