package fake

import (
	"crypto/aes"
	"crypto/cipher"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/binary"
	"errors"

	"ostiary/app/port"
	"ostiary/domain/secret"
)

var _ port.Vault = Vault{}

// Vault seals and signs for real, under a key that everybody knows.
type Vault struct{}

// Seal implements port.Vault.
func (v Vault) Seal(purpose string, plain, bound []byte) []byte {
	a := v.aead(purpose)
	nonce := make([]byte, a.NonceSize())
	_, _ = rand.Read(nonce)
	return a.Seal(nonce, nonce, plain, bound)
}

// Open implements port.Vault.
func (v Vault) Open(purpose string, sealed, bound []byte) ([]byte, error) {
	a := v.aead(purpose)
	if len(sealed) < a.NonceSize() {
		return nil, errors.New("fake: sealed bytes are too short")
	}
	return a.Open(nil, sealed[:a.NonceSize()], sealed[a.NonceSize():], bound)
}

// MAC implements port.Vault.
func (Vault) MAC(purpose string, parts ...[]byte) secret.Digest {
	m := hmac.New(sha256.New, []byte("fake vault: "+purpose))
	for _, p := range parts {
		m.Write(binary.BigEndian.AppendUint64(nil, uint64(len(p))))
		m.Write(p)
	}
	return secret.Digest(m.Sum(nil))
}

func (v Vault) aead(purpose string) cipher.AEAD {
	key := v.MAC(purpose, []byte("seal"))
	block, err := aes.NewCipher(key[:])
	if err != nil {
		panic(err) // a digest is 32 bytes long
	}
	a, err := cipher.NewGCM(block)
	if err != nil {
		panic(err) // AES has the right block size
	}
	return a
}
