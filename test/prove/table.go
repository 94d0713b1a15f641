package main

import (
	"cmp"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"regexp"
	"slices"
	"strings"
	"text/tabwriter"
	"unicode"
)

// event is one line of go test -json.
type event struct {
	Action, Test, Key, Value, Output string
	Elapsed                          float64
}

// row is one check on one engine.
type row struct {
	Check   string   `json:"check"`
	Engine  string   `json:"engine,omitempty"`
	Result  string   `json:"result"`
	Seconds float64  `json:"seconds"`
	Figures []figure `json:"figures,omitempty"`
}

type figure struct {
	Name  string `json:"name"`
	Value string `json:"value"`
}

// table collects rows by the name of their test.
type table struct {
	rows   map[string]*row
	output map[string]string
}

func (t *table) row(test string) *row {
	if t.rows == nil {
		t.rows, t.output = map[string]*row{}, map[string]string{}
	}
	r := t.rows[test]
	if r == nil {
		r = &row{Check: title(test), Engine: engineOf(test)}
		t.rows[test] = r
	}
	return r
}

// read follows the tests; a failure is shown at once.
func (t *table) read(events io.Reader) error {
	for dec := json.NewDecoder(events); ; {
		var e event
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			return nil
		} else if err != nil {
			return fmt.Errorf("read events: %w", err)
		}
		if e.Test == "" {
			// What no test owns says why a package does not build, or ended.
			fmt.Print(e.Output)
			continue
		}
		t.note(e)
	}
}

func (t *table) note(e event) {
	r := t.row(e.Test)
	switch e.Action {
	case "attr":
		r.Figures = append(r.Figures, figure{e.Key, e.Value})
	case "output":
		t.output[e.Test] += e.Output
	case "pass", "skip", "fail":
		r.Result, r.Seconds = e.Action, e.Elapsed
		if e.Action != "pass" {
			fmt.Print(t.output[e.Test])
		}
		delete(t.output, e.Test)
	}
}

var fuzzLine = regexp.MustCompile(`^(\S+) (Fuzz\w+): .*execs: (\d+)`)

// fuzzed reads what the fuzzers printed, a line each.
func (t *table) fuzzed(said string) {
	for line := range strings.SplitSeq(said, "\n") {
		if f := fuzzLine.FindStringSubmatch(line); f != nil {
			r := t.row(f[2] + " of " + f[1])
			r.Check, r.Result = f[2]+" of "+f[1], "pass"
			r.Figures = []figure{{"executions", f[3]}}
		}
	}
}

// sorted leaves out tests that only hold others together.
func (t *table) sorted() []row {
	var out []row
	for name, r := range t.rows {
		parent := false
		for other := range t.rows {
			parent = parent || strings.HasPrefix(other, name+"/")
		}
		if !parent || len(r.Figures) > 0 || r.Result != "pass" {
			out = append(out, *r)
		}
	}
	slices.SortFunc(out, func(a, b row) int { return strings.Compare(a.Check+a.Engine, b.Check+b.Engine) })
	return out
}

func (t *table) print(w io.Writer) {
	tabs := tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	_, _ = fmt.Fprintln(tabs, "check\tengine\tresult\tseconds\tmeasured")
	counts := map[string]int{}
	rows := t.sorted()
	for _, r := range rows {
		r.Result = cmp.Or(r.Result, "cut off")
		var measured []string
		for _, f := range r.Figures {
			measured = append(measured, f.Name+" "+f.Value)
		}
		counts[r.Result]++
		_, _ = fmt.Fprintf(tabs, "%s\t%s\t%s\t%.1f\t%s\n", r.Check, r.Engine, r.Result, r.Seconds, strings.Join(measured, ", "))
	}
	_ = tabs.Flush()
	_, _ = fmt.Fprintf(w, "%d rows: %d passed, %d failed, %d skipped, %d cut off\n", len(rows), counts["pass"], counts["fail"], counts["skip"], counts["cut off"])
}

var engines = []string{"SQLite", "MongoDB"}

func engineOf(test string) string {
	for part := range strings.SplitSeq(test, "/") {
		if slices.Contains(engines, part) {
			return part
		}
	}
	return ""
}

// title makes words of a test's name: the number of the check in front, the
// engine left to its own column.
func title(test string) string {
	parts := strings.Split(test, "/")
	parts = slices.DeleteFunc(parts, func(s string) bool { return slices.Contains(engines, s) })
	name := strings.TrimPrefix(parts[0], "Test")
	number, words, numbered := strings.Cut(name, "_")
	if numbered && strings.IndexFunc(number, func(r rune) bool { return !unicode.IsDigit(r) }) < 0 {
		parts[0] = number + " " + spaced(words)
	} else {
		parts[0] = spaced(strings.ReplaceAll(name, "_", ""))
	}
	return strings.ReplaceAll(strings.Join(parts, ": "), "_", " ")
}

// spaced puts a blank before each word, and keeps abbreviations together.
func spaced(s string) string {
	var out strings.Builder
	runes := []rune(s)
	for i, r := range runes {
		starts := unicode.IsUpper(r) && i > 0 && (unicode.IsLower(runes[i-1]) || i+1 < len(runes) && unicode.IsLower(runes[i+1]))
		if starts {
			out.WriteByte(' ')
			if i+1 < len(runes) && unicode.IsLower(runes[i+1]) {
				r = unicode.ToLower(r)
			}
		}
		out.WriteRune(r)
	}
	return out.String()
}
