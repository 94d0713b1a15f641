// Package proof judges whether somebody knows a password, under the limits on
// guessing. It opens no session and changes no password.
package proof
