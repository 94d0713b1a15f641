package admin_test

import (
	"bytes"
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/web"
	"ostiary/adapters/web/admin"
)

// FuzzParseTags compares with a reading of the same grammar by expressions.
func FuzzParseTags(f *testing.F) {
	for _, seed := range []string{
		`*`, `"1"`, `W/"1"`, ` "1" , W/"2",,"3"`, `"1" "2"`, `"1`, `""`, `"a b"`, `w/"1"`, `"1",*`, "\"\xff\"", strings.Repeat(`"1",`, 20),
	} {
		f.Add(seed)
	}

	f.Fuzz(func(t *testing.T, s string) {
		whatever, strong, weak := admin.ParseTags(s)

		wantStrong, wantWeak := tagsByExpression(s)
		require.Equal(t, strings.Trim(s, " \t") == "*", whatever)
		require.Equal(t, wantStrong, strong)
		require.Equal(t, wantWeak, weak)
		require.LessOrEqual(t, len(strong)+len(weak), 16)
		if len(strong) > 0 {
			_, again, none := admin.ParseTags(`"` + strings.Join(strong, `", "`) + `"`)
			require.Equal(t, strong, again)
			require.Empty(t, none)
		}
	})
}

var oneTag = regexp.MustCompile(`^(W/)?"([^"\x00-\x20\x7f]*)"[ \t]*(?:$|(,)[, \t]*)?`)

func tagsByExpression(s string) (strong, weak []string) {
	s = strings.Trim(s, " \t")
	for len(strong)+len(weak) < 16 {
		found := oneTag.FindStringSubmatch(s)
		if found == nil {
			break
		}
		if found[1] == "" {
			strong = append(strong, found[2])
		} else {
			weak = append(weak, found[2])
		}
		if found[3] == "" {
			break
		}
		s = s[len(found[0]):]
	}
	return strong, weak
}

// FuzzReadBatch compares with lines cut and read by other means.
func FuzzReadBatch(f *testing.F) {
	const good = `{"company":1,"kind":"invoice","ref":"r","status":"open","currency":"EUR","total":"1.50","outstanding":"0","issuedAt":"2026-01-01T00:00:00Z","version":2}`
	for _, seed := range []string{
		good, good + "\n\n \t\r\n" + good + "\r\n", good + good, "{\n}", `{"company":1,"company":2}`, `{"KIND":"order"}`, `{"company":"1"}`, "[]\nnull\n1", "\xff\n", `{"dueAt":""}`, "",
	} {
		f.Add([]byte(seed))
	}

	f.Fuzz(func(t *testing.T, raw []byte) {
		answer, taken, err := admin.ReadBatch(bytes.NewReader(raw))
		again, _, errAgain := admin.ReadBatch(iotest.OneByteReader(bytes.NewReader(raw)))
		require.Equal(t, answer, again, "how bytes are cut into reads means nothing")
		require.Equal(t, err, errAgain)

		lines := bytes.Split(raw, []byte("\n"))
		results := bytes.Split(bytes.TrimSuffix(answer, []byte("\n")), []byte("\n"))
		for i, line := range lines {
			if len(bytes.Trim(line, " \t\r")) == 0 {
				continue
			}
			require.NotEmpty(t, results, "a line without a result")
			var got struct {
				Line, Status int
				Code         string
			}
			require.NoError(t, json.Unmarshal(results[0], &got))
			require.Equal(t, i+1, got.Line)
			require.Contains(t, []int{200, 400, 422}, got.Status)
			require.Equal(t, got.Status != 200, got.Code != "")
			if got.Status == 200 {
				var want struct {
					Company                  int64
					Kind, Ref, Status, Total string
				}
				require.NoError(t, json.Unmarshal(line, &want))
				require.Equal(t, want.Company, taken[0].Company.Int())
				require.Equal(t, []string{want.Kind, want.Ref, want.Status, want.Total},
					[]string{taken[0].Kind, taken[0].Ref, taken[0].Status, taken[0].Total})
				taken = taken[1:]
			}
			results = slices.Delete(results, 0, 1)
		}
		require.Empty(t, taken)
		if answer == nil {
			require.ErrorIs(t, err, web.ErrMalformed)
		} else {
			require.Empty(t, results)
		}
	})
}
