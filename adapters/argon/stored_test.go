package argon_test

import (
	"fmt"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"ostiary/adapters/argon"
	"ostiary/domain/secret"
)

const (
	salt16 = "c2FsdHNhbHRzYWx0c2FsdA"
	key32  = "BBs+1+PaslLtBPULUr8/lQicvVuHiEPMz0i8MjLCbzM"
	key24  = "BBs+1+PaslLtBPULUr8/lQicvVuHiEPM"
)

func argon2id(params string) string { return "$argon2id$v=19$" + params + "$" + salt16 + "$" + key32 }

// hostile hashes panicked, took terabytes, or matched by chance in a decoder
// that reads them kindly.
var hostile = map[string]string{
	"empty":                "",
	"a dollar":             "$",
	"plain text":           "correct horse",
	"unknown scheme":       "$1$salt$key",
	"argon2d":              strings.Replace(argon2id("m=64,t=1,p=1"), "argon2id", "argon2d", 1),
	"no first dollar":      argon2id("m=64,t=1,p=1")[1:],
	"two first dollars":    "$" + argon2id("m=64,t=1,p=1"),
	"no passes":            argon2id("m=64,t=0,p=1"),
	"no lanes":             argon2id("m=64,t=1,p=0"),
	"no memory":            argon2id("m=0,t=1,p=1"),
	"little memory":        argon2id("m=15,t=1,p=2"),
	"1 TiB":                argon2id("m=1073741824,t=1,p=1"),
	"4 TiB":                argon2id("m=4294967295,t=1,p=1"),
	"just too much memory": argon2id("m=262145,t=1,p=1"),
	"too much in all":      argon2id("m=262144,t=5,p=1"),
	"many passes":          argon2id("m=64,t=17,p=1"),
	"endless passes":       argon2id("m=64,t=4294967295,p=1"),
	"many lanes":           argon2id("m=4096,t=1,p=17"),
	"256 lanes":            argon2id("m=4096,t=1,p=256"),
	"over 32 bits":         argon2id("m=4294967360,t=1,p=1"),
	"over 64 bits":         argon2id("m=18446744073709551680,t=1,p=1"),
	"minus":                argon2id("m=-64,t=1,p=1"),
	"plus":                 argon2id("m=+64,t=1,p=1"),
	"leading zero":         argon2id("m=064,t=1,p=1"),
	"hex":                  argon2id("m=0x40,t=1,p=1"),
	"blank":                argon2id("m=64, t=1,p=1"),
	"junk after":           argon2id("m=64,t=1,p=1;evil"),
	"more parameters":      argon2id("m=64,t=1,p=1,data=AAAA"),
	"another order":        argon2id("t=1,m=64,p=1"),
	"a name twice":         argon2id("m=64,m=64,p=1"),
	"no parameters":        argon2id(""),
	"version 16":           strings.Replace(argon2id("m=64,t=1,p=1"), "v=19", "v=16", 1),
	"no version":           strings.Replace(argon2id("m=64,t=1,p=1"), "v=19$", "", 1),
	"version and junk":     strings.Replace(argon2id("m=64,t=1,p=1"), "v=19", "v=19x", 1),
	"no key":               "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$",
	"no key nor dollar":    "$argon2id$v=19$m=64,t=1,p=1$" + salt16,
	"1-byte key":           "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$AA",
	"15-byte key":          "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$AAAAAAAAAAAAAAAAAAAA",
	"65-byte key":          "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$" + strings.Repeat("A", 87),
	"no salt":              "$argon2id$v=19$m=64,t=1,p=1$$" + key32,
	"7-byte salt":          "$argon2id$v=19$m=64,t=1,p=1$AAAAAAAAAA$" + key32,
	"65-byte salt":         "$argon2id$v=19$m=64,t=1,p=1$" + strings.Repeat("A", 87) + "$" + key32,
	"padded key":           argon2id("m=64,t=1,p=1") + "=",
	"stray bits":           "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$BBs+1+PaslLtBPULUr8/lQicvVuHiEPMz0i8MjLCbzN",
	"line break in key":    "$argon2id$v=19$m=64,t=1,p=1$" + salt16 + "$" + key32[:10] + "\n" + key32[10:],
	"line break at end":    argon2id("m=64,t=1,p=1") + "\n",
	"a part more":          argon2id("m=64,t=1,p=1") + "$",
	"very long":            argon2id("m=64,t=1,p=1") + strings.Repeat("A", 1<<16),

	"bcrypt dear":        "$2b$15$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"bcrypt dearest":     "$2b$31$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"bcrypt cheap":       "$2b$03$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"bcrypt cost":        "$2b$+4$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"bcrypt short":       "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6",
	"bcrypt long":        "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6ee",
	"bcrypt characters":  "$2b$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6=",
	"bcrypt of 2x":       "$2x$04$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
	"scrypt memory":      "$scrypt$ln=20,r=8,p=1$" + salt16 + "$" + key32,
	"scrypt N":           "$scrypt$ln=63,r=1,p=1$" + salt16 + "$" + key32,
	"scrypt N over":      "$scrypt$ln=64,r=1,p=1$" + salt16 + "$" + key32,
	"scrypt r":           "$scrypt$ln=10,r=4294967295,p=1$" + salt16 + "$" + key32,
	"scrypt p":           "$scrypt$ln=10,r=8,p=1073741823$" + salt16 + "$" + key32,
	"scrypt work":        "$scrypt$ln=17,r=8,p=16$" + salt16 + "$" + key32,
	"scrypt zero":        "$scrypt$ln=0,r=8,p=1$" + salt16 + "$" + key32,
	"scrypt key":         "$scrypt$ln=4,r=8,p=1$" + salt16 + "$AA",
	"scrypt more":        "$scrypt$ln=4,r=8,p=1$" + salt16 + "$" + key32 + "$",
	"pbkdf2 rounds":      "$pbkdf2-sha256$i=2000001$" + salt16 + "$" + key32,
	"pbkdf2 none":        "$pbkdf2-sha256$i=0$" + salt16 + "$" + key32,
	"pbkdf2 length":      "$pbkdf2-sha256$i=1000,l=31$" + salt16 + "$" + key32,
	"pbkdf2 short key":   "$pbkdf2-sha512$i=1000$" + salt16 + "$AAAA",
	"pbkdf2 sha1":        "$pbkdf2-sha1$i=1000$" + salt16 + "$" + key32,
	"pbkdf2 parts":       "$pbkdf2-sha256$i=1000$" + key32,
	"Django rounds":      "pbkdf2_sha256$4294967295$saltsaltsalt$" + key32 + "=",
	"Django salt":        "pbkdf2_sha256$1000$salt$" + key32 + "=",
	"Django blank salt":  "pbkdf2_sha256$1000$salt salt$" + key32 + "=",
	"Django odd salt":    "pbkdf2_sha256$1000$saltsal\u00adt$" + key32 + "=",
	"Django bare key":    "pbkdf2_sha256$1000$saltsaltsalt$" + key32,
	"Django 24-byte key": "pbkdf2_sha256$1000$saltsaltsalt$" + key24 + "=",
	"Django with dollar": "$pbkdf2_sha256$1000$saltsaltsalt$" + key32 + "=",
}

func TestAccepts_KnowsAtTheBounds(t *testing.T) {
	t.Parallel()
	h := newHasher(t, small)

	for name, text := range map[string]string{
		"least argon2id":   "$argon2id$v=19$m=8,t=1,p=1$AAAAAAAAAAA$AAAAAAAAAAAAAAAAAAAAAA",
		"most memory":      argon2id("m=262144,t=4,p=1"),
		"most passes":      argon2id("m=65536,t=16,p=16"),
		"longest":          "$argon2id$v=19$m=64,t=1,p=1$" + strings.Repeat("A", 86) + "$" + strings.Repeat("A", 86),
		"dearest bcrypt":   "$2b$14$abcdefghijklmnopqrstuujydOTSfIH/d5oUHpsygqV5X9xJLQc6e",
		"advised scrypt":   "$scrypt$ln=17,r=8,p=1$" + salt16 + "$" + key32,
		"advised PBKDF2":   "$pbkdf2-sha256$i=600000$" + salt16 + "$" + key32,
		"dearest PBKDF2":   "$pbkdf2-sha512$i=2000000$" + salt16 + "$" + key32,
		"present Django":   "pbkdf2_sha256$1000000$saltsaltsaltsaltsaltsa$" + key32 + "=",
		"reference string": "$argon2id$v=19$m=65536,t=2,p=1$c29tZXNhbHQ$CTFhFdXPJO1aFaMaO6Mm5c8y7cJHApl8ArZWb2GRPPc",
	} {
		require.NoError(t, h.Accepts(secret.New(text)), name)
	}
}

func TestAccepts_AllowsFourTimesTheConfiguredMemory(t *testing.T) {
	t.Parallel()
	h := newHasher(t, argon.Config{MemoryKiB: 72 << 10, Iterations: 1, Parallelism: 1})

	require.NoError(t, h.Accepts(secret.New(argon2id("m=294912,t=1,p=1"))))
	require.ErrorIs(t, h.Accepts(secret.New(argon2id("m=294913,t=1,p=1"))), argon.ErrStored)
}

// Whatever is accepted costs a bounded amount; the numbers are read here a
// second time, by other means.
func FuzzAccepts(f *testing.F) {
	for _, text := range hostile {
		if len(text) < 1<<10 {
			f.Add(text)
		}
	}
	for _, text := range foreign {
		f.Add(text)
	}
	f.Add(argon2id("m=64,t=1,p=1"))
	h := newHasher(f, small)

	f.Fuzz(func(t *testing.T, text string) {
		err := h.Accepts(secret.New(text))
		if err != nil {
			require.ErrorIs(t, err, argon.ErrStored)
			return
		}
		require.LessOrEqual(t, len(text), 512)
		require.False(t, strings.ContainsAny(text, " \r\n\x00"), "one hash has one spelling")
		var id string
		var m, passes, lanes uint64
		for _, id = range []string{"$argon2i$", "$argon2id$"} {
			if _, err := fmt.Sscanf(text, id+"v=19$m=%d,t=%d,p=%d$", &m, &passes, &lanes); err == nil {
				require.LessOrEqual(t, m, uint64(256<<10))
				require.LessOrEqual(t, m*passes, uint64(1<<20))
				require.GreaterOrEqual(t, m, 8*lanes)
				require.True(t, passes >= 1 && passes <= 16 && lanes >= 1 && lanes <= 16)
			}
		}
		if strings.HasPrefix(text, "$2") {
			cost, err := strconv.Atoi(text[4:6])
			require.NoError(t, err)
			require.True(t, cost >= 4 && cost <= 14)
		}
	})
}
