// Package keyset decides which signing key signs, which are published and
// when one is dropped. Private keys pass through sealed.
package keyset

import (
	"slices"
	"time"

	"ostiary/domain/fault"
)

// Times of a key's life.
const (
	// Publish is the max-age of the published set: a new key is seen by
	// everybody before it signs.
	Publish = 5 * time.Minute
	// Schedule is the age at which a key is replaced.
	Schedule = 30 * 24 * time.Hour
	// Linger is how long a key is published after it stopped signing: the
	// longest access token (60 min), clock skew, and the set's max-age.
	Linger = 70 * time.Minute
)

// ErrAlgorithm is returned for an algorithm that is not offered.
var ErrAlgorithm = fault.New(fault.Invalid, "algorithm_unknown", "Accepted are ES256, EdDSA and RS256.")

// ErrNotFound is returned for a key that is not in the set.
var ErrNotFound = fault.New(fault.NotFound, "key_not_found", "There is no such signing key.")

// Algorithm is a JWS algorithm (RFC 7518, RFC 8037).
type Algorithm string

// The algorithms on offer.
const (
	ES256 Algorithm = "ES256"
	EdDSA Algorithm = "EdDSA"
	RS256 Algorithm = "RS256"
)

// ParseAlgorithm accepts what is on offer.
func ParseAlgorithm(s string) (Algorithm, error) {
	switch a := Algorithm(s); a {
	case ES256, EdDSA, RS256:
		return a, nil
	default:
		return "", ErrAlgorithm
	}
}

// Key is one signing key. Private is sealed under the master key with the
// key's id as associated data; Public is the public JWK (RFC 7517) as JSON.
type Key struct {
	ID        string
	Algorithm Algorithm
	Public    []byte
	Private   []byte
	Created   time.Time
	SignsFrom time.Time
	Retired   time.Time // zero: may sign
}

// Published reports whether the key verifies at the given time.
func (k Key) Published(now time.Time) bool {
	return k.Retired.IsZero() || now.Before(k.Retired.Add(Linger))
}

// maySign reports whether the key has not signed its last, be its turn here or
// ahead.
func (k Key) maySign(now time.Time) bool {
	return k.Retired.IsZero() || now.Before(k.Retired)
}

// Set is all keys of a deployment, oldest first.
type Set struct {
	Keys    []Key
	Version int64
}

// Signer returns the key that signs at the given time. When nobody's turn has
// come it is the oldest that may sign at all: a process whose clock is behind
// the maker's has no other.
func (s Set) Signer(now time.Time) (Key, bool) {
	for _, k := range slices.Backward(s.Keys) {
		if k.maySign(now) && !now.Before(k.SignsFrom) {
			return k, true
		}
	}
	for _, k := range s.Keys {
		if k.maySign(now) {
			return k, true
		}
	}
	return Key{}, false
}

// Published returns the keys that verify at the given time.
func (s Set) Published(now time.Time) []Key {
	var out []Key
	for _, k := range s.Keys {
		if k.Published(now) {
			out = append(out, k)
		}
	}
	return out
}

// Due reports whether the schedule, or an empty set, asks for a new key.
func (s Set) Due(now time.Time, alg Algorithm) bool {
	if len(s.Keys) == 0 {
		return true
	}
	last := s.Keys[len(s.Keys)-1]
	return last.Algorithm != alg || now.Sub(last.Created) >= Schedule
}

// Rotate adds a key. The first of a deployment signs at once, a later one
// after it has been published for the set's max-age; then the present signer
// retires. Keys that verify nothing any more are dropped.
func (s Set) Rotate(k Key, now time.Time) Set {
	out := Set{Keys: s.Published(now), Version: s.Version + 1}
	k.Created, k.SignsFrom = now, now
	if _, ok := s.Signer(now); ok {
		k.SignsFrom = now.Add(Publish)
	}
	for i := range out.Keys {
		if out.Keys[i].Retired.IsZero() || out.Keys[i].Retired.After(k.SignsFrom) {
			out.Keys[i].Retired = k.SignsFrom
		}
	}
	out.Keys = append(out.Keys, k)
	return out
}

// Remove takes a key out for good: what it signed is refused from now on, and
// the set's next save stands on this version, so that no change of a set which
// still holds the key can bring it back. The key that waits for the turn of a
// removed one signs at once. When nobody is left that may sign, the caller adds
// a key. It returns ErrNotFound when the key is not there.
func (s Set) Remove(id string, now time.Time) (Set, error) {
	if !slices.ContainsFunc(s.Keys, func(k Key) bool { return k.ID == id }) {
		return s, ErrNotFound
	}
	out := Set{Version: s.Version + 1}
	for _, k := range s.Published(now) {
		if k.ID != id {
			out.Keys = append(out.Keys, k)
		}
	}
	out.takeTurns(now)
	return out, nil
}

// takeTurns lets each key that may still sign do so until the next one's turn,
// the last one with no end, and the first one from now.
func (s Set) takeTurns(now time.Time) {
	var first *Key
	var end time.Time
	for i := range slices.Backward(s.Keys) {
		if k := &s.Keys[i]; k.maySign(now) {
			k.Retired, end, first = end, k.SignsFrom, k
		}
	}
	if first != nil && now.Before(first.SignsFrom) {
		first.SignsFrom = now
	}
}
