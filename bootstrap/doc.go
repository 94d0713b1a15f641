// Package bootstrap puts the program together: configuration, the table of
// what is made from what, start and stop. It is the only package that knows
// fx, and it decides nothing about identities.
package bootstrap
