package cli

import (
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strconv"

	"ostiary/app/operation"
)

// StoreAddress says where a store is, by an address or by a file that holds
// one: an address may have a password in it.
type StoreAddress struct{ Value, File string }

// StoreCopy is one copy about to be made.
type StoreCopy struct {
	Copier *operation.Copier
	// Next says what is left to do once everything is copied.
	Next  []string
	Close func() error
}

// Misuse says that an argument, not the state of things, is what is wrong.
func Misuse(err error) error { return usage(err) }

type storeCmd struct {
	Copy storeCopyCmd `cmd:"" help:"Copy a whole store into a new one, of this engine or the other. Stop whatever serves the source before. After an interruption the same command goes on where it stopped."`
}

type storeCopyCmd struct {
	From     string `xor:"from" required:"" help:"Storage address of the source, such as sqlite:PATH or mongodb://…"`
	FromFile string `xor:"from" required:"" help:"File that holds the address of the source."`
	To       string `xor:"to" required:"" help:"Storage address of the target: a new, empty store."`
	ToFile   string `xor:"to" required:"" help:"File that holds the address of the target."`
}

type sectionWire struct {
	Section string `json:"section"`
	Records int64  `json:"records"`
	Digest  string `json:"sha256"`
}

type differenceWire struct {
	Section string `json:"section"`
	Tenant  string `json:"tenant"`
	Source  int64  `json:"source"`
	Target  int64  `json:"target"`
}

type copyWire struct {
	Sections    []sectionWire    `json:"sections"`
	Differences []differenceWire `json:"differences"`
}

// Run implements the command.
func (c storeCopyCmd) Run(s *session) error {
	m := newMeter(s.Stderr)
	work, err := s.OpenCopy(s.ctx, StoreAddress{c.From, c.FromFile}, StoreAddress{c.To, c.ToFile}, m.show)
	if err != nil {
		return err
	}
	report, err := work.Copier.Copy(s.ctx)
	m.end()
	if closing := work.Close(); err == nil {
		err = closing
	}
	if printing := s.printCopy(wireOfCopy(report)); err == nil {
		err = printing
	}
	if err == nil {
		for _, line := range work.Next {
			fmt.Fprintln(s.Stderr, "next:", line)
		}
		return nil
	}
	if s.ctx.Err() != nil {
		return errInterrupted
	}
	return err
}

var errInterrupted = fmt.Errorf("interrupted; what is copied stays: run the same command again to go on")

func wireOfCopy(r operation.CopyReport) copyWire {
	out := copyWire{Sections: []sectionWire{}, Differences: []differenceWire{}}
	for _, s := range r.Sections {
		out.Sections = append(out.Sections, sectionWire{s.Section, s.Records, hex.EncodeToString(s.Digest[:])})
	}
	for _, d := range r.Differences {
		name := string(d.Code)
		if name == "" {
			name = d.Tenant.String()
		}
		out.Differences = append(out.Differences, differenceWire{d.Section, name, d.Source, d.Target})
	}
	return out
}

// printCopy prints nothing of a copy that was not compared.
func (s *session) printCopy(w copyWire) error {
	if len(w.Sections) == 0 {
		return nil
	}
	if s.json {
		e := json.NewEncoder(s.Stdout)
		e.SetIndent("", "  ")
		return e.Encode(w)
	}
	rows := make([][]string, len(w.Sections))
	for i, r := range w.Sections {
		rows[i] = []string{r.Section, strconv.FormatInt(r.Records, 10), r.Digest[:16]}
	}
	if err := s.print(w, []string{"SECTION", "RECORDS", "SHA-256"}, rows); err != nil || len(w.Differences) == 0 {
		return err
	}
	rows = make([][]string, len(w.Differences))
	for i, d := range w.Differences {
		rows[i] = []string{d.Section, d.Tenant, strconv.FormatInt(d.Source, 10), strconv.FormatInt(d.Target, 10)}
	}
	fmt.Fprintln(s.Stdout)
	return s.print(w, []string{"DIFFERS IN", "TENANT", "SOURCE HAS", "TARGET HAS"}, rows)
}
