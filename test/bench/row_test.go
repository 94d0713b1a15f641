package main

import (
	"bytes"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

func TestMeasure_JudgesOnlyWhatItsGoalIsAbout(t *testing.T) {
	t.Parallel()
	goal := []bound{atLeast("rate", 100), atMost("p99", 10)}
	for name, c := range map[string]struct {
		peer    string
		bounds  []bound
		figures map[string]float64
		met     any // in JSON; nil where it is left out
		shown   string
	}{
		"met":               {"", goal, map[string]float64{"rate": 100, "p99": 10}, true, "yes"},
		"too little":        {"", goal, map[string]float64{"rate": 99, "p99": 10}, false, "no"},
		"too much":          {"", goal, map[string]float64{"rate": 100, "p99": 11}, false, "no"},
		"no goal":           {"", nil, map[string]float64{"rate": 100, "p99": 10}, nil, "–"},
		"no figures":        {"", goal, nil, nil, "–"},
		"one figure absent": {"", goal, map[string]float64{"rate": 99}, nil, "–"},
		"met by a peer":     {"peer.json", goal, map[string]float64{"rate": 100, "p99": 10}, nil, "–"},
		"not met by a peer": {"peer.json", goal, map[string]float64{"rate": 99, "p99": 10}, nil, "–"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			m := measurement{name: "row", goal: "words", bounds: c.bounds, play: func(_ *scene, _ plan, out *sheet) {
				for figure, v := range c.figures {
					out.note(figure, "", v)
				}
			}}

			got, err := m.measure(plan{peer: c.peer})

			require.NoError(t, err)
			raw, err := json.Marshal(got)
			require.NoError(t, err)
			var members map[string]any
			require.NoError(t, json.Unmarshal(raw, &members))
			require.Equal(t, c.met, members["met"])
			var table bytes.Buffer
			show(&table, []row{got})
			require.Regexp(t, `words +`+c.shown+`\n$`, table.String())
		})
	}
}
