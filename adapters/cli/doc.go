// Package cli is the command line: it reads arguments, calls the use cases that
// the HTTP dialects call, and prints tables or JSON. Configuration is judged
// and services are built by whoever calls Main.
package cli
