package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/alecthomas/kong"

	"ostiary/app/directory"
	"ostiary/app/operation"
	"ostiary/app/tenancy"
	"ostiary/domain/actor"
	"ostiary/domain/fault"
	"ostiary/domain/tenant"
)

// Exit codes of contract.md section 9.
const (
	OK      = 0
	Refused = 1
	Usage   = 2
)

// Services are the use cases that commands call. They act on the configured
// storage, which another process may be serving meanwhile.
type Services struct {
	Tenants *tenancy.Admin
	Import  *directory.Importer
	Tokens  *operation.APITokens
	Keys    *operation.Keys
	Audit   *operation.Audit
	Now     func() time.Time
	Close   func(context.Context) error
}

// Finding is one thing that doctor looked at. One that is OK and has something
// to mend is a note.
type Finding struct {
	Check string `json:"check"`
	OK    bool   `json:"ok"`
	Text  string `json:"text"`
	Mend  string `json:"mend"`
}

// State is the finding in a word.
func (f Finding) State() string {
	switch {
	case !f.OK:
		return "WRONG"
	case f.Mend != "":
		return "note"
	default:
		return "ok"
	}
}

// Program is what the commands are made of.
type Program struct {
	Version string
	// Open builds the services; its error is one line per wrong setting.
	Open func(context.Context, Settings) (Services, error)
	// Serve and Demo run until ctx ends.
	Serve  func(context.Context, Settings) error
	Demo   func(context.Context, Settings, io.Writer) error
	Doctor func(context.Context, Settings) []Finding
	// ShardCommands asks no server; storage that is not sharded is a Misuse.
	ShardCommands func(Settings) ([]string, error)
	// OpenCopy opens two stores; an address that is no address is a Misuse.
	OpenCopy func(ctx context.Context, from, to StoreAddress, report func(operation.CopyProgress)) (StoreCopy, error)
	OpenAPI  func() []byte
	Stdin    io.Reader
	Stdout   io.Writer
	Stderr   io.Writer
}

// commands is the command line. Settings are flags of every command.
type commands struct {
	Settings
	JSON bool `name:"json" help:"Print JSON instead of a table."`

	Serve   serveCmd   `cmd:"" help:"Serve the portal APIs."`
	Demo    demoCmd    `cmd:"" help:"Serve an empty temporary store with one tenant, and print curl lines to paste."`
	Tenant  tenantCmd  `cmd:"" help:"Keep tenants."`
	Scopes  scopesCmd  `cmd:"" help:"Read or set what a tenant offers."`
	Contact contactCmd `cmd:"" help:"Take over contacts."`
	Token   tokenCmd   `cmd:"" help:"Keep API tokens."`
	Keys    keysCmd    `cmd:"" help:"Keep signing keys."`
	Audit   auditCmd   `cmd:"" help:"Check the audit trail."`
	Store   storeCmd   `cmd:"" help:"Move everything to another store."`
	Doctor  doctorCmd  `cmd:"" help:"Say what is wrong with the configuration and how to mend it."`
	OpenAPI openAPICmd `cmd:"" name:"openapi" help:"Print the OpenAPI document."`
	Version versionCmd `cmd:"" help:"Print the version."`
}

// session is one run of one command.
type session struct {
	Program
	ctx  context.Context
	set  Settings
	json bool
}

// The operator is whoever can reach the storage and the master key.
func (*session) actor() actor.Actor { return actor.TheOperator("cli") }

// Main runs one command and returns its exit code.
func Main(ctx context.Context, args []string, p Program) int {
	var cmds commands
	exited := -1
	parser, err := kong.New(&cmds,
		kong.Name("ostiary"),
		kong.Description("The door-keeper of customer portals."),
		kong.Writers(p.Stdout, p.Stderr),
		kong.Exit(func(code int) { exited = code }),
		kong.UsageOnError(),
		kong.ConfigureHelp(kong.HelpOptions{Compact: true}),
	)
	if err != nil {
		fmt.Fprintln(p.Stderr, "ostiary:", err)
		return Usage
	}
	parsed, err := parser.Parse(args)
	if exited >= 0 {
		return OK
	}
	if err != nil {
		fmt.Fprintln(p.Stderr, "ostiary:", worded(err))
		return Usage
	}
	s := &session{Program: p, ctx: ctx, set: cmds.Settings, json: cmds.JSON}
	if err := parsed.Run(s); err != nil {
		report(p.Stderr, err)
		if errors.Is(err, errUsage) {
			return Usage
		}
		return Refused
	}
	return OK
}

// worded is what the parser refuses, without the text that it refuses: that may
// be a secret, or the half of one that a shell has split.
func worded(err error) string {
	text, _, _ := strings.Cut(err.Error(), " but got ")
	for _, about := range []string{"unexpected argument", "unexpected flag argument"} {
		rest, is := strings.CutPrefix(text, about+" ")
		if !is {
			continue
		}
		text = about
		if at := strings.LastIndex(rest, ", did you mean "); at >= 0 {
			text += rest[at:]
		}
	}
	return text
}

var errUsage = errors.New("usage")

// report prints what a caller may see of a refusal, and everything of an
// outage: whoever runs the command line is the operator.
func report(w io.Writer, err error) {
	f := fault.Of(err)
	if f == nil {
		for line := range strings.SplitSeq(err.Error(), "\n") {
			fmt.Fprintln(w, "ostiary:", line)
		}
		return
	}
	fmt.Fprintln(w, "ostiary:", f.Text())
	for _, field := range f.Fields() {
		fmt.Fprintf(w, "  %s: %s\n", field.Pointer, field.Detail)
	}
	if cause := f.Unwrap(); cause != nil {
		fmt.Fprintln(w, "  because:", cause)
	}
}

// with opens the services for one command and closes them after it.
func (s *session) with(do func(Services) error) error {
	svc, err := s.Open(s.ctx, s.set)
	if err != nil {
		return err
	}
	err = do(svc)
	return errors.Join(err, svc.Close(s.ctx))
}

// print writes v as JSON, or the rows as a table under their heading.
func (s *session) print(v any, heading []string, rows [][]string) error {
	if s.json {
		e := json.NewEncoder(s.Stdout)
		e.SetEscapeHTML(false)
		e.SetIndent("", "  ")
		return e.Encode(v)
	}
	w := tabwriter.NewWriter(s.Stdout, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, strings.Join(heading, "\t"))
	for _, row := range rows {
		fmt.Fprintln(w, strings.Join(row, "\t"))
	}
	return w.Flush()
}

// codeOf reads a tenant code given as an argument.
func codeOf(s string) (tenant.Code, error) {
	code, err := tenant.ParseCode(s)
	if err != nil {
		return "", usage(err)
	}
	return code, nil
}

// usage says that an argument, not the state of things, is what is wrong.
func usage(err error) error { return fmt.Errorf("%w: %w", errUsage, err) }

type serveCmd struct{}

// Run implements the command.
func (serveCmd) Run(s *session) error { return s.Serve(s.ctx, s.set) }

type demoCmd struct{}

// Run implements the command.
func (demoCmd) Run(s *session) error { return s.Demo(s.ctx, s.set, s.Stdout) }

type openAPICmd struct{}

// Run implements the command.
func (openAPICmd) Run(s *session) error {
	_, err := s.Stdout.Write(append(s.OpenAPI(), '\n'))
	return err
}

type versionCmd struct{}

// Run implements the command.
func (versionCmd) Run(s *session) error {
	v := struct {
		Version string `json:"version"`
	}{s.Version}
	return s.print(v, []string{"VERSION"}, [][]string{{v.Version}})
}

type doctorCmd struct {
	ShardCommands bool `help:"Print the mongosh commands that spread the configured database over the shards of a cluster, and nothing else."`
}

var errUnwell = fault.New(fault.Invalid, "doctor", "Something needs mending.")

// Run implements the command.
func (c doctorCmd) Run(s *session) error {
	if c.ShardCommands {
		return s.printShardCommands()
	}
	findings := s.Doctor(s.ctx, s.set)
	rows := make([][]string, 0, len(findings))
	well := true
	for _, f := range findings {
		well = well && f.OK
		rows = append(rows, []string{f.Check, f.State(), f.Text, f.Mend})
	}
	if err := s.print(findings, []string{"CHECK", "STATE", "FOUND", "HOW TO MEND IT"}, rows); err != nil {
		return err
	}
	if !well {
		return errUnwell
	}
	return nil
}

func (s *session) printShardCommands() error {
	lines, err := s.ShardCommands(s.set)
	if err != nil {
		return err
	}
	if s.json {
		return s.print(lines, nil, nil)
	}
	_, err = fmt.Fprintln(s.Stdout, strings.Join(lines, "\n"))
	return err
}
