package jose

import (
	"encoding/base64"
	"errors"
	"strings"

	"github.com/go-json-experiment/json"

	"ostiary/domain/keyset"
)

const (
	// maxToken is above what the longest audience and a hundred of the longest
	// scopes come to, and bounds what is decoded before anything is proven.
	maxToken = 8192
	typ      = "at+jwt"
)

// strict refuses padding and a last character with stray bits.
var strict = base64.RawURLEncoding.Strict()

// The causes of refusals, for the log alone.
var (
	errShape     = errors.New("not three dot-joined base64url parts of acceptable length")
	errHeader    = errors.New("the header is not an object of alg, kid and typ")
	errType      = errors.New("typ is not at+jwt")
	errKey       = errors.New("kid names no published key")
	errAlg       = errors.New("alg is not the one of the key")
	errSignature = errors.New("the signature does not hold")
	errPayload   = errors.New("the claims are not readable")
)

// parts is a token in compact form, cut up.
type parts struct {
	head      string // what says how it is signed
	signed    string // what is signed
	payload   []byte
	signature []byte
}

// protected has exactly the members that Ostiary writes: with crit, b64, zip,
// jku, jwk, x5u or anything else beside them the header is refused (RFC 7515
// section 4.1.11, RFC 8725 section 3.10).
type protected struct {
	Algorithm string `json:"alg"`
	KeyID     string `json:"kid"`
	Type      string `json:"typ"`
}

// cut takes a compact JWS apart. Every token has one spelling: no white space,
// no padding, no other alphabet.
func cut(token string) (parts, error) {
	if len(token) > maxToken {
		return parts{}, errShape
	}
	head, rest, _ := strings.Cut(token, ".")
	body, sig, found := strings.Cut(rest, ".")
	if !found || head == "" || body == "" || sig == "" || strings.Contains(sig, ".") {
		return parts{}, errShape
	}
	p := parts{head: head, signed: token[:len(head)+1+len(body)]}
	var err error
	if p.payload, err = decode(body); err != nil {
		return parts{}, err
	}
	if p.signature, err = decode(sig); err != nil {
		return parts{}, err
	}
	return p, nil
}

// decode is needed because the strict decoder still skips line ends.
func decode(s string) ([]byte, error) {
	if strings.ContainsAny(s, "\r\n") {
		return nil, errShape
	}
	b, err := strict.DecodeString(s)
	if err != nil {
		return nil, errShape
	}
	return b, nil
}

// readHeader returns what the header says. Duplicate, unknown and differently
// spelled members and invalid UTF-8 are refused.
func readHeader(head string) (protected, error) {
	raw, err := decode(head)
	if err != nil {
		return protected{}, err
	}
	var h protected
	if err := json.Unmarshal(raw, &h, json.RejectUnknownMembers(true)); err != nil {
		return protected{}, errHeader
	}
	if h.Type != typ {
		return protected{}, errType
	}
	return h, nil
}

// holds checks the signature with this key and its algorithm alone.
func (p *pair) holds(h protected, t parts) error {
	if keyset.Algorithm(h.Algorithm) != p.key.Algorithm {
		return errAlg
	}
	if p.verifier.Verify([]byte(t.signed), t.signature, p.verify) != nil {
		return errSignature
	}
	return nil
}
