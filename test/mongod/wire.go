package mongod

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"go.mongodb.org/mongo-driver/bson"
)

const (
	headerLen = 16
	// maxFrame is what servers announce as maxMessageSizeBytes.
	maxFrame = 48_000_000

	opQuery = 2004
	opMsg   = 2013

	flagChecksum   = 1 << 0
	flagMoreToCome = 1 << 1

	sectionBody     = 0
	sectionSequence = 1
)

var errFrame = errors.New("not a frame of the MongoDB wire protocol")

// frame is one message with its header: length, request id, id of the message
// that it answers and kind, 32 bits each.
type frame []byte

func readFrame(r io.Reader) (frame, error) {
	var header [headerLen]byte
	if _, err := io.ReadFull(r, header[:]); err != nil {
		return nil, fmt.Errorf("read header: %w", err)
	}
	size := binary.LittleEndian.Uint32(header[:])
	if size < headerLen || size > maxFrame {
		return nil, fmt.Errorf("%w: %d bytes", errFrame, size)
	}
	f := make(frame, size)
	copy(f, header[:])
	if _, err := io.ReadFull(r, f[headerLen:]); err != nil {
		return nil, fmt.Errorf("read message: %w", err)
	}
	return f, nil
}

func (f frame) kind() uint32 { return binary.LittleEndian.Uint32(f[12:]) }

// flags are those of a command or of its answer.
func (f frame) flags() uint32 {
	if f.kind() != opMsg || len(f) < headerLen+4 {
		return 0
	}
	return binary.LittleEndian.Uint32(f[headerLen:])
}

func (f frame) moreToCome() bool { return f.flags()&flagMoreToCome != 0 }

// endsHere asks for an answer where the sender wanted none. A checksum would
// be wrong afterwards; it is dropped, as it is optional.
func (f frame) endsHere() frame {
	flags := f.flags()
	end := len(f)
	if flags&flagChecksum != 0 {
		end -= 4
	}
	g := append(frame(nil), f[:end]...)
	binary.LittleEndian.PutUint32(g, uint32(len(g)))
	binary.LittleEndian.PutUint32(g[headerLen:], flags&^(flagChecksum|flagMoreToCome))
	return g
}

// command says what a frame asks for and in which database. Collection is empty
// for commands that name none.
type command struct{ name, database, collection string }

// handshake tells commands that open or watch a connection from those that
// work on data. They may stay unanswered for long.
func (c command) handshake() bool {
	switch c.name {
	case "hello", "isMaster", "ismaster":
		return true
	default:
		return false
	}
}

// announce changes a 32-bit member of an answer in its place, if it is there.
func (f frame) announce(member string, n uint32) {
	element := append([]byte{byte(bson.TypeInt32)}, member...)
	if at := bytes.Index(f, append(element, 0)); at >= 0 && at+len(element)+5 <= len(f) {
		binary.LittleEndian.PutUint32(f[at+len(element)+1:], n)
	}
}

// command reads OP_MSG; of the legacy kinds only the handshake is left in use.
func (f frame) command() (command, error) {
	switch f.kind() {
	case opQuery:
		return command{name: "isMaster"}, nil
	case opMsg:
	default:
		return command{}, fmt.Errorf("%w: kind %d", errFrame, f.kind())
	}
	body, err := f.body()
	if err != nil {
		return command{}, err
	}
	first, err := body.IndexErr(0)
	if err != nil {
		return command{}, fmt.Errorf("%w: empty command", errFrame)
	}
	name, err := first.KeyErr()
	if err != nil {
		return command{}, fmt.Errorf("%w: unnamed command", errFrame)
	}
	database, ok := body.Lookup("$db").StringValueOK()
	if !ok {
		return command{}, fmt.Errorf("%w: command without $db", errFrame)
	}
	collection, _ := first.Value().StringValueOK()
	return command{name: name, database: database, collection: collection}, nil
}

// body finds the command document, which may stand before or after the
// sequences of documents that belong to it.
func (f frame) body() (bson.Raw, error) {
	end := len(f)
	if f.flags()&flagChecksum != 0 {
		end -= 4
	}
	for at := headerLen + 4; at+5 <= end; {
		size := int(int32(binary.LittleEndian.Uint32(f[at+1:])))
		if size < 4 || at+1+size > end {
			break
		}
		section := f[at+1 : at+1+size]
		switch f[at] {
		case sectionBody:
			return bson.Raw(section), bson.Raw(section).Validate()
		case sectionSequence:
			at += 1 + size
		default:
			return nil, fmt.Errorf("%w: section %d", errFrame, f[at])
		}
	}
	return nil, fmt.Errorf("%w: no command", errFrame)
}
