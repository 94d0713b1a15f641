package main

import (
	"fmt"
	"io"
	"math"
	"slices"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"
)

// row is one line of the table.
type row struct {
	What    string   `json:"what"`
	Goal    string   `json:"goal,omitempty"`
	Met     *bool    `json:"met,omitempty"` // nil: not judged
	Figures []figure `json:"figures"`
}

// figure is the median of all rounds, with the lowest and the highest.
type figure struct {
	Name   string  `json:"name"`
	Unit   string  `json:"unit"`
	Median float64 `json:"median"`
	Low    float64 `json:"low"`
	High   float64 `json:"high"`
}

// measurement makes one row.
type measurement struct {
	name, goal string
	play       func(*scene, plan, *sheet)
	// bounds are the goal; nil where there is none.
	bounds []bound
}

// bound holds when the median of a figure is within it.
type bound struct {
	figure      string
	least, most float64
}

func atLeast(figure string, v float64) bound { return bound{figure, v, math.Inf(1)} }

func atMost(figure string, v float64) bound { return bound{figure, math.Inf(-1), v} }

func (m measurement) measure(p plan) (row, error) {
	var out sheet
	if err := play(func(s *scene) { m.play(s, p, &out) }); err != nil {
		return row{}, err
	}
	r := row{What: m.name, Goal: m.goal, Figures: out.figures()}
	if p.peer == "" { // the goals are Ostiary's alone
		r.Met = out.meets(m.bounds)
	}
	return r, nil
}

// sheet collects what the rounds of a measurement saw.
type sheet struct {
	order []string
	units map[string]string
	seen  map[string][]float64
}

func (s *sheet) note(name, unit string, value float64) {
	if s.seen == nil {
		s.units, s.seen = map[string]string{}, map[string][]float64{}
	}
	if _, known := s.seen[name]; !known {
		s.order = append(s.order, name)
		s.units[name] = unit
	}
	s.seen[name] = append(s.seen[name], value)
}

func (s *sheet) time(name string, d time.Duration) {
	s.note(name, "ms", float64(d)/float64(time.Millisecond))
}

// meets says whether all bounds hold, and nil where that cannot be said: there
// are none, or one is on a figure that was not measured.
func (s *sheet) meets(bounds []bound) *bool {
	if len(bounds) == 0 {
		return nil
	}
	met := true
	for _, b := range bounds {
		v := s.median(b.figure)
		if math.IsNaN(v) {
			return nil
		}
		met = met && b.least <= v && v <= b.most
	}
	return &met
}

// median is what counts; NaN when nothing was seen.
func (s *sheet) median(name string) float64 {
	values := slices.Sorted(slices.Values(s.seen[name]))
	if len(values) == 0 {
		return math.NaN()
	}
	return values[len(values)/2]
}

func (s *sheet) figures() []figure {
	out := make([]figure, 0, len(s.order))
	for _, name := range s.order {
		out = append(out, figure{
			Name: name, Unit: s.units[name], Median: s.median(name),
			Low: slices.Min(s.seen[name]), High: slices.Max(s.seen[name]),
		})
	}
	return out
}

func show(w io.Writer, rows []row) {
	tabs := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tabs, "what\tmeasured (median of the rounds)\tgoal\tmet")
	for _, r := range rows {
		said := make([]string, 0, len(r.Figures))
		for _, f := range r.Figures {
			said = append(said, f.Name+" "+short(f.Median)+unit(f.Unit))
		}
		met := "–"
		if r.Met != nil {
			met = map[bool]string{true: "yes", false: "no"}[*r.Met]
		}
		_, _ = fmt.Fprintf(tabs, "%s\t%s\t%s\t%s\n", r.What, strings.Join(said, ", "), r.Goal, met)
	}
	_ = tabs.Flush()
}

func unit(u string) string {
	if u == "" || u == "/s" {
		return u
	}
	return " " + u
}

// short keeps three digits of what is small and none behind the point of what
// is not.
func short(v float64) string {
	if v >= 100 || v == float64(int64(v)) {
		return strconv.FormatFloat(v, 'f', 0, 64)
	}
	return strconv.FormatFloat(v, 'g', 3, 64)
}
