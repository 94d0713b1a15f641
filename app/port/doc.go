// Package port says what use cases need from outside, one file per port. The
// comments are the contract that test/contract checks on every engine. An
// error that a comment does not name is an outage.
//
// Every method about tenant data takes the tenant, or an aggregate that
// carries it, and answers another tenant's data as if it did not exist.
//
// A method named Update loads one aggregate, applies change and stores the
// result in one atomic step. change may run again after a conflict, so it does
// no I/O. When it returns an error nothing is stored and Update returns that
// error; Keep stores nothing and is no error.
package port

import "errors"

// Keep is returned by a change that leaves the aggregate as it is.
var Keep = errors.New("port: nothing to store") //nolint:staticcheck // a signal to Update, never an error anybody sees
