package mongo

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"time"

	"go.mongodb.org/mongo-driver/mongo"
	"go.mongodb.org/mongo-driver/x/mongo/driver"

	"ostiary/app/port"
	"ostiary/domain/fault"
)

// verdict carries what a caller's own function returned through the store
// unchanged.
type verdict struct{ err error }

func (v verdict) Error() string { return v.err.Error() }

// ask runs a caller's change on an aggregate.
func ask[A any](change func(A) error, a A) error {
	if err := change(a); err != nil {
		return verdict{err: err}
	}
	return nil
}

// finish turns what a step ended with into what its method returns.
func finish(what string, err error) error {
	if err == nil {
		return nil
	}
	var v verdict
	if errors.As(err, &v) {
		if errors.Is(v.err, port.Keep) {
			return nil
		}
		return v.err
	}
	if fault.Of(err) != nil {
		return err
	}
	if wrong(err) {
		return fmt.Errorf("%s: %w", what, err)
	}
	// Everything else is the network, a server on its way up or down, or a write
	// of which nobody knows whether it happened: never an answer to guess.
	return port.ErrUnavailable.After(time.Second).Because(fmt.Errorf("%s: %w", what, err))
}

// Codes of the server that a program's own mistakes bring about
// (https://github.com/mongodb/mongo/blob/master/src/mongo/base/error_codes.yml).
const (
	codeBadValue       = 2
	codeFailedToParse  = 9
	codeTypeMismatch   = 14
	codeImmutableField = 66
	codeTooLarge       = 10334
	codeDuplicateKey   = 11000
)

// wrong reports an error that waiting does not mend.
func wrong(err error) bool {
	for _, own := range []error{errIsolation, errStored, errTaken, driver.ErrDocumentTooLarge} {
		if errors.Is(err, own) {
			return true
		}
	}
	if mongo.IsDuplicateKeyError(err) {
		return true
	}
	if errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) {
		return false
	}
	var se mongo.ServerError
	if !errors.As(err, &se) {
		return false
	}
	for _, code := range []int{codeBadValue, codeFailedToParse, codeTypeMismatch, codeImmutableField, codeTooLarge} {
		if se.HasErrorCode(code) {
			return true
		}
	}
	return false
}

// errStored is returned for a stored document that cannot be read.
var errStored = errors.New("mongo: a stored document cannot be read")

// errAddressText stands for errors that may repeat the address and with it a
// password.
var errAddressText = errors.New("mongo: the address cannot be used")

// masked tells of such an error what cannot hold a password.
func masked(err error) error {
	var lookup *net.DNSError
	if errors.As(err, &lookup) {
		return fmt.Errorf("mongo: the name %s cannot be looked up", lookup.Name)
	}
	var file *fs.PathError
	if errors.As(err, &file) {
		return fmt.Errorf("mongo: the file %s cannot be read", file.Path)
	}
	return errAddressText
}
