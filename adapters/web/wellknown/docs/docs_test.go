package docs_test

import (
	"encoding/json"
	"regexp"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web/wellknown/docs"
)

func TestIndex_AsksForItsOwnAssetsOnly(t *testing.T) {
	t.Parallel()
	page := string(docs.Index())

	sources := regexp.MustCompile(`(?:src|href)="([^"]*)"`).FindAllStringSubmatch(page, -1)

	require.Len(t, sources, 3)
	for _, s := range sources {
		name, own := strings.CutPrefix(s[1], "/docs/")
		_, _, _, found := docs.Asset(name)
		require.True(t, s[1] == "data:," || s[1] == "/openapi.json" || own && found, s[1])
	}
	require.NotContains(t, page, "://")
}

func TestIndex_SwitchesOffWhatCallsOut(t *testing.T) {
	t.Parallel()
	found := regexp.MustCompile(`(?s)data-configuration='([^']*)'`).FindStringSubmatch(string(docs.Index()))
	require.Len(t, found, 2)
	var got map[string]any
	require.NoError(t, json.Unmarshal([]byte(found[1]), &got))

	for setting, want := range map[string]any{
		"url":                "/openapi.json",
		"withDefaultFonts":   false,
		"telemetry":          false,
		"agent":              map[string]any{"disabled": true},
		"hideClientButton":   true,
		"showDeveloperTools": "never",
	} {
		require.Equal(t, want, got[setting], setting)
	}
	require.NotContains(t, got, "proxyUrl")
}

func TestAsset_IsTheVendoredViewer(t *testing.T) {
	t.Parallel()

	body, media, gzipped, ok := docs.Asset("scalar.js")

	require.True(t, ok)
	require.True(t, gzipped)
	require.Equal(t, "text/javascript; charset=utf-8", media)
	plain, err := docs.Unpack(body)
	require.NoError(t, err)
	require.Contains(t, string(plain[:400]), "@scalar/api-reference 1.46.4")
	require.Less(t, len(body), len(plain)/3)
}

func TestAsset_KnowsNothingElse(t *testing.T) {
	t.Parallel()
	for _, name := range []string{"", "index.html", "scalar.js.gz", "../docs.go", "scalar.js/"} {
		_, _, _, ok := docs.Asset(name)
		require.False(t, ok, name)
	}
	_, err := docs.Unpack([]byte("no gzip"))
	require.Error(t, err)
}

func TestPolicy_LetsNothingOut(t *testing.T) {
	t.Parallel()

	require.NotContains(t, docs.Policy, "http")
	require.NotContains(t, docs.Policy, "*")
	require.NotContains(t, docs.Policy, "unsafe-eval")
	require.Equal(t, 1, strings.Count(docs.Policy, "unsafe-inline"))
}
