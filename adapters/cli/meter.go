package cli

import (
	"fmt"
	"io"
	"os"
	"strings"
	"unicode/utf8"

	"ostiary/app/operation"
)

// meter shows how far a copy is: as a bar that is drawn over itself on a
// terminal, else as a line for every tenth and every section.
type meter struct {
	w    io.Writer
	bar  bool
	last string // what stands on the terminal's line, or names the last line
	step operation.CopyStep
}

func newMeter(w io.Writer) *meter { return &meter{w: w, bar: isTerminal(w)} }

func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	if !ok {
		return false
	}
	info, err := f.Stat()
	return err == nil && info.Mode()&os.ModeCharDevice != 0
}

const barWidth = 30

func (m *meter) show(p operation.CopyProgress) {
	percent := 100 * p.Done / max(p.Total, 1)
	if !m.bar {
		if name := fmt.Sprint(p.Step, p.Section, percent/10); name != m.last {
			m.last = name
			fmt.Fprintf(m.w, "%s: %d of %d records (%d%%), %s\n", p.Step, p.Done, p.Total, percent, p.Section)
		}
		return
	}
	if m.step != "" && m.step != p.Step {
		m.end()
	}
	m.step = p.Step
	full := int(barWidth * percent / 100)
	m.draw(fmt.Sprintf("%-9s [%s%s] %3d%% %s", p.Step, strings.Repeat("#", full), strings.Repeat("-", barWidth-full), percent, p.Section))
}

// draw blanks out what is left of a longer line.
func (m *meter) draw(line string) {
	if line == m.last {
		return
	}
	left := max(0, utf8.RuneCountInString(m.last)-utf8.RuneCountInString(line))
	fmt.Fprint(m.w, "\r", line, strings.Repeat(" ", left))
	m.last = line
}

// end leaves the line.
func (m *meter) end() {
	if m.bar && m.last != "" {
		fmt.Fprintln(m.w)
	}
	m.last = ""
}
