package web

import (
	"bytes"
	"errors"
	"strconv"
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
	host  []byte // the last that was accepted: most connections are to one
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

const (
	maxChunkLine = 256
	maxHost      = 255 // of a name (RFC 1035 section 2.3.4)
)

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
		if line, ok := i.whole(p[at:]); ok {
			at += len(line) + 1 // to the LF, by which a refused line is refused
			i.size += len(line) + 2
			if err := i.endOfLine(line); err != nil {
				return at, err
			}
			at++
			continue
		}
		if n := i.plain(p[at:]); n > 0 {
			at += n
			continue
		}
		if err := i.char(p[at]); err != nil {
			return at, err
		}
		at++
	}
	return len(p), nil
}

// whole returns the line that p begins with, if it is all there and char would
// find nothing wrong with any of its bytes: it need not be kept then.
func (i *inspector) whole(p []byte) (line []byte, ok bool) {
	if len(i.line) > 0 {
		return nil, false
	}
	end := bytes.IndexByte(p, '\n') - 1
	if end < 0 || p[end] != '\r' || i.size+end+2 > i.most() || plainSpan(p[:end]) < end {
		return nil, false
	}
	if i.state == inHead && !i.head.started && !tokenChars.has(p[0]) {
		return nil, false
	}
	return p[:end], true
}

// most is how large the head, or the chunk line, may be.
func (i *inspector) most() int {
	if i.state == inHead {
		return maxHead
	}
	return maxChunkLine
}

// plain takes the bytes of a line at once that are neither its first nor near
// its end, nor beyond what a head may have: those that char would only keep.
// It returns how many.
func (i *inspector) plain(p []byte) int {
	kept := len(i.line)
	if kept == 0 || i.line[kept-1] == '\r' {
		return 0
	}
	p = p[:min(len(p), max(0, i.most()-i.size))]
	n := plainSpan(p)
	i.line = append(i.line, p[:n]...)
	i.size += n
	return n
}

func (i *inspector) bodyDone() {
	if i.state == inChunk {
		i.state = inChunkEnd
		return
	}
	i.reset()
}

func (i *inspector) reset() { *i = inspector{line: i.line[:0], host: i.host} }

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
	if afterCR != (b == '\n') || !plainChars.has(b) && b != '\r' && b != '\n' {
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
	if i.state == inHead && !i.head.started && len(i.line) == 1 && !tokenChars.has(b) {
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
		return i.field(line)
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
	method, rest, _ := bytes.Cut(line, space)
	target, version, _ := bytes.Cut(rest, space)
	if len(method) > 32 || !isToken(method) {
		return errFraming
	}
	switch string(version) {
	case "HTTP/1.1":
	case "HTTP/1.0":
		h.old = true
	default:
		return errFraming
	}
	if len(target) == 0 || target[0] != '/' || len(target) > 1 && target[1] == '/' {
		return errFraming
	}
	for _, b := range target {
		if b <= ' ' || b > '~' || b == '#' {
			return errFraming
		}
	}
	return nil
}

var space = []byte(" ")

// field refuses folded lines and blanks before the colon by demanding a token
// there (RFC 9112 sections 5.1 and 5.2).
func (i *inspector) field(line []byte) error {
	h := &i.head
	name, value, ok := bytes.Cut(line, colon)
	if !ok || !isToken(name) {
		return errFraming
	}
	value = bytes.Trim(value, " \t")
	switch {
	case bytes.EqualFold(name, hostName):
		h.hosts++
		known := len(value) > 0 && bytes.Equal(value, i.host)
		if h.hosts > 1 || !known && !isHost(string(value)) {
			return errFraming
		}
		if len(value) <= maxHost {
			i.host = append(i.host[:0], value...)
		}
	case bytes.EqualFold(name, lengthName):
		h.lengths++
		n, err := strconv.ParseUint(string(value), 10, 62) // digits only: no sign, no list
		if h.lengths > 1 || err != nil {
			return errFraming
		}
		h.length = int64(n)
	case bytes.EqualFold(name, codingName):
		h.codings++
		if h.codings > 1 || h.old || !bytes.EqualFold(value, chunkedName) {
			return errFraming
		}
	}
	return nil
}

var (
	colon       = []byte(":")
	hostName    = []byte("Host")
	lengthName  = []byte("Content-Length")
	codingName  = []byte("Transfer-Encoding")
	chunkedName = []byte("chunked")
)

// framing says how the body ends once the head is complete.
func (h *head) framing() (chunked bool, err error) {
	if h.hosts == 0 && !h.old || h.codings > 0 && h.lengths > 0 {
		return false, errFraming
	}
	return h.codings > 0, nil
}
