// Command prove runs the attacks on the program in their short form, and the
// fuzzers for a moment, and prints one table of what was tried, on which
// engine, how it ended and what was measured. It decides nothing itself: its
// exit code is that of the tests.
//
//	go run ./test/prove [-json FILE] [-fuzz 3s] [-- arguments of go test]
package main

import (
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

func main() {
	out := flag.String("json", "", "also write the table to this `FILE`")
	fuzz := flag.String("fuzz", "3s", "how long each fuzz target runs; 0 for none")
	flag.Parse()
	if err := run(*out, *fuzz, flag.Args()); err != nil {
		fmt.Fprintln(os.Stderr, "prove:", err)
		os.Exit(1)
	}
}

func run(out, fuzz string, args []string) error {
	var t table
	failed := attack(&t, args)
	if fuzz != "0" {
		failed = errors.Join(failed, fuzzers(&t, fuzz))
	}
	t.print(os.Stdout)
	if out != "" {
		raw, err := json.MarshalIndent(t.sorted(), "", "  ")
		if err == nil {
			err = os.WriteFile(out, append(raw, '\n'), 0o644) //nolint:gosec // figures are for everybody
		}
		failed = errors.Join(failed, err)
	}
	return failed
}

// attack runs the tests and collects what they tell.
func attack(t *table, args []string) error {
	cmd := exec.Command("go", append([]string{"test", "-json", "-count=1", "-timeout=30m", "./test/attack"}, args...)...)
	cmd.Stderr = os.Stderr
	events, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("attacks: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("attacks: %w", err)
	}
	if err := t.read(events); err != nil {
		return errors.Join(err, cmd.Wait())
	}
	if err := cmd.Wait(); err != nil {
		return fmt.Errorf("attacks: %w", err)
	}
	return nil
}

// fuzzers runs every target as a commit must pass it.
func fuzzers(t *table, each string) error {
	cmd := exec.Command(filepath.Join(".ci", "run"), "fuzz")
	cmd.Env = append(os.Environ(), "FUZZ_TIME="+each)
	cmd.Stderr = os.Stderr
	report, err := cmd.StdoutPipe()
	if err != nil {
		return fmt.Errorf("fuzzers: %w", err)
	}
	if err := cmd.Start(); err != nil {
		return fmt.Errorf("fuzzers: %w", err)
	}
	said, err := io.ReadAll(report)
	if err != nil {
		return errors.Join(err, cmd.Wait())
	}
	if err := cmd.Wait(); err != nil {
		_, _ = os.Stderr.Write(said)
		return fmt.Errorf("fuzzers: %w", err)
	}
	t.fuzzed(string(said))
	return nil
}
