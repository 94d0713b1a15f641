package admin

import (
	"bufio"
	"bytes"
	"cmp"
	"errors"
	"io"

	"ostiary/adapters/web"
	ledgers "ostiary/app/ledger"
	"ostiary/domain/company"
	"ostiary/domain/fault"
	"ostiary/domain/ledger"
)

const (
	mediaLines = "application/x-ndjson"
	maxLines   = 10_000
	maxLine    = 64 << 10
)

// documentLine is one line of a batch.
type documentLine struct {
	Company int64  `json:"company"`
	Kind    string `json:"kind"`
	Ref     string `json:"ref"`
	documentState
}

// lineResult is the answer to one line, in the order of lines.
type lineResult struct {
	Line   int          `json:"line"`
	Status int          `json:"status"`
	Code   string       `json:"code,omitzero"`
	Detail string       `json:"detail,omitzero"`
	Errors []fieldError `json:"errors,omitzero"`
}

// batch is what was read: the results so far, and the documents that are
// still to be judged with their places among the results.
type batch struct {
	results   []lineResult
	documents []ledgers.DocumentInput
	places    []int
}

func (a *API) putDocuments(r *request) (answer, error) {
	if !r.HasBody() {
		return answer{}, web.ErrMalformed
	}
	if err := r.RequireType(mediaLines); err != nil {
		return answer{}, err
	}
	body, err := r.reader()
	if err != nil {
		return answer{}, err
	}
	b, err := readBatch(body)
	if err != nil {
		return answer{}, err
	}
	refusals, err := a.use.Ledger.PutAll(r.Context(), ledgers.PutAllInput{Caller: r.ledger(), Documents: b.documents})
	if err != nil {
		return answer{}, err
	}
	for i, refused := range refusals {
		b.results[b.places[i]].judge(refused)
	}
	return b.answer()
}

// readBatch reads line by line; only what a line says is kept. Nothing is
// stored before all lines have been seen to be few enough.
func readBatch(body io.Reader) (batch, error) {
	var b batch
	lines := bufio.NewReaderSize(body, maxLine)
	for number := 1; ; number++ {
		line, long, err := nextLine(lines)
		if len(line) > 0 || long {
			b.add(number, line, long)
		}
		if len(b.results) > maxLines {
			// A sender who is still writing would not see the answer.
			_, err := io.Copy(io.Discard, lines)
			return batch{}, cmp.Or(err, error(web.ErrTooLarge))
		}
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return batch{}, err
		}
	}
	if len(b.results) == 0 {
		return batch{}, web.ErrMalformed
	}
	return b, nil
}

// nextLine returns a line without the blanks around it. Of one that is too
// long nothing is returned.
func nextLine(r *bufio.Reader) (line []byte, long bool, err error) {
	line, err = r.ReadSlice('\n')
	for errors.Is(err, bufio.ErrBufferFull) {
		long = true
		_, err = r.ReadSlice('\n')
	}
	if long {
		return nil, true, err
	}
	return bytes.Trim(line, " \t\r\n"), false, err //nolint:wrapcheck // a fault of the wire, or io.EOF
}

func (b *batch) add(number int, line []byte, long bool) {
	result := lineResult{Line: number, Status: 200}
	if long {
		shown, _ := refusal(web.ErrTooLarge)
		result.refuse(shown, 400)
	} else if d, err := readLine(line); err != nil {
		result.judge(err)
	} else {
		b.documents, b.places = append(b.documents, d), append(b.places, len(b.results))
	}
	b.results = append(b.results, result)
}

func readLine(line []byte) (ledgers.DocumentInput, error) {
	var in documentLine
	if err := web.Unmarshal(line, &in, web.Strict); err != nil {
		return ledgers.DocumentInput{}, err
	}
	var f form
	d := in.input(&f)
	var err error
	d.Company, err = company.IDOf(in.Company)
	f.refuse("/company", err)
	// In a path a kind that is none leads nowhere; here it is a value.
	_, err = ledger.ParseKind(in.Kind)
	f.refuse("/kind", err)
	d.Kind, d.Ref = in.Kind, in.Ref
	return d, f.err()
}

func (l *lineResult) judge(err error) {
	if err != nil {
		shown, status := refusal(err)
		l.refuse(shown, status)
	}
}

func (l *lineResult) refuse(shown *fault.Error, status int) {
	l.Status, l.Code, l.Detail = status, shown.Code(), shown.Text()
	l.Errors = fieldErrors(shown, status)
}

func (b batch) answer() (answer, error) {
	var out bytes.Buffer
	for _, l := range b.results {
		line, err := encode(l)
		if err != nil {
			return answer{}, err
		}
		out.Write(line)
		out.WriteByte('\n')
	}
	return answer{Status: 200, Media: mediaLines, body: out.Bytes()}, nil
}
