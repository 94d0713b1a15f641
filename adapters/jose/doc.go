// Package jose makes and reads access tokens (JWT, RFC 7519 and RFC 9068) and
// keeps the signing keys of the stored set ready for use. When a key is made,
// and who may be let in with a token, is decided elsewhere.
//
// An access token is a JWS in compact form with exactly the members alg, kid
// and typ (at+jwt) in its header. RFC 9068 also asks for the claim client_id;
// there are no clients here, so it is left out.
//
// A token is read by a strict parser of this package alone and only then are
// its signed bytes handed to jwx, with one key and the one algorithm of that
// key: no second reader of the header exists that could understand it in
// another way (RFC 8725 sections 3.1 and 3.10). An ES256 signature has two
// valid forms, so a token is named by its jti and never by its text.
package jose
