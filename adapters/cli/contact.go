package cli

import (
	"encoding/csv"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"ostiary/app/directory"
	"ostiary/domain/company"
	"ostiary/domain/contact"
	"ostiary/domain/email"
	"ostiary/domain/fault"
	"ostiary/domain/secret"
)

type contactCmd struct {
	Import contactImportCmd `cmd:"" help:"Take over contacts from a CSV file."`
}

type contactImportCmd struct {
	Tenant string `required:"" help:"Code of the tenant."`
	File   string `arg:"" help:"CSV with a heading of first_name, company_ids and any of last_name, email, phone, phone_2, primary_company_id, external_ref, password_hash; - for standard input. Ids in company_ids are separated by blanks."`
}

// Run implements the command.
func (c contactImportCmd) Run(s *session) error {
	code, err := codeOf(c.Tenant)
	if err != nil {
		return err
	}
	in := s.Stdin
	if c.File != "-" {
		f, err := os.Open(c.File)
		if err != nil {
			return fmt.Errorf("%w: %w", errUsage, err)
		}
		defer func() { _ = f.Close() }()
		in = f
	}
	rows, err := newSheet(in)
	if err != nil {
		return err
	}
	return s.with(func(svc Services) error {
		count, outage := svc.Import.Import(s.ctx, directory.ImportInput{
			Caller: directory.Caller{Actor: s.actor(), Tenant: code},
			Next:   rows.next,
			Report: func(row int, refusal error) { fmt.Fprintf(s.Stderr, "row %d: %s\n", row, reasonOf(refusal)) },
		})
		if outage != nil && count == (directory.ImportCount{}) {
			return outage
		}
		v := struct {
			Created   int `json:"created"`
			Updated   int `json:"updated"`
			Unchanged int `json:"unchanged"`
			Refused   int `json:"refused"`
		}{count.Created, count.Updated, count.Unchanged, count.Refused}
		err := s.print(v, []string{"CREATED", "UPDATED", "UNCHANGED", "REFUSED"},
			[][]string{{fmt.Sprint(v.Created), fmt.Sprint(v.Updated), fmt.Sprint(v.Unchanged), fmt.Sprint(v.Refused)}})
		switch {
		case outage != nil:
			return outage
		case err == nil && v.Refused > 0:
			return errRows
		}
		return err
	})
}

var errRows = fault.New(fault.Invalid, "import_rows", "Some rows were refused; the others are in.")

// reasonOf names what is wrong with a row, never what it says.
func reasonOf(err error) string {
	f := fault.Of(err)
	if f == nil {
		return "not readable"
	}
	out := []string{f.Text()}
	for _, field := range f.Fields() {
		out = append(out, field.Pointer+" "+field.Detail)
	}
	return strings.Join(out, " ")
}

// sheet reads rows by the names in the heading.
type sheet struct {
	csv     *csv.Reader
	columns []string
}

var columns = []string{
	"first_name", "last_name", "email", "phone", "phone_2", "company_ids", "primary_company_id", "external_ref", "password_hash",
}

func newSheet(r io.Reader) (*sheet, error) {
	s := &sheet{csv: csv.NewReader(r)}
	heading, err := s.csv.Read()
	if err != nil {
		return nil, fmt.Errorf("%w: the file has no heading", errUsage)
	}
	for i, name := range heading {
		name = strings.TrimSpace(strings.TrimPrefix(name, "\ufeff"))
		if !slices.Contains(columns, name) || slices.Contains(heading[:i], name) {
			return nil, fmt.Errorf("%w: column %d is unknown or named twice; known are %s", errUsage, i+1, strings.Join(columns, ", "))
		}
		heading[i] = name
	}
	s.columns = heading
	return s, nil
}

var errRow = fault.New(fault.Malformed, "row_malformed", "The row is not valid CSV of as many columns as the heading.")

func (s *sheet) next() (directory.ImportRow, error) {
	record, err := s.csv.Read()
	if errors.Is(err, io.EOF) {
		return directory.ImportRow{}, io.EOF
	}
	if err != nil {
		var syntax *csv.ParseError
		if errors.As(err, &syntax) {
			return directory.ImportRow{}, errRow
		}
		return directory.ImportRow{}, fmt.Errorf("read file: %w", err)
	}
	cell := make(map[string]string, len(s.columns))
	for i, name := range s.columns {
		cell[name] = record[i]
	}
	return rowOf(cell)
}

func rowOf(cell map[string]string) (directory.ImportRow, error) {
	d := contact.Details{
		FirstName: cell["first_name"], LastName: cell["last_name"], Phone: cell["phone"], Phone2: cell["phone_2"], ExternalRef: cell["external_ref"],
	}
	if cell["email"] != "" {
		address, err := email.Parse(cell["email"])
		if err != nil {
			return directory.ImportRow{}, err
		}
		d.Email = address
	}
	for text := range strings.FieldsSeq(cell["company_ids"]) {
		id, err := company.ParseID(text)
		if err != nil {
			return directory.ImportRow{}, fault.At("/company_ids", "id_malformed", "A company id is a whole number.")
		}
		d.Companies = append(d.Companies, contact.Membership{Company: id, Primary: text == cell["primary_company_id"]})
	}
	return directory.ImportRow{Details: d, Hash: secret.New(cell["password_hash"])}, nil
}
