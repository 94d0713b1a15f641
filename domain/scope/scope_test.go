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

func TestEffective_IsNeverWiderThanTheOfferOrAnyNarrowing(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		offer := scopes().Draw(rt, "offer")
		narrowings := rapid.SliceOfN(scopes(), 0, 4).Draw(rt, "narrowings")

		got := scope.Effective(offer, narrowings...)

		for n, on := range got {
			if !on {
				continue
			}
			require.True(rt, offer[n], "%s is not offered", n)
			for _, narrow := range narrowings {
				allowed, said := narrow[n]
				require.True(rt, allowed || !said, "%s was taken away", n)
			}
		}
		for n, on := range offer {
			taken := slices.ContainsFunc(narrowings, func(m scope.Map) bool { v, said := m[n]; return said && !v })
			require.Equal(rt, on && !taken, got[n], "nothing else is lost")
		}
	})
}

func TestEffective_SpeaksOfTheStandardNamesAndOfWhatIsDefined(t *testing.T) {
	t.Parallel()

	rapid.Check(t, func(rt *rapid.T) {
		offer := scopes().Draw(rt, "offer")
		want := slices.Concat(scope.Standard(), slices.Collect(maps.Keys(offer)))
		slices.Sort(want)

		got := scope.Effective(offer, scopes().Draw(rt, "narrowing"))

		require.Equal(rt, slices.Compact(want), got.Names())
	})
}

func TestEffective_ChangesNoneOfItsInputs(t *testing.T) {
	t.Parallel()
	offer, narrow := scope.Map{"a": true}, scope.Map{"a": false, "b": true}

	got := scope.Effective(offer, narrow)
	got["c"] = true

	require.Equal(t, scope.Map{"a": true}, offer)
	require.Equal(t, scope.Map{"a": false, "b": true}, narrow)
}

func TestGranted_ListsWhatIsOnSorted(t *testing.T) {
	t.Parallel()

	require.Equal(t, []string{"finance", "support"}, scope.Map{"support": true, "finance": true, "a": false}.Granted())
	require.Equal(t, []string{}, scope.Map{"a": false}.Granted())
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
