// Command bench measures the built program as its users meet it: how much it
// does, how long people wait, what it takes of the machine. What bounds it on
// this very machine, such as a handler that does nothing and a hash without a
// server around it, is measured in the same run, alternating, so that ratios
// mean something where the figures alone do not.
//
//	go run ./test/bench [-only REGEXP] [-for 5s] [-rounds 3] [-json FILE] [-profiles FOLDER [-profile PROFILE]]
//	go run ./test/bench -peer FILE
//
// It decides nothing: tests do.
package main

import (
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"regexp"
	"slices"
	"time"

	"ostiary/test/program"
)

// plan is what was asked for on the command line.
type plan struct {
	only   *regexp.Regexp
	lasts  time.Duration
	rounds int
	json   string
	peer   string
	env    []string
	// profiles is a folder, "" for none.
	profiles string
	profiled string // cpu, block, mutex, heap, allocs or goroutine
}

func main() {
	if len(os.Args) > 2 && os.Args[1] == bareCommand {
		serveBare(os.Args[2])
		return
	}
	var p plan
	only := flag.String("only", "", "measure only rows whose name matches this `REGEXP`")
	flag.DurationVar(&p.lasts, "for", 5*time.Second, "how long one run lasts")
	flag.IntVar(&p.rounds, "rounds", 3, "how many runs; their median counts")
	flag.StringVar(&p.json, "json", "", "also write the rows to this `FILE`")
	flag.Func("env", "give the program this `SETTING=VALUE` as well; may be repeated", func(s string) error {
		p.env = append(p.env, s)
		return nil
	})
	flag.StringVar(&p.profiles, "profiles", "", "write a profile of each closed loop into this `FOLDER`")
	flag.StringVar(&p.profiled, "profile", "cpu", "which `PROFILE`: cpu, block, mutex, heap, allocs or goroutine")
	flag.StringVar(&p.peer, "peer", "", "measure the server that this `FILE` describes, see test/bench/peer.md")
	flag.Parse()
	var err error
	if p.only, err = regexp.Compile(*only); err != nil || p.rounds < 1 || p.lasts <= 0 {
		fmt.Fprintln(os.Stderr, "bench: -only is a regular expression, -rounds and -for are positive")
		os.Exit(2)
	}
	os.Exit(program.Main(p))
}

// Run measures what was asked for, and prints it.
func (p plan) Run() int {
	rows := anyServer
	if p.peer == "" {
		rows = append(slices.Clone(anyServer), ours...)
	}
	var done []row
	code := 0
	for _, m := range rows {
		if !p.only.MatchString(m.name) {
			continue
		}
		fmt.Fprintln(os.Stderr, "measuring", m.name)
		r, err := m.measure(p)
		if err != nil {
			fmt.Fprintf(os.Stderr, "bench: %s: %v\n", m.name, err)
			code = 1
			continue
		}
		done = append(done, r)
	}
	show(os.Stdout, done)
	if p.json != "" {
		raw, err := json.MarshalIndent(done, "", "  ")
		if err == nil {
			err = os.WriteFile(p.json, append(raw, '\n'), 0o644) //nolint:gosec // figures are for everybody
		}
		if err != nil {
			fmt.Fprintln(os.Stderr, "bench:", err)
			code = 1
		}
	}
	return code
}
