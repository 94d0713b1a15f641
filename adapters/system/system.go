// Package system reads the machine's clock and random source. It is the only
// place that does; everything else is given a port.Clock or port.Random. The
// environment, files and signals are not its business.
package system

import (
	"crypto/rand"
	"encoding/binary"
	"time"

	"github.com/google/uuid"

	"ostiary/app/port"
)

var (
	_ port.Clock  = Clock{}
	_ port.Random = Random{}
)

// Clock is the machine's clock.
type Clock struct{}

// NewClock returns the machine's clock.
func NewClock() Clock { return Clock{} }

// Now implements port.Clock. The monotonic reading is dropped, so that a
// time equals itself after a round trip through a store.
func (Clock) Now() time.Time { return time.Now().UTC().Truncate(time.Millisecond) }

// Instant is for measuring durations: it keeps the monotonic reading, which
// neither a step of the clock nor a server's clock disturbs. The time of day that
// comes with it dates log lines and request ids, by which nothing is decided.
func Instant() time.Time { return time.Now() }

// Random is the machine's random source.
type Random struct{}

// NewRandom returns the machine's random source.
func NewRandom() Random { return Random{} }

// Fill implements port.Random.
func (Random) Fill(b []byte) {
	// Read fills b entirely or ends the program (Go 1.24 and later).
	_, _ = rand.Read(b)
}

// RequestID makes a UUID version 7 (RFC 9562 section 5.7) of now that takes no
// turn: those of one millisecond are in no order, and who answers many requests
// at once does not line up for their names.
func RequestID(now time.Time) string {
	var b uuid.UUID
	_, _ = rand.Read(b[:])
	var ms [8]byte
	binary.BigEndian.PutUint64(ms[:], uint64(now.UnixMilli()))
	copy(b[:6], ms[2:])
	b[6], b[8] = b[6]&0x0f|0x70, b[8]&0x3f|0x80
	return b.String()
}

// UUID implements port.Random. All that is stored has its id from one
// generator, so each is greater than the one before, also when the clock is
// set back.
func (Random) UUID() [16]byte { return uuid.Must(uuid.NewV7()) }
