package fault_test

import (
	"errors"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"ostiary/domain/fault"
)

var errTaken = fault.New(fault.Conflict, "taken", "That is taken.")

func TestIs_ComparesCodes(t *testing.T) {
	t.Parallel()
	changed := fmt.Errorf("add: %w", errTaken.Because(io.EOF).With(fault.Field{Pointer: "/a"}).After(time.Second))

	require.ErrorIs(t, changed, errTaken)
	require.ErrorIs(t, changed, io.EOF)
	require.NotErrorIs(t, changed, fault.New(fault.Conflict, "other", "That is taken."))
	require.NotErrorIs(t, io.EOF, errTaken)
}

func TestError_ChangesMakeCopies(t *testing.T) {
	t.Parallel()
	one := errTaken.With(fault.Field{Pointer: "/a"}).Traced(fault.Step{Name: "n", Outcome: "o"})

	a := one.With(fault.Field{Pointer: "/b"})
	b := one.With(fault.Field{Pointer: "/c"})
	traced := one.Traced(fault.Step{Name: "m"})

	require.Equal(t, []fault.Field{{Pointer: "/a"}, {Pointer: "/b"}}, a.Fields())
	require.Equal(t, []fault.Field{{Pointer: "/a"}, {Pointer: "/c"}}, b.Fields())
	require.Len(t, one.Trace(), 1)
	require.Equal(t, []fault.Step{{Name: "n", Outcome: "o"}, {Name: "m"}}, traced.Trace())
	require.Empty(t, errTaken.Fields())
	require.Empty(t, errTaken.Trace())
	require.Zero(t, errTaken.RetryAfter())
	require.Equal(t, time.Minute, errTaken.After(time.Minute).RetryAfter())
}

func TestError_SaysTheCauseToTheLogAndNotToTheCaller(t *testing.T) {
	t.Parallel()
	e := errTaken.Because(errors.New("index violated"))

	require.Equal(t, "taken: index violated", e.Error())
	require.Equal(t, "That is taken.", e.Text())
	require.Equal(t, "taken", errTaken.Error())
}

func TestOf_TellsRefusalsFromOutages(t *testing.T) {
	t.Parallel()

	require.Equal(t, fault.Conflict, fault.KindOf(fmt.Errorf("add: %w", errTaken)))
	require.Equal(t, fault.Internal, fault.KindOf(io.EOF))
	require.Equal(t, fault.Internal, fault.KindOf(nil))
	require.Nil(t, fault.Of(io.EOF))
	require.Equal(t, fault.Internal, fault.Kind(0), "an unset kind is no decision")
}

func TestAt_RefusesOneValue(t *testing.T) {
	t.Parallel()
	err := fault.At("/name", "required", "A name is required.")

	require.ErrorIs(t, err, fault.ErrInvalid)
	require.Equal(t, []fault.Field{{Pointer: "/name", Code: "required", Detail: "A name is required."}}, err.Fields())
	require.Empty(t, fault.ErrInvalid.Fields())
}
