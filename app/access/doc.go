// Package access says who is calling: a visitor of a portal by access token,
// or an actor of the admin API by any credential. What they may do is decided
// by the use case they call.
package access
