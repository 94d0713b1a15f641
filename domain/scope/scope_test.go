package scope_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"ostiary/domain/scope"
)

func names() *rapid.Generator[scope.Name] {
	return rapid.SampledFrom([]scope.Name{scope.Configurator, scope.Finance, scope.Support, "a", "b", "my-section"})
}

func scopes() *rapid.Generator[scope.Map] {
	return rapid.Custom(func(t *rapid.T) scope.Map {
		return rapid.MapOf(names(), rapid.Bool()).Draw(t, "map")
	})
}

func TestNarrowed_IsNeverWiderThanTheOfferOrAnyNarrowing(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		offer := scopes().Draw(rt, "offer")
		narrowings := rapid.SliceOfN(scopes(), 0, 4).Draw(rt, "narrowings")

		got := scope.Offered(offer).Narrowed(narrowings...)

		for _, n := range got.Granted() {
			n := scope.Name(n)
			require.True(rt, offer[n], "%s is not offered", n)
			for _, narrow := range narrowings {
				allowed, said := narrow[n]
				require.True(rt, allowed || !said, "%s was taken away", n)
			}
		}
		for n, on := range offer {
			taken := slices.ContainsFunc(narrowings, func(m scope.Map) bool { v, said := m[n]; return said && !v })
			require.Equal(rt, on && !taken, got.On(n), "nothing else is lost")
		}
	})
}

func TestOffered_SpeaksOfTheStandardNamesAndOfWhatIsDefined(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		offer := scopes().Draw(rt, "offer")
		want := slices.Concat(scope.Standard(), slices.Collect(maps.Keys(offer)))
		slices.Sort(want)

		got := scope.Offered(offer).Narrowed(scopes().Draw(rt, "narrowing"))

		var names []scope.Name
		for _, one := range got {
			names = append(names, one.Name)
		}
		require.Equal(rt, slices.Compact(want), names, "each once, sorted")
	})
}

func TestNarrowed_ChangesNoneOfItsInputs(t *testing.T) {
	t.Parallel()
	offer, narrow := scope.Map{"a": true}, scope.Map{"a": false, "b": true}
	offered := scope.Offered(offer)
	before := slices.Clone(offered)

	got := offered.Narrowed(narrow)
	got.Map()["c"] = true
	got[0] = scope.Switch{Name: "c", On: true}

	require.Equal(t, scope.Map{"a": true}, offer)
	require.Equal(t, scope.Map{"a": false, "b": true}, narrow)
	require.Equal(t, before, offered)
}

func TestGranted_ListsWhatIsOnSorted(t *testing.T) {
	t.Parallel()

	require.Equal(t, []string{"finance", "support"}, scope.Offered(scope.Map{"support": true, "finance": true, "a": false}).Granted())
	require.Equal(t, []string{}, scope.Offered(scope.Map{"a": false}).Granted())
}

func TestClone_IsACopy(t *testing.T) {
	t.Parallel()
	m := scope.Map{"a": true}

	c := m.Clone()
	c["a"] = false

	require.True(t, m["a"])
}

func TestParseName_AcceptsTheGrammarAlone(t *testing.T) {
	t.Parallel()

	for _, s := range []string{"a", "configurator", "my-section", "a1-", "a" + strings.Repeat("-", 31)} {
		n, err := scope.ParseName(s)
		require.NoError(t, err)
		require.Equal(t, scope.Name(s), n)
	}
	for _, s := range []string{"", "A", "1a", "-a", "a_b", "a b", "a\n", "é", "a\x00", "a" + strings.Repeat("b", 32), "a,b"} {
		_, err := scope.ParseName(s)
		require.ErrorIs(t, err, scope.ErrName, "%q", s)
	}
}
