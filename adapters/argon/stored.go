package argon

import (
	"crypto/subtle"
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"golang.org/x/crypto/argon2"
)

const (
	maxStored = 512 // bytes of a stored hash

	minSalt, maxSalt = 8, 64
	minKey, maxKey   = 16, 64

	// ownMemoryKiB is what a stored hash may cost whatever is configured, and
	// ownWorkKiB the same for memory times passes: about a second.
	ownMemoryKiB = 256 << 10
	ownWorkKiB   = 1 << 20
)

// stored is a stored hash laid open, within bounds.
type stored struct {
	matches func(password string) bool
	weak    bool // to be hashed anew
	// memoryKiB is what it takes to compare, 0 for schemes that take little.
	memoryKiB uint64
}

// bounds judge stored hashes. They are read before anything is computed:
// a stored cost is as good as anybody's input.
type bounds struct {
	config    Config
	memoryKiB uint64
	workKiB   uint64
}

func boundsOf(c Config) bounds {
	return bounds{
		config:    c,
		memoryKiB: max(ownMemoryKiB, 4*uint64(c.MemoryKiB)),
		workKiB:   max(ownWorkKiB, 4*uint64(c.MemoryKiB)*uint64(c.Iterations)),
	}
}

func refused(reason string) (stored, error) {
	return stored{}, fmt.Errorf("%w: %s", ErrStored, reason)
}

func (b bounds) parse(text string) (stored, error) {
	if len(text) > maxStored {
		return refused("too long")
	}
	scheme, rest, ok := strings.Cut(strings.TrimPrefix(text, "$"), "$")
	if !ok {
		return refused("no known scheme")
	}
	if scheme == "pbkdf2_sha256" && text[0] != '$' {
		return django(rest)
	}
	if text[0] != '$' {
		return refused("no known scheme")
	}
	switch scheme {
	case "argon2id", "argon2i":
		return b.argon(scheme == "argon2id", rest)
	case "2a", "2b", "2y":
		return bcrypted(text)
	case "scrypt":
		return b.scrypt(rest)
	case "pbkdf2-sha256", "pbkdf2-sha512":
		return pbkdf2ed(scheme, rest)
	default:
		return refused("no known scheme")
	}
}

// argon reads v=19$m=…,t=…,p=…$salt$key and nothing looser.
func (b bounds) argon(id bool, rest string) (stored, error) {
	part := strings.Split(rest, "$")
	if len(part) != 4 || part[0] != "v=19" {
		return refused("not argon2 of version 19")
	}
	n, ok := numbers(part[1], "m", "t", "p")
	if !ok {
		return refused("parameters malformed")
	}
	memory, passes, lanes := n[0], n[1], n[2]
	if lanes < 1 || lanes > maxParallelism || passes < 1 || passes > maxIterations ||
		memory < 8*lanes || memory > b.memoryKiB || memory*passes > b.workKiB {
		return refused("parameters out of bounds")
	}
	salt, key, ok := saltAndKey(part[2], part[3])
	if !ok {
		return refused("salt or key malformed")
	}
	derive := argon2.Key
	if id {
		derive = argon2.IDKey
	}
	m, t, p := uint32(memory), uint32(passes), uint8(lanes) //nolint:gosec // judged above
	own := b.config
	return stored{
		memoryKiB: memory,
		weak:      !id || m < own.MemoryKiB || t < own.Iterations || p < own.Parallelism || len(salt) < saltSize || len(key) < keySize,
		matches: func(password string) bool {
			got := derive([]byte(password), salt, t, m, p, uint32(len(key))) //nolint:gosec // at most maxKey
			return subtle.ConstantTimeCompare(got, key) == 1
		},
	}, nil
}

func saltAndKey(saltText, keyText string) (salt, key []byte, ok bool) {
	salt, saltOK := unbase64(saltText, minSalt, maxSalt)
	key, keyOK := unbase64(keyText, minKey, maxKey)
	return salt, key, saltOK && keyOK
}

// numbers reads "m=1,t=2" with exactly these names in this order.
func numbers(text string, names ...string) ([]uint64, bool) {
	items := strings.Split(text, ",")
	if len(items) != len(names) {
		return nil, false
	}
	out := make([]uint64, len(names))
	for i, item := range items {
		digits, ok := strings.CutPrefix(item, names[i]+"=")
		n, plain := number(digits)
		if !ok || !plain {
			return nil, false
		}
		out[i] = n
	}
	return out, true
}

// number reads a decimal of up to 32 bits without sign or leading zero.
func number(digits string) (uint64, bool) {
	if digits == "" || len(digits) > 10 || digits[0] == '0' || strings.Trim(digits, "0123456789") != "" {
		return 0, false
	}
	n, err := strconv.ParseUint(digits, 10, 32)
	return n, err == nil
}

// unbase64 reads the unpadded form. Even the strict decoder skips line breaks.
func unbase64(text string, lo, hi int) ([]byte, bool) {
	if strings.ContainsAny(text, "\r\n") || len(text) > base64.RawStdEncoding.EncodedLen(hi) {
		return nil, false
	}
	out, err := base64.RawStdEncoding.Strict().DecodeString(text)
	return out, err == nil && len(out) >= lo && len(out) <= hi
}
