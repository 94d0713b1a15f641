package arch_test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// levels are the requirements of OWASP ASVS 5.0.0: for each section the level
// of its first, second, … requirement.
var levels = map[string]string{
	"1.1": "22", "1.2": "1111122223", "1.3": "112222222223", "1.4": "222", "1.5": "123",
	"2.1": "122", "2.2": "112", "2.3": "12223", "2.4": "23",
	"3.1": "3", "3.2": "113", "3.3": "12223", "3.4": "11222233", "3.5": "11122333", "3.6": "3", "3.7": "22333",
	"4.1": "12233", "4.2": "23333", "4.3": "22", "4.4": "1222",
	"5.1": "2", "5.2": "112333", "5.3": "113", "5.4": "222",
	"6.1": "122", "6.2": "111111112222", "6.3": "11223333", "6.4": "112233", "6.5": "22222333", "6.6": "2223", "6.7": "33", "6.8": "2222",
	"7.1": "222", "7.2": "1111", "7.3": "22", "7.4": "11222", "7.5": "223", "7.6": "22",
	"8.1": "1233", "8.2": "1123", "8.3": "133", "8.4": "23",
	"9.1": "111", "9.2": "1222",
	"10.1": "22", "10.2": "223", "10.3": "22223", "10.4": "1111122222233333", "10.5": "22222", "10.6": "22", "10.7": "222",
	"11.1": "2233", "11.2": "22233", "11.3": "11233", "11.4": "1222", "11.5": "23", "11.6": "23", "11.7": "33",
	"12.1": "12233", "12.2": "11", "12.3": "22223",
	"13.1": "2333", "13.2": "222223", "13.3": "2233", "13.4": "1222233",
	"14.1": "22", "14.2": "12223333", "14.3": "122",
	"15.1": "12233", "15.2": "12233", "15.3": "1222222", "15.4": "3333",
	"16.1": "2", "16.2": "22222", "16.3": "2222", "16.4": "222", "16.5": "2223",
	"17.1": "23", "17.2": "22223333", "17.3": "22",
}

const (
	pass          = "pass"
	notApplicable = "not applicable"
	deviation     = "deviation"
)

// claim is one row of ASVS.md.
type claim struct{ ids, level, what, verdict, grounds string }

var (
	row      = regexp.MustCompile(`(?m)^\| ((?:\d+\.)+[\d*][\d.*, ]*) \| ([12, ]+) \| (.+?) \| (.+?) \| (.*) \|$`)
	named    = regexp.MustCompile("`([a-z][\\w./]*) ((?:Test|Fuzz)\\w+)`")
	linked   = regexp.MustCompile(`\]\(([^)]*)\)`)
	heading  = regexp.MustCompile(`(?m)^#+ (.+)$`)
	unlinked = regexp.MustCompile(`[^\w\- ]`)
)

func TestASVS_EveryRequirementOfLevels1And2HasOneRow(t *testing.T) {
	t.Parallel()
	required := requirements()
	rows := map[string]int{}

	for _, c := range claims(t) {
		of := map[string]bool{}
		for _, id := range c.covers(required) {
			require.Contains(t, required, id, "no such requirement of level 1 or 2")
			rows[id]++
			of[required[id]] = true
		}
		require.Equal(t, strings.Join(slices.Sorted(maps.Keys(of)), ", "), c.level, c.ids)
	}

	for id := range required {
		require.Equal(t, 1, rows[id], "rows of %s", id)
	}
	require.Len(t, required, 253)
}

func TestASVS_EveryVerdictHasItsGrounds(t *testing.T) {
	t.Parallel()
	for _, c := range claims(t) {
		require.Contains(t, []string{pass, notApplicable, deviation}, c.verdict, c.ids)
		require.NotEmpty(t, strings.TrimSpace(c.grounds), c.ids)
		if c.verdict == pass {
			require.True(t, named.MatchString(c.grounds) || linked.MatchString(c.grounds), "%s names neither a test nor a section", c.ids)
		}
		if strings.Contains(c.ids, "*") {
			require.Equal(t, notApplicable, c.verdict, "%s: a whole family", c.ids)
		}
	}
}

func TestASVS_EveryTestThatIsNamedExists(t *testing.T) {
	t.Parallel()
	var missing []string
	for _, c := range claims(t) {
		for _, n := range named.FindAllStringSubmatch(c.grounds, -1) {
			dir, test := n[1], n[2]
			// The catalogue's tests are named by their number alone.
			if dir == "test/attack" {
				require.Regexp(t, `^Test\d{3}$`, test, c.ids)
				test += `(?:_\w+)?`
			}

			if !declared(t, dir, test) {
				missing = append(missing, c.ids+": "+dir+" "+n[2])
			}
		}
	}
	require.Empty(t, missing)
}

func TestASVS_LinksLeadSomewhere(t *testing.T) {
	t.Parallel()
	for _, page := range []string{"ASVS.md", "SECURITY.md"} {
		for _, l := range linked.FindAllStringSubmatch(document(t, page), -1) {
			file, anchor, _ := strings.Cut(l[1], "#")
			if strings.Contains(file, "://") {
				continue
			}
			if file == "" {
				file = page
			}
			text := document(t, file)

			require.True(t, anchor == "" || slices.Contains(anchors(text), anchor), "%s links to %s", page, l[1])
		}
	}
}

func TestASVS_CountsAreThoseOfTheTable(t *testing.T) {
	t.Parallel()
	required := requirements()
	count := map[string]map[string]int{pass: {}, notApplicable: {}, deviation: {}}

	for _, c := range claims(t) {
		for _, id := range c.covers(required) {
			count[c.verdict][required[id]]++
		}
	}

	for verdict, at := range count {
		require.Contains(t, document(t, "ASVS.md"), fmt.Sprintf("\n| %s | %d | %d |\n", verdict, at["1"], at["2"]))
	}
}

// requirements are those of levels 1 and 2, with their level.
func requirements() map[string]string {
	out := map[string]string{}
	for section, each := range levels {
		for i, level := range each {
			if level != '3' {
				out[fmt.Sprintf("%s.%d", section, i+1)] = string(level)
			}
		}
	}
	return out
}

func claims(t *testing.T) (out []claim) {
	t.Helper()
	_, table, found := strings.Cut(document(t, "ASVS.md"), "\n# The table\n")
	require.True(t, found)
	for _, r := range row.FindAllStringSubmatch(table, -1) {
		out = append(out, claim{r[1], r[2], r[3], r[4], r[5]})
	}
	require.Len(t, out, strings.Count(table, "\n| ")-strings.Count(table, "\n|---"), "a row that cannot be read")
	return out
}

// covers names the requirements of a row: "1.2.3", "1.2.3, 1.2.4", or "1.2.*"
// for all that begin so.
func (c claim) covers(required map[string]string) (ids []string) {
	for one := range strings.SplitSeq(c.ids, ", ") {
		family, whole := strings.CutSuffix(one, "*")
		if !whole {
			ids = append(ids, one)
			continue
		}
		for id := range required {
			if strings.HasPrefix(id, family) {
				ids = append(ids, id)
			}
		}
	}
	return ids
}

func document(t *testing.T, name string) string {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "..", name))
	require.NoError(t, err)
	return string(text)
}

// anchors are what the headings of a page are called in links.
func anchors(text string) (out []string) {
	for _, h := range heading.FindAllStringSubmatch(text, -1) {
		plain := unlinked.ReplaceAllString(strings.ToLower(h[1]), "")
		out = append(out, strings.ReplaceAll(plain, " ", "-"))
	}
	return out
}

func declared(t *testing.T, dir, test string) bool {
	t.Helper()
	files, err := filepath.Glob(filepath.Join("..", "..", filepath.FromSlash(dir), "*_test.go"))
	require.NoError(t, err)
	function := regexp.MustCompile(`(?m)^func ` + test + `\(\w+ \*testing\.[TF]\)`)
	return slices.ContainsFunc(files, func(file string) bool {
		src, err := os.ReadFile(file)
		require.NoError(t, err)
		return function.Match(src)
	})
}
