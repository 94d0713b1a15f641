package admin

import (
	"io"

	"ostiary/app/ledger"
)

// Merge is what a patch is applied by.
var Merge = merge

// ParseTags reads If-Match and If-None-Match.
func ParseTags(s string) (whatever bool, strong, weak []string) {
	t := parseTags(s)
	return t.any, t.strong, t.weak
}

// ReadBatch returns the answer to a batch as it would be if all documents were
// taken that can be read, and these documents.
func ReadBatch(body io.Reader) (lines []byte, taken []ledger.DocumentInput, err error) {
	b, err := readBatch(body)
	if err != nil {
		return nil, nil, err
	}
	out, err := b.answer()
	return out.body, b.documents, err
}
