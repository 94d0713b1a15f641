package mongod_test

import (
	"encoding/binary"
	"io"
	"net"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.mongodb.org/mongo-driver/bson"

	"ostiary/test/mongod"
)

const (
	opCompressed   = 2012
	opMsg          = 2013
	moreToCome     = 1 << 1
	exhaustAllowed = 1 << 16
)

func TestCommand_StandsBeforeOrAfterItsDocuments(t *testing.T) {
	t.Parallel()
	body := section(t, bson.D{{Key: "insert", Value: "c"}, {Key: "$db", Value: "d"}})
	documents := sequence(t, "documents", bson.D{{Key: "$db", Value: "another"}})
	for name, sections := range map[string][]byte{
		"alone":  body,
		"before": append(append([]byte{}, body...), documents...),
		"after":  append(append([]byte{}, documents...), body...),
	} {
		command, database, err := mongod.Command(message(opMsg, 0, sections))

		require.NoError(t, err, name)
		require.Equal(t, "insert", command, name)
		require.Equal(t, "d", database, name)
	}
}

func TestCommand_RefusesWhatItCannotRead(t *testing.T) {
	t.Parallel()
	for name, m := range map[string][]byte{
		"compressed":        message(opCompressed, 0, nil),
		"no flags":          message(opMsg, 0, nil)[:18],
		"no section":        message(opMsg, 0, nil),
		"unknown section":   message(opMsg, 0, []byte{7, 5, 0, 0, 0, 0}),
		"section too long":  message(opMsg, 0, []byte{0, 255, 255, 0, 0, 0}),
		"section below nil": message(opMsg, 0, []byte{1, 255, 255, 255, 255, 0}),
		"empty command":     message(opMsg, 0, section(t, bson.D{})),
		"no database":       message(opMsg, 0, section(t, bson.D{{Key: "ping", Value: 1}})),
		"no text":           message(opMsg, 0, section(t, bson.D{{Key: "ping", Value: 1}, {Key: "$db", Value: 1}})),
	} {
		_, _, err := mongod.Command(m)

		require.Error(t, err, name)
	}
}

func TestTurnstile_LetsOneCommandPerDatabaseThrough(t *testing.T) {
	t.Parallel()
	gate, server := scripted(t)
	first, second, other, watcher := client(t, gate), client(t, gate), client(t, gate), client(t, gate)

	say(t, first, ask(t, "insert", "one", 0))
	held := server.next(t)
	require.Equal(t, "insert one", held.text)

	// These pass while the first is under way; the one on its database is
	// still not there when all of them have come and gone.
	say(t, second, ask(t, "update", "one", 0))
	for _, free := range []struct {
		conn           net.Conn
		name, database string
	}{
		{other, "insert", "two"}, {watcher, "hello", "one"}, {watcher, "getMore", "one"}, {other, "find", "two"},
	} {
		say(t, free.conn, ask(t, free.name, free.database, 0))
		got := server.next(t)
		require.Equal(t, free.name+" "+free.database, got.text)
		got.answer(t, 0)
		hear(t, free.conn)
	}

	held.answer(t, 0)
	hear(t, first)
	after := server.next(t)
	require.Equal(t, "update one", after.text)
	after.answer(t, 0)
	hear(t, second)
}

func TestTurnstile_HoldsTheDatabaseWhenTheClientHasGone(t *testing.T) {
	t.Parallel()
	gate, server := scripted(t)
	first, second := client(t, gate), client(t, gate)
	say(t, first, ask(t, "insert", "one", 0))
	held := server.next(t)

	require.NoError(t, first.Close())
	say(t, second, ask(t, "update", "one", 0))
	say(t, client(t, gate), ask(t, "hello", "one", 0))
	hello := server.next(t)
	require.Equal(t, "hello one", hello.text)
	held.answer(t, 0)

	require.Equal(t, "update one", server.next(t).text)
}

func TestTurnstile_FreesTheDatabaseWhenTheServerHangsUp(t *testing.T) {
	t.Parallel()
	gate, server := scripted(t)
	first, second := client(t, gate), client(t, gate)
	say(t, first, ask(t, "insert", "one", 0))
	require.NoError(t, server.next(t).conn.Close())

	_, err := first.Read(make([]byte, 1))
	require.ErrorIs(t, err, io.EOF)
	say(t, second, ask(t, "update", "one", 0))
	require.Equal(t, "update one", server.next(t).text)
}

func TestTurnstile_PassesOnAStreamOfAnswers(t *testing.T) {
	t.Parallel()
	gate, server := scripted(t)
	watcher := client(t, gate)

	say(t, watcher, ask(t, "hello", "admin", exhaustAllowed))
	got := server.next(t)
	for _, flags := range []uint32{moreToCome, moreToCome, 0} {
		got.answer(t, flags)
		require.Equal(t, flags, binary.LittleEndian.Uint32(hear(t, watcher)[16:]))
	}
	say(t, watcher, ask(t, "hello", "admin", 0))
	require.Equal(t, "hello admin", server.next(t).text)
}

func TestTurnstile_WaitsForAWriteThatWantsNoAnswer(t *testing.T) {
	t.Parallel()
	gate, server := scripted(t)
	writer := client(t, gate)

	say(t, writer, ask(t, "insert", "one", moreToCome))
	silent := server.next(t)
	require.Zero(t, binary.LittleEndian.Uint32(silent.message[16:]), "an answer is asked for")
	say(t, writer, ask(t, "find", "one", 0))
	silent.answer(t, 0)
	server.next(t).answer(t, exhaustAllowed)

	require.EqualValues(t, exhaustAllowed, binary.LittleEndian.Uint32(hear(t, writer)[16:]), "the answer to find")
}

func TestTurnstile_HangsUpOnWhatIsNoFrame(t *testing.T) {
	t.Parallel()
	gate, _ := scripted(t)
	for name, m := range map[string][]byte{
		"shorter than its header": {4, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0},
		"too long":                {255, 255, 255, 127, 0, 0, 0, 0, 0, 0, 0, 0, 221, 7, 0, 0},
		"compressed":              message(opCompressed, 0, nil),
	} {
		conn := client(t, gate)
		say(t, conn, m)

		_, err := conn.Read(make([]byte, 1))
		require.ErrorIs(t, err, io.EOF, name)
	}
}

// request is one that has reached the server of a test.
type request struct {
	conn    net.Conn
	message []byte
	text    string
}

type script chan request

// scripted is a turnstile before a server that answers when the test says so.
func scripted(t *testing.T) (gate string, server script) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	require.NoError(t, err)
	t.Cleanup(func() { _ = l.Close() })
	gate, closeGate, err := mongod.Turnstile(l.Addr().String())
	require.NoError(t, err)
	t.Cleanup(closeGate)
	server = make(script, 16)
	go func() {
		for {
			conn, err := l.Accept()
			if err != nil {
				return
			}
			go server.listen(conn)
		}
	}()
	return gate, server
}

func (s script) listen(conn net.Conn) {
	defer func() { _ = conn.Close() }()
	for {
		m, err := receive(conn)
		if err != nil {
			return
		}
		name, database, err := mongod.Command(m)
		if err != nil {
			return
		}
		s <- request{conn: conn, message: m, text: name + " " + database}
	}
}

func (s script) next(t *testing.T) request {
	t.Helper()
	select {
	case r := <-s:
		return r
	case <-time.After(patience):
		require.FailNow(t, "no command has come")
		return request{}
	}
}

func (r request) answer(t *testing.T, flags uint32) {
	t.Helper()
	say(t, r.conn, message(opMsg, flags, section(t, bson.D{{Key: "ok", Value: 1.0}})))
}

func client(t *testing.T, addr string) net.Conn {
	t.Helper()
	conn, err := net.DialTimeout("tcp", addr, patience)
	require.NoError(t, err)
	require.NoError(t, conn.SetDeadline(time.Now().Add(patience)))
	t.Cleanup(func() { _ = conn.Close() })
	return conn
}

func say(t *testing.T, conn net.Conn, m []byte) {
	t.Helper()
	_, err := conn.Write(m)
	require.NoError(t, err)
}

func hear(t *testing.T, conn net.Conn) []byte {
	t.Helper()
	m, err := receive(conn)
	require.NoError(t, err)
	return m
}

func receive(conn net.Conn) ([]byte, error) {
	header := make([]byte, 16)
	if _, err := io.ReadFull(conn, header); err != nil {
		return nil, err
	}
	rest := make([]byte, binary.LittleEndian.Uint32(header)-16)
	_, err := io.ReadFull(conn, rest)
	return append(header, rest...), err
}

func ask(t *testing.T, name, database string, flags uint32) []byte {
	t.Helper()
	return message(opMsg, flags, section(t, bson.D{{Key: name, Value: 1}, {Key: "$db", Value: database}}))
}

func message(kind, flags uint32, sections []byte) []byte {
	m := make([]byte, 20, 20+len(sections))
	binary.LittleEndian.PutUint32(m, uint32(20+len(sections)))
	binary.LittleEndian.PutUint32(m[12:], kind)
	binary.LittleEndian.PutUint32(m[16:], flags)
	return append(m, sections...)
}

func section(t *testing.T, command bson.D) []byte {
	t.Helper()
	raw, err := bson.Marshal(command)
	require.NoError(t, err)
	return append([]byte{0}, raw...)
}

func sequence(t *testing.T, name string, documents ...bson.D) []byte {
	t.Helper()
	rest := append([]byte(name), 0)
	for _, d := range documents {
		raw, err := bson.Marshal(d)
		require.NoError(t, err)
		rest = append(rest, raw...)
	}
	return append(binary.LittleEndian.AppendUint32([]byte{1}, uint32(4+len(rest))), rest...)
}
