// Command ostiary is the door-keeper of customer portals.
package main

import (
	"os"

	"ostiary/bootstrap"
)

func main() {
	os.Exit(bootstrap.Main(os.Args[1:], os.Stdin, os.Stdout, os.Stderr))
}
