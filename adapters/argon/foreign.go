package argon

import (
	"crypto/pbkdf2"
	"crypto/sha256"
	"crypto/sha512"
	"crypto/subtle"
	"hash"
	"strings"

	"golang.org/x/crypto/bcrypt"
	"golang.org/x/crypto/scrypt"
)

const (
	minBcrypt, maxBcrypt = 4, 14
	bcryptSize           = 60
	bcryptBytes          = 72 // what bcrypt reads of a password

	maxLogN      = 24 // the bound on memory is the narrower one
	maxBlock     = 32
	maxScryptP   = 16
	maxScryptOps = 1 << 22 // N·r·p: about a second

	maxRounds = 2_000_000 // of PBKDF2: about a second
)

// bcrypted reads $2b$10$ and 53 characters. A password of more than 72 bytes
// never matches: bcrypt would compare its beginning only.
func bcrypted(text string) (stored, error) {
	if len(text) != bcryptSize || text[6] != '$' || strings.Trim(text[7:], bcryptAlphabet) != "" {
		return refused("not bcrypt")
	}
	tens, ones := text[4], text[5]
	if tens < '0' || tens > '9' || ones < '0' || ones > '9' {
		return refused("not bcrypt")
	}
	if cost := int(tens-'0')*10 + int(ones-'0'); cost < minBcrypt || cost > maxBcrypt {
		return refused("parameters out of bounds")
	}
	return stored{weak: true, matches: func(password string) bool {
		read := password[:min(len(password), bcryptBytes)]
		same := bcrypt.CompareHashAndPassword([]byte(text), []byte(read)) == nil
		return same && len(password) <= bcryptBytes
	}}, nil
}

const bcryptAlphabet = "./ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// scrypt reads ln=…,r=…,p=…$salt$key.
func (b bounds) scrypt(rest string) (stored, error) {
	part := strings.Split(rest, "$")
	if len(part) != 3 {
		return refused("not scrypt")
	}
	n, ok := numbers(part[0], "ln", "r", "p")
	if !ok {
		return refused("parameters malformed")
	}
	logN, r, p := n[0], n[1], n[2]
	if logN < 1 || logN > maxLogN || r < 1 || r > maxBlock || p < 1 || p > maxScryptP {
		return refused("parameters out of bounds")
	}
	takes := 128 * r * (1<<logN + p) // bytes (RFC 7914 section 2)
	if takes > b.memoryKiB<<10 || r*p<<logN > maxScryptOps {
		return refused("parameters out of bounds")
	}
	salt, key, ok := saltAndKey(part[1], part[2])
	if !ok {
		return refused("salt or key malformed")
	}
	return stored{memoryKiB: (takes + 1<<10 - 1) >> 10, weak: true, matches: func(password string) bool {
		got, err := scrypt.Key([]byte(password), salt, 1<<logN, int(r), int(p), len(key)) //nolint:gosec // judged above
		return err == nil && subtle.ConstantTimeCompare(got, key) == 1
	}}, nil
}

// pbkdf2ed reads i=…$salt$key, i=…,l=…$salt$key, and passlib's …$salt$key
// with a point for the plus sign.
func pbkdf2ed(scheme, rest string) (stored, error) {
	part := strings.Split(rest, "$")
	if len(part) != 3 {
		return refused("not PBKDF2")
	}
	rounds, length, ok := pbkdf2Numbers(part[0])
	if !ok {
		return refused("parameters malformed")
	}
	plus := strings.NewReplacer(".", "+")
	salt, key, ok := saltAndKey(plus.Replace(part[1]), plus.Replace(part[2]))
	if !ok || (length != 0 && length != uint64(len(key))) {
		return refused("salt or key malformed")
	}
	if scheme == "pbkdf2-sha512" {
		return rounded(sha512.New, rounds, salt, key)
	}
	return rounded(sha256.New, rounds, salt, key)
}

func pbkdf2Numbers(text string) (rounds, length uint64, ok bool) {
	if n, ok := numbers(text, "i", "l"); ok {
		return n[0], n[1], true
	}
	if n, ok := numbers(text, "i"); ok {
		return n[0], 0, true
	}
	rounds, ok = number(text)
	return rounds, 0, ok
}

// django reads iterations$salt$key, the salt as text and the key padded.
func django(rest string) (stored, error) {
	part := strings.Split(rest, "$")
	if len(part) != 3 {
		return refused("not PBKDF2")
	}
	rounds, ok := number(part[0])
	if !ok || len(part[1]) < minSalt || len(part[1]) > maxSalt || !graphic(part[1]) {
		return refused("parameters malformed")
	}
	bare, padded := strings.CutSuffix(part[2], "=") // 32 bytes have one
	key, ok := unbase64(bare, sha256.Size, sha256.Size)
	if !ok || !padded {
		return refused("salt or key malformed")
	}
	return rounded(sha256.New, rounds, []byte(part[1]), key)
}

// graphic holds for ASCII that can be seen, so that no two texts look alike.
func graphic(text string) bool {
	return !strings.ContainsFunc(text, func(r rune) bool { return r <= ' ' || r > '~' })
}

func rounded[H hash.Hash](h func() H, rounds uint64, salt, key []byte) (stored, error) {
	if rounds > maxRounds {
		return refused("parameters out of bounds")
	}
	return stored{weak: true, matches: func(password string) bool {
		got, err := pbkdf2.Key(h, password, salt, int(rounds), len(key)) //nolint:gosec // judged above
		return err == nil && subtle.ConstantTimeCompare(got, key) == 1
	}}, nil
}
