// Package seal encrypts and authenticates under the deployment's master key,
// and finds that key. What is sealed, and where the result is stored, is the
// caller's business.
package seal

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"sync"

	"ostiary/app/port"
	"ostiary/domain/secret"
)

var _ port.Vault = (*Vault)(nil)

// KeySize is the length of a master key in bytes.
const KeySize = 32

// ErrOpen is returned for bytes that were not sealed under this master key
// with the same purpose and bound.
var ErrOpen = errors.New("seal: the bytes do not open")

const (
	nonceSize = 12
	tagSize   = 16

	// Purposes are constants of the code; the bound keeps a caller's mistake
	// from filling the memory.
	maxCached = 256
)

// Vault derives one key per purpose and use from the master key.
type Vault struct {
	random port.Random
	master []byte

	mu   sync.RWMutex
	keys map[string]derived
}

type derived struct {
	aead cipher.AEAD
	mac  []byte
}

// New keeps its own copy of the master key, which is KeySize bytes long.
func New(masterKey []byte, r port.Random) (*Vault, error) {
	if len(masterKey) != KeySize {
		return nil, fmt.Errorf("seal: a master key has %d bytes, not %d", KeySize, len(masterKey))
	}
	return &Vault{random: r, master: append([]byte(nil), masterKey...), keys: map[string]derived{}}, nil
}

// Seal implements port.Vault. The nonce is random and stands before the
// ciphertext: fit for 2^32 messages of one purpose (NIST SP 800-38D, 8.3).
func (v *Vault) Seal(purpose string, plain, bound []byte) []byte {
	out := make([]byte, nonceSize, nonceSize+len(plain)+tagSize)
	v.random.Fill(out)
	return v.key(purpose).aead.Seal(out, out[:nonceSize], plain, bound)
}

// Open implements port.Vault.
func (v *Vault) Open(purpose string, sealed, bound []byte) ([]byte, error) {
	if len(sealed) < nonceSize+tagSize {
		return nil, ErrOpen
	}
	plain, err := v.key(purpose).aead.Open(nil, sealed[:nonceSize], sealed[nonceSize:], bound)
	if err != nil {
		return nil, ErrOpen
	}
	return plain, nil
}

// MAC implements port.Vault.
func (v *Vault) MAC(purpose string, parts ...[]byte) secret.Digest {
	h := hmac.New(sha256.New, v.key(purpose).mac)
	for _, p := range parts {
		var n [8]byte
		binary.BigEndian.PutUint64(n[:], uint64(len(p)))
		h.Write(n[:])
		h.Write(p)
	}
	return secret.Digest(h.Sum(nil))
}

func (v *Vault) key(purpose string) derived {
	v.mu.RLock()
	d, ok := v.keys[purpose]
	v.mu.RUnlock()
	if ok {
		return d
	}
	d = derive(v.master, purpose)
	v.mu.Lock()
	defer v.mu.Unlock()
	if len(v.keys) < maxCached {
		v.keys[purpose] = d
	}
	return d
}

// derive panics on what cannot happen: every length here is a constant.
func derive(master []byte, purpose string) derived {
	expand := func(use string) []byte {
		k, err := hkdf.Key(sha256.New, master, nil, "ostiary/1/"+use+"/"+purpose, 32)
		if err != nil {
			panic(fmt.Sprintf("seal: derive key: %v", err))
		}
		return k
	}
	block, err := aes.NewCipher(expand("seal"))
	if err != nil {
		panic(fmt.Sprintf("seal: make cipher: %v", err))
	}
	aead, err := cipher.NewGCM(block)
	if err != nil {
		panic(fmt.Sprintf("seal: make cipher: %v", err))
	}
	return derived{aead: aead, mac: expand("mac")}
}
