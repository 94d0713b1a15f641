// Command report reads the events of go test -json, prints what failed and
// what was skipped, and refuses both. The arguments are the skips that are
// allowed, each "package Test".
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
)

type event struct {
	Action, Package, ImportPath, Test, Output string
	Elapsed                                   float64
}

func main() {
	output := map[string]string{}
	passed, refused := 0, 0
	for dec := json.NewDecoder(os.Stdin); ; {
		var e event
		if err := dec.Decode(&e); errors.Is(err, io.EOF) {
			break
		} else if err != nil {
			fmt.Println("not an event of go test:", err)
			os.Exit(1)
		}
		name := e.Package + " " + e.Test
		switch {
		case e.Action == "build-output":
			fmt.Print(e.Output)
		case e.Action == "output":
			output[name] += e.Output
		case e.Action == "fail":
			refused++
			fmt.Printf("FAIL %s\n%s", name, output[name])
		case e.Action == "skip" && e.Test != "" && !slices.Contains(os.Args[1:], name):
			refused++
			fmt.Printf("SKIPPED %s\n%s", name, output[name])
		case e.Action == "pass" && e.Test != "":
			passed++
			delete(output, name)
		case e.Action == "pass":
			fmt.Printf("ok %s %.1f s\n", e.Package, e.Elapsed)
		}
	}
	fmt.Printf("%d passed, %d failed or skipped\n", passed, refused)
	if passed == 0 || refused > 0 {
		os.Exit(1)
	}
}
