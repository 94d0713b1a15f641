package web

import (
	"bytes"
	"errors"
	"strconv"
	"strings"
)

// Reasons to refuse a request before it is parsed. They quote nothing.
var (
	errFraming      = errors.New("web: ambiguous framing")
	errHeadTooLarge = errors.New("web: head too large")
)

// inspector follows the bytes of one connection by the strict grammar of
// RFC 9112 and stops at the first byte that two parsers could read
// differently. It keeps the line it is in and nothing else. It decides no
// more than where each request ends: the body's meaning is not its business.
type inspector struct {
	state state
	line  []byte
	size  int   // bytes of the head, or of the chunk line, so far
	left  int64 // bytes of body or chunk still to come
	head  head
}

type state uint8

const (
	inHead state = iota
	inBody
	inChunkSize
	inChunk
	inChunkEnd
	inTrailer
)

// head is what framing needs to know of a request head.
type head struct {
	started bool
	old     bool // HTTP/1.0
	hosts   int
	lengths int
	codings int
	length  int64
}

const maxChunkLine = 256

// idle reports that no request is under way.
func (i *inspector) idle() bool { return i.state == inHead && i.size == 0 }

// first reports that the byte just read is the first of a request.
func (i *inspector) first() bool { return i.state == inHead && i.size == 1 }

// scan returns how many bytes of p are fit to be read by others; an error
// refuses the byte after them and all that follows.
func (i *inspector) scan(p []byte) (int, error) {
	for at := 0; at < len(p); {
		if i.state == inBody || i.state == inChunk {
			n := int(min(i.left, int64(len(p)-at)))
			at += n
			i.left -= int64(n)
			if i.left == 0 {
				i.bodyDone()
			}
			continue
		}
		if err := i.char(p[at]); err != nil {
			return at, err
		}
		at++
	}
	return len(p), nil
}

func (i *inspector) bodyDone() {
	if i.state == inChunk {
		i.state = inChunkEnd
		return
	}
	i.reset()
}

func (i *inspector) reset() { *i = inspector{line: i.line[:0]} }

// char takes one byte of a line. A line ends in CRLF and in nothing else.
func (i *inspector) char(b byte) error {
	i.size++
	if i.state == inHead && i.size > maxHead {
		return errHeadTooLarge
	}
	if i.state != inHead && i.size > maxChunkLine {
		return errFraming
	}
	last := len(i.line) - 1
	afterCR := last >= 0 && i.line[last] == '\r'
	if afterCR != (b == '\n') || (b < ' ' && b != '\t' && b != '\r' && b != '\n') || b == 0x7f {
		return errFraming
	}
	if b != '\n' {
		i.line = append(i.line, b)
		return i.early(b)
	}
	line := i.line[:last]
	i.line = i.line[:0]
	return i.endOfLine(line)
}

// early refuses what can never become a request as soon as it shows, so that a
// TLS hello or random bytes are not waited for.
func (i *inspector) early(b byte) error {
	if i.state == inHead && !i.head.started && len(i.line) == 1 && !isTokenChar(b) {
		return errFraming
	}
	return nil
}

func (i *inspector) endOfLine(line []byte) error {
	switch i.state {
	case inHead:
		return i.headLine(line)
	case inChunkSize:
		return i.chunkSize(line)
	case inChunkEnd:
		if len(line) != 0 {
			return errFraming
		}
		i.state, i.size = inChunkSize, 0
		return nil
	case inTrailer: // only the empty one is accepted: nothing here reads any
		if len(line) != 0 {
			return errFraming
		}
		i.reset()
		return nil
	case inBody, inChunk: // no lines in there
	}
	return errFraming
}

func (i *inspector) headLine(line []byte) error {
	switch {
	case !i.head.started:
		i.head.started = true
		return i.head.requestLine(line)
	case len(line) > 0:
		return i.head.field(line)
	}
	h := i.head
	chunked, err := h.framing()
	if err != nil {
		return err
	}
	switch {
	case chunked:
		i.state, i.size = inChunkSize, 0
	case h.length > 0:
		i.state, i.left = inBody, h.length
	default:
		i.reset()
	}
	return nil
}

// chunkSize reads hexadecimal digits and skips extensions (RFC 9112 section 7.1).
func (i *inspector) chunkSize(line []byte) error {
	digits, _, _ := bytes.Cut(line, []byte(";"))
	if len(digits) == 0 || len(digits) > 8 || !allHex(digits) {
		return errFraming
	}
	n, err := strconv.ParseInt(string(digits), 16, 64)
	if err != nil {
		return errFraming
	}
	i.size = 0
	if n == 0 {
		i.state = inTrailer
		return nil
	}
	i.state, i.left = inChunk, n
	return nil
}

// requestLine accepts origin-form targets only (RFC 9112 section 3.2.1): a
// target that names a host could differ from the Host header.
func (h *head) requestLine(line []byte) error {
	parts := strings.Split(string(line), " ")
	if len(parts) != 3 || len(parts[0]) > 32 || !isToken(parts[0]) {
		return errFraming
	}
	switch parts[2] {
	case "HTTP/1.1":
	case "HTTP/1.0":
		h.old = true
	default:
		return errFraming
	}
	target := parts[1]
	if target == "" || target[0] != '/' || strings.HasPrefix(target, "//") || strings.IndexByte(target, '#') >= 0 {
		return errFraming
	}
	for k := range len(target) {
		if target[k] <= ' ' || target[k] > '~' {
			return errFraming
		}
	}
	return nil
}

// field refuses folded lines and blanks before the colon by demanding a token
// there (RFC 9112 sections 5.1 and 5.2).
func (h *head) field(line []byte) error {
	name, value, ok := strings.Cut(string(line), ":")
	if !ok || !isToken(name) {
		return errFraming
	}
	value = strings.Trim(value, " \t")
	switch {
	case strings.EqualFold(name, "Host"):
		h.hosts++
		if h.hosts > 1 || !isHost(value) {
			return errFraming
		}
	case strings.EqualFold(name, "Content-Length"):
		h.lengths++
		n, err := strconv.ParseUint(value, 10, 62) // digits only: no sign, no list
		if h.lengths > 1 || err != nil {
			return errFraming
		}
		h.length = int64(n)
	case strings.EqualFold(name, "Transfer-Encoding"):
		h.codings++
		if h.codings > 1 || h.old || !strings.EqualFold(value, "chunked") {
			return errFraming
		}
	}
	return nil
}

// framing says how the body ends once the head is complete.
func (h *head) framing() (chunked bool, err error) {
	if h.hosts == 0 && !h.old || h.codings > 0 && h.lengths > 0 {
		return false, errFraming
	}
	return h.codings > 0, nil
}
